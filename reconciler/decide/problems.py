"""The life of problem files: seen first, seen again, resolved, deleted, opened once more, or not to be read.

A problem belongs to at most one running remediation. It is recorded as resolved only when a step says so; a file that
is open after that is its next occurrence, `<id>+2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from reconciler.decide.actions.protocol import Wait
from reconciler.decide.actions.registry import pin
from reconciler.decide.claims import Settled
from reconciler.decide.draft import Draft, Note, titled
from reconciler.decide.finished import Known, is_recorded, is_resolved, newest
from reconciler.decide.holding import held_note
from reconciler.decide.matching import match
from reconciler.decide.planning import attempt
from reconciler.decide.policy import effective
from reconciler.decide.refusals import explain, plain, refusal, refused_note
from reconciler.decide.remediation import Remediation
from reconciler.decide.resolution import ENDS, NOT_HEALED, is_over, let_go
from reconciler.decide.snapshot import ProblemFile, ServiceView
from reconciler.decide.wording import about_problems, listed, short
from reconciler.model.closed import Closed
from reconciler.model.errors import UserError
from reconciler.model.instant import format_instant
from reconciler.model.names import ProblemId, ServicePath
from reconciler.model.playbook import Entry, Playbook
from reconciler.model.problem import Problem
from reconciler.model.problem_ids import remediation_id

CLIENT = "ClientIP"
"""The detail of a problem by which Keptn's actions on routes knew whose requests to act on; pinned as a label."""


def problems_turn(draft: Draft, path: ServicePath) -> bool:
    """Take up the first thing that is new among a service's problems. Returns whether a step was made."""
    view = draft.view(path)
    going: list[Remediation] = []
    back = False
    # One look at each, for every step of a replay comes here.
    for each in view.remediations.values():
        if not is_recorded(each):
            going.append(each)
        if each.phase == "refused" or each.outcome == "orphaned":
            back = True
    files = [file for file in view.problems.values() if not is_resolved(file)]
    if not (going or files or back or view.shadowed):
        return False
    last = newest(view) if files or back else {}
    if back:
        # Only what was refused or orphaned is looked at although its file says that it is over.
        files = [file for file in view.problems.values() if not _is_past(last, file)]
    files.sort(key=lambda each: each.file.path)
    return (
        draft.first(partial(_resolution, draft, view), going)
        or draft.first(partial(_one, draft, view, last), files)
        or draft.first(partial(_shadowed, draft, view), view.shadowed)
    )


def _is_past(last: Mapping[ProblemId, Known], file: ProblemFile) -> bool:
    """Whether a file only says what a step has recorded already, that its problem is over."""
    known = last.get(file.id)
    return known is not None and known[1].resolved and is_resolved(file)


def _one(draft: Draft, view: ServiceView, last: Mapping[ProblemId, Known], file: ProblemFile) -> bool:
    known = last.get(file.id)
    if known is None or known[1].resolved:
        return not is_resolved(file) and _again(draft, view, file, known[1].occurrence if known else 0)
    back = known[0].outcome == "orphaned" and view.exists and view.playbook is not None
    if known[0].phase == "refused" or back:
        return _take_up(draft, view, file, known[1].occurrence, known[0])
    return isinstance(file.problem, UserError) and _unreadable(draft, view, file, file.problem)


def _again(draft: Draft, view: ServiceView, file: ProblemFile, last: int) -> bool:
    """Take up a problem's next occurrence; ``last`` is that of the steps in the tree, 0 where none speaks of it.

    One that was archived counts on, or is a late repeat: the very file that was reported then.
    """
    closed = draft.closed(view.path, file.id)
    if closed is not None and closed.occurrence >= last:
        if closed.blob == file.file.blob:
            return _repeated(draft, view, file, closed)
        last = closed.occurrence
    if isinstance(file.problem, UserError) and last:
        return _unreadable(draft, view, file, file.problem)
    return _take_up(draft, view, file, last + 1, None)


def _take_up(draft: Draft, view: ServiceView, file: ProblemFile, occurrence: int, known: Remediation | None) -> bool:
    """Find what a problem is about and begin; ``known`` was refused, or orphaned by a service that is back."""
    title = file.problem.title if isinstance(file.problem, Problem) else file.id
    data: dict[str, Any] = {"problem": told(file, occurrence)}
    remediation = known if known is not None else Remediation(remediation_id(file.id, occurrence))
    wrong = refusal(draft, view, file, told=remediation.offence)
    if wrong is not None:
        if remediation.offence == wrong[1]:
            return False
        return draft.add(view, remediation.id, refused_note(title, data, *wrong))
    entry, unmatched = matched(view, file)
    if entry is None:
        return draft.add(view, remediation.id, Note("unmatched", titled("nothing to do", title), unmatched, data))
    host = running(view, entry.name)
    if host is not None:
        body = f'Problem {file.id} matches "{entry.name}", which {host.id} is already about.'
        return draft.add(view, host.id, Note("attached", titled("one more problem", title), body, data))
    came = {"reported": format_instant(draft.arrived(file.file))}
    return _open(draft, view, remediation, file, entry, data | came | pins(view, entry))


def running(view: ServiceView, entry: str) -> Remediation | None:
    """Return the remediation that something is being done in about an entry, None where there is none."""
    found = [r for r in view.remediations.values() if r.entry == entry and not r.ended and r.phase != "refused"]
    return found[-1] if found else None


def _open(
    draft: Draft, view: ServiceView, remediation: Remediation, file: ProblemFile, entry: Entry,
    data: Mapping[str, Any],
) -> bool:  # fmt: skip
    count = len(entry.actions)
    title = str(data["problem"]["title"])
    body = f'Problem {file.id} matches "{entry.name}"; it has {count} action{"" if count == 1 else "s"}.'
    if remediation.entry:
        body = f"{view.path}/ is a service again. {body}"
        return draft.add(view, remediation.id, Note("reopened", titled("taken up again", title), body, data))
    if effective(draft.stage, view).mode in ("shadow", "suspended"):
        wait = attempt(draft, view, Remediation(remediation.id, entry=entry.name, actions=tuple(data["actions"])))
        if isinstance(wait, Wait):
            return draft.add(view, remediation.id, held_note(wait, title, f"{body}\n", data))
    return draft.add(view, remediation.id, Note("opened", titled("opened", title), body, data))


def matched(view: ServiceView, file: ProblemFile) -> tuple[Entry | None, str]:
    """Return the playbook entry of a problem, or None with the reason."""
    problem = file.problem
    if not isinstance(problem, Problem) or not isinstance(view.playbook, Playbook):
        return None, f"{view.path} has no remediation.yaml."
    entry = match(view.playbook, root_cause=problem.root_cause, title=problem.title)
    names = listed(f'"{each.name}"' for each in view.playbook.entries) or "none"
    return entry, f'No entry of {view.playbook.path} matches "{short(problem.title)}"; it has {names}.'


def told(file: ProblemFile, occurrence: int) -> dict[str, Any]:
    """Return what a step pins of a problem."""
    data: dict[str, Any] = {"id": file.id, "occurrence": occurrence, "file": str(file.file)}
    if isinstance(file.problem, Problem):
        problem = file.problem
        data["title"] = problem.title
        more = {"rootCause": problem.root_cause, "source": problem.source, "url": problem.url}
        data |= {key: value for key, value in more.items() if value}
        client = problem.details.get(CLIENT)
        labels = {**({CLIENT: client} if isinstance(client, str) else {}), **problem.labels}
        if labels:
            data["labels"] = dict(sorted(labels.items()))
    return data


def pins(view: ServiceView, entry: Entry) -> dict[str, Any]:
    """Return what a step pins of the configuration: entry and actions as written, the files of SLO and SLIs by id."""
    files = [str(ref) for ref in ((view.playbook_file,) if view.playbook_file else ()) + view.pinned]
    return {"entry": entry.name, "actions": [pin(action) for action in entry.actions], "pinned": files}


def _repeated(draft: Draft, view: ServiceView, file: ProblemFile, closed: Closed) -> bool:
    if str(file.file) in draft.stage.answered:
        return False
    error = UserError(
        f"problem {file.id} is over: it ended `{closed.end}` and was archived at {format_instant(closed.at)}",
        expected="a new problem; this file is, byte for byte, as it was when it was reported then",
        hint="delete the file; to report the problem anew give it another name, or say when it began (`startedAt`)",
    )
    note = Note("refused", f"problem {file.id} was reported long ago", explain(error), plain(error))
    return draft.add_to_stage(note, about=file.file, service=view)


def _unreadable(draft: Draft, view: ServiceView, file: ProblemFile, error: UserError) -> bool:
    if str(file.file) in draft.stage.answered:
        return False
    body = f"{explain(error)}\nIt is taken as it was before."
    note = Note("refused", f"cannot read problem {file.id}", body, plain(error))
    return draft.add_to_stage(note, about=file.file, service=view)


def _shadowed(draft: Draft, view: ServiceView, file: ProblemFile) -> bool:
    if str(file.file) in draft.stage.answered:
        return False
    if isinstance(file.problem, UserError) and not file.shadowed_by:
        note = Note("refused", "a problem file with an unusable name", explain(file.problem), plain(file.problem))
        return draft.add_to_stage(note, about=file.file, service=view)
    body = f"{file.shadowed_by} has the same id and was there first.\nGive one of them another name."
    data = {"error": "duplicate id", "other": file.shadowed_by}
    note = Note("refused", f"two files for problem {file.id}", body, data)
    return draft.add_to_stage(note, about=file.file, service=view)


def _resolution(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    over = [p for p in remediation.problems if not p.resolved and is_over(view, p)]
    if not over or remediation.is_judged:
        return False
    everything = all(p.resolved or p in over for p in remediation.problems)
    if not everything and not remediation.ended:
        return False
    over = over[:ENDS]
    settled = let_go(draft, view, remediation) if everything else Settled(view.desired)
    source = all(p.id in view.problems for p in over)
    one = "was resolved by its source" if source else "was resolved by deleting its file"
    several = "were resolved by their source" if source else "were resolved, some of them by deleting their files"
    body = "\n".join([f"{about_problems((p.id for p in over), one, several)}.", *settled.told])
    data: dict[str, Any] = {"resolved": [p.id for p in over], **settled.data}
    subject = "resolved"
    if not remediation.ended and remediation.result == "fail":
        subject = NOT_HEALED
        data |= {"unhealed": True, "reason": "resolved by its source, but the objectives were not met"}
    note = Note("resolved", titled(subject, remediation.about), body, data)
    return draft.add(view, remediation.id, note, desired=settled.desired)
