"""What is valid and yet unlikely to be meant, kind by kind.

A doubt makes nothing invalid, for each of them can be right: a file waits for its service, a number for wider bounds.
Pure, as `validation` is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.cli.evidence_doubts import Queries, about_measuring, about_queries
from reconciler.cli.findings.finding import Finding, located
from reconciler.cli.late_doubts import about_late_values
from reconciler.cli.limit_doubts import about_service, about_stage
from reconciler.cli.objective_doubts import about_objectives
from reconciler.cli.playbook_doubts import about_playbook
from reconciler.cli.problem_doubts import about_command, about_problem, about_project
from reconciler.cli.shipyard_doubts import about_shipyard
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.validation import Kind, kind_of
from reconciler.cli.written_doubts import about_zeros
from reconciler.repo.layout import config_place

_NUMBERED: Final = frozenset({"project", "stage", "service", "slo", "remediation", "command"})


def doubts(data: bytes, path: str, around: Surroundings) -> list[Finding]:
    """Return what is doubtful about one file, with the places in it."""
    # A file outside of any repository is alone in its directory.
    kind = kind_of(path) or kind_of(f"service/{path}")
    zeros = about_zeros(data) if kind in _NUMBERED else ()
    return located([*zeros, *_doubts(data, path, around, kind)], path)


def _doubts(data: bytes, path: str, around: Surroundings, kind: Kind | None) -> Iterator[Finding]:
    folder, name = _within(path)
    match kind:
        case "remediation":
            yield from about_playbook(data, around.policy(folder))
        case "problem":
            yield from about_problem(data, path, around)
        case "command":
            yield from about_command(data, path, around)
        case "project":
            yield from about_project(data, path, around)
        case "shipyard":
            yield from about_shipyard(data, path)
        case "slo":
            yield from about_objectives(data)
            queries = Queries(around.near, around.slis)
            yield from about_measuring(data, folder, queries)
            yield from about_late_values(data, folder, queries, around.policy(folder))
        case "sli":
            yield from about_queries(data, folder, name, around.near)
        case "service":
            yield from about_service(data, around.wide())
        case "stage":
            yield from about_stage(data, around.wide())
        case _:
            return


def _within(path: str) -> tuple[str, str]:
    """Return the service's directory, ending in `/` or empty, and the file's path from there."""
    place = config_place(path)
    if place is None:
        return "", path
    return (f"{place[0]}/" if place[0] else ""), place[1]
