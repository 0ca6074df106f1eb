"""Keptn's problem CloudEvents as files, in the envelope of CloudEvents 0.2 or 1.0.

The types are `sh.keptn.event.problem.open`, `sh.keptn.events.problem`, `sh.keptn.event.<stage>.remediation.triggered`.
Senders never agreed on capitals (`Title`, `problemTitle`, `ProblemTitle`), so keys are brought to one spelling first;
the schema speaks of that spelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.document import Fields, checked
from reconciler.model.errors import UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar

_ENVELOPE: Final = ("specversion", "type", "source", "id", "time", "data")
_ABOUT: Final = (
    *("State", "ProblemTitle", "Title", "rootCause", "ProblemURL", "ProblemDetails", "PID", "ProblemID", "Tags"),
    *("KeptnProject", "KeptnStage", "KeptnService", "project", "stage", "service", "labels", "problem"),
)
_READ: Final = frozenset(_ABOUT) - {"ProblemDetails", "PID", "ProblemID", "Tags"}
_OVER: Final = frozenset({"resolved", "closed", "merged"})


@dataclass(frozen=True)
class ProblemEvent:
    """What an event says. ``details`` is everything about the problem that has no field of its own."""

    title: str
    resolved: bool
    root_cause: str
    time: str
    source: str
    url: str
    details: Mapping[str, Any]
    labels: Mapping[str, str]
    project: str
    stage: str
    service: str


def is_event(root: MapNode) -> bool:
    """Whether the mapping is meant as a CloudEvent."""
    keys = {key.raw.lower(): value for key, value in root.entries}
    kind = keys.get("type")
    return "specversion" in keys or (isinstance(kind, Scalar) and kind.raw.startswith("sh.keptn."))


def event_from(root: MapNode) -> ProblemEvent:
    """Read the event.

    Raises:
        InvalidFile: with all findings.
    """
    envelope = checked(_respelled(root), "problem-event")
    data = envelope.section("data")
    inner = data.node("problem")
    about = Fields(inner) if isinstance(inner, MapNode) else data
    title = _first(about, "ProblemTitle", "Title")
    if not title.strip():
        raise InvalidFile(
            [
                UserError(
                    "the event has no problem title",
                    place=about.place,
                    expected="`ProblemTitle` with a text",
                    hint="add `ProblemTitle`, it is what playbook entries are matched with",
                )
            ]
        )
    tags = _tags(about.node("Tags"))
    details = about.node("ProblemDetails")
    links = about.text("ProblemURL")
    sent = isinstance(inner, MapNode)
    labels = dict(data.pairs("labels"))
    if sent:
        labels |= dict(about.pairs("labels"))
    return ProblemEvent(
        title=title,
        resolved=_first(about, "State").lower() in _OVER,
        root_cause=about.text("rootCause") or _root_cause(details),
        time=envelope.text("time"),
        source=envelope.text("source"),
        url=links if links.startswith(("https://", "http://")) and links.isprintable() else "",
        details={key.raw: value.plain() for key, value in about.map.entries if key.raw not in _READ},
        labels=labels,
        project=_whose("project", data, about, tags, sent=sent),
        stage=_whose("stage", data, about, tags, sent=sent),
        service=_whose("service", data, about, tags, sent=sent),
    )


def _whose(what: str, data: Fields, about: Fields, tags: Mapping[str, str], *, sent: bool) -> str:
    """Resolve project, stage or service as dynatrace-service did: tags win over the `Keptn...` fields.

    What a `remediation.triggered` event says of itself outside its problem has been resolved already.
    """
    plain = data.text(what)
    raw = tags.get(f"keptn_{what}") or about.text(f"Keptn{what.capitalize()}")
    return (plain or raw) if sent else (raw or plain)


def _tags(node: Node | None) -> dict[str, str]:
    if isinstance(node, ListNode):
        words = [item.raw for item in node.items if isinstance(item, Scalar)]
    else:
        words = node.raw.split(",") if isinstance(node, Scalar) else []
    pairs = (word.strip().partition(":") for word in words)
    return {key: value.strip()[:256] for key, _, value in pairs if key.startswith("keptn_")}


def _root_cause(details: Node | None) -> str:
    """Find the root cause where prometheus-service 0.6 put it: inside the details."""
    if isinstance(details, MapNode):
        for key, value in details.entries:
            if key.raw.lower() == "rootcause" and isinstance(value, Scalar):
                return value.raw[:512] if value.plain() is not None else ""
    return ""


def _first(fields: Fields, *names: str) -> str:
    return next((text for name in names if (text := fields.text(name))), "")


def _respelled(root: MapNode) -> MapNode:
    """Return the event with the keys of its three levels in the schema's spelling."""
    return MapNode(
        tuple((k, _level(v, _ABOUT, inner=True) if k.raw == "data" else v) for k, v in _keys(root, _ENVELOPE)),
        root.place,
    )


def _level(node: Node, spelling: tuple[str, ...], *, inner: bool) -> Node:
    if not isinstance(node, MapNode):
        return node
    entries = _keys(node, spelling)
    if inner:
        entries = tuple((k, _level(v, spelling, inner=False) if k.raw == "problem" else v) for k, v in entries)
    return MapNode(entries, node.place)


def _keys(node: MapNode, spelling: tuple[str, ...]) -> tuple[tuple[Scalar, Node], ...]:
    """Respell the keys; of two that become one (`State` and `state`) the one spelled right, else the first, counts."""
    canonical = {word.lower(): word for word in spelling}
    exact = {key.raw for key, _ in node.entries}
    entries: dict[str, tuple[Scalar, Node]] = {}
    for key, value in node.entries:
        word = canonical.get(key.raw.lower(), key.raw)
        if word != key.raw and word in exact:
            continue
        entries.setdefault(word, (Scalar(word, key.quoted, key.place), value))
    return tuple(entries.values())
