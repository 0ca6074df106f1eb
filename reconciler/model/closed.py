"""`closed.yaml` of a stage: what was archived, so that a late repeat of a problem is recognised as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.model import canonical
from reconciler.model.errors import Place, UserError
from reconciler.model.instant import Instant, format_instant, parse_instant
from reconciler.model.names import ProblemId, ServicePath


@dataclass(frozen=True)
class Closed:
    """A problem's occurrence whose remediation was archived. ``end`` is the remediation's outcome."""

    service: ServicePath
    problem: ProblemId
    occurrence: int
    end: str
    at: Instant


def render_closed(closed: Iterable[Closed]) -> bytes:
    """Return the file's canonical bytes."""
    lines = [
        {
            "service": line.service,
            "problem": line.problem,
            "occurrence": line.occurrence,
            "end": line.end,
            "at": format_instant(line.at),
        }
        for line in closed
    ]
    return canonical.emit({"closed": lines})


def load_closed(content: bytes, path: str) -> tuple[Closed, ...]:
    """Read the file back. Raises UserError where it is not what `render_closed` writes."""
    data = canonical.read(content, path)
    try:
        return tuple(
            Closed(
                ServicePath(line["service"]),
                ProblemId(line["problem"]),
                int(line["occurrence"]),
                str(line["end"]),
                parse_instant(line["at"]),
            )
            for line in data["closed"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "take the change back"
        raise UserError(f"not the archive of a stage: {error!r}", place=Place(path), hint=hint) from error
