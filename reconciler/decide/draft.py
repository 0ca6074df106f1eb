"""The steps being made of one call of `decide`, over a snapshot that is never changed.

Every step is folded into the draft at once, so that the next one is decided on what the branch will hold then. Facts
are recorded as they are looked at: a step carries exactly those that led to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler.decide.folding import advance
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import FileRef, Foreign, Pinned, ServiceView, Shelves, Snapshot, touched
from reconciler.decide.wording import cut, short
from reconciler.model.closed import Closed
from reconciler.model.copies import quick, replace
from reconciler.model.desired import Desired, Key, render_desired
from reconciler.model.facts import fact_data
from reconciler.model.instant import Instant
from reconciler.model.names import ProblemId, RemediationId, ServicePath
from reconciler.model.step import Event, Step, StepFile
from reconciler.model.targets import Fact, Want

RULES = 3
"""Raised whenever the output for any golden history changes (tests/decide/golden)."""

CLOCK, BRANCH = "clock", "branch"
"""Under which names steps record that the clock was in doubt, and that the branch was seen to be rewritten."""
CONFIG, SIGNATURES = "config", "signatures"
"""Under which names steps record that older files of people were in force, and whose commits did not count."""
APART = frozenset({CLOCK, BRANCH, CONFIG, SIGNATURES})
"""Facts that are no target's."""
LINE, TEXT = 200, 16_000
"""Characters of a subject and of a body at most; what makes them long is cut where it is put in."""
IN_DOUBT = 15
"""Seconds until it is asked again whether a moment has come that the clock cannot be trusted about."""
_NEAR = 5
"""Names that are looked at for one that may be meant; some are directories of no service too."""

T = TypeVar("T")


class UnseenError(Exception):
    """A fact is missing; what is wanted has been noted and the turn is over."""


@quick
@dataclass(frozen=True)
class Note:
    """What a step says: its event, its subject after the service's name, its body, and its data."""

    event: Event
    subject: str
    body: str = ""
    data: Mapping[str, Any] | None = None


def titled(text: str, title: str) -> str:
    """Return a subject that ends with the problem's title, on one line and cut where it is long."""
    words = short(title)
    return f"{text} ({words})" if words else text


class Draft:
    """Steps, wants and the moments at which time alone brings more, of one call.

    ``about`` is the service whose turn it is, empty while it is the stage's; ``dues`` has the next moment of each.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        facts: Mapping[Want, Fact],
        now: Instant,
        *,
        only: RemediationId | None = None,
        timers: bool = True,
    ) -> None:
        self.stage = snapshot.stage
        self.now = Instant(max(now, snapshot.stage.now_floor))
        self.steps: list[Step] = []
        self.wants: set[Want] = set()
        self.sequence = snapshot.stage.sequence
        self._snapshot = snapshot
        self._facts = facts
        self._used: dict[str, Mapping[str, Any]] = {}
        self._changed: dict[ServicePath, ServiceView] = {}
        self.dues: dict[ServicePath, Instant] = {}
        self.about = ServicePath("")
        self._claimed: dict[Key, frozenset[ServicePath]] = {}
        self._only = only
        self._timers = timers

    def view(self, service: ServicePath) -> ServiceView:
        """Return the service as it is after the steps made so far."""
        return self._changed.get(service) or self._snapshot.services[service]

    @property
    def tampered(self) -> AbstractSet[ServicePath]:
        """The services whose machine-written files others had changed before the first of the steps."""
        return self._snapshot.tampered

    def near(self, view: ServiceView) -> str:
        """Return the service whose name is nearest to that of a directory that is none; empty where none is near."""
        paths: dict[str, list[ServicePath]] = {}
        for path in self._snapshot.services:
            if path != view.path:
                paths.setdefault(path.rpartition("/")[2], []).append(path)
        for name in difflib.get_close_matches(view.name, paths, n=_NEAR):
            found = next((path for path in sorted(paths[name]) if self.view(path).exists), None)
            if found is not None:
                return found
        return ""

    def acted_since(self, moment: Instant) -> Mapping[ServicePath, Instant]:
        """Return the services that were acted upon after a moment, each with its last action's."""
        changed = {
            path: tuple(when for each in view.remediations.values() for _, when in each.decisions)
            for path, view in self._changed.items()
        }
        newest = {path: max(moments) for path, moments in {**self._snapshot.acted, **changed}.items() if moments}
        return {path: last for path, last in newest.items() if last > moment}

    def acting(self) -> frozenset[ServicePath]:
        """Return the services with a running remediation that has decided something."""
        changed = {p for p, v in self._changed.items() if any(r.acting for r in v.remediations.values())}
        return frozenset(self._snapshot.acting - self._changed.keys()) | changed

    def claimants(self, key: Key) -> frozenset[ServicePath]:
        """Return the services that hold a field, are giving it back, or wait for it to be done once."""
        found = self._snapshot.claimants(key) | self._claimed.get(key, frozenset())
        return frozenset(path for path in found if path not in self._changed or key in touched(self._changed[path]))

    def first(self, turn: Callable[[T], bool], about: Iterable[T]) -> bool:
        """Give each its turn until one makes a step; what one of them lacks to see stops no other."""
        for each in about:
            self._used = {}
            try:
                if turn(each):
                    return True
            except UnseenError:
                continue
        return False

    def record(self, name: str, data: Mapping[str, Any]) -> None:
        """Record what the step to come is founded on and is neither in Git nor a target's state."""
        self._used[name] = data

    def see(self, wants: tuple[Want, ...]) -> tuple[Fact, ...]:
        """Return the facts, recording that they were used. Raises UnseenError after noting what is missing."""
        missing = [want for want in wants if want not in self._facts]
        if missing:
            self.wants.update(missing)
            raise UnseenError
        facts = tuple(self._facts[want] for want in wants)
        for want, fact in zip(wants, facts, strict=True):
            self._used[str(want)] = fact_data(fact)
        return facts

    def glance(self, want: Want) -> Fact | None:
        """Return a fact where there happens to be one, recording its use; None asks for nothing."""
        if want not in self._facts:
            return None
        return self.see((want,))[0]

    def at(self, moment: Instant) -> bool:
        """Whether a moment has come; where it has not, ask to be called then. Never while the clock is in doubt."""
        if self.now >= moment:
            if self._timers:
                return True
            self.record(CLOCK, {"doubt": True})
            moment = Instant(self.now + IN_DOUBT)
        self.dues[self.about] = min(moment, self.dues.get(self.about, moment))
        return False

    def pins(self, references: tuple[str, ...]) -> Pinned:
        """Return what pinned files say."""
        return self._snapshot.pins(references)

    def arrived(self, file: FileRef) -> Instant:
        """Return when a problem's file came, as its commit says; never later than now."""
        return min(self.now, self._snapshot.arrived(file))

    @property
    def shelves(self) -> Shelves:
        """What archiving looks at."""
        return self._snapshot.shelves

    def closed(self, service: ServicePath, problem: ProblemId) -> Closed | None:
        """Return what is known of a problem that was archived, None where none of it was, or too long ago."""
        return self._snapshot.shelves.closed().find(service, problem)

    def add(
        self, view: ServiceView, remediation: RemediationId, note: Note, *,
        desired: Desired | None = None, files: Mapping[str, bytes | None] | None = None,
    ) -> bool:  # fmt: skip
        """Add a step of a remediation and fold it in. Returns whether it was added (not while another is asked for)."""
        if self._only is not None and remediation != self._only:
            return False
        before = view.remediations.get(remediation) or Remediation(remediation)
        self.sequence += 1
        written = dict(files or {})
        changed = view.desired if desired is None else desired
        if changed != view.desired:
            written[view.desired_path(self.stage.name)] = render_desired(changed)
        step = self._step(note, view, remediation, before.number + 1, written)
        folded = advance(before, StepFile(note.event, step.sequence, self.now, step.number, step.data))
        after = replace(
            view, desired=changed, remediations={**view.remediations, remediation: folded},
            foreign=_left(view.foreign, step),
        )  # fmt: skip
        self._changed[view.path] = after
        once = frozenset((each.target, each.field) for each in folded.once) if folded.pending else frozenset()
        fresh = (changed.keys() | once) - view.desired.keys()
        for key in fresh - touched(view) if fresh else ():
            self._claimed[key] = self._claimed.get(key, frozenset()) | {view.path}
        self.steps.append(step)
        return True

    def add_to_stage(
        self, note: Note, *, about: FileRef | None = None, files: Mapping[str, bytes | None] | None = None,
        service: ServiceView | None = None, sequence: int | None = None,
    ) -> bool:  # fmt: skip
        """Add a step of no remediation: about a file, about files put back, or about the branch itself."""
        if self._only is not None:
            return False
        self.sequence = max(self.sequence + 1, sequence or 0)
        data = {**({"file": str(about)} if about else {}), **(note.data or {})}
        step = self._step(replace(note, data=data), service, None, 0, dict(files or {}))
        self.steps.append(step)
        if self.stage.foreign:
            self.stage = replace(self.stage, foreign=_left(self.stage.foreign, step))
        if about is not None:
            self.stage = replace(self.stage, answered=self.stage.answered | {str(about)})
        return True

    def update(self, view: ServiceView) -> None:
        """Take a service's state on that no step file carries (files put back)."""
        self._changed[view.path] = view

    def _step(
        self, note: Note, view: ServiceView | None, remediation: RemediationId | None, number: int,
        files: Mapping[str, bytes | None],
    ) -> Step:  # fmt: skip
        subject = f"{view.name}: {note.subject}" if view else f"{self.stage.name}: {note.subject}"
        held = self.stage.held_config
        facts = self._used if held is None else {**self._used, CONFIG: held}
        return Step(
            event=note.event, stage=self.stage.name, sequence=self.sequence, now=self.now, rules=RULES,
            subject=short(subject, LINE), body=cut(note.body, TEXT), data=note.data or {},
            service=view.path if view else None, remediation=remediation, number=number, facts=facts, files=files,
            config=self.stage.config_commit, project=self.stage.project_commit,
        )  # fmt: skip


def _left(foreign: tuple[Foreign, ...], step: Step) -> tuple[Foreign, ...]:
    """Return what others have changed and a step does not write over: what it writes is ours again."""
    if not foreign:
        return foreign
    written = {step.path, *step.files}
    return tuple(each for each in foreign if each.path not in written)
