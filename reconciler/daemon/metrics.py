"""What operators measure of the daemon, in Prometheus' words: docs/metrics.md lists every metric.

Counting is for the benefit of others, so whatever goes wrong in it is counted itself and never reaches who is counted.
All methods may be called from any thread; each costs microseconds. Several `Metrics` in one process do not see each
other.
"""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from reconciler.daemon.counting import (
    CONDITIONS,
    OTHER,
    OUTCOMES,
    PHASES,
    REPORTERS,
    RESULTS,
    SENDERS,
    Actions,
    is_about_an_action,
    is_drift,
    known,
    new_problem,
    resolved_problems,
)
from reconciler.daemon.families import Families, harmless
from reconciler.decide.snapshot import ServiceView
from reconciler.model.names import ProjectName, ServicePath, StageName
from reconciler.model.step import EVENTS, Step
from reconciler.repo.conversation import Op, Result
from reconciler.repo.tally import Census

_STANDSTILL: Final = "standstill"
_KINDS: Final = frozenset(
    {"clock", "rules", "unseen", "bug", "step", "unsigned", "signers", "names"}
    | {"stages", "notifications", "forge", "proposals", "leases"}
)
"""What a project's conditions are called, beside the one of a stage that stands still as a whole."""


class Metrics:
    """What counts for one daemon."""

    def __init__(self) -> None:
        """Make a registry with everything in it that is known at the start."""
        self.families = Families()
        self.actions = Actions()
        self.errors = self.families.errors
        self._projects: dict[ProjectName, ProjectMetrics] = {}
        self.config_usable(usable=True)
        for sender in REPORTERS:
            for outcome in OUTCOMES:
                self.families.reports.labels(sender, outcome)

    @property
    def registry(self) -> CollectorRegistry:
        """Where all metrics are, with moments of creation; `exposition` has none of those."""
        return self.families.registry

    def project(self, name: ProjectName) -> ProjectMetrics:
        """Return what counts for one project; the same for the same name."""
        if name not in self._projects:
            self._projects[name] = ProjectMetrics(self, name)
        return self._projects[name]

    @harmless
    def keep(self, projects: Iterable[ProjectName]) -> None:
        """Forget every project but these: the configuration was read again."""
        for gone in self._projects.keys() - set(projects):
            del self._projects[gone]
            self.families.forget({"project": gone})

    @harmless
    def config_usable(self, *, usable: bool) -> None:
        """Say whether the daemon's own configuration, as it is now, can be used; if not, the old one is in force."""
        self.families.config_invalid.labels("", "").set(0 if usable else 1)

    @harmless
    def webhook(self, source: str, code: int, seconds: float) -> None:
        """Count a request to a webhook: which (`alertmanager`, `git`, ...), the status answered, and how long it took.

        A request for nothing that is served is one of ``source`` `other`.
        """
        sender = known(source, SENDERS)
        self.families.requests.labels(sender, str(code)).inc()
        self.families.request_seconds.labels(sender).observe(seconds)

    @harmless
    def reports(self, source: str, outcome: str, count: int = 1) -> None:
        """Count alerts of a request by what became of them: a receipt's outcome, or `truncated`."""
        self.families.reports.labels(known(source, SENDERS), known(outcome, OUTCOMES)).inc(count)

    @harmless
    def traced(self, spans: int, result: str) -> None:
        """Count spans by what became of them: `sent`, `refused` for good, or `failed`, which are tried again."""
        self.families.spans.labels(result).inc(spans)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Return the text for a scrape and its content type, in the format that an `Accept` header asks for.

        The client's moments of creation are left out: they would double the series of every counter.
        """
        encode, content_type = choose_encoder(accept)
        return encode(_Lean(self.registry)), content_type


class _Lean(CollectorRegistry):
    """Everything that another registry has but moments of creation."""

    def __init__(self, of: Collector) -> None:
        super().__init__()
        self._of = of

    def collect(self) -> Iterator[Metric]:
        for family in self._of.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class ProjectMetrics:
    """What counts for one project."""

    def __init__(self, metrics: Metrics, name: ProjectName) -> None:
        """Use `Metrics.project`."""
        self._metrics = metrics
        self._families = metrics.families
        self._name = name
        self._stages: dict[StageName, StageMetrics] = {}
        self._conditions: set[tuple[str, str]] = set()
        self.errors = metrics.errors

    def stage(self, name: StageName) -> StageMetrics:
        """Return what counts for one stage; the same for the same name."""
        if name not in self._stages:
            self._stages[name] = StageMetrics(self._metrics, self._name, name)
        return self._stages[name]

    @harmless
    def keep(self, stages: Iterable[StageName]) -> None:
        """Forget every stage but these: the project has no others."""
        for gone in self._stages.keys() - set(stages):
            del self._stages[gone]
            self._conditions = {each for each in self._conditions if each[0] != gone}
            self._families.forget({"project": self._name, "stage": gone})

    @harmless
    def conversed(self, op: Op, result: Result, seconds: float) -> None:
        """Count a conversation with the remote; it is what `Mirror.open` takes as ``heard``."""
        self._families.git.labels(self._name, op, result).inc()
        self._families.git_seconds.labels(self._name, op).observe(seconds)

    @harmless
    def queued(self, depth: Callable[[], int]) -> None:
        """Say who knows how many reports wait; asked at each scrape, from another thread."""
        self._families.queue.labels(self._name).set_function(depth)

    @harmless
    def stands(self, conditions: Mapping[str, str]) -> None:
        """Show what stands in the way; each is named by a stage, by `<stage>/<what>`, or by what of the project."""
        found = Count(self._condition(name) for name in conditions)
        for stage, condition in self._conditions | found.keys():
            self._families.conditions.labels(self._name, stage, condition).set(found[stage, condition])
        self._conditions |= found.keys()

    def _condition(self, name: str) -> tuple[str, str]:
        for stage in self._stages:
            if name == stage:
                return stage, _STANDSTILL
            if name.startswith(f"{stage}/"):
                return stage, known(name.removeprefix(f"{stage}/").partition(":")[0], _KINDS)
        return "", known(name.partition(" of ")[0], _KINDS) if name != "project" else _STANDSTILL


class StageMetrics:
    """What counts for one stage."""

    def __init__(self, metrics: Metrics, project: ProjectName, stage: StageName) -> None:
        """Use `ProjectMetrics.stage`. What an alert may ask for is there from the start, as zero."""
        self._families = families = metrics.families
        self._actions = metrics.actions
        self._of = (project, stage)
        self._census: Census | None = None
        self._kept = 0
        self.errors = metrics.errors
        for metric in (families.drift, families.retries, families.unpushed, families.score, families.passes):
            metric.labels(*self._of)
        for event in EVENTS:
            families.steps.labels(*self._of, event)
        families.leader.labels(*self._of).set(1)

    @harmless
    def leads(self, *, led: bool) -> None:
        """Say whether this daemon reconciles the stage; how it stands is told by the one that does."""
        self._families.leader.labels(*self._of).set(1 if led else 0)
        if not led:
            self._census = None
            self._families.forget_standing({"project": self._of[0], "stage": self._of[1]})

    @harmless
    def took(self, seconds: float) -> None:
        """Count a pass, whatever came of it."""
        self._families.passes.labels(*self._of).observe(seconds)

    @harmless
    def passed(self, counted: Callable[[], Census], now: float) -> None:
        """Show how the stage stands after a pass that came to its end ``now``, seconds since 1970."""
        census = counted()
        self._families.last_pass.labels(*self._of).set(now)
        self._families.unpushed.labels(*self._of).set(self._kept)
        if census == self._census:
            return
        self._census = census
        self._families.problems_open.labels(*self._of).set(census.problems)
        self._families.config_invalid.labels(*self._of).set(census.unusable)
        for phase in PHASES:
            self._families.remediations.labels(*self._of, phase).set(census.phases.get(phase, 0))
        held: Count[str] = Count()
        for condition, count in census.held.items():
            held[known(condition, CONDITIONS)] += count
        for condition in (*CONDITIONS, OTHER):
            self._families.held.labels(*self._of, condition).set(held[condition])

    @harmless
    def step(self, step: Step, services: Mapping[ServicePath, ServiceView]) -> None:
        """Count a step that has landed; ``services`` are as they stood before."""
        families = self._families
        view = services.get(step.service) if step.service is not None else None
        families.steps.labels(*self._of, step.event).inc()
        if (source := new_problem(step)) is not None:
            families.problems.labels(*self._of, source, "open").inc()
        for source in resolved_problems(step, view):
            families.problems.labels(*self._of, source, "resolved").inc()
        if is_drift(step):
            families.drift.labels(*self._of).inc()
        match step.event:
            case "decided":
                families.decisions.labels(*self._of, self._actions.decided(step), "decided").inc()
            case "applied" | "failed" if is_about_an_action(step, view):
                families.decisions.labels(*self._of, self._actions.of(step, view), step.event).inc()
            case "evaluated":
                self._evaluated(step, view)

    def _evaluated(self, step: Step, view: ServiceView | None) -> None:
        told = step.data["evaluation"]
        action = self._actions.of(step, view)
        self._families.evaluations.labels(*self._of, action, known(str(told["result"]), RESULTS)).inc()
        if told["result"] != "no data" and isinstance(told.get("score"), int | float):
            self._families.score.labels(*self._of).observe(told["score"])

    @harmless
    def called(self, target: str, result: str, *, wrote: bool) -> None:
        """Count a write or a look: the kind of server, and `ok` or what trouble the fact tells of."""
        counter = self._families.applied if wrote else self._families.observed
        counter.labels(*self._of, target, result).inc()

    @harmless
    def pushing(self, commits: int) -> None:
        """Say that commits were made which are not on the remote yet."""
        self._families.unpushed.labels(*self._of).set(self._kept + commits)

    @harmless
    def keeps(self, commits: int) -> None:
        """Say how many commits are in the mirror only, because the remote was or is away."""
        self._kept = commits
        self._families.unpushed.labels(*self._of).set(commits)

    @harmless
    def pushed(self, *, lost: bool) -> None:
        """Say that a push had an answer: everything landed, or somebody else's came first and all begins anew."""
        self._families.unpushed.labels(*self._of).set(self._kept)
        if lost:
            self._families.retries.labels(*self._of).inc()
