"""Changes that somebody else made to machine-written files.

A `git revert` of a decision deletes the file of its step: that is an undo, named with its person and commit. Anything
else under `remediations/`, `state/` or `steps/` is put back, and told.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from reconciler.decide.claims import Dropping, settle
from reconciler.decide.draft import SIGNATURES, Draft, Note, titled
from reconciler.decide.policy import effective
from reconciler.decide.snapshot import Foreign, ServiceView
from reconciler.decide.wording import lines, listed, short
from reconciler.model.desired import render_desired
from reconciler.model.instant import format_instant
from reconciler.model.names import RemediationId, ServicePath

PATHS = 100
"""Files that one step puts back; what is left is the next one's."""


def foreign_turn(draft: Draft, path: ServicePath) -> bool:
    """Honour the first reverted decision, or put everything else back. Returns whether a step was made."""
    view = draft.view(path)
    if not view.foreign:
        return False
    return draft.first(partial(_reverted, draft, view), view.foreign) or _restored(draft, view, view.foreign)


def stage_foreign_turn(draft: Draft) -> bool:
    """Put back what was changed among the steps of the stage itself. Returns whether a step was made."""
    if not draft.stage.foreign:
        return False
    changes = draft.stage.foreign[:PATHS]
    draft.stage = replace(draft.stage, foreign=draft.stage.foreign[PATHS:])
    return draft.add_to_stage(_note(changes), files={change.path: change.ours for change in changes})


def _decision(draft: Draft, view: ServiceView, change: Foreign) -> tuple[RemediationId, int] | None:
    """Return which decision's file was deleted, None where it is no such file or there is nothing of it to take back.

    Of a remediation that is not over every decision counts, for what it did once too: that stays done, and is the last.
    A deletion by a commit that does not count as a person's word asks for nothing.
    """
    prefix = f"{view.ops(draft.stage.name)}/remediations/"
    if change.change != "deleted" or not change.path.startswith(prefix) or not change.path.endswith("-decided.yaml"):
        return None
    if change.unsigned:
        return None
    remediation, _, name = change.path.removeprefix(prefix).partition("/")
    number = name.partition("-")[0]
    known = view.remediations.get(RemediationId(remediation))
    if known is None or not number.isdigit():
        return None
    claimed = {c.step for held in view.desired.values() for c in held.claims if c.remediation == known.id}
    acted = set() if known.ended else {made for made, _ in known.decisions}
    return (known.id, int(number)) if int(number) in claimed | acted else None


def _reverted(draft: Draft, view: ServiceView, change: Foreign) -> bool:
    """Take back the decision and those of the same remediation after it, as the deletion of their files asks."""
    decision = _decision(draft, view, change)
    if decision is None:
        return False
    remediation, first = decision
    _record(draft, view)
    deleted = {
        other: found[1]
        for other in view.foreign
        if (found := _decision(draft, view, other)) and found[0] == remediation
    }
    bounds = effective(draft.stage, view).bounds
    settled = settle(view.desired, Dropping(remediation, "revert", bounds, draft.sequence + 1, first))
    desired = view.desired_path(draft.stage.name)
    answered = [other for other in view.foreign if other in deleted or other.path == desired]
    left = tuple(other for other in view.foreign if other not in answered)
    paths = [other.path for other in answered]
    numbers = sorted(deleted.values())
    made = dict(view.remediations[remediation].decisions)
    gone = [{"step": number, "now": format_instant(made[number])} for number in numbers if number in made]
    who = short(change.author)
    told = {"by": who, "paths": paths, "commit": change.commit, "undone": numbers, "gone": gone}
    body = "\n".join([
        f"{who} reverted step {first} in {change.commit}.", *settled.told,
        "It is not acted on again until `reconciler retry`.",
    ])  # fmt: skip
    title = titled(f"reverted by {who}", view.remediations[remediation].about)
    note = Note("reverted", title, body, {**told, **settled.data})
    files = {desired: render_desired(settled.desired)}
    return draft.add(replace(view, foreign=left), remediation, note, desired=settled.desired, files=files)


def _record(draft: Draft, view: ServiceView) -> None:
    """Record which deletions ask for nothing because of who made them: keys are not in Git."""
    told = {each.path: each.unsigned for each in view.foreign if each.unsigned and each.change == "deleted"}
    if told:
        draft.record(SIGNATURES, told)


def _restored(draft: Draft, view: ServiceView, foreign: tuple[Foreign, ...]) -> bool:
    changes = foreign[:PATHS]
    _record(draft, view)
    files = {change.path: change.ours for change in changes}
    desired = view.desired_path(draft.stage.name)
    if desired in files:
        files[desired] = render_desired(view.desired)
    made = draft.add_to_stage(_note(changes), files=files, service=view)
    if made:
        draft.update(replace(view, foreign=foreign[PATHS:]))
    return made


def _note(changes: tuple[Foreign, ...]) -> Note:
    people = sorted({short(change.author) for change in changes})
    told = [f"{change.path} was {change.change} by {short(change.author)} in {change.commit}." for change in changes]
    body = "\n".join(
        [*lines(told), "They are written by reconciler alone; push a command, or `git revert` a decision."]
    )
    data = {"by": people, "paths": [change.path for change in changes], "commits": sorted({c.commit for c in changes})}
    return Note("restored", f"put back what {listed(people)} changed", body, data)
