"""What people ask for by pushing a command file. Each is answered by exactly one step that names its file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.decide.actions.protocol import Failure
from reconciler.decide.claims import Dropping, fields_of, set_again, settle
from reconciler.decide.draft import Draft, Note, UnseenError
from reconciler.decide.policy import effective
from reconciler.decide.problems import explain, matched, pins, plain, refusal
from reconciler.decide.progress import failed_note
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import CommandFile, ServiceView
from reconciler.model.command import Command
from reconciler.model.errors import UserError
from reconciler.model.names import RemediationId, ServicePath


def commands_turn(draft: Draft, path: ServicePath) -> bool:
    """Answer a service's commands, in the order of their files' names."""
    made = False
    for file in sorted(draft.view(path).commands, key=lambda each: each.file.path):
        draft.begin()
        try:
            made |= _answer(draft, draft.view(path), file)
        except UnseenError:
            continue
    return made


def stage_commands_turn(draft: Draft) -> bool:
    """Refuse what cannot be done for a whole stage; `suspend` and `resume` take effect by being there."""
    made = False
    for file in sorted(draft.stage.commands, key=lambda each: each.file.path):
        draft.begin()
        command = file.command
        if isinstance(command, UserError):
            made |= _refuse(draft, None, file, command)
        elif command.verb not in ("suspend", "resume"):
            made |= _refuse(
                draft,
                None,
                file,
                UserError(f"`{command.verb}` needs a service", hint="put it into ops/<stage>/<service>/commands/"),
            )
    return made


def _answer(draft: Draft, view: ServiceView, file: CommandFile) -> bool:
    command = file.command
    if any(file.file.path in each.answered for each in view.remediations.values()):
        return False
    if isinstance(command, UserError):
        return _refuse(draft, view, file, command)
    if command.verb in ("suspend", "resume") and not command.remediation:
        return False
    remediation = view.remediations.get(RemediationId(command.remediation))
    if remediation is None:
        known = ", ".join(view.remediations) or "none"
        error = UserError(f"{view.name} has no remediation {command.remediation!r}", expected=f"one of: {known}")
        return _refuse(draft, view, file, error)
    match command.verb:
        case "undo":
            return _undo(draft, view, file, command, remediation)
        case "abort":
            return _abort(draft, view, file, command, remediation)
        case "retry":
            return _retry(draft, view, file, command, remediation)
        case "approve" | "decline":
            return _approval(draft, view, file, command, remediation)
        case _:
            return _refuse(
                draft,
                view,
                file,
                UserError(f"`{command.verb}` is for a service or a stage", hint="leave `remediation` out"),
            )


def _refuse(draft: Draft, view: ServiceView | None, file: CommandFile, error: UserError) -> bool:
    if str(file.file) in draft.stage.answered:
        return False
    name = file.file.path.rpartition("/")[2]
    note = Note("refused", f"command {name} by {file.author} refused", explain(error), plain(error))
    return draft.add_to_stage(note, about=file.file, service=view)


def _by(file: CommandFile, command: Command, **more: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"command": file.file.path, "by": file.author, "verb": command.verb}
    return {**data, **({"reason": command.reason} if command.reason else {}), **more}


def _words(file: CommandFile, command: Command) -> str:
    return f"{file.author} asked for `{command.verb}`{': ' + command.reason if command.reason else ''}."


def _undo(draft: Draft, view: ServiceView, file: CommandFile, command: Command, remediation: Remediation) -> bool:
    steps = [c.step for held in view.desired.values() for c in held.claims if c.remediation == remediation.id]
    if not steps or command.step > max(steps):
        hint = "it holds nothing any more; change the target by hand"
        return _refuse(draft, view, file, UserError(f"there is nothing of {remediation.id} to undo", hint=hint))
    first = command.step or max(steps)
    bounds = effective(draft.stage, view).bounds
    settled = settle(view.desired, Dropping(remediation.id, "revert", bounds, draft.sequence + 1, first))
    body = "\n".join([_words(file, command), *settled.told, "It is not acted on again until `reconciler retry`."])
    note = Note(
        "reverted",
        f"undone by {file.author} ({remediation.title})",
        body,
        _by(file, command, undone=first, **settled.data),
    )
    return draft.add(view, remediation.id, note, desired=settled.desired)


def _abort(draft: Draft, view: ServiceView, file: CommandFile, command: Command, remediation: Remediation) -> bool:
    if remediation.ended:
        error = UserError(f"{remediation.id} has ended already: {remediation.outcome}")
        return _refuse(draft, view, file, error)
    bounds = effective(draft.stage, view).bounds
    settled = settle(view.desired, Dropping(remediation.id, "keep", bounds, draft.sequence + 1))
    body = "\n".join([_words(file, command), *settled.told])
    note = Note("aborted", f"aborted by {file.author} ({remediation.title})", body, _by(file, command))
    return draft.add(view, remediation.id, note, desired=settled.desired)


def _retry(draft: Draft, view: ServiceView, file: CommandFile, command: Command, remediation: Remediation) -> bool:
    body = _words(file, command)
    if remediation.hold is not None:
        again = set_again(view, fields_of(view, remediation.id), remediation.id, draft.sequence + 1)
        note = Note(
            "released", f"released by {file.author} ({remediation.title})", body, _by(file, command, **again.data)
        )
        return draft.add(view, remediation.id, note, desired=again.desired)
    open_ones = [p for p in remediation.problems if not p.resolved and p.id in view.problems]
    if not remediation.ended or not open_ones:
        state = f"it is {remediation.phase}" if not remediation.ended else "its problems are resolved"
        return _refuse(draft, view, file, UserError(f"there is nothing to retry about {remediation.id}: {state}"))
    problem = view.problems[open_ones[0].id]
    wrong = refusal(draft, view, problem)
    if wrong is not None:
        return _refuse(draft, view, file, wrong[0])
    entry, unmatched = matched(view, problem)
    if entry is None:
        return _refuse(draft, view, file, UserError(unmatched, hint="add an entry and retry"))
    data = _by(file, command, **pins(view, entry))
    return draft.add(view, remediation.id, Note("reopened", f"tried again ({remediation.title})", body, data))


def _approval(draft: Draft, view: ServiceView, file: CommandFile, command: Command, remediation: Remediation) -> bool:
    hold = remediation.hold
    if hold is None or hold.condition != "approval" or command.step not in (0, hold.number):
        state = f"step {hold.number} waits for {hold.condition}" if hold else "it does not wait for approval"
        return _refuse(draft, view, file, UserError(f"nothing to {command.verb} about {remediation.id}: {state}"))
    if command.verb == "approve":
        note = Note(
            "released",
            f"approved by {file.author} ({remediation.title})",
            _words(file, command),
            _by(file, command, approved=True),
        )
        return draft.add(view, remediation.id, note)
    note = failed_note(remediation, Failure(f"declined by {file.author}", command.reason))
    return draft.add(view, remediation.id, replace(note, data={**(note.data or {}), **_by(file, command)}))
