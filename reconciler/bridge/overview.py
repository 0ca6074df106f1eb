"""The overview: of each stage the services with something to tell, those that need a person first.

Which services those are is known from the names of trees; only what a page shows is read and parsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.bridge.moments import Point
from reconciler.bridge.room import Room
from reconciler.bridge.rows import Finding, Row, row_of, told
from reconciler.bridge.seeing import Damaged
from reconciler.bridge.service import compared, unread, wrong
from reconciler.bridge.trees import Doings, Going
from reconciler.decide.policy import effective
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.errors import TransientError, UserError
from reconciler.model.names import ServicePath, StageName
from reconciler.repo.layout import ops_prefix

ROWS: Final = 20
"""Services of a page."""
LATELY: Final = 20
"""Services that people configured last of which unusable files are told although nothing goes on about them."""
SHOWN: Final = {
    "busy": "with something to tell",
    "person": "that need a person",
    "running": "with a running remediation",
    "problems": "with an open problem",
    "held": "with a value that is held",
    "all": "all of them",
}
"""What may be asked for, and how the page says it."""
_FOR_A_PERSON: Final = frozenset({"held", "refused", "failed"})
_ROOT: Final = ServicePath("")
_NOBODY_NEEDED: Final = 2
"""The rank from which on services go on by themselves; see `_rank`."""


@dataclass(frozen=True)
class Totals:
    """How much there is in a stage. ``waiting`` services need a person, as a list of them has it."""

    services: int = 0
    busy: int = 0
    problems: int = 0
    running: int = 0
    waiting: int = 0
    held: int = 0
    over: int = 0


@dataclass(frozen=True)
class Listed:
    """A page of a stage's services. ``page`` counts from 1."""

    point: Point
    stage: Stage
    suspended: str
    totals: Totals
    rows: tuple[Row, ...]
    found: int
    page: int
    pages: int
    findings: tuple[Finding, ...] = ()
    trouble: str = ""
    unsigned: str = ""

    @property
    def name(self) -> StageName:
        """The stage's name."""
        return self.stage.name


def listed(
    room: Room, point: Point, *, text: str = "", show: str = "busy", page: int = 1, rows: int = ROWS
) -> Listed:  # fmt: skip
    """Return a page of a stage's services whose path holds a text; of `SHOWN` the kind that is asked for."""
    seeing = room.seeing(point.stage)
    tree = room.mirror.tree_id(point.tips.ops, ops_prefix(point.stage))
    going = seeing.ops.going(tree) if tree is not None else Going()
    busy = {ServicePath(path): each for path, each in going.busy}
    configured = seeing.config.at(point.tips.config)
    wanted = text.strip().casefold()
    ranked = [(path, each) for path, each in busy.items() if _is_asked(path, each, wanted, show)]
    ranked.sort(key=lambda item: (_rank(item[1]), item[0]))
    found = [path for path, _ in ranked]
    if show == "all":
        # Of most there is nothing to tell; they are in order already, and there may be very many.
        found += [path for path in configured.services if path not in busy and wanted in path.casefold()]
    pages = max(1, -(-len(found) // rows))
    page = min(max(page, 1), pages)
    stage = seeing.stage(point)
    settings = effective(stage, ServiceView(_ROOT))
    elsewhere = [path for path in busy if path not in configured.named.get(path.rpartition("/")[2], ())]
    return Listed(
        point=point,
        stage=stage,
        suspended=settings.suspended if settings.mode == "suspended" else "",
        totals=_totals(len(configured.services) + len(elsewhere), busy.values(), going.ended),
        rows=tuple(
            _row(room, point, stage, path) if path in busy else Row(path)
            for path in found[(page - 1) * rows : page * rows]
        ),
        found=len(found),
        page=page,
        pages=pages,
        findings=(
            *(told(stage.config) if isinstance(stage.config, UserError) else ()),
            *unread(room, point, _ROOT),
            *(each for path, several in _wrong(room, point).items() if path not in busy for each in several),
        ),
        trouble="; ".join(_troubles(room, point.stage)) if point.live else "",
        unsigned=room.unsigned(point),
    )


def _row(room: Room, point: Point, stage: Stage, path: ServicePath) -> Row:
    """Return a service's row, with what is seen now of its values where somebody looks."""
    view = room.seeing(point.stage).view(point, path)
    row = row_of(stage, view)
    if not point.live or isinstance(view, Damaged):
        return row
    return replace(row, desired=tuple(compared(row.desired, room.observed(point.stage, view.desired))))


def _wrong(room: Room, point: Point) -> Mapping[ServicePath, Sequence[Finding]]:
    """Return what is wrong in files of the services that people configured last: that is where mistakes are.

    Reading the files of all of them would take far longer than a page may.
    """
    try:
        chronicle = room.chronicle(point.stage)
        # Between the newest step and the commit that is looked at people may have done something.
        last = None if point.order is None else max(point.order, chronicle.order_of(point.tips.ops) or 0)
        lately = sorted(map(ServicePath, chronicle.configured_lately(LATELY, last=last)))
    except TransientError:
        return {}
    key = f"{room.seeing(point.stage).config.at(point.tips.config).key} {point.tips.project} {lately}"
    found = room.wrong.get(key)
    if found is None:
        found = room.wrong.put(key, dict(_read(room, point, lately)))
    return found


def _read(room: Room, point: Point, services: Iterable[ServicePath]) -> Iterator[tuple[ServicePath, list[Finding]]]:
    for path in services:
        view = room.seeing(point.stage).view(point, path)
        if isinstance(view, ServiceView) and view.exists:
            yield path, [*wrong(room, point, view)]


def _troubles(room: Room, stage: StageName) -> Iterator[str]:
    """Yield what stands in the way of a stage, of something in it, or of the whole project."""
    for name, reason in room.looked().troubles.items():
        if name == f"{stage}/unsigned":
            continue  # it has a notice of its own
        if name in ("project", "unsigned") or name.partition("/")[0] == stage:
            yield reason


def warm(room: Room) -> None:
    """Read what the first page of each stage needs, so that whoever asks for it does not wait for that."""
    for name in room.stages():
        listed(room, room.point(name, ""))


def _is_asked(path: str, each: Doings, text: str, show: str) -> bool:
    if text not in path.casefold():
        return False
    match show:
        case "person":
            return _rank(each) < _NOBODY_NEEDED
        case "running":
            return bool(each.running)
        case "problems":
            return bool(each.problems)
        case "held":
            return each.held
        case _:
            return True


def _rank(each: Doings) -> int:
    """Order services: those that wait for something, open problems that nothing is done about, the rest that runs."""
    if any(event in _FOR_A_PERSON for _, event in each.running):
        return 0
    if each.problems and not each.running:
        return 1
    return 2 if each.running else 3 if each.held else 4


def _totals(services: int, busy: Iterable[Doings], over: int) -> Totals:
    known = list(busy)
    return Totals(
        services=services,
        busy=len(known),
        problems=sum(len(each.problems) for each in known),
        running=sum(len(each.running) for each in known),
        waiting=sum(_rank(each) < _NOBODY_NEEDED for each in known),
        held=sum(each.held for each in known),
        over=over,
    )
