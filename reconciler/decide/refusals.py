"""Why something is refused, as a person reads it and as a step records it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.decide.draft import Draft, Note, titled
from reconciler.decide.snapshot import Pinned, ProblemFile, ServiceView
from reconciler.decide.wording import sentence
from reconciler.model.errors import UserError

NO_SERVICE = "no service"


def refusal(draft: Draft, view: ServiceView, file: ProblemFile, told: str = "") -> tuple[UserError, str] | None:
    """Return the error that keeps a problem from being matched, and what must change for another look.

    ``told`` is what such a look gave last; what was told is not worked out in full again.
    """
    if isinstance(file.problem, UserError):
        return file.problem, str(file.file)
    if not view.exists:
        near = draft.near(view) if told != NO_SERVICE else ""
        hint = f"add {view.path}/remediation.yaml, or move the problem to the service that it is about"
        if near:
            hint = f"did you mean {near}? Move the problem to ops/{draft.stage.name}/{near}/problems/."
        expected = "service.yaml, slo.yaml or remediation.yaml there"
        return UserError(f"there is no service at {view.path}/", expected=expected, hint=hint), NO_SERVICE
    if view.clash:
        hint = "rename one of the two folders"
        return UserError(f"two services are called {view.name}: {view.path} and {view.clash}", hint=hint), "clash"
    files = (
        (view.config, view.config_file),
        (view.playbook, view.playbook_file),
        (draft.stage.config, draft.stage.config_file),
    )
    found = next(((value, str(ref)) for value, ref in files if isinstance(value, UserError)), None)
    return found or _unmeasurable(draft, view)


def _unmeasurable(draft: Draft, view: ServiceView) -> tuple[UserError, str] | None:
    """Return what is wrong with the service's own objectives or queries: nothing is done that could not be judged.

    Files of the whole stage or project are not refused here: one bad file never stops another service.
    """
    own = tuple(ref for ref in view.pinned if ref.path.startswith(f"{view.path}/"))
    pinned = draft.pins(tuple(str(ref) for ref in own)) if own else Pinned()
    wrong = [pinned.objectives, *pinned.unreadable]
    error = next((each for each in wrong if isinstance(each, UserError)), None)
    return (error, " ".join(str(ref) for ref in own)) if error is not None else None


def refused_note(title: str, data: Mapping[str, Any], error: UserError, offence: str) -> Note:
    """Return the step that refuses a problem; ``offence`` is what must change for another look."""
    body = f"{explain(error)}\nTried again when that changes."
    return Note("refused", titled("refused", title), body, {**data, "offence": offence, **plain(error)})


def explain(error: UserError) -> str:
    """Return an error for people, a line each for place and message, what was expected, and what to write."""
    lines = [f"{error.place}: {error.message}" if error.place else sentence(error.message)]
    lines += [f"Expected {error.expected}."] if error.expected else []
    lines += [sentence(error.hint)] if error.hint else []
    return "\n".join(lines)


def plain(error: UserError) -> dict[str, str]:
    """Return an error as plain data for a step."""
    data = {"at": str(error.place or ""), "error": error.message, "expected": error.expected, "hint": error.hint}
    return {key: value for key, value in data.items() if value}
