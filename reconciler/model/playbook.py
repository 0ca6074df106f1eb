"""`remediation.yaml`: what to do about which problem, in both of Keptn's generations."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.errors import Place
from reconciler.model.nodes import Node


@dataclass(frozen=True)
class ActionEntry:
    """One action as written.

    ``action`` is the name as written; which actions exist and what ``value`` may be is `decide.actions`' business, so
    the value stays a node. None where the file has no value or a null one. ``options`` are our optional keys beside
    Keptn's (`onResolve`, `onFail`, `wait`, ...), as plain data.
    """

    action: str
    value: Node | None
    place: Place
    name: str = ""
    description: str = ""
    options: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Entry:
    """The actions for one kind of problem, in the order in which they are tried. ``name`` is what is matched."""

    name: str
    actions: tuple[ActionEntry, ...]
    place: Place


@dataclass(frozen=True)
class Playbook:
    """A whole `remediation.yaml`. ``generation`` is `0.1` (a bare list) or `0.1.4` (`kind: Remediation`)."""

    entries: tuple[Entry, ...]
    generation: str
    path: str
