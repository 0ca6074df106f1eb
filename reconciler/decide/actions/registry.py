"""The actions that there are, by every name they go by, and playbooks checked against them.

Those of other makers come by `register`, called once at the start by whoever may look around for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.decide.actions.abort import AbortAction
from reconciler.decide.actions.contributed import ContributedAction
from reconciler.decide.actions.escalate import EscalateAction
from reconciler.decide.actions.featuretoggle import ToggleAction
from reconciler.decide.actions.protocol import Action, Spec
from reconciler.decide.actions.restart import RestartAction
from reconciler.decide.actions.rollback import RollbackAction
from reconciler.decide.actions.scaling import ScalingAction
from reconciler.decide.actions.slowdown import SlowdownAction
from reconciler.decide.actions.webhook import WebhookAction
from reconciler.model.errors import ConfigError, Place, UserError
from reconciler.model.meant import action_meant
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar
from reconciler.model.playbook import ActionEntry, Playbook

_ACTIONS: tuple[Action, ...] = (
    ScalingAction(),
    ToggleAction(),
    RestartAction(),
    RollbackAction(),
    EscalateAction(),
    SlowdownAction(),
    AbortAction(),
    WebhookAction(),
)
_BY_NAME: dict[str, Action] = {name: action for action in _ACTIONS for name in action.names}

_REMEMBERED: Final = 1024
_UNPINNED: Final[dict[tuple[int, str], tuple[Spec, Mapping[str, Any]]]] = {}
"""Actions of steps as they were understood: every turn asks about the same few."""


def register(actions: Iterable[ContributedAction]) -> None:
    """Add actions of other makers: all of them or, where one cannot be added, none. What is there already stays.

    Raises:
        ConfigError: a name is taken, which names both makers.
    """
    added: dict[str, ContributedAction] = {}
    for action in actions:
        for name in action.names:
            known = added.get(name) or _BY_NAME.get(name)
            if known is not None and known != action:
                taken = known.maker if isinstance(known, ContributedAction) else "reconciler itself"
                raise ConfigError(
                    f"{action.maker} brings an action called {name!r}, and so does {taken}",
                    hint="uninstall one of the two: a playbook must mean the same to everybody",
                )
            added[name] = action
    _BY_NAME.update(added)
    _UNPINNED.clear()


def unregister(actions: Iterable[ContributedAction]) -> None:
    """Take actions of other makers out again."""
    for action in actions:
        for name in action.names:
            if _BY_NAME.get(name) == action:
                del _BY_NAME[name]
    _UNPINNED.clear()


def parse_action(name: str, value: Node | None, place: Place) -> Spec:
    """Return the action understood. Raises UserError for an unknown name or a value that it cannot take."""
    action = _BY_NAME.get(name)
    if action is None:
        near = action_meant(name, _BY_NAME)
        hint = f"did you mean {near}?" if near else "correct the name, or install the package that brings it"
        raise UserError(f"unknown action {name!r}", place=place, expected=", ".join(sorted(_BY_NAME)), hint=hint)
    return action.parse(value, place)


def check_playbook(playbook: Playbook, *, at_names: bool = False) -> list[UserError]:
    """Return what is wrong with the actions of a playbook, every finding with its place.

    ``at_names``: that of an unknown action is where its name stands. What steps record is the action's place, always.
    """
    findings: list[UserError] = []
    for entry in playbook.entries:
        for action in entry.actions:
            place = action.named if at_names and action.named and action.action not in _BY_NAME else action.place
            try:
                parse_action(action.action, action.value, place)
            except UserError as error:
                findings.append(error)
    return findings


def pin(action: ActionEntry) -> dict[str, Any]:
    """Return an action as plain data that keeps what was written, for the step that pins it."""
    data: dict[str, Any] = {"action": action.action}
    if action.value is not None:
        data["value"] = _written(action.value)
    if action.options:
        data["options"] = dict(action.options)
    return data


def unpin(data: Mapping[str, Any], path: str) -> Spec:
    """Return the action that `pin` wrote down. Raises UserError as `parse_action` does."""
    known = _UNPINNED.get((id(data), path))
    # What is kept is not freed, so an id that is found is that of the same data.
    if known is None:
        place = Place(path)
        spec = parse_action(str(data["action"]), _node(data["value"], place) if "value" in data else None, place)
        if len(_UNPINNED) >= _REMEMBERED:
            _UNPINNED.clear()
        known = _UNPINNED[id(data), path] = (spec, data)
    return known[0]


def _written(node: Node) -> Any:
    match node:
        case Scalar():
            return node.raw
        case ListNode():
            return [_written(item) for item in node.items]
        case MapNode():
            return {key.raw: _written(value) for key, value in node.entries}


def _node(data: Any, place: Place) -> Node:
    if isinstance(data, Mapping):
        return MapNode(tuple((Scalar(str(k), True, place), _node(v, place)) for k, v in data.items()), place)
    if isinstance(data, list):
        return ListNode(tuple(_node(item, place) for item in data), place)
    return Scalar(str(data), True, place)
