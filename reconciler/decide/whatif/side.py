"""One side of the comparison: people's files at a commit, asked by the engine's own functions.

A side is a `Snapshot` of which only people's files are there: what was reported and done comes from recorded steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler.decide.actions.protocol import Plan
from reconciler.decide.actions.registry import unpin
from reconciler.decide.claims import with_wish
from reconciler.decide.draft import Draft, UnseenError
from reconciler.decide.planning import attempt
from reconciler.decide.policy import Timing, effective, timing
from reconciler.decide.problems import matched, pins
from reconciler.decide.refusals import NO_SERVICE, refusal
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import FileRef, Pinned, ProblemFile, ServiceView, Snapshot
from reconciler.decide.whatif.difference import Deed, Effect, deed_of
from reconciler.decide.whatif.recorded import RecordedFacts
from reconciler.decide.wording import short
from reconciler.model.desired import Claim, Desired
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, ProblemId, RemediationId, ServicePath
from reconciler.model.policy import Bounds, StageConfig
from reconciler.model.problem import Problem
from reconciler.model.targets import Fact, Want

_NO_FILE = FileRef("", BlobId(""))


T = TypeVar("T", Remediation, ServiceView, Snapshot)


def _but(value: T, **changes: object) -> T:
    """Return the value with some fields changed, as `dataclasses.replace` does for ten times the price."""
    new = object.__new__(type(value))
    new.__dict__.update(value.__dict__, **changes)
    return new


class _Draft(Draft):
    """A draft whose steps nobody commits: what was looked at need not be told."""

    def see(self, wants: tuple[Want, ...]) -> tuple[Fact, ...]:
        """Return the facts. Raises UnseenError for what was not recorded."""
        try:
            return tuple(self._facts[want] for want in wants)
        except KeyError as error:
            raise UnseenError from error


@dataclass(frozen=True)
class Course:
    """How a side begins with a problem: refused, or by an entry (None: nothing matches) with its actions as pinned."""

    refused: str = ""
    entry: str | None = None
    actions: tuple[Mapping[str, Any], ...] = ()
    pinned: tuple[str, ...] = ()

    def of(self, remediation: Remediation) -> Remediation:
        """Return a recorded remediation as it stands where it had begun so."""
        return _but(remediation, entry=self.entry or "", actions=self.actions, pinned=self.pinned)

    def __str__(self) -> str:
        """Render in a few words."""
        if self.refused:
            return f"refused: {self.refused}"
        return f'entry "{self.entry}"' if self.entry is not None else "no entry"


@dataclass(frozen=True)
class Around:
    """What else went on in the stage then: the service's other remediations, who was acting, who acted lately."""

    others: Mapping[RemediationId, Remediation]
    acting: frozenset[ServicePath]
    acted: Mapping[ServicePath, tuple[Instant, ...]]


ALONE = Around({}, frozenset(), {})


class Side:
    """People's files of a stage at one commit. What they say is worked out once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._refusals: dict[ServicePath, str] = {}
        self._courses: dict[tuple[ServicePath, str], Course] = {}
        self._begun: dict[tuple[ServicePath, str, str], Course] = {}
        self._bounds: dict[ServicePath, Bounds] = {}
        self._looks: dict[ServicePath, tuple[int, bool]] = {}

    def view(self, service: ServicePath) -> ServiceView:
        """Return a service's files."""
        return self._snapshot.services[service]

    def pinned(self, references: tuple[str, ...]) -> Pinned:
        """Return what pinned files say, this side's or any that a step names."""
        return self._snapshot.pins(references)

    def course(self, service: ServicePath, problem: Problem) -> Course:
        """Return how a problem begins here."""
        key = (service, problem.root_cause, problem.title)
        known = self._begun.get(key)
        if known is None:
            known = self._begun[key] = self._begin(service, problem)
        return known

    def _begin(self, service: ServicePath, problem: Problem) -> Course:
        refused = self._refused(service)
        if refused:
            return Course(refused)
        view = self.view(service)
        entry, _ = matched(view, ProblemFile(ProblemId(""), _NO_FILE, problem))
        if entry is None:
            return Course()
        known = self._courses.get((service, entry.name))
        if known is None:
            data = pins(view, entry)
            known = Course("", entry.name, tuple(data["actions"]), tuple(data["pinned"]))
            self._courses[service, entry.name] = known
        return known

    def _refused(self, service: ServicePath) -> str:
        found = self._refusals.get(service)
        if found is None:
            file = ProblemFile(ProblemId(""), _NO_FILE, Problem("", "open"))
            draft = Draft(self._snapshot, {}, Instant(0))
            wrong = refusal(draft, self.view(service), file, told=NO_SERVICE)
            found = ""
            if wrong is not None:
                error = wrong[0]
                found = short(f"{error.place}: {error.message}" if error.place else error.message)
            self._refusals[service] = found
        return found

    def deed(
        self, service: ServicePath, remediation: Remediation, now: Instant, facts: RecordedFacts, held: Desired,
        around: Around = ALONE,
    ) -> Deed:  # fmt: skip
        """Return what is done about a remediation whose action in hand could be decided now.

        ``held`` are the fields that a decision finds already held.
        """
        written = written_of(remediation)
        if not written:
            return Deed("nothing", "", "there is no action left" if remediation.actions else "nothing is done")
        others = {**around.others, remediation.id: remediation}
        view = _but(self.view(service), desired=held, remediations=others)
        draft = _Draft(_but(self._snapshot, acting=around.acting, acted=around.acted), facts, now)
        try:
            answer = attempt(draft, view, remediation)
        except UnseenError:
            return Deed("unknown", written)
        effects = self._effects(view, remediation, answer) if isinstance(answer, Plan) else ()
        return deed_of(answer, written, effects)

    def _effects(self, view: ServiceView, remediation: Remediation, plan: Plan) -> tuple[Effect, ...]:
        bounds = self.bounds(view.path)
        effects = []
        desired = view.desired
        for wish in plan.wishes:
            key = (wish.target, wish.field)
            desired = with_wish(desired, wish, Claim(remediation.id, 1, 1, wish.by, wish.set), bounds)
            effects.append(Effect(key, wish.before, desired[key].value))
        once = (Effect((each.target, each.field), "", each.value, once=True) for each in plan.once)
        return (*effects, *once)

    def timing(self, service: ServicePath, remediation: Remediation) -> Timing:
        """Return how the action in hand is judged."""
        options: Mapping[str, object] = {}
        if remediation.index < len(remediation.actions):
            options = remediation.actions[remediation.index].get("options") or {}
        return timing(self._snapshot.stage, self.view(service), options)

    def bounds(self, service: ServicePath) -> Bounds:
        """Return the bounds that hold for a service."""
        known = self._bounds.get(service)
        if known is None:
            known = self._bounds[service] = effective(self._snapshot.stage, self.view(service)).bounds
        return known

    @property
    def minds_others(self) -> bool:
        """Whether what is done about a service may depend on what was done about other services."""
        config = self._snapshot.stage.config
        if not isinstance(config, StageConfig):
            return False
        return config.budgets.services_at_once is not None or config.budgets.services_per_hour is not None

    def looks_back(self, service: ServicePath) -> tuple[int, bool]:
        """Return how many seconds of the past matter for what may be done now, and whether how things ended does."""
        known = self._looks.get(service)
        if known is None:
            settings = effective(self._snapshot.stage, self.view(service))
            ends = bool(settings.cooldown) or settings.budgets.services_at_once is not None
            known = self._looks[service] = (max(settings.cooldown, settings.loop_guard.within), ends)
        return known


def written_of(remediation: Remediation) -> str:
    """Return the action in hand as playbooks write it, empty where there is none left."""
    if remediation.index >= len(remediation.actions):
        return ""
    pinned = remediation.actions[remediation.index]
    try:
        return unpin(pinned, "remediation.yaml").written
    except UserError:
        return str(pinned["action"])
