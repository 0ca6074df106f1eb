"""A service's page: what is held and why, what people configured, how it was evaluated, what happened before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.bridge.evaluated import COLUMNS, Chart, Heatmap, chart, heatmap
from reconciler.bridge.moments import Point
from reconciler.bridge.past import Ended, lines_of
from reconciler.bridge.room import Live, Room
from reconciler.bridge.rows import Finding, Row, Wish, action_text, in_config, row_of, told
from reconciler.bridge.seeing import Damaged
from reconciler.decide.actions.registry import pin
from reconciler.decide.claims import show
from reconciler.decide.policy import Effective, effective
from reconciler.decide.snapshot import FileRef, Pinned, ServiceView
from reconciler.model.desired import Key
from reconciler.model.errors import Place, TransientError, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath, StageName
from reconciler.model.playbook import Entry, Playbook
from reconciler.model.slo import Slo, load_slo
from reconciler.model.targets import Target
from reconciler.repo.chronicle import Chronicle
from reconciler.repo.chronicle_records import Filter, PastStep
from reconciler.repo.layout import ops_prefix

_LIMIT: Final = 256 << 10
_STEPS: Final = 40
"""Newest steps of a service in which a value that was seen is looked for."""
_REMEDIATIONS: Final = 10
_BEFORE: Final = 900
"""Seconds before the first evaluation of a chart whose actions are in it too: what it judges was done then."""


@dataclass(frozen=True)
class Try:
    """One action of a playbook's entry."""

    text: str
    place: Place
    options: str


@dataclass(frozen=True)
class Answer:
    """One entry of the playbook: for which problem, and the actions in their order."""

    name: str
    place: Place
    tries: tuple[Try, ...]


@dataclass(frozen=True)
class Query:
    """How an indicator is measured."""

    sli: str
    provider: str
    text: str
    place: Place


@dataclass(frozen=True)
class Told:
    """What the chronicle has to say of a service; ``missing`` why it says nothing."""

    heatmap: Heatmap = Heatmap((), ())
    chart: Chart | None = None
    before: tuple[Ended, ...] = ()
    more: int | None = None
    missing: str = ""


@dataclass(frozen=True)
class ServicePage:
    """Everything on the page of a service."""

    point: Point
    row: Row
    settings: Effective | None = None
    slo: Slo | None = None
    answers: tuple[Answer, ...] = ()
    queries: tuple[Query, ...] = ()
    files: tuple[FileRef, ...] = ()
    findings: tuple[Finding, ...] = ()
    told: Told = Told()
    unsigned: str = ""


def service_page(
    room: Room, point: Point, service: ServicePath, sli: str = "", before: int | None = None
) -> ServicePage:
    """Return the page of a service; ``sli`` is the indicator of the chart, ``before`` pages what is over.

    Raises:
        LookupError: there is no such service at this moment.
    """
    seeing = room.seeing(point.stage)
    view = seeing.view(point, service)
    stage = seeing.stage(point)
    row = row_of(stage, view)
    history = _told(room, point, service, sli, before)
    if isinstance(view, Damaged):
        return ServicePage(point, row, told=history)
    if not view.exists and not seeing.doings(point, service).tree and not history.before:
        raise LookupError(service)
    slo, pinned = _slo(room, view), _pinned(room, point, view)
    findings = [*row.findings, *_in_objectives(room, point, view), *unread(room, point, service)]
    return ServicePage(
        point=point,
        row=replace(row, desired=tuple(_seen(room, point, view, row.desired))),
        settings=effective(stage, view),
        slo=None if isinstance(slo, UserError) else slo,
        answers=tuple(_answers(view.playbook)) if isinstance(view.playbook, Playbook) else (),
        queries=tuple(_queries(pinned)),
        files=tuple(ref for ref in (view.config_file, view.playbook_file, *view.pinned) if ref is not None),
        findings=tuple(findings),
        told=history,
        unsigned=room.unsigned(point),
    )


def wrong(room: Room, point: Point, view: ServiceView) -> Iterator[Finding]:
    """Yield what is wrong in what people configured of a service."""
    yield from in_config(view)
    yield from _in_objectives(room, point, view)


def _in_objectives(room: Room, point: Point, view: ServiceView) -> Iterator[Finding]:
    slo = _slo(room, view)
    if isinstance(slo, UserError):
        yield from told(slo)
    for each in _pinned(room, point, view).unreadable:
        yield from told(each)


def _pinned(room: Room, point: Point, view: ServiceView) -> Pinned:
    return room.seeing(point.stage).pins(tuple(str(ref) for ref in view.pinned if not ref.path.endswith("/slo.yaml")))


def unread(room: Room, point: Point, service: ServicePath) -> list[Finding]:
    """Return what is to be said of command files that are so many that not all are looked at."""
    count = room.seeing(point.stage).unread(point, service)
    if not count:
        return []
    folder = "/".join(filter(None, (ops_prefix(point.stage), service, "commands")))
    files = "file lies" if count == 1 else "files lie"
    told = f"{count:,} older command {files} in {folder}, and only newer ones are looked at here"
    return [Finding(told, None, hint="each was answered by a step; they may be deleted")]


def _slo(room: Room, view: ServiceView) -> Slo | UserError | None:
    ref = next((ref for ref in view.pinned if ref.path == f"{view.path}/slo.yaml"), None)
    if ref is None:
        return None
    try:
        return load_slo(room.mirror.blob(ref.blob, _LIMIT), ref.path)
    except UserError as error:
        return error


def _answers(playbook: Playbook) -> Iterator[Answer]:
    for entry in playbook.entries:
        yield Answer(entry.name, entry.place, tuple(_tries(entry)))


def _tries(entry: Entry) -> Iterator[Try]:
    for each in entry.actions:
        options = ", ".join(f"{name}: {value}" for name, value in each.options)
        yield Try(action_text(pin(each)), each.place, options)


def _queries(pinned: Pinned) -> Iterator[Query]:
    for provider, indicators in pinned.indicators.items():
        for name, indicator in sorted(indicators.items()):
            yield Query(name, provider, indicator.query, indicator.place)


def _told(room: Room, point: Point, service: ServicePath, sli: str, before: int | None) -> Told:
    try:
        chronicle = room.chronicle(point.stage)
        return _of_chronicle(chronicle, point, service, sli, before)
    except TransientError as error:
        return Told(missing=str(error))


def _of_chronicle(chronicle: Chronicle, point: Point, service: ServicePath, sli: str, before: int | None) -> Told:
    bound = point.order + 1 if point.order is not None else None
    found = chronicle.evaluations(service, limit=COLUMNS, before=bound).items
    map_ = heatmap(found)
    chosen = sli if sli in map_.slis else next(iter(map_.slis), "")
    deeds: Sequence[PastStep] = ()
    if found:
        since = Instant(found[-1].start - _BEFORE)
        only = Filter(service=service, event="decided", since=since)
        deeds = chronicle.steps(only, limit=COLUMNS * 2, before=bound).items
    if before is not None and bound is not None:
        before = min(before, bound)
    page = chronicle.remediations(Filter(service=service), limit=_REMEDIATIONS, before=before or bound)
    lines = lines_of(chronicle, page.items, point)
    return Told(map_, chart(chosen, found, deeds) if chosen else None, lines, page.before)


def _seen(room: Room, point: Point, view: ServiceView, wishes: Sequence[Wish]) -> Iterator[Wish]:
    """Yield held fields with the live value that is known: what the daemon sees now, else what a step recorded last."""
    if not wishes:
        return
    live = dict(_recorded(room, point, view.path))
    if point.live:
        live |= room.observed(point.stage, view.desired)
    yield from compared(wishes, live)


def compared(wishes: Iterable[Wish], live: Mapping[Key, Live]) -> Iterator[Wish]:
    """Yield held fields beside the live values that are known."""
    for each in wishes:
        found = live.get(each.key)
        if found is None:
            yield each
        else:
            value = show(found.value)
            yield replace(each, observed=value, seen=found.when, differs=value != each.value)


def _recorded(room: Room, point: Point, service: ServicePath) -> Iterator[tuple[Key, Live]]:
    """Yield what steps recorded as seen, the newest last."""
    try:
        bound = point.order + 1 if point.order is not None else None
        steps = room.chronicle(point.stage).steps(Filter(service=service), limit=_STEPS, before=bound).items
    except TransientError:
        return
    for step in reversed(steps):
        values: Sequence[Mapping[str, object]] = step.told.get("values", ()) if step.event == "applied" else ()
        for each in values:
            yield from _live(each.get("target"), each.get("field"), each.get("value"), step.now)
        yield from _live(step.told.get("target"), step.told.get("field"), step.told.get("live"), step.now)


def _live(target: object, field: object, value: object, when: Instant) -> Iterator[tuple[Key, Live]]:
    if isinstance(target, str) and isinstance(field, str) and isinstance(value, int | bool | str):
        yield (Target.parse(target), field), Live(value, when)


def found_service(room: Room, stage: StageName, point: Point, text: str) -> ServicePath:
    """Return the service of a path, or of a name that only one has."""
    named = room.seeing(stage).config.at(point.tips.config).named.get(text, ())
    return named[0] if len(named) == 1 and "/" not in text else ServicePath(text)
