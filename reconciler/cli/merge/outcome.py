"""What `decide` makes of a stage with and without a merge, with the same facts and at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.cli.merge.sides import Pair, Side
from reconciler.decide.engine import Decision, decide
from reconciler.decide.folding import advance
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.model.desired import load_desired
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.step import Step, StepFile
from reconciler.model.targets import Fact, Want

Observe = Callable[[Iterable[Want], Iterable[ServicePath]], Mapping[Want, Fact]]
"""Answers wants of these services; what it leaves out is not known, and it is not asked for that again."""


@dataclass(frozen=True)
class Outcome:
    """The services of one side as they are after the next pass, its steps, and what it could not see."""

    views: Mapping[ServicePath, ServiceView]
    steps: tuple[Step, ...]
    unknown: Mapping[ServicePath, tuple[Want, ...]] = field(default_factory=dict)

    def steps_of(self, service: ServicePath | None, remediation: RemediationId | None) -> list[Step]:
        """Return the steps about one remediation, or those of none."""
        return [each for each in self.steps if (each.service, each.remediation) == (service, remediation)]


def outcomes(pair: Pair, now: Instant, observe: Observe, *, timers: bool) -> tuple[Outcome, Outcome]:
    """Return what the next pass makes of the stage without the merge, and with it.

    Raises BugError where the rules contradict themselves.
    """
    facts: dict[Want, Fact] = {}
    while True:
        before, after = (_decided(side, pair.services, facts, now, timers=timers) for side in (pair.before, pair.after))
        wanted = (before.wants | after.wants) - facts.keys()
        came = observe(wanted, pair.services) if wanted else {}
        if not came:
            break
        facts.update(came)
    return (
        _outcome(pair.before, pair.services, before, facts, now, timers=timers),
        _outcome(pair.after, pair.services, after, facts, now, timers=timers),
    )


def _decided(
    side: Side, services: Iterable[ServicePath], facts: Mapping[Want, Fact], now: Instant, *, timers: bool
) -> Decision:
    known = [service for service in services if service in side.snapshot.services]
    return decide(side.snapshot, facts, now, known, timers=timers)


def _outcome(
    side: Side, services: Iterable[ServicePath], decision: Decision, facts: Mapping[Want, Fact], now: Instant,
    *, timers: bool,
) -> Outcome:  # fmt: skip
    known = [service for service in services if service in side.snapshot.services]
    views = {service: _after(side, side.snapshot.services[service], decision.steps) for service in known}
    unknown: dict[ServicePath, tuple[Want, ...]] = {}
    if decision.wants - facts.keys():
        # A decision about many services does not tell whose want is whose; asked one by one, it does.
        for service in known:
            missing = decide(side.snapshot, facts, now, [service], timers=timers).wants - facts.keys()
            if missing:
                unknown[service] = tuple(sorted(missing, key=str))
    return Outcome(views, decision.steps, unknown)


def _after(side: Side, view: ServiceView, steps: Iterable[Step]) -> ServiceView:
    """Return a service as its steps leave it, as reading them back from the branch would."""
    remediations = dict(view.remediations)
    desired, path = view.desired, view.desired_path(side.snapshot.stage.name)
    for step in steps:
        if step.service != view.path:
            continue
        if path in step.files:
            content = step.files[path]
            desired = {} if content is None else load_desired(content, path)
        if step.remediation is not None:
            known = remediations.get(step.remediation, Remediation(step.remediation))
            file = StepFile(step.event, step.sequence, step.now, step.number, step.data)
            remediations[step.remediation] = advance(known, file)
    return replace(view, desired=desired, remediations=remediations)
