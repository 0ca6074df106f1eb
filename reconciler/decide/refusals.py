"""Why something is refused, as a person reads it and as a step records it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.decide.draft import Draft, Note, titled
from reconciler.decide.snapshot import ProblemFile, ServiceView
from reconciler.model.errors import UserError


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
    files = (
        (view.config, view.config_file),
        (view.playbook, view.playbook_file),
        (draft.stage.config, draft.stage.config_file),
    )
    return next(((value, str(ref)) for value, ref in files if isinstance(value, UserError)), None)


def refused_note(title: str, data: Mapping[str, Any], error: UserError, offence: str) -> Note:
    """Return the step that refuses a problem; ``offence`` is what must change for another look."""
    body = f"{explain(error)}\nTried again when that changes."
    return Note("refused", titled("refused", title), body, {**data, "offence": offence, **plain(error)})


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
