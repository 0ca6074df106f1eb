"""Committing a person's file and pushing it, and telling which commit that became."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.cli.context import now
from reconciler.cli.messages import visible
from reconciler.cli.output import Format, write
from reconciler.cli.validation import check_file, kind_of
from reconciler.cli.workspace import OpenStage, Workspace
from reconciler.model.errors import BugError, UserError
from reconciler.repo.trailers import escape


def push_files(
    workspace: Workspace, stage: OpenStage, files: Mapping[str, bytes], subject: str, body: str, form: Format
) -> None:
    """Commit files on the branch of the stage's problems and commands, push, and print what was pushed.

    Raises:
        UserError: somebody changed one of the files meanwhile. TerminalError: the push was declined.
        TransientError, BlindError: the remote cannot be reached.
    """
    for path, data in files.items():
        kind = kind_of(path)
        wrong: list[UserError] = check_file(data, path, kind) if kind else []
        if wrong:
            raise BugError(f"this command wrote a file that is not valid: {wrong[0]}")
    changes: dict[str, bytes | None] = dict(files)
    commit = workspace.clone.commit_and_push(
        stage.branch, changes, message(subject, body), when=now(), based_on=stage.ops_tip
    )
    tell_pushed(form, commit, stage.branch, sorted(files), remote=workspace.clone.url)


def tell_pushed(form: Format, commit: str, branch: str, paths: list[str], *, remote: str, **more: Any) -> None:
    """Print which commit was pushed where, and the files in it."""
    verb = f"pushed {commit[:10]} to {branch}" if remote else f"committed {commit[:10]} on {branch}"
    data = {"commit": commit, "branch": branch, "paths": paths, "remote": remote, **more}
    write(form, data, lambda: f"{verb}: {', '.join(paths)}")


def message(subject: str, body: str = "") -> str:
    """Return a commit's message: one line, and below it what else there is to say, with nothing hidden in either."""
    text = visible(body.strip())
    return f"{escape(subject)}\n" + (f"\n{text}\n" if text else "")
