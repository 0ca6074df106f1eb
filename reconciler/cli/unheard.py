"""Whether a name that nothing is known of is a slip: no service, no playbook and no step has it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.cli.chronicles import StagePast
from reconciler.cli.explaining import kind_of
from reconciler.cli.workspace import OpenStage
from reconciler.model.errors import ConfigError
from reconciler.model.policy import ServiceConfig
from reconciler.repo.layout import config_place

_KINDS: Final = (
    "flag",
    "deployment",
    "statefulset",
    "daemonset",
    "replicaset",
    "horizontalpodautoscaler",
    "scaledobject",
)
_LARGEST: Final = 256 << 10


def unheard(
    data: Mapping[str, Any], pairs: Iterable[tuple[StagePast, OpenStage]], kind: str, name: str
) -> str:  # fmt: skip
    """Return what to say of a value about which there is nothing to explain; empty where its name is known.

    Raises:
        ConfigError: it is of no kind that there is; a custom one has to be written with its group.
    """
    found = data.get("nobodys", ())
    if data.get("values") or any("last" in each or "value" in each.get("live", {}) for each in found):
        return ""
    plain = kind_of(kind)
    if plain not in _KINDS and "." not in kind:
        near = difflib.get_close_matches(plain, (*_KINDS, "problem", "remediation"), n=1)
        meant = f"did you mean {near[0]}/{name}? " if near else ""
        hint = f"{meant}write flag/NAME, problem/ID, remediation/ID or a workload's, as deployment/{name}"
        raise ConfigError(f"`{kind}` is no kind that can be explained", hint=f"{hint}; a custom kind with its group")
    known: set[str] = set()
    for past, here in pairs:
        if plain == "flag":
            if _in_playbooks(past, name):
                return ""
            known |= {each.partition("/")[2] for each in past.chronicle.changed_names() if each.startswith("flag/")}
        else:
            known |= _workloads(here)
    if name in known:
        return ""
    folded = {each.lower(): each for each in sorted(known, reverse=True)}
    near = difflib.get_close_matches(name.lower(), folded, n=1)
    meant = f"; did you mean {kind}/{folded[near[0]]}?" if near else ""
    what = "no playbook names such a flag" if plain == "flag" else "no service is called so"
    return f"nothing is known of {kind}/{name}: {what}, and no step ever changed it{meant}"


def _workloads(here: OpenStage) -> set[str]:
    names: set[str] = set()
    for path, view in here.snapshot.services.items():
        names |= {str(path), view.name, f"{view.name}-primary"}
        if isinstance(view.config, ServiceConfig) and view.config.workload.name:
            names.add(view.config.workload.name)
    return names


def _in_playbooks(past: StagePast, flag: str) -> bool:
    """Whether a playbook has the name anywhere: read as text, for there may be ten thousands of them."""
    places = ((entry, config_place(entry.path or "")) for entry in past.git.reader.entries(past.tips.config))
    blobs = [entry.blob for entry, place in places if place is not None and place[1] == "remediation.yaml"]
    contents = past.git.reader.blobs(blobs, _LARGEST)
    return any(isinstance(content, bytes) and flag.encode() in content for content in contents.values())
