"""`closed.yaml` of a stage: what was archived, so that a late repeat of a problem is recognised as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reconciler.model import canonical
from reconciler.model.instant import Instant, format_instant, parse_instant
from reconciler.model.names import BlobId, ProblemId, ServicePath


@dataclass(frozen=True)
class Closed:
    """A problem's occurrence whose remediation was archived at ``at``. ``end`` is the remediation's outcome.

    ``blob`` is what the problem's file held when it was taken up, empty where that is not known.
    """

    service: ServicePath
    problem: ProblemId
    occurrence: int
    end: str
    at: Instant
    blob: BlobId = BlobId("")

    @property
    def size(self) -> int:
        """Bytes that its line has in the file."""
        return len(canonical.text(_data(self)).encode()) + len("  - \n")


@dataclass(frozen=True)
class Archive:
    """All lines of the file, the oldest first; there is one for a problem at most."""

    lines: tuple[Closed, ...] = ()

    @cached_property
    def _by_problem(self) -> Mapping[tuple[ServicePath, ProblemId], Closed]:
        return {(line.service, line.problem): line for line in self.lines}

    def find(self, service: ServicePath, problem: ProblemId) -> Closed | None:
        """Return the line of a problem, None where none of it was archived, or that is too long ago."""
        return self._by_problem.get((service, problem))


def render_closed(closed: Iterable[Closed]) -> bytes:
    """Return the file's canonical bytes."""
    return canonical.emit({"closed": [_data(line) for line in closed]})


def _data(line: Closed) -> dict[str, Any]:
    return {
        "service": line.service,
        "problem": line.problem,
        "occurrence": line.occurrence,
        "end": line.end,
        "at": format_instant(line.at),
        **({"blob": line.blob} if line.blob else {}),
    }


def load_archive(content: bytes, path: str) -> Archive:
    """Read the file back. Raises UserError where it is not what `render_closed` writes."""
    return Archive(load_closed(content, path))


def load_closed(content: bytes, path: str) -> tuple[Closed, ...]:
    """Read the lines of the file back. Raises UserError where it is not what `render_closed` writes."""
    data = canonical.read(content, path)
    try:
        return tuple(
            Closed(
                ServicePath(line["service"]),
                ProblemId(line["problem"]),
                int(line["occurrence"]),
                str(line["end"]),
                parse_instant(line["at"]),
                BlobId(str(line.get("blob", ""))),
            )
            for line in data["closed"]
        )
    except canonical.UNREADABLE as error:
        raise canonical.no_such_file(path, "the archive of a stage", error) from error
