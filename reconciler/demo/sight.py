"""What is really there: the Deployment as the cluster's API tells it, and the flag file."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.demo.serving import ask
from reconciler.demo.settings import NAMESPACE, WORKLOAD
from reconciler.demo.waiting import NotYetError
from reconciler.targets.flagd.flag import STEP
from reconciler.targets.flagd.replace import read, replace
from reconciler.targets.kubernetes.documents import mark, number

_TIMEOUT: Final = 10.0
_DEPLOYMENT: Final = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{WORKLOAD}"


@dataclass(frozen=True)
class Pods:
    """The Deployment: replicas wanted and ready, and the commit of the decision that set them (empty: nobody's)."""

    wanted: int
    ready: int
    commit: str

    def __str__(self) -> str:
        """Render for a person."""
        return f"{WORKLOAD} has {self.ready} of {self.wanted} replicas ready"


@dataclass(frozen=True)
class FlagState:
    """A flag in the file: whether it is on, and the commit of the decision that set it (empty: nobody's)."""

    name: str
    enabled: bool
    commit: str

    def __str__(self) -> str:
        """Render for a person."""
        return f"{self.name} is {'on' if self.enabled else 'off'}"


def pods(cluster_url: str) -> Pods:
    """Ask the cluster's API for the Deployment of carts. Raises NotYetError where it does not tell."""
    found = _json(cluster_url, _DEPLOYMENT)
    if found.get("kind") != "Deployment":
        raise NotYetError(f"no {WORKLOAD}: {found.get('message')}")
    ours = mark(found)
    return Pods(
        number(found, "spec", "replicas"), number(found, "status", "readyReplicas"), ours.commit if ours else ""
    )


def flag(path: Path, name: str) -> FlagState:
    """Read a flag out of flagd's file, with plain JSON. Raises NotYetError where it is not there."""
    try:
        found = json.loads(path.read_text("utf-8"))["flags"][name]
        enabled = found["state"] == "ENABLED" and found["variants"][found["defaultVariant"]] is True
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotYetError(f"{path.name} has no usable {name}: {error!r}") from error
    return FlagState(name, enabled, str(found.get("metadata", {}).get(STEP, "")).partition(":")[2])


def switch(path: Path, name: str, *, enabled: bool) -> None:
    """Switch a flag as a person does who edits flagd's file; nothing else in it changes.

    Raises:
        NotYetError: it is not there. ReconcilerError: the file cannot be written.
    """
    flag(path, name)
    content = read(path)
    found = json.loads(content.data)
    found["flags"][name]["defaultVariant"] = "on" if enabled else "off"
    replace(content, (json.dumps(found, indent=2) + "\n").encode())


def _json(url: str, path: str) -> dict[str, Any]:
    parts = urlsplit(url)
    try:
        answer = ask(parts.port or 80, path, timeout=_TIMEOUT)
        found = json.loads(answer.body)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotYetError(f"{url}{path} does not answer: {error!r}") from error
    return found if isinstance(found, dict) else {}
