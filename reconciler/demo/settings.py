"""The files and objects that the demo's world starts from: daemon configuration, flags, Deployment, git identity."""

from __future__ import annotations

import json
from typing import Any, Final

from reconciler.demo.carts import CACHE, PROMOTION

PROJECT: Final = "sockshop"
STAGE: Final = "production"
NAMESPACE: Final = f"{PROJECT}-{STAGE}"
WORKLOAD: Final = "carts-primary"

DAEMON: Final = f"""\
# The daemon's own configuration. Every path is seen from this file's folder.
stateDir: state
log:
  format: json
projects:
  {PROJECT}:
    repository:
      url: ./{PROJECT}.git
    stages:
      {STAGE}:
        kubernetes:
          kubeconfig: kubeconfig
        flags:
          kind: flagd
          file: flags.json
"""

GIT: Final = """\
[user]
\tname = you
\temail = you@example.com
[advice]
\tdetachedHead = false
"""
"""Git's whole configuration in the demo, so that nobody's own (signing, hooks, aliases) is used or changed."""


def flags() -> str:
    """Return the flag file: the cache is off, and a promotion is on."""
    variants = {"on": True, "off": False}
    states = {CACHE: "off", PROMOTION: "on"}
    content = {
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "flags": {
            name: {"state": "ENABLED", "variants": variants, "defaultVariant": default}
            for name, default in states.items()
        },
    }
    return json.dumps(content, indent=2) + "\n"


def deployment() -> dict[str, Any]:
    """Return the Deployment of carts, with one replica."""
    labels = {"app": WORKLOAD}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": WORKLOAD, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "carts", "image": "carts:demo"}]},
            },
        },
    }


def problem(title: str, state: str, *, root_cause: str = "") -> str:
    """Return a problem's file."""
    lines = [f"title: {title}", f"state: {state}", "source: demo"]
    return "\n".join([*lines[:1], *([f"rootCause: {root_cause}"] if root_cause else []), *lines[1:]]) + "\n"


def problem_path(identity: str) -> str:
    """Return where the problem of this id lies on the stage's branch."""
    return f"ops/{STAGE}/carts/problems/{identity}.yaml"
