"""Reports as webhooks hand them over, and what comes back for them, for the tests of the reception."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.daemon.inbox import Receipt
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.intake.report import Report, Where
from reconciler.model.names import ProblemId
from reconciler.model.problem import Problem

TITLE = "Response time degradation"
DAY = "2026-11-21"


def report(
    name: str = "alertmanager-0ccb298e18a222fd-20261121T100000.123Z",
    state: str = "open",
    *,
    stage: str = "production",
    service: str = "carts",
    title: str = TITLE,
) -> Report:
    problem = Problem(title, "resolved" if state == "resolved" else "open", source="alertmanager")
    where = Where("sockshop", stage, service)
    return Report("alertmanager", where, ProblemId(name), problem, day=DAY, final=True)


def path_of(name: str, service: str = "carts") -> str:
    return f"ops/production/{service}/problems/{DAY}/{name}.yaml"


def handed_in(loop: ProjectLoop, *requests: Sequence[Report]) -> list[tuple[Receipt, ...]]:
    """Put requests into the inbox, let the loop have one pass, and return the receipts."""
    futures = [loop.inbox.submit(reports) for reports in requests]
    loop.tick()
    return [future.result(timeout=0) for future in futures]
