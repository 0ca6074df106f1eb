"""`?at=`: which moment of a stage a page is about. A commit, a point in time, or the number of a step.

Nothing given means now, and the page then follows what happens. Whatever names a moment leads to one commit of the
stage's branch; everything on the page is read there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from reconciler.model.errors import TransientError, UserError
from reconciler.model.instant import Instant, format_instant, instant_of
from reconciler.model.names import CommitId, StageName
from reconciler.repo.chronicle import Chronicle
from reconciler.repo.mirror import Mirror
from reconciler.repo.stage import Tips
from reconciler.repo.steps import Claimed, claimed

_SEQUENCE: Final = re.compile(r"[0-9]{1,9}\Z")
_COMMIT: Final = re.compile(r"[0-9a-fA-F]{12,40}\Z")
_AGO: Final = re.compile(r"(?P<count>[0-9]{1,9})(?P<unit>[smhdw])\Z")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_WALKED: Final = 2000
"""Commits of people in a row that are looked at for the step before them."""
_FORMS: Final = "a commit (12 digits or more), a time such as 2026-11-21T10:00:00Z, or the number of a step"


@dataclass(frozen=True)
class Point:
    """A stage at a moment.

    ``at`` is what links carry, empty for now. ``step`` is the newest step there, ``order`` its place in the chronicle
    (None: nothing is bounded). ``when`` is the moment that waits are counted from. ``missing`` is the number that was
    asked for where there is no such step, 0 else: it is the moment of the one before.
    """

    stage: StageName
    tips: Tips
    at: str
    step: Claimed | None
    when: Instant
    order: int | None = None
    missing: int = 0

    @property
    def live(self) -> bool:
        """Whether this is now."""
        return not self.at

    @property
    def sequence(self) -> int:
        """The number of the newest step, 0 before the first."""
        return self.step.sequence if self.step is not None else 0


class NoMomentError(UserError):
    """What was asked for is no moment of the stage."""


class Moments:
    """Finds points of one stage. ``now`` tells the time; ``chronicle`` is None while it is not there yet."""

    def __init__(self, mirror: Mirror, stage: StageName, now: Callable[[], float]) -> None:
        self._mirror = mirror
        self._stage = stage
        self._now = now

    def find(self, at: str, tips: Tips, chronicle: Callable[[], Chronicle]) -> Point:
        """Return the point that ``at`` names.

        Raises:
            NoMomentError: it is nothing that names a moment, or the stage has no such moment.
            TransientError: the chronicle is needed for it and not there yet.
        """
        text = at.strip()
        if not text:
            return self._point(tips.ops, tips, "", Instant(int(self._now())))
        if _SEQUENCE.match(text):
            return self._of_number(int(text), tips, chronicle())
        if _COMMIT.match(text):
            return self._of_commit(text.lower(), tips, chronicle)
        moment = moment_of(text, Instant(int(self._now())))
        found = chronicle().at(moment)
        if found is None:
            raise self._none(f"{self._stage} did not exist at {format_instant(moment)}", "ask for a later time")
        order = found.step.order if found.step is not None else 0
        return self._past(found.commit, tips, text, moment, order)

    def _of_number(self, number: int, tips: Tips, known: Chronicle) -> Point:
        step, missing = known.sequence(number), 0
        before, after = known.around(number)
        if step is None and before is not None and after is not None:
            # After a rewritten branch the numbers go on higher up.
            step, missing = known.sequence(before), number
        if step is None:
            raise self._none(f"{self._stage} has no step {number}", "move the slider, or leave `at` out for now")
        return replace(self._past(step.commit, tips, str(number), step.now, step.order), missing=missing)

    def _of_commit(self, text: str, tips: Tips, chronicle: Callable[[], Chronicle]) -> Point:
        commit = self._mirror.find_commit(text)
        if commit is None:
            raise self._none(f"there is no commit {text}", "fetch it, or look it up with `git log`")
        when = Instant(int(self._mirror.commit(commit).commit_time.timestamp()))
        try:
            known = chronicle()
        except TransientError:
            known = None
        step = known.step(commit) if known is not None else None
        if step is not None:
            return self._past(commit, tips, text, when, step.order)
        moment = known.at(when) if known is not None else None
        # The chronicle knows nearly every commit of the branch; git has to walk to where it stands.
        if (moment is not None and moment.commit == commit) or self._mirror.is_ancestor(commit, tips.ops):
            point = self._past(commit, tips, text, when, None, known)
            step = known.step(point.step.commit) if known is not None and point.step is not None else None
            return replace(point, order=step.order if step is not None else 0)
        if any(self._mirror.is_ancestor(commit, other) for other in (tips.config, tips.project)):
            found = chronicle().at(when)
            if found is not None:
                order = found.step.order if found.step is not None else 0
                return self._past(found.commit, tips, text, when, order)
        raise self._none(f"the commit {text} is on no branch of {self._stage}", "choose the stage that it is of")

    def _past(
        self, commit: CommitId, tips: Tips, at: str, when: Instant, order: int | None, known: Chronicle | None = None
    ) -> Point:
        return self._point(commit, tips, at, when, order, known)

    def _point(
        self, commit: CommitId, tips: Tips, at: str, when: Instant, order: int | None = None,
        known: Chronicle | None = None,
    ) -> Point:  # fmt: skip
        step = self._newest_step(commit, known)
        if not at:
            return Point(self._stage, tips, at, step, when)
        apart = tips.config != tips.ops
        config = step.config if apart and step is not None and step.config else tips.config if apart else commit
        project = step.project if step is not None and step.project else tips.project
        here = [each for each in (project,) if self._mirror.find_commit(each) is not None]
        return Point(self._stage, Tips(here[0] if here else tips.project, config, commit), at, step, when, order)

    def _newest_step(self, commit: CommitId, known: Chronicle | None) -> Claimed | None:
        """Return the newest step on the way back; people's commits and known forgeries stand between."""
        current = commit
        for _ in range(_WALKED):
            info = self._mirror.commit(current)
            claim = claimed(info, self._stage)
            if claim is not None and (known is None or not known.is_forged(current)):
                return claim
            if not info.parents:
                return None
            current = info.parents[0]
        return None

    def _none(self, message: str, hint: str) -> NoMomentError:
        return NoMomentError(message, expected=_FORMS, hint=hint)


def moment_of(text: str, now: Instant | None = None, *, what: str = "at", forms: str = _FORMS) -> Instant:
    """Return the moment that a person wrote: a date or a time of ISO 8601, in UTC where it does not say otherwise.

    Or how long before ``now`` it was, as for the commands: `3h`, `30d`. ``what`` is what was given so, ``forms`` what
    it may be.

    Raises:
        NoMomentError: it is none.
    """
    ago = _AGO.match(text.strip())
    if ago is not None and now is not None:
        return Instant(max(0, now - int(ago["count"]) * _UNITS[ago["unit"]]))
    try:
        # A plus in an address is a space, unless it was encoded.
        return instant_of(datetime.fromisoformat(re.sub(r" (?=\d\d:?\d\d\Z)(?<=\d\d:\d\d )", "+", text)))
    except ValueError as error:
        raise NoMomentError(f"`{text[:80]}` is no moment", expected=forms, hint=f"correct `{what}`") from error
