"""`remediation.yaml`: what to do about which problem, in both of Keptn's generations.

The first (Keptn 0.6) is a bare list of `name` and `actions`; the second (Keptn 0.7 to 1.4) has `kind: Remediation`
with `problemType` and `actionsOnOpen`. Which actions exist, and what their values may be, is decided elsewhere: here
a value stays a node, because `+1` and `off` are only known from how they are written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from reconciler.model.document import Checks, Fields, checked, is_null, parse
from reconciler.model.errors import Place, UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.misplaced import misplaced_options
from reconciler.model.nodes import ListNode, MapNode, Node
from reconciler.model.playbook_repair import first_change, repaired
from reconciler.model.reader import shown
from reconciler.model.timings import times
from reconciler.model.unread import UnreadKey, of_playbook

FIRST: Final = "0.1"
SECOND: Final = "0.1.4"
_WORDS: Final = ("onResolve", "onFail", "onWarning", "approval")
_LIST_KEYS: Final = {FIRST: ("name", "actions"), SECOND: ("problemType", "actionsOnOpen")}


@dataclass(frozen=True)
class ActionEntry:
    """One action as written.

    ``action`` is the name as written; which actions exist and what ``value`` may be is `decide.actions`' business, so
    the value stays a node. None where the file has no value or a null one. ``options`` are our optional keys beside
    Keptn's, as plain data: `onResolve` and `onFail` (keep, revert), `onWarning` (accept, next), `approval` (required,
    automatic), `wait`, `window` and `settle` (whole seconds), `retries`. What is not written is not in it. ``named`` is
    where the name stands.
    """

    action: str
    value: Node | None
    place: Place
    name: str = ""
    description: str = ""
    options: tuple[tuple[str, object], ...] = ()
    named: Place | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Entry:
    """The actions for one kind of problem, in the order in which they are tried. ``name`` is what is matched."""

    name: str
    actions: tuple[ActionEntry, ...]
    place: Place


@dataclass(frozen=True)
class Playbook:
    """A whole `remediation.yaml`. ``generation`` is `0.1` (a bare list) or `0.1.4` (`kind: Remediation`).

    ``unread`` are the keys that count for nothing.
    """

    entries: tuple[Entry, ...]
    generation: str
    path: str
    unread: tuple[UnreadKey, ...] = field(default=(), compare=False, repr=False)


def load_playbook(data: bytes, path: str) -> Playbook:
    """Load a playbook of either generation.

    Raises:
        InvalidFile: with all findings. Where only the indentation is damaged, as in Keptn's printed tutorials, the
            first finding's hint holds the whole corrected file.
    """
    try:
        return _load(data, path)
    except InvalidFile as error:
        if (mended := _mended(data, path, error)) is not None:
            raise mended from error
        raise


def _load(data: bytes, path: str) -> Playbook:
    root = parse(data, path)
    _refuse_draft(root)
    _refuse_misplaced(root)
    document = checked(root, "remediation")
    second = document.node("spec") is not None
    generation = SECOND if second else FIRST
    entries_at = document.section("spec") if second else document
    checks = Checks()
    entries = tuple(_entry(fields, *_LIST_KEYS[generation], checks) for fields in entries_at.sections("remediations"))
    seen: dict[str, Place] = {}
    for entry in entries:
        if entry.name in seen:
            checks.add(
                f"a second entry `{shown(entry.name)}`, the first is in line {seen[entry.name].line}",
                entry.place,
                expected="one entry for each kind of problem",
                hint="put the actions of both into one entry, in the order in which they shall be tried",
            )
        seen.setdefault(entry.name, entry.place)
    checks.done()
    return Playbook(entries, generation, path, of_playbook(document.map, second=second))


def _entry(fields: Fields, name_key: str, actions_key: str, checks: Checks) -> Entry:
    return Entry(
        name=fields.text(name_key),
        actions=tuple(_action(action, checks) for action in fields.sections(actions_key)),
        place=fields.place,
    )


def _action(fields: Fields, checks: Checks) -> ActionEntry:
    effect = times(fields, checks)
    found: dict[str, object] = {key: fields.text(key) for key in _WORDS if fields.node(key) is not None}
    found |= {"wait": effect.wait, "window": effect.window, "settle": effect.settle}
    found |= {"retries": fields.integer("retries")}
    return ActionEntry(
        action=fields.text("action"),
        value=fields.node("value"),
        place=fields.place,
        name=fields.text("name"),
        description=fields.text("description"),
        options=tuple((key, value) for key, value in found.items() if value is not None),
        named=fields.place_of("action"),
    )


def _refuse_draft(root: Node) -> None:
    """Refuse the draft 0.2.0 of Keptn's enhancement proposal 9, which no release ever read, before details of it."""
    if not isinstance(root, MapNode) or root.get("apiVersion") is not None:
        return
    version, kind = root.key("version"), root.get("kind")
    if version is not None and kind is not None:
        raise InvalidFile(
            [
                UserError(
                    "`version:` without `apiVersion:` is a draft of the playbook that Keptn never shipped",
                    place=version.place,
                    expected="`apiVersion: spec.keptn.sh/0.1.4`",
                    hint="write `apiVersion: spec.keptn.sh/0.1.4`, and `value: +1` instead of `increment: +1`",
                )
            ]
        )


def _refuse_misplaced(root: Node) -> None:
    """Refuse keys that stand above the list they belong into, and those of other files."""
    if not isinstance(root, MapNode):
        return
    second = any(root.get(key) is not None for key in ("apiVersion", "kind", "spec"))
    name, actions = _LIST_KEYS[SECOND if second else FIRST]
    places: list[tuple[MapNode, frozenset[str], str]] = [
        (root, frozenset({"name", "problemType", "actions", "actionsOnOpen", "action", "value"}), "the file"),
    ]
    spec = root.get("spec")
    if isinstance(spec, MapNode):
        places.append((spec, frozenset({"problemType", "actions", "actionsOnOpen", "action", "value"}), "`spec`"))
    entries = (spec if isinstance(spec, MapNode) else root).get("remediations")
    places.extend(
        (entry, frozenset({"action", "value"}), f"the entry `- {name}`")
        for entry in (entries.items if isinstance(entries, ListNode) else ())
        if isinstance(entry, MapNode)
    )
    found = [
        UserError(
            f"`{key.raw}` stands directly in {where}",
            place=key.place,
            expected=f"`{key.raw}` under `{actions}`, which is a key of a `- {name}` entry",
            hint=f"indent it: `{actions}` two columns deeper than its `- {name}`, each `- action` below that",
        )
        for mapping, misplaced, where in places
        for key, value in mapping.entries
        if key.raw in misplaced and not is_null(value)
    ]
    found += misplaced_options(root)
    if found:
        raise InvalidFile(sorted(found, key=lambda error: error.place or root.place))


def _mended(data: bytes, path: str, error: InvalidFile) -> InvalidFile | None:
    """Return the refusal with the corrected file in its hint, if setting the indentation right is all that it takes."""
    text = repaired(data)
    if text is None:
        return None
    try:
        _load(text.encode(), path)
    except InvalidFile:
        return None
    change = first_change(data, text)
    if change is None:
        return None
    name, actions = _LIST_KEYS[SECOND if re.search(r"(?m)^spec:", text) else FIRST]
    what = f"start it in column {change.right}" if change.alone else "the indentation was probably lost on the way"
    finding = UserError(
        f"`{change.key}` is indented wrongly" if change.key else error.message,
        place=Place(path, change.line, change.column),
        expected=f"`{actions}` under its `- {name}`, each action's keys in one column",
        hint=f"{what}; write the file so:\n\n{text}",
    )
    return InvalidFile([finding])
