"""The life of problem files: seen first, seen again, resolved, deleted, opened once more, or not to be read.

A problem belongs to at most one running remediation. It is recorded as resolved only when a step says so; a file that
is open after that is its next occurrence, `<id>+2`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from reconciler.decide.actions.protocol import Wait
from reconciler.decide.actions.registry import pin
from reconciler.decide.claims import Dropping, Settled, fields_of, settle
from reconciler.decide.draft import Draft, Note, UnseenError
from reconciler.decide.matching import match
from reconciler.decide.planning import attempt
from reconciler.decide.policy import effective
from reconciler.decide.remediation import Attached, Remediation
from reconciler.decide.snapshot import ProblemFile, ServiceView
from reconciler.model.errors import UserError
from reconciler.model.names import ProblemId, RemediationId, ServicePath
from reconciler.model.playbook import Entry, Playbook
from reconciler.model.policy import OnResolve
from reconciler.model.problem import Problem

T = TypeVar("T")


def problems_turn(draft: Draft, path: ServicePath) -> bool:
    """Take up what is new among a service's problems. Returns whether a step was made."""
    made = False
    for remediation in tuple(draft.view(path).remediations.values()):
        made |= _alone(draft, path, _resolution, remediation)
    for file in sorted(draft.view(path).problems.values(), key=lambda each: each.file.path):
        made |= _alone(draft, path, _one, file)
    for shadowed in draft.view(path).shadowed:
        made |= _alone(draft, path, _shadowed, shadowed)
    return made


def _alone(draft: Draft, path: ServicePath, turn: Callable[[Draft, ServiceView, T], bool], about: T) -> bool:
    """Take one turn; what it could not see stops no other."""
    draft.begin()
    try:
        return turn(draft, draft.view(path), about)
    except UnseenError:
        return False


def _one(draft: Draft, view: ServiceView, file: ProblemFile) -> bool:
    known = latest(view, file.id)
    if known is not None and not known[1].resolved:
        if isinstance(file.problem, UserError) and known[0].phase != "refused":
            return _unreadable(draft, view, file, file.problem)
        return known[0].phase == "refused" and _take_up(draft, view, file, known[1].occurrence, known[0])
    if isinstance(file.problem, Problem) and file.problem.state == "resolved":
        return False
    if isinstance(file.problem, UserError) and known is not None:
        return _unreadable(draft, view, file, file.problem)
    return _take_up(draft, view, file, known[1].occurrence + 1 if known else 1, None)


def latest(view: ServiceView, problem: ProblemId) -> tuple[Remediation, Attached] | None:
    """Return the newest occurrence of a problem that steps know of."""
    found = [(r, p) for r in view.remediations.values() for p in r.problems if p.id == problem]
    return max(found, key=lambda pair: (pair[1].occurrence, pair[0].sequence), default=None)


def refusal(draft: Draft, view: ServiceView, file: ProblemFile) -> tuple[UserError, str] | None:
    """Return the error that keeps a problem from being matched, and what must change for another look."""
    if isinstance(file.problem, UserError):
        return file.problem, str(file.file)
    if not view.exists:
        error = UserError(
            f"there is no service at {view.path}/", expected="service.yaml, slo.yaml or remediation.yaml there",
            hint=f"add {view.path}/remediation.yaml, or move the problem to the service that it is about",
        )  # fmt: skip
        return error, "no service"
    if view.clash:
        hint = "rename one of the two folders"
        return UserError(f"two services are called {view.name}: {view.path} and {view.clash}", hint=hint), "clash"
    for value, ref in ((view.config, view.config_file), (view.playbook, view.playbook_file)):
        if isinstance(value, UserError):
            return value, str(ref)
    if isinstance(draft.stage.config, UserError):
        return draft.stage.config, str(draft.stage.config_file)
    return None


def _take_up(draft: Draft, view: ServiceView, file: ProblemFile, occurrence: int, refused: Remediation | None) -> bool:
    title = file.problem.title if isinstance(file.problem, Problem) else file.id
    data: dict[str, Any] = {"problem": told(file, occurrence)}
    new = RemediationId(file.id if occurrence == 1 else f"{file.id}+{occurrence}")
    remediation = refused.id if refused else new
    wrong = refusal(draft, view, file)
    if wrong is not None:
        if refused is not None and refused.offence == wrong[1]:
            return False
        return draft.add(view, remediation, _refused(title, data, *wrong))
    entry, unmatched = matched(view, file)
    if entry is None:
        return draft.add(view, remediation, Note("unmatched", f"nothing to do for {title}", unmatched, data))
    data |= pins(view, entry)
    running = [r for r in view.remediations.values() if r.entry == entry.name and not r.ended and r.phase != "refused"]
    if running and refused is None:
        host = running[-1]
        body = f'Problem {file.id} matches "{entry.name}", which {host.id} is already about.'
        return draft.add(
            view, host.id, Note("attached", f"one more problem ({title})", body, {"problem": data["problem"]})
        )
    return _open(draft, view, remediation, file, entry, data)


def _open(
    draft: Draft, view: ServiceView, remediation: RemediationId, file: ProblemFile, entry: Entry,
    data: Mapping[str, Any],
) -> bool:  # fmt: skip
    count = len(entry.actions)
    title = str(data["problem"]["title"])
    body = f'Problem {file.id} matches "{entry.name}"; it has {count} action{"" if count == 1 else "s"}.'
    if effective(draft.stage, view).mode in ("shadow", "suspended"):
        pinned = Remediation(remediation, entry=entry.name, actions=tuple(data["actions"]))
        wait = attempt(draft, view, pinned)
        if isinstance(wait, Wait):
            return draft.add(view, remediation, held_note(wait, title, f"{body}\n", data))
    return draft.add(view, remediation, Note("opened", f"opened ({title})", body, data))


def held_note(wait: Wait, title: str, prefix: str = "", data: Mapping[str, Any] | None = None) -> Note:
    """Return the step that says what a remediation waits for and what lifts it."""
    held = {"condition": wait.condition, "reason": wait.reason, "lifts": wait.lifts}
    body = f"{prefix}{wait.reason}.\nLifted by: {wait.lifts}."
    return Note("held", f"held: {wait.condition} ({title})", body, {**(data or {}), **held})


def matched(view: ServiceView, file: ProblemFile) -> tuple[Entry | None, str]:
    """Return the playbook entry of a problem, or None with the reason."""
    problem = file.problem
    if not isinstance(problem, Problem) or not isinstance(view.playbook, Playbook):
        return None, f"{view.path} has no remediation.yaml."
    entry = match(view.playbook, root_cause=problem.root_cause, title=problem.title)
    names = ", ".join(f'"{each.name}"' for each in view.playbook.entries)
    return entry, f'No entry of {view.playbook.path} matches "{problem.title}"; it has {names}.'


def told(file: ProblemFile, occurrence: int) -> dict[str, Any]:
    """Return what a step pins of a problem."""
    data: dict[str, Any] = {"id": file.id, "occurrence": occurrence, "file": str(file.file)}
    if isinstance(file.problem, Problem):
        problem = file.problem
        data["title"] = problem.title
        more = {"rootCause": problem.root_cause, "source": problem.source, "url": problem.url}
        data |= {key: value for key, value in more.items() if value}
        if problem.labels:
            data["labels"] = dict(sorted(problem.labels.items()))
    return data


def pins(view: ServiceView, entry: Entry) -> dict[str, Any]:
    """Return what a step pins of the configuration: entry and actions as written, the files of SLO and SLIs by id."""
    files = [str(ref) for ref in ((view.playbook_file,) if view.playbook_file else ()) + view.pinned]
    return {"entry": entry.name, "actions": [pin(action) for action in entry.actions], "pinned": files}


def _refused(title: str, data: Mapping[str, Any], error: UserError, offence: str) -> Note:
    return Note(
        "refused",
        f"refused ({title})",
        f"{explain(error)}\nTried again when that changes.",
        {**data, "offence": offence, **plain(error)},
    )


def explain(error: UserError) -> str:
    """Return an error for people, a line each for place and message, what was expected, and what to write."""
    lines = [f"{error.place}: {error.message}" if error.place else error.message]
    lines += [f"Expected {error.expected}."] if error.expected else []
    lines += [error.hint] if error.hint else []
    return "\n".join(lines)


def plain(error: UserError) -> dict[str, str]:
    """Return an error as plain data for a step."""
    data = {"at": str(error.place or ""), "error": error.message, "expected": error.expected, "hint": error.hint}
    return {key: value for key, value in data.items() if value}


def _unreadable(draft: Draft, view: ServiceView, file: ProblemFile, error: UserError) -> bool:
    if str(file.file) in draft.stage.answered:
        return False
    body = f"{explain(error)}\nIt is taken as it was before."
    return draft.add_to_stage(
        Note("refused", f"cannot read problem {file.id}", body, plain(error)), about=file.file, service=view
    )


def _shadowed(draft: Draft, view: ServiceView, file: ProblemFile) -> bool:
    if str(file.file) in draft.stage.answered:
        return False
    body = f"{file.shadowed_by} has the same id and was there first.\nGive one of them another name."
    note = Note(
        "refused", f"two files for problem {file.id}", body, {"error": "duplicate id", "other": file.shadowed_by}
    )
    return draft.add_to_stage(note, about=file.file, service=view)


def _resolution(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    over = [p for p in remediation.problems if not p.resolved and _is_over(view, p)]
    if not over:
        return False
    everything = all(p.resolved or p in over for p in remediation.problems)
    if not everything and not remediation.ended:
        return False
    settled = Settled(view.desired)
    if everything and fields_of(view, remediation.id):
        how = _how(draft, view, remediation)
        bounds = effective(draft.stage, view).bounds
        settled = settle(view.desired, Dropping(remediation.id, how, bounds, draft.sequence + 1))
    by = "by its source" if all(p.id in view.problems for p in over) else "by deleting its file"
    body = "\n".join([f"{', '.join(p.id for p in over)} was resolved {by}.", *settled.told])
    data = {"resolved": [p.id for p in over], **settled.data}
    note = Note("resolved", f"resolved ({remediation.title})", body, data)
    return draft.add(view, remediation.id, note, desired=settled.desired)


def _is_over(view: ServiceView, problem: Attached) -> bool:
    file = view.problems.get(problem.id)
    return file is None or (isinstance(file.problem, Problem) and file.problem.state == "resolved")


def _how(draft: Draft, view: ServiceView, remediation: Remediation) -> OnResolve:
    """Keep, as Keptn did; before it took effect nothing is worth keeping, and a raised autoscaler is always lowered."""
    if remediation.pending and not remediation.ended:
        return "revert"
    options = remediation.actions[remediation.index].get("options") or {} if remediation.actions else {}
    explicit = options.get("onResolve") or effective(draft.stage, view).on_resolve
    if explicit in ("keep", "revert"):
        return "revert" if explicit == "revert" else "keep"
    raised = any(key[1] != "replicas" and key[1] != "enabled" for key in fields_of(view, remediation.id))
    return "revert" if raised else "keep"
