"""What is doubtful about a playbook: entries and actions that are never reached, numbers that the bounds will cut."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Final

from reconciler.cli import loaded
from reconciler.cli.findings.finding import Finding, doubt, remark
from reconciler.cli.key_doubts import about_keys
from reconciler.cli.key_places import place_of_key
from reconciler.cli.pace_doubts import about_attempts
from reconciler.cli.spelling_doubts import about_spelling
from reconciler.cli.written_doubts import about_what_is_written
from reconciler.decide.actions.escalate import Escalate
from reconciler.decide.actions.featuretoggle import Toggle
from reconciler.decide.actions.protocol import Spec
from reconciler.decide.actions.registry import parse_action
from reconciler.decide.actions.scaling import Scaling
from reconciler.decide.matching import DEFAULT
from reconciler.decide.policy import effective, timing
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.checks import colliding
from reconciler.model.errors import Place, UserError
from reconciler.model.playbook import SECOND, ActionEntry, Entry, Playbook
from reconciler.model.policy import Bounds, ServiceConfig
from reconciler.model.reader import shown

Policy = tuple[Stage, ServiceView]
_TYPOGRAPHIC: Final = "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
_PATTERN: Final = re.compile(r"\A\^|\A/(?=.*/i?\Z)|\A(?:\.\*|\*|\.\+)|(?:\.\*|\.\+|\*)?(?:\$|/i?)?\Z")
_WIDEN: Final = "change the number, or `bounds` in service.yaml or stage.yaml"


def about_playbook(data: bytes, policy: Policy | None = None) -> Iterator[Finding]:
    """Yield what is doubtful about a playbook; without the ``policy`` of its service, what is so anywhere."""
    found = loaded.playbook(data)
    if found is None:
        return
    yield from about_keys(found.unread, keptn=found.generation == SECOND)
    if not found.entries:
        yield _no_entry(data, found)
    yield from _about_names(found)
    known = {id(action): _spec(action) for entry in found.entries for action in entry.actions}
    flags = _flags(found, known)
    yield from _about_flags(flags)
    yield from about_spelling({entry.name: entry.place for entry in found.entries}, flags)
    yield from about_what_is_written(data, found, known)
    for entry in found.entries:
        specs = [known[id(action)] for action in entry.actions]
        yield from _about_order(entry, specs)
        yield from _about_repeats(entry, specs)
        if policy is not None:
            for action, spec in zip(entry.actions, specs, strict=True):
                if isinstance(spec, Scaling):
                    yield from _about_workload(action, policy[1])
                    yield from _about_replicas(action, spec, effective(*policy).bounds)
                yield from _about_times(action, policy)
            tried = takewhile(lambda each: not isinstance(each[1], Escalate), zip(entry.actions, specs, strict=True))
            timed = [(action, timing(*policy, dict(action.options))) for action, _ in tried]
            yield from about_attempts(timed, effective(*policy).budgets.actions_per_hour)


def _spec(action: ActionEntry) -> Spec | None:
    try:
        return parse_action(action.action, action.value, action.place)
    except UserError:
        return None  # told by the check of the file


def _no_entry(data: bytes, playbook: Playbook) -> Finding:
    second = playbook.generation == SECOND
    name, actions = ("problemType", "actionsOnOpen") if second else ("name", "actions")
    return doubt(
        "unreachable-entry",
        "the playbook has no entry: every problem will be unmatched",
        place_of_key(data, *(["spec"] if second else []), "remediations"),
        expected="an entry for each kind of problem",
        hint=f"write for example `remediations: [{{{name}: default, {actions}: [{{action: escalate}}]}}]`",
    )


def _about_names(playbook: Playbook) -> Iterator[Finding]:
    names = {entry.name: entry for entry in playbook.entries}
    for name, entry in names.items():
        if not name:
            yield doubt(
                "unreachable-entry",
                "an entry without a name is never reached",
                entry.place,
                expected="a root cause, a title or how it begins, or `default`",
                hint="write the title of the problem, or `default` for whatever else there is",
            )
        elif name != name.strip():
            yield doubt(
                "unreachable-entry",
                f"`{shown(name)}` begins or ends with a blank, which counts: no such problem is known",
                entry.place,
                expected="the title of the problem as it is reported",
                hint=f"write `{shown(name.strip())}`",
            )
        elif name[0] in _TYPOGRAPHIC:
            bare = name.strip(_TYPOGRAPHIC)
            yield doubt(
                "unreachable-entry",
                f"`{shown(name)}` stands in typographic quotes, which count: no such problem is known",
                entry.place,
                expected="the title of the problem as it is reported, in plain quotes or in none",
                hint=f"write `{shown(bare)}`",
            )
        elif (rest := _without_pattern(name)) is not None:
            yield doubt(
                "unreachable-entry",
                f"`{shown(name)}` is taken as it stands, and not for a pattern: no such problem is known",
                entry.place,
                expected="a root cause, a title or how it begins, or `default`",
                hint=f"write `{shown(rest or DEFAULT)}`"
                + (", which is for every title that begins so" if rest else ", for whatever else there is"),
            )
        elif name != DEFAULT and name.casefold() == DEFAULT and DEFAULT not in names:
            yield doubt(
                "case-only",
                f"`{name}` is for problems of that title, and not for whatever else there is",
                entry.place,
                expected=f"`{DEFAULT}` in small letters",
                hint=f"write `{DEFAULT}`",
            )
    for group in colliding(name for name in names if name):
        last = max((names[name] for name in group), key=lambda entry: entry.place)
        yield doubt(
            "case-only",
            f"the entries {', '.join(f'`{shown(name)}`' for name in group)} differ in capitals only",
            last.place,
            expected="names that differ in more: a problem matches exactly one spelling",
            hint="keep the one that monitoring reports",
        )


def _without_pattern(name: str) -> str | None:
    """Return what is left of a name that is written as a pattern of a shell or a regular expression, else None."""
    bare = _PATTERN.sub("", name).strip()
    return bare if bare != name else None


def _flags(playbook: Playbook, specs: Mapping[int, Spec | None]) -> dict[str, Place]:
    """Return the flags that a playbook switches, each with the action that names it first."""
    places: dict[str, Place] = {}
    for entry in playbook.entries:
        for action in entry.actions:
            spec = specs[id(action)]
            for name, _ in spec.flags if isinstance(spec, Toggle) else ():
                places.setdefault(name, action.place)
    return places


def _about_flags(places: Mapping[str, Place]) -> Iterator[Finding]:
    for group in colliding(places):
        yield doubt(
            "case-only",
            f"the flags {', '.join(f'`{name}`' for name in group)} differ in capitals only",
            places[group[-1]],
            expected="each flag as the flag server calls it",
            hint="write the same flag in one way",
        )


def _about_repeats(entry: Entry, specs: Sequence[Spec | None]) -> Iterator[Finding]:
    """Yield the actions that ask for what an earlier one of the entry has already brought about."""
    seen: dict[str, ActionEntry] = {}
    for action, spec in zip(entry.actions, specs, strict=True):
        if not isinstance(spec, Toggle) and not (isinstance(spec, Scaling) and spec.to is not None):
            continue
        first = seen.setdefault(spec.written, action)
        if first is not action and dict(first.options).get("onFail") != "revert":
            yield remark(
                "repeated-action",
                f"this action changes nothing: `{shown(spec.written)}` in line {first.place.line} has done so before",
                action.place,
                expected="another action, or another value",
                hint="delete it; to wait longer or try again, write `wait` or `retries` in the first one",
            )


def _about_order(entry: Entry, specs: Sequence[Spec | None]) -> Iterator[Finding]:
    if not entry.actions:
        yield remark(
            "no-action",
            f"the entry `{shown(entry.name)}` has no action: a person is called at once",
            entry.place,
            expected="one action or more",
            hint="add an action, or write `action: escalate`, which says so",
        )
    calls = next((number for number, spec in enumerate(specs) if isinstance(spec, Escalate)), None)
    if calls is not None and calls + 1 < len(specs):
        yield doubt(
            "unreachable-action",
            f"this action is never tried: `escalate` in line {entry.actions[calls].place.line} ends the remediation",
            entry.actions[calls + 1].place,
            expected="`escalate` as the last action",
            hint="move it in front of `escalate`, or delete it",
        )


def _about_workload(action: ActionEntry, service: ServiceView) -> Iterator[Finding]:
    config = service.config
    if isinstance(config, ServiceConfig) and config.workload.kind in ("DaemonSet", "DaemonSet.apps"):
        yield doubt(
            "unscalable-workload",
            "this action will fail: the service is a DaemonSet, which has one pod a node and cannot be scaled",
            action.place,
            expected="a workload that can be scaled, such as a Deployment",
            hint="take `restart` instead, or correct `workload.kind` in service.yaml",
        )


def _about_replicas(action: ActionEntry, spec: Scaling, bounds: Bounds) -> Iterator[Finding]:
    low, high = bounds.minimum or 0, bounds.maximum if bounds.maximum is not None else 0
    place = action.value.place if action.value is not None else action.place
    if spec.to is not None and not low <= spec.to <= high:
        yield doubt(
            "replicas-outside-bounds",
            f"{spec.to} replicas are outside the bounds of this service, and will not be asked for",
            place,
            expected=f"{low} to {high}",
            hint=_WIDEN,
        )
    elif spec.by is not None and abs(spec.by) > high - low:
        room = f"{high - low} at most" if high > low else "none at all"
        yield doubt(
            "replicas-outside-bounds",
            f"the bounds of this service, {low} to {high}, never leave room for {spec.by:+d} replicas",
            place,
            expected=f"a change by {room}",
            hint=_WIDEN,
        )


def _about_times(action: ActionEntry, policy: Policy) -> Iterator[Finding]:
    options = dict(action.options)
    given, held = options.get("window"), timing(policy[0], policy[1], options)
    if isinstance(given, int) and held.wait and given > held.wait:
        yield doubt(
            "limits-contradict",
            f"`window` ({given} s) is longer than the wait of {held.wait} s that holds here, and will be cut to it",
            action.place,
            expected=f"at most {held.wait}s",
            hint="shorten `window`, or write a `wait` beside it",
        )
