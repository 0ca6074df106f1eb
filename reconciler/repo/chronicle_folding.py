"""A remediation as the chronicle tells it, made of its steps: a light fold beside `decide.folding`, for all the past.

It follows the same rules about beginnings and ends; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.decide.remediation import ENDINGS
from reconciler.model.errors import UserError
from reconciler.model.instant import parse_instant
from reconciler.repo.chronicle_told import read

COLUMNS: Final = (
    "n", "id", "service", "name", "entry", "outcome", "unhealed", "reported", "opened", "ended", "source", "problems",
    "tried", "helped", "reason", "steps", "event", "held", "newest", "span",
)  # fmt: skip
"""What `folded` returns, as the table has it; ``span`` is how many binary digits the orders from ``n`` on have."""
_SILENT: Final = frozenset({"applied", "drift", "remediated", "released"})
"""Events of which nothing counts here but that they happened; of decisions those that no bound made are too."""
_BACK: Final = ("refused", "unmatched")
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Row(NamedTuple):
    """What a step gives to its remediation."""

    n: int
    now: int
    event: str
    number: int
    action: str
    told: str


def lives(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut the steps of one id into remediations: an id may come back once its first remediation was archived."""
    life: list[Row] = []
    for row in rows:
        if life and row.number <= life[-1].number:
            yield life
            life = []
        life.append(row)
    if life:
        yield life


def folded(service: str, identity: str, life: list[Row]) -> tuple[tuple[Any, ...], str]:
    """Return the remediation's row of the table, and the words that it is found by."""
    state = _State()
    for row in life:
        state.take(row)
    first, last = life[0], life[-1]
    entry, source = state.entry, state.source
    values = (
        first.n, identity, service, service.rpartition("/")[2], entry, state.outcome, int(state.unhealed),
        min(state.reported or first.now, first.now), first.now, state.ended, source,
        _encode([list(each) for each in state.problems.values()]),
        _encode(state.tried), state.helped, state.reason, len(life),
        last.event, state.held, last.n, (last.n - first.n).bit_length(),
    )  # fmt: skip
    return values, words(identity, service, entry, [each[2] for each in state.problems.values()], source)


def words(identity: str, service: str, entry: str, problems: Iterable[str], source: str) -> str:
    """Return what a remediation is found by; ``problems`` are their titles."""
    titles = " ".join(problems)
    return " ".join(filter(None, (identity, service, entry if entry not in titles else "", titles, source)))


class _State:
    def __init__(self) -> None:
        self.entry = ""
        self.source = ""
        self.problems: dict[str, tuple[str, int, str, str]] = {}
        self.reported: int | None = None
        self.ended: int | None = None
        self.outcome = ""
        self.unhealed = False
        self.reason = ""
        self.tried: list[str] = []
        self.helped = ""
        self.held = ""
        self.then = ""

    def take(self, row: Row) -> None:
        """Follow one step."""
        silent = row.event in _SILENT or (row.event == "decided" and "bound" not in row.told)
        data: Mapping[str, Any] = {} if silent else read(row.told)
        problem = data.get("problem")
        if isinstance(problem, Mapping) and "id" in problem:
            if not self.problems:
                self.source = str(problem.get("source", ""))
            self.problems[str(problem["id"])] = (
                str(problem["id"]), _number(problem.get("occurrence")), str(problem.get("title", "")),
                str(problem.get("file", "")),
            )  # fmt: skip
        self.entry = str(data.get("entry", self.entry))
        if self.reported is None and "reported" in data:
            self.reported = _moment(data["reported"])
        self._follow(row, data)

    def _follow(self, row: Row, data: Mapping[str, Any]) -> None:
        event = row.event
        if self.ended is not None:
            self._after_the_end(row, data)
        elif event in ENDINGS:
            self._end(row, data)
        elif event == "held":
            self.held = str(data.get("condition", ""))
        elif event in ("released", "opened"):
            self.held = ""
        elif event == "decided" and "bound" not in data:
            self.tried.append(row.action)
            self.held = self.then = self.reason = ""
        elif event == "evaluated":
            self.then = str(data.get("next", ""))
        elif event == "failed":
            self.reason = str(data.get("reason", ""))

    def _after_the_end(self, row: Row, data: Mapping[str, Any]) -> None:
        if row.event == "reopened":
            self._begin_again()
        elif row.event == "reverted":
            # Whoever reads the outcome wants to know when that came about, and not when it had ended before.
            self.ended = None
            self._end(row, data)
        elif self.outcome == "orphaned" and row.event in _BACK:
            self._begin_again()
            if row.event in ENDINGS:
                self._end(row, data)

    def _begin_again(self) -> None:
        self.ended, self.outcome, self.then, self.reason, self.held, self.helped = None, "", "", "", "", ""
        self.unhealed = False

    def _end(self, row: Row, data: Mapping[str, Any]) -> None:
        self.ended = row.now if self.ended is None else self.ended
        self.outcome = row.event
        self.reason = str(data.get("reason", ""))
        self.held = ""
        self.unhealed = self.outcome == "resolved" and self.then == "resolved"
        self.helped = self.tried[-1] if self.outcome == "remediated" and self.tried else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 1


def _moment(text: object) -> int | None:
    try:
        return parse_instant(str(text))
    except UserError:
        return None
