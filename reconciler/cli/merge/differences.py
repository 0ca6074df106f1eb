"""What is different with a merge: held values, remediations, and what nobody can say from here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.cli.configured import step_data
from reconciler.cli.merge.causes import Cause, Causes
from reconciler.cli.merge.outcome import Outcome
from reconciler.cli.merge.sides import Pair
from reconciler.decide.claims import label, show
from reconciler.decide.outlook import standing
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.model.desired import Held, Key
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.step import Step

_NOBODY: Final = RemediationId("")
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True)
class Differences:
    """Plain data, each list in the order of its services.

    ``fields`` are desired values, ``remediations`` those that stand or go on otherwise, ``pinned`` those that look at
    changed files and don't heed the change, ``unknown`` what could not be seen and may make a difference.
    """

    fields: list[dict[str, Any]]
    remediations: list[dict[str, Any]]
    pinned: list[dict[str, Any]]
    unknown: list[dict[str, Any]]

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.fields or self.remediations or self.unknown)


def differences(pair: Pair, before: Outcome, after: Outcome, causes: Causes) -> Differences:
    """Return what is different between the stage as it would be after the next pass without the merge and with it."""
    found = Differences([], [], [], [])
    for service in pair.services:
        looked = _Looked(pair, before, after, causes, service)
        fields, remediations = list(looked.fields()), list(looked.remediations())
        found.fields.extend(fields)
        found.remediations.extend(remediations)
        found.pinned.extend(looked.pinned())
        found.unknown.extend(looked.unknown(differs=bool(fields or remediations)))
    found.remediations.extend(_of_stage(pair, before, after, causes))
    return found


@dataclass(frozen=True)
class _Looked:
    """One service."""

    pair: Pair
    before: Outcome
    after: Outcome
    causes: Causes
    service: ServicePath

    @property
    def now(self) -> ServiceView:
        return self._view(self.pair.before.snapshot.services)

    @property
    def without(self) -> ServiceView:
        return self._view(self.before.views)

    @property
    def merged(self) -> ServiceView:
        return self._view(self.after.views)

    def _view(self, views: Mapping[ServicePath, ServiceView]) -> ServiceView:
        return views[self.service] if self.service in views else ServiceView(self.service, exists=False)

    def fields(self) -> Iterator[dict[str, Any]]:
        for key in sorted({*self.without.desired, *self.merged.desired}):
            without, after = self.without.desired.get(key), self.merged.desired.get(key)
            if _value(without) == _value(after):
                continue
            now = self.now.desired.get(key)
            known = next(each for each in (after, without) if each is not None)
            stands = now.value if now is not None else known.base
            owner = (after or without or known).by
            yield {
                "service": str(self.service),
                "target": label(key),
                "key": str(key[0]),
                "field": key[1],
                "now": stands,
                "without": stands if without is None else without.value,
                "after": stands if after is None else after.value,
                "held": after is not None and bool(after.claims),
                "remediation": str(owner),
                "why": [str(cause) for cause in self._why(owner, key)],
            }

    def remediations(self) -> Iterator[dict[str, Any]]:
        names = {**self.without.remediations, **self.merged.remediations}
        for name in sorted(names):
            without, after = self.without.remediations.get(name), self.merged.remediations.get(name)
            if _standing(without) == _standing(after) and not self._effect(name, without, after):
                continue
            now = self.now.remediations.get(name)
            yield {
                "service": str(self.service),
                "remediation": str(name),
                "about": names[name].about,
                "now": standing(now) if now is not None else "",
                "without": self._stands(without, self.before),
                "after": self._stands(after, self.after),
                "effect": self._effect(name, without, after),
                "why": [str(cause) for cause in self._why(name)],
            }

    def pinned(self) -> Iterator[dict[str, Any]]:
        for name, now in sorted(self.now.remediations.items()):
            files = {reference.rpartition("@")[0] for reference in now.pinned} & self.causes.paths
            without, after = self.without.remediations.get(name), self.merged.remediations.get(name)
            if not now.ended and files and _standing(without) == _standing(after):
                yield {
                    "service": str(self.service),
                    "remediation": str(name),
                    "about": now.about,
                    "now": standing(now),
                    "files": sorted(files),
                }

    def unknown(self, *, differs: bool) -> Iterator[dict[str, Any]]:
        """Yield what is missing with the merge; where that is so without it, and nothing else differs, nothing."""
        missing = self.after.unknown.get(self.service, ())
        if missing and (differs or missing != self.before.unknown.get(self.service, ())):
            why = [str(cause) for cause in self.causes.of(self.service, ())]
            for want in missing:
                yield {"service": str(self.service), "needs": str(want), "why": why}

    def _stands(self, remediation: Remediation | None, outcome: Outcome) -> str:
        if remediation is not None:
            return standing(remediation)
        return _UNKNOWN if outcome.unknown.get(self.service) else ""

    def _effect(self, name: RemediationId, without: Remediation | None, after: Remediation | None) -> str:
        old, new = self.before.steps_of(self.service, name), self.after.steps_of(self.service, name)
        told = [_told(step) for step in new if not any(_same(step, other) for other in old)]
        gone = [_told(step) for step in old if not any(_same(step, other) for other in new)]
        if not told and gone:
            instead = "it is not known what instead of" if self.after.unknown.get(self.service) else "not any more"
            return f"{instead}: {'; '.join(gone)}"
        if without is not None and after is not None:
            files = sorted({each.rpartition("@")[0] for each in {*after.pinned} - {*without.pinned}})
            told += [f"pinned as merged: {', '.join(files)}"] if files else []
        return "; ".join(told)

    def _why(self, name: RemediationId, key: Key | None = None) -> tuple[Cause, ...]:
        steps = [*self.after.steps_of(self.service, name), *self.before.steps_of(self.service, name)]
        topics = ["bounds" for step in steps if "bound" in step.data]
        if not topics or key is None:
            known = (views.remediations.get(name) for views in (self.now, self.without, self.merged))
            topics += [each.hold.condition for each in known if each is not None and each.hold is not None]
        return self.causes.of(self.service, topics)


def _of_stage(pair: Pair, before: Outcome, after: Outcome, causes: Causes) -> Iterator[dict[str, Any]]:
    """Yield what is done about no remediation: files refused or put back, commands to the whole stage."""
    old = [step for step in before.steps if step.remediation is None]
    for step in after.steps:
        if step.remediation is None and not any(_same(step, other) for other in old):
            yield {
                "service": str(step.service or ""),
                "remediation": str(_NOBODY),
                "about": str(step.service or pair.stage.name),
                "now": "",
                "without": "",
                "after": step.event,
                "effect": _told(step),
                "why": [str(cause) for cause in causes.of(step.service, ())],
            }


def _value(held: Held | None) -> object:
    return None if held is None else (held.value, held.base, bool(held.claims))


def _standing(remediation: Remediation | None) -> object:
    """Return all of a remediation that a person would call different; numbers of steps are not."""
    if remediation is None:
        return None
    hold = remediation.hold
    return (
        remediation.phase, remediation.outcome, remediation.entry, remediation.actions, remediation.index,
        remediation.problems, remediation.pinned, remediation.waiting, remediation.then, remediation.reason,
        (hold.condition, hold.reason, hold.lifts) if hold is not None else None,
    )  # fmt: skip


def _same(one: Step, other: Step) -> bool:
    return (one.event, one.service, one.remediation, one.subject, dict(one.data)) == (
        other.event, other.service, other.remediation, other.subject, dict(other.data)
    )  # fmt: skip


def _told(step: Step) -> str:
    told = step.subject.partition(": ")[2] or step.subject
    why = step_data("", step).get("reason")
    return f"{told}: {str(why).rstrip('.')}" if why else told


def spoken(row: Mapping[str, Any]) -> Sequence[str]:
    """Return a field's three values as they are shown: now, without the merge where that differs, and with it."""
    now, without, after = (show(row[key]) for key in ("now", "without", "after"))
    still = after if row["held"] else f"{after} (no longer held)"
    return (now if without == now else f"{now} ({without} in the next pass)", still)
