"""What a scrape of some metrics gets, and steps and services to count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from reconciler.daemon.metrics import Metrics
from reconciler.decide.remediation import Phase, Remediation
from reconciler.decide.snapshot import FileRef, ProblemFile, ServiceView
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, ProblemId, ProjectName, RemediationId, ServicePath, StageName
from reconciler.model.problem import Problem
from reconciler.model.step import Event, Step
from reconciler.repo.tally import Census

SHOP, PRODUCTION = ProjectName("shop"), StageName("production")
Series = Mapping[tuple[str, frozenset[str]], float]


def read(metrics: Metrics) -> Series:
    """Return every sample by its name and its label values, as a scrape gets them."""
    text, kind = metrics.exposition()
    assert kind.startswith("text/plain")
    return {
        (sample.name.removeprefix("reconciler_"), frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, *labels: str) -> float | None:
    return read(metrics).get((name, frozenset(labels)))


def step(event: Event, data: Mapping[str, Any] | None = None, *, number: int = 2) -> Step:
    return Step(
        event, PRODUCTION, 7, Instant(0), 1, "", "", data or {},
        ServicePath("carts"), RemediationId("p1"), number,
    )  # fmt: skip


def services(action: str = "scaling", phase: Phase = "decided", source: str = "") -> dict[ServicePath, ServiceView]:
    ours = Remediation(RemediationId("p1"), phase=phase, actions=({"action": action, "value": "+1"},))
    file = FileRef("ops/production/carts/problems/p1.yaml", BlobId("f" * 40))
    problem = ProblemFile(ProblemId("p1"), file, Problem("Slow", "resolved", source=source))
    view = ServiceView(ServicePath("carts"), remediations={ours.id: ours}, problems={problem.id: problem})
    return {view.path: view}


def everything(metrics: Metrics) -> None:
    """Make every metric have a series."""
    project = metrics.project(SHOP)
    stage = project.stage(PRODUCTION)
    stage.took(0.01)
    stage.passed(lambda: Census(1, {"held": 1}, {"budget": 1}, 1), 1_800_000_000.0)
    told = {"problem": {"id": "dynatrace-7", "source": "dynatrace"}}
    for each in (
        step("opened", told, number=1), step("decided", {"action": "scaling +1"}),
        step("evaluated", {"evaluation": {"result": "pass", "score": 100.0}}), step("drift"),
    ):  # fmt: skip
        stage.step(each, services())
    stage.called("kubernetes", "ok", wrote=True)
    stage.called("kubernetes", "ok", wrote=False)
    project.conversed("push", "ok", 0.02)
    project.queued(lambda: 3)
    project.stands({"production": "no such branch"})
    metrics.webhook("alertmanager", 200, 0.03)
    metrics.reports("alertmanager", "accepted")
    metrics.traced(3, "sent")
