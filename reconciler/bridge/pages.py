"""Which page is made of what: each function reads what its page shows and names the template that shows it.

They run on the project's own thread. What cannot be found is a `LookupError`, whatever else stands in the way one of
the product's errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from reconciler.bridge import overview, past
from reconciler.bridge.files import file_page
from reconciler.bridge.links import Links
from reconciler.bridge.moments import NoMomentError, Point, moment_of
from reconciler.bridge.people import Person
from reconciler.bridge.petition import offers, switches
from reconciler.bridge.remediation import remediation_page
from reconciler.bridge.room import Room
from reconciler.bridge.service import found_service, service_page
from reconciler.decide.outlook import newest_about
from reconciler.decide.snapshot import ServiceView
from reconciler.model.errors import TransientError
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath, StageName

_STAGE_ROWS: Final = 10
"""Services of each stage on the overview of several."""
Made: TypeAlias = tuple[str, dict[str, Any]]
"""The template and what it is given."""
Doubts: TypeAlias = Sequence[tuple[StageName, str]]
"""Stages of which not all counts, with the words for that."""


@dataclass(frozen=True)
class Asking:
    """A request. ``person`` is who may act, None where the page is only to be read."""

    path: str
    query: Mapping[str, str]
    links: Links
    person: Person | None = None
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def at(self) -> str:
        """Which moment is asked for."""
        return self.query.get("at", "")

    def number(self, name: str) -> int | None:
        """Return a number of the query; None where it is none."""
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None

    def here(self, **changes: object) -> str:
        """Return the address of this page with some of its query changed; None or nothing takes a part away."""
        query = {**self.query, **{name: str(value or "") for name, value in changes.items()}}
        kept = {name: value for name, value in query.items() if value}
        return f"{self.links.root}{self.path}?{urlencode(kept)}" if kept else f"{self.links.root}{self.path}"


def project(room: Room, asking: Asking) -> Made:
    """Make the overview of a project: all stages; the only one in full."""
    stages = room.stages()
    if len(stages) == 1:
        return _services(room, asking, stages[0])
    at = room.moment(asking.at)
    listed = [
        (overview.listed(room, point, rows=_STAGE_ROWS), asking.links.to(point.stage).when(at))
        for point in _everywhere(room, at)
    ]
    data = _frame(room, asking, None, title=f"{room.name}")
    return "project.html", {**data, "listed": listed, "links": asking.links.when(at)}


def _everywhere(room: Room, at: str) -> Iterator[Point]:
    """Yield all stages at a moment that means the same in each; see `Room.moment`."""
    for name in room.stages():
        with suppress(NoMomentError):  # it is younger than this moment
            yield room.point(name, at)


def stage(room: Room, asking: Asking) -> Made:
    """Make the page of a stage: its services."""
    return _services(room, asking, _known(room, asking.words["stage"]))


def _services(room: Room, asking: Asking, name: StageName) -> Made:
    point = room.point(name, asking.at)
    text, show = asking.query.get("q", ""), asking.query.get("show", "")
    show = show if show in overview.SHOWN else "all" if text else "busy"
    page = overview.listed(room, point, text=text, show=show, page=asking.number("page") or 1)
    data = _frame(room, asking, point, title=f"{name} in {room.name}")
    able = tuple(switches(page.stage, ServiceView(ServicePath("")))) if asking.person and point.live else ()
    return "stage.html", {
        **data, "listed": page, "text": text, "show": show, "shown": overview.SHOWN, "offers": able, "service": "",
    }  # fmt: skip


def service(room: Room, asking: Asking) -> Made:
    """Make the page of a service."""
    name = _known(room, asking.words["stage"])
    point = room.point(name, asking.at)
    path = found_service(room, name, point, asking.words["service"])
    page = service_page(room, point, path, asking.query.get("sli", ""), asking.number("before"))
    data = _frame(room, asking, point, title=f"{page.row.name} in {name}")
    view = room.seeing(name).view(point, path)
    able: tuple[Any, ...] = ()
    if asking.person and point.live and isinstance(view, ServiceView):
        able = tuple(switches(room.seeing(name).stage(point), view))
    return "service.html", {**data, "page": page, "row": page.row, "told": page.told, "offers": able, "service": path}


def remediation(room: Room, asking: Asking) -> Made:
    """Make the page of a remediation."""
    name = _known(room, asking.words["stage"])
    point = room.point(name, asking.at)
    path = found_service(room, name, point, asking.words["service"])
    page = remediation_page(room, point, path, asking.words["remediation"])
    data = _frame(room, asking, point, title=f"{page.about.title} on {page.service.rpartition('/')[2]}")
    able: tuple[Any, ...] = ()
    if asking.person and point.live:
        view = room.seeing(name).view(point, page.service, (page.about.id,))
        state = view.remediations.get(page.about.id) if isinstance(view, ServiceView) else None
        if isinstance(view, ServiceView) and state is not None:
            newest = not state.ended or page.about.id in newest_about(view).values()
            able = tuple(offers(view, state)) if newest else ()
    return "remediation.html", {**data, "page": page, "offers": able, "service": page.service}


def history(room: Room, asking: Asking) -> Made:
    """Make the search over all remediations, of one stage or of all."""
    stages = room.stages()
    wanted = asking.query.get("stage", "") or (stages[0] if len(stages) == 1 else "")
    at = asking.at if wanted else room.moment(asking.at)
    points = [room.point(_known(room, wanted), at)] if wanted else [*_everywhere(room, at)]
    asked = past.Asked(
        wanted, **{key: asking.query.get(key, "") for key in ("service", "outcome", "since", "until", "text")}
    )
    found = past.search(room, points, asked, asking.query.get("before", ""))
    data = _frame(room, asking, points[0] if wanted else None, title=f"History of {wanted or room.name}")
    links = asking.links.to(wanted).when(at)
    return "history.html", {**data, "asked": asked, "found": found, "outcomes": past.OUTCOMES, "links": links}


def steps(room: Room, asking: Asking) -> Made:
    """Make the list of everything that happened in a stage."""
    name = _known(room, asking.words["stage"])
    point = room.point(name, asking.at)
    log = past.log_of(room, point, asking.number("before"))
    return "steps.html", {**_frame(room, asking, point, title=f"Steps of {name}"), "log": log}


def file(room: Room, asking: Asking) -> Made:
    """Make the page of a file."""
    name = _known(room, asking.words["stage"])
    point = room.point(name, asking.at)
    page = file_page(room, point, asking.words["file"])
    return "file.html", {**_frame(room, asking, point, title=page.path), "page": page}


def doubts_of(room: Room, stages: Sequence[StageName]) -> Doubts:
    """Return what does not count of stages, and what to do, as every page says it."""
    return [(name, doubt.told) for name in stages if (doubt := room.doubt(name)) is not None]


def _known(room: Room, stage: str) -> StageName:
    if stage not in room.stages():
        raise LookupError(stage)
    return StageName(stage)


def _frame(room: Room, asking: Asking, point: Point | None, *, title: str) -> dict[str, Any]:
    """Return what every page is given."""
    stages = room.stages()
    progress = ""
    newest = 0
    around: tuple[int | None, int | None] = (None, None)
    if point is not None:
        newest = room.point(point.stage, "").sequence if not point.live else point.sequence
        try:
            around = room.chronicle(point.stage).around(point.sequence)
        except TransientError as error:
            progress = str(error)
    links = asking.links.to(point.stage) if point is not None else asking.links
    moment = room.moment(asking.at) if point is None or len(stages) > 1 else asking.at
    now = Instant(int(room.now()))
    return {
        "asking": asking,
        "title": title,
        "project": room.name,
        "stages": stages,
        "point": point,
        "live": not asking.at,
        "moment_everywhere": moment,
        "newest": newest,
        "around": around,
        "links": links,
        "now": now if not asking.at or point is None else point.when,
        "then": point.when if point is not None else moment_of(moment, now) if moment else now,
        "trouble": room.trouble,
        "doubts": doubts_of(room, stages if point is None else [point.stage]),
        "progress": progress,
        "person": asking.person,
    }
