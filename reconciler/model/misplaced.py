"""Keys of ours that stand on the wrong level: `approval` on an entry, `bounds` in a playbook.

Keptn ignored keys that it did not know, and so do we in its files. But a key of ours that is ignored is a rule that
somebody believes to hold, `approval: required` above all, so wherever such a key means nothing the file is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from reconciler.model.errors import UserError
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar
from reconciler.model.reader import shown
from reconciler.model.suggest import CONFUSED, nearest

ACTION_OPTIONS: Final = frozenset(
    {"onResolve", "onFail", "onWarning", "approval", "wait", "window", "settle", "retries"}
)
"""Our own keys of an action."""
_STAGE: Final = "stage.yaml"
_EITHER: Final = "stage.yaml or service.yaml"
HOMES: Final[Mapping[str, str]] = {
    "mode": _STAGE,
    "budgets": _STAGE,
    "actionsPerHour": "`budgets` in stage.yaml",
    "servicesAtOnce": "`budgets` in stage.yaml",
    "servicesPerHour": "`budgets` in stage.yaml",
    "cooldown": _STAGE,
    "loopGuard": _STAGE,
    "maxProblemAge": _STAGE,
    "retention": _STAGE,
    "freeze": _STAGE,
    "bounds": _EITHER,
    "replicas": f"`bounds` in {_EITHER}",
    "drift": _EITHER,
    "flags": _EITHER,
    "rollout": _EITHER,
    "workload": "service.yaml",
    "opsBranch": "project.yaml, on the default branch",
    "stages": "project.yaml, on the default branch",
    "defaults": "project.yaml, on the default branch",
    **dict.fromkeys(sorted(ACTION_OPTIONS), "an action in remediation.yaml, or to stage.yaml for all of them"),
}
"""Where a key belongs to; what is not in it is known by its file alone."""
_ELSEWHERE: Final = HOMES.keys() - ACTION_OPTIONS - {"stages", "defaults"}
_LOOKED_AT: Final = 20
"""How many unknown keys of one mapping are compared with ours, which is slow."""


def belongs_to(key: str, file: str) -> str:
    """Say where a key that ``file`` (`stage.yaml`) does not know belongs to; empty where nobody knows it."""
    home = HOMES.get(key, "")
    return f"`{key}` belongs to {home}" if home and home != file else ""


def misplaced_options(root: MapNode) -> Iterator[UserError]:
    """Yield the keys of an action, of `stage.yaml` and of `service.yaml` that a playbook has on another level."""
    spec, metadata = root.get("spec"), root.get("metadata")
    for mapping, where in ((root, "the file"), (metadata, "`metadata`"), (spec, "`spec`")):
        yield from _above_actions(mapping, where)
    entries = (spec if isinstance(spec, MapNode) else root).get("remediations")
    for entry in _mappings(entries):
        yield from _above_actions(entry, "the entry")
        for actions in (entry.get("actions"), entry.get("actionsOnOpen")):
            for action in _mappings(actions):
                yield from _of_other_files(action, "an action")


def _above_actions(mapping: Node | None, where: str) -> Iterator[UserError]:
    if not isinstance(mapping, MapNode):
        return
    yield from _of_other_files(mapping, where)
    for key, value in islice(mapping.entries, _LOOKED_AT):
        meant = key.raw if key.raw in ACTION_OPTIONS else nearest(key.raw, ACTION_OPTIONS, cutoff=CONFUSED)
        if not meant:
            continue
        written = f"`{meant}: {shown(value.raw)}`" if isinstance(value, Scalar) and value.raw else f"`{meant}`"
        yield UserError(
            f"`{shown(key.raw)}` stands directly in {where}, where it would count for nothing",
            place=key.place,
            expected=f"`{meant}` in an action: it belongs to each `- action:` that it is about",
            hint=f"write {written} beside `action:`, two columns deeper than its `-`; for all actions, into stage.yaml",
        )


def _of_other_files(mapping: MapNode, where: str) -> Iterator[UserError]:
    for key, _ in mapping.entries:
        if key.raw in _ELSEWHERE:
            yield UserError(
                f"`{key.raw}` stands in {where}, where it would count for nothing",
                place=key.place,
                expected=f"`{key.raw}` where it belongs to: {HOMES[key.raw]}",
                hint=f"move it: `{key.raw}` belongs to {HOMES[key.raw]}",
            )


def _mappings(node: Node | None) -> Iterator[MapNode]:
    for item in node.items if isinstance(node, ListNode) else ():
        if isinstance(item, MapNode):
            yield item
