"""The actions that there are, by every name they go by, and playbooks checked against them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from reconciler.decide.actions.featuretoggle import ToggleAction
from reconciler.decide.actions.later import LaterAction
from reconciler.decide.actions.protocol import Action, Spec
from reconciler.decide.actions.scaling import ScalingAction
from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar
from reconciler.model.playbook import ActionEntry, Playbook

_ACTIONS: tuple[Action, ...] = (
    ScalingAction(),
    ToggleAction(),
    LaterAction("restart"),
    LaterAction("rollback"),
    LaterAction("escalate"),
    LaterAction("slowdown"),
    LaterAction("abort"),
    LaterAction("webhook"),
)
_BY_NAME: dict[str, Action] = {name: action for action in _ACTIONS for name in action.names}


def parse_action(name: str, value: Node | None, place: Place) -> Spec:
    """Return the action understood. Raises UserError for an unknown name or a value that it cannot take."""
    action = _BY_NAME.get(name)
    if action is None:
        near = difflib.get_close_matches(name, _BY_NAME, n=1)
        hint = f"did you mean {near[0]}?" if near else ""
        raise UserError(f"unknown action {name!r}", place=place, expected=", ".join(sorted(_BY_NAME)), hint=hint)
    return action.parse(value, place)


def check_playbook(playbook: Playbook) -> list[UserError]:
    """Return what is wrong with the actions of a playbook, every finding with its place."""
    findings: list[UserError] = []
    for entry in playbook.entries:
        for action in entry.actions:
            try:
                parse_action(action.action, action.value, action.place)
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
    place = Place(path)
    return parse_action(str(data["action"]), _node(data["value"], place) if "value" in data else None, place)


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
