"""New repositories with their first commits, for `reconciler init`, the demo and tests.

The repository is a person's: their configuration and templates hold.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from reconciler.model.errors import BugError, ConfigError, TerminalError
from reconciler.repo import argv
from reconciler.repo.clone import who_commits
from reconciler.repo.environ import personal_environment
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.names import branch_ref
from reconciler.repo.objects import Identity
from reconciler.repo.origin import settings
from reconciler.repo.process import Finished, run
from reconciler.repo.stream import NewCommit, commit_stream

_TIMEOUT: Final = 60.0


@dataclass(frozen=True)
class NewBranch:
    """A branch with one commit of its own on ``parent``, an earlier branch; without ``files`` it is where that is.

    ``files`` maps path to content, None takes a file of the parent away.
    """

    name: str
    files: Mapping[str, bytes | None]
    message: str = ""
    parent: str = ""


def create_repository(
    folder: Path, branches: Sequence[NewBranch], *, bare: bool, when: datetime, author: Identity | None = None
) -> None:
    """Make a repository in ``folder``, which is made too or is empty.

    HEAD names the first of the branches; unless ``bare`` it is checked out. ``author`` is who commits, and without it
    the person whom git's settings name.

    Raises:
        ConfigError: the folder has something in it, or nobody is named who commits. Nothing is made then.
        UserError: a branch or path that Git cannot hold.
        TerminalError: git failed; its message is in the error's.
    """
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not empty", hint="name a folder that does not exist yet, or empty it")
    refs = [branch_ref(branch.name) for branch in branches]
    who = author or who_commits(settings(_run(argv.config_known())))
    folder.mkdir(parents=True, exist_ok=True)
    _git(argv.create(folder, refs[0], bare=bare))
    git_dir = folder if bare else folder / ".git"
    for ref, branch in zip(refs, branches, strict=True):
        _write(git_dir, ref, branch, when, who)
    if not bare:
        _git(argv.reset_hard(folder))


def _write(git_dir: Path, ref: str, branch: NewBranch, when: datetime, who: Identity) -> None:
    parent = LocalRefs(git_dir).read(branch_ref(branch.parent)) if branch.parent else None
    if branch.parent and parent is None:
        raise BugError(f"{branch.name} starts at {branch.parent}, which is not made yet")
    if branch.files:
        stream = commit_stream(ref, parent, [NewCommit(branch.files, branch.message, when)], who)
        _git(argv.fast_import(git_dir), b"".join(stream) + b"done\n")
    else:
        _git(argv.update_ref(git_dir), f"create {ref}\0{parent}\0".encode())


def _git(words: argv.Argv, data: bytes = b"") -> None:
    finished = _run(words, data)
    if finished.status:
        raise TerminalError(
            f"git could not make the repository: {finished.stderr.strip()}", hint="see what git says, and try again"
        )


def _run(words: argv.Argv, data: bytes = b"") -> Finished:
    return run(words, personal_environment(os.environ), timeout=_TIMEOUT, clock=time.monotonic, data=data)
