"""The files and objects that the demo's world starts from: daemon configuration, flags, Deployment, git identity."""

from __future__ import annotations

import json
from typing import Any, Final

from reconciler.demo.carts import CACHE, PROMOTION

PROJECT: Final = "sockshop"
STAGE: Final = "production"
SERVICE: Final = "carts"
NAMESPACE: Final = f"{PROJECT}-{STAGE}"
WORKLOAD: Final = "carts-primary"

DAEMON: Final = f"""\
# The daemon's own configuration. Every path is seen from this file's folder.
stateDir: state
log:
  format: json
bridge:
  listen: 127.0.0.1:0
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
        evidence:
          scrape:
            url: METRICS
            every: 500ms
"""
"""`METRICS` stands for the address of carts' metrics, which is known once carts runs."""

GIT: Final = """\
[user]
\tname = you
\temail = you@example.com
[advice]
\tdetachedHead = false
"""
"""Git's whole configuration in the demo, so that nobody's own (signing, hooks, aliases) is used or changed."""


def flags() -> str:
    """Return the flag file: both flags are off."""
    variants = {"on": True, "off": False}
    content = {
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "flags": {
            name: {"state": "ENABLED", "variants": variants, "defaultVariant": "off"} for name in (CACHE, PROMOTION)
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


def daemon(metrics_url: str) -> str:
    """Return the daemon's configuration; ``metrics_url`` is where carts shows its metrics."""
    return DAEMON.replace("METRICS", metrics_url)
