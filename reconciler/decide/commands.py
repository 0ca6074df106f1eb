"""What people ask for by pushing a command file. Each is answered by exactly one step that names its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from reconciler.decide.actions.protocol import Failure
from reconciler.decide.claims import Dropping, Settled, fields_of, set_again, settle
from reconciler.decide.draft import SIGNATURES, Draft, Note, titled
from reconciler.decide.policy import effective
from reconciler.decide.problems import matched, pins, running
from reconciler.decide.progress import WAITING_FOR_A_PERSON, failed_note
from reconciler.decide.proposing import expired
from reconciler.decide.refusals import explain, plain, refusal
from reconciler.decide.remediation import Approvable, Remediation
from reconciler.decide.resolution import let_go
from reconciler.decide.snapshot import CommandFile, ServiceView
from reconciler.decide.wording import listed, short
from reconciler.model.command import Command, Verb
from reconciler.model.copies import replace
from reconciler.model.errors import UserError
from reconciler.model.instant import format_instant
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.problem_ids import occurrence_of
from reconciler.model.step import Event


def commands_turn(draft: Draft, path: ServicePath) -> bool:
    """Answer the first of a service's commands that has no answer, in the order of their files' names."""
    view = draft.view(path)
    if not view.commands:
        return False
    answered = frozenset().union(*(each.answered for each in view.remediations.values()))
    files = [file for file in _waiting(draft, view.commands) if file.file.path not in answered]
    return draft.first(partial(_answer, draft, view), files)


def stage_commands_turn(draft: Draft) -> bool:
    """Refuse what cannot be done for a whole stage; `suspend` and `resume` take effect by being there."""
    if not draft.stage.commands:
        return False
    return draft.first(partial(_answer_for_stage, draft), _waiting(draft, draft.stage.commands))


def _waiting(draft: Draft, commands: tuple[CommandFile, ...]) -> list[CommandFile]:
    """Return the commands that were not refused yet: no is no, whatever would be possible later."""
    found = [file for file in commands if str(file.file) not in draft.stage.answered]
    return sorted(found, key=lambda each: each.file.path)


def _answer_for_stage(draft: Draft, file: CommandFile) -> bool:
    command = file.command
    if file.unsigned:
        return _refuse_unsigned(draft, None, file)
    if isinstance(command, UserError):
        return _refuse(draft, None, file, command)
    if command.verb in ("suspend", "resume"):
        return False
    hint = "put it into ops/<stage>/<service>/commands/"
    return _refuse(draft, None, file, UserError(f"`{command.verb}` needs a service", hint=hint))


def _answer(draft: Draft, view: ServiceView, file: CommandFile) -> bool:
    command = file.command
    if file.unsigned:
        return _refuse_unsigned(draft, view, file)
    if isinstance(command, UserError):
        return _refuse(draft, view, file, command)
    answer = _ANSWERS.get(command.verb)
    if answer is None:
        if not command.remediation:
            return False
        error = UserError(f"`{command.verb}` is for a service or a stage", hint="leave `remediation` out")
        return _refuse(draft, view, file, error)
    remediation = view.remediations.get(RemediationId(command.remediation))
    if remediation is None:
        return _refuse(draft, view, file, _no_such(draft, view, RemediationId(command.remediation)))
    return answer(draft, view, file, command, remediation)


def _no_such(draft: Draft, view: ServiceView, name: RemediationId) -> UserError:
    """Return that there is none of this name, or that it was archived."""
    known = listed(view.remediations, 10) or "none"
    unknown = UserError(f"there is no remediation {name!r} of {view.name}", expected=f"one of: {known}")
    try:
        problem, occurrence = occurrence_of(name)
    except UserError:
        return unknown
    closed = draft.closed(view.path, problem)
    if closed is None or occurrence > closed.occurrence:
        return unknown
    was = f"remediation {name} is over and was archived at {format_instant(closed.at)}"
    return UserError(was, hint="`reconciler history` still tells of it")


def _refuse(draft: Draft, view: ServiceView | None, file: CommandFile, error: UserError) -> bool:
    name, who = file.file.path.rpartition("/")[2], short(file.author)
    data = {"by": who, **plain(error)}
    note = Note("refused", f"command {name} by {who} refused", explain(error), data)
    return draft.add_to_stage(note, about=file.file, service=view)


def _refuse_unsigned(draft: Draft, view: ServiceView | None, file: CommandFile) -> bool:
    """Refuse what came by a commit that does not count; the verdict is recorded, since keys are not in Git."""
    draft.record(SIGNATURES, {file.file.path: file.unsigned})
    commit = file.commit[:12]
    hint = "ask again in a new file, by a signed commit of somebody who may"
    error = UserError(f"it came by {commit}, which does not count: {file.unsigned}", hint=hint)
    return _refuse(draft, view, file, error)


def _note(
    event: Event, words: str, file: CommandFile, command: Command, remediation: Remediation, *,
    settled: Settled | None = None, more: Mapping[str, Any] | None = None, last: str = "",
) -> Note:  # fmt: skip
    """Return the step that answers a command: it names the person, the file, and what became of the claims."""
    because = {"reason": command.reason} if command.reason else {}
    who = short(file.author)
    data = {"command": file.file.path, "by": who, "verb": command.verb, **because, **(more or {})}
    asked = f"{who} asked for `{command.verb}`{': ' + command.reason if command.reason else ''}."
    body = "\n".join([asked, *(settled.told if settled else ()), *([last] if last else [])])
    data |= settled.data if settled else {}
    return Note(event, titled(f"{words} by {who}", remediation.about), body, data)


def _undo(draft: Draft, view: ServiceView, file: CommandFile, command: Command, remediation: Remediation) -> bool:
    steps = {c.step for held in view.desired.values() for c in held.claims if c.remediation == remediation.id}
    if not remediation.ended:
        steps |= {number for number, _ in remediation.decisions}
    if not steps or command.step > max(steps):
        hint = "it holds nothing any more; change the target by hand"
        return _refuse(draft, view, file, UserError(f"there is nothing of {remediation.id} to undo", hint=hint))
    first = command.step or max(steps)
    bounds = effective(draft.stage, view).bounds
    settled = settle(view.desired, Dropping(remediation.id, "revert", bounds, draft.sequence + 1, first))
    undone = {"undone": sorted(step for step in steps if step >= first)}
    last = "It is not acted on again until `reconciler retry`."
    note = _note("reverted", "undone", file, command, remediation, settled=settled, more=undone, last=last)
    return draft.add(view, remediation.id, note, desired=settled.desired)


def _abort(draft: Draft, view: ServiceView, file: CommandFile, command: Command, remediation: Remediation) -> bool:
    if remediation.ended:
        error = UserError(
            f"remediation {remediation.id} has ended already: {remediation.outcome}", hint="`undo` takes back"
        )
        return _refuse(draft, view, file, error)
    settled = let_go(draft, view, remediation, "keep")
    note = _note("aborted", "aborted", file, command, remediation, settled=settled)
    return draft.add(view, remediation.id, note, desired=settled.desired)


def _retry(draft: Draft, view: ServiceView, file: CommandFile, command: Command, remediation: Remediation) -> bool:
    hold = remediation.hold
    if hold is not None and hold.is_ours_changed:
        again = set_again(view, fields_of(view, remediation.id), remediation.id, draft.sequence + 1)
        note = _note("released", "released", file, command, remediation, settled=again)
        return draft.add(view, remediation.id, note, desired=again.desired)
    if hold is not None and hold.condition in WAITING_FOR_A_PERSON:
        said = {"insisted" if hold.condition == "drift" else "asked": True}
        note = _note("released", "released", file, command, remediation, more=said)
        return draft.add(view, remediation.id, note)
    if hold is not None:
        error = UserError(f"remediation {remediation.id} is held: {hold.reason}", hint=f"it is lifted by {hold.lifts}")
        return _refuse(draft, view, file, error)
    open_ones = [p for p in remediation.problems if not p.resolved and p.id in view.problems]
    if not remediation.ended or not open_ones:
        state = "its problems are resolved" if remediation.ended else f"it is {remediation.phase}"
        return _refuse(draft, view, file, UserError(f"there is nothing to retry about {remediation.id}: {state}"))
    problem = view.problems[open_ones[0].id]
    wrong = refusal(draft, view, problem)
    if wrong is not None:
        return _refuse(draft, view, file, wrong[0])
    entry, unmatched = matched(view, problem)
    if entry is None:
        return _refuse(draft, view, file, UserError(unmatched, hint="add an entry and retry"))
    other = running(view, entry.name)
    if other is not None:
        return _refuse(draft, view, file, UserError(f'remediation {other.id} is about "{entry.name}" already'))
    note = _note("reopened", "tried again", file, command, remediation, more=pins(view, entry))
    return draft.add(view, remediation.id, note)


def _approval(draft: Draft, view: ServiceView, file: CommandFile, command: Command, remediation: Remediation) -> bool:
    hold = remediation.hold
    if hold is None or hold.condition != "approval" or command.step not in (0, hold.number):
        state = f"step {hold.number} waits for {hold.condition}" if hold else "it does not wait for approval"
        return _refuse(draft, view, file, UserError(f"nothing to {command.verb} about {remediation.id}: {state}"))
    proposal = hold.proposal or Approvable()
    if command.effect and not proposal.covers(command.effect):
        error = UserError(
            f"what is proposed for {remediation.id} is not what the command is about",
            expected=f"effect {proposal.effect}, as step {hold.number} says",
            hint=f"look at it and {command.verb} that",
        )  # fmt: skip
        return _refuse(draft, view, file, error)
    if command.verb == "approve" and expired(draft, proposal):
        over = UserError(
            f"the time to approve step {hold.number} of {remediation.id} is over", hint="see what is proposed now"
        )
        return _refuse(draft, view, file, over)
    if command.verb == "approve":
        note = _note("released", "approved", file, command, remediation, more={"approved": True})
        return draft.add(view, remediation.id, note)
    failed = failed_note(draft, view, remediation, Failure(f"declined by {short(file.author)}", command.reason))
    answer = _note("failed", "declined", file, command, remediation)
    return draft.add(view, remediation.id, replace(failed, data={**(answer.data or {}), **(failed.data or {})}))


_Answer = Callable[[Draft, ServiceView, CommandFile, Command, Remediation], bool]
_ANSWERS: Mapping[Verb, _Answer] = {
    "undo": _undo,
    "abort": _abort,
    "retry": _retry,
    "approve": _approval,
    "decline": _approval,
}
