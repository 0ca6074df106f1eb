"""A repository on this machine as a person has it: a clone with a work tree, or a bare one. Read only.

What the commands look at without the engine's mirror: which branches there are, what lies in them. The person's own
configuration holds here, except where it would run a command or ask somebody; the engine's does not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from reconciler.model.errors import ConfigError, UserError
from reconciler.model.names import CommitId
from reconciler.repo import argv
from reconciler.repo.environ import reading_environment
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.names import is_object_id
from reconciler.repo.process import Finished, Process, run
from reconciler.repo.reader import Reader

_TIMEOUT: Final = 60.0
_BRANCHES: Final = "refs/heads/"


class LocalRepository:
    """Made by `open`; a context manager, because reading starts children. One thread."""

    def __init__(self, git_dir: Path, common_dir: Path, root: Path | None) -> None:
        """Use `open`."""
        self.git_dir = git_dir
        self.root = root
        self.refs = LocalRefs(common_dir)
        self.reader = Reader(git_dir, _start)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Find the repository that ``path`` is in, or that it is itself: a bare one is not looked for above it.

        ``root`` is then its work tree's top, None where it is bare.

        Raises:
            ConfigError: there is none, or it came as files of somebody's branch.
        """
        if not path.is_dir():
            raise ConfigError(f"{path} is no directory", hint="name a clone or a bare repository with --repo")
        finished = _run(argv.locate(path.absolute()))
        if finished.status and not (named := _run(argv.locate_named(path.absolute()))).status:
            finished = named
        lines = finished.stdout.decode("utf-8", "surrogateescape").splitlines()
        if finished.status or len(lines) != 2:
            raise ConfigError(
                f"{path} is in no Git repository: {finished.stderr.strip().removeprefix('fatal: ')}",
                hint="go into a clone of the configuration repository, or name one with --repo",
            )
        root = _top(path)
        if root is None:
            refuse_brought(Path(lines[0]))
        return cls(Path(lines[0]), Path(lines[1]), root)

    def branches(self) -> dict[str, CommitId]:
        """Return the local branches, by name."""
        return {ref.removeprefix(_BRANCHES): tip for ref, tip in self.refs.below(_BRANCHES).items()}

    def head(self) -> str | None:
        """Return the name of the branch that is checked out or, in a bare repository, that HEAD names."""
        ref = LocalRefs(self.git_dir).head()
        return ref.removeprefix(_BRANCHES) if ref is not None and ref.startswith(_BRANCHES) else None

    def resolve(self, text: str) -> CommitId:
        """Return the commit that a person means by a branch, tag, id or expression such as `HEAD~2`.

        Raises:
            ConfigError: there is none.
        """
        finished = _run(argv.rev_parse(self.git_dir, text)) if text and not text.startswith("-") else None
        found = finished.stdout.decode("ascii", "replace").strip() if finished and not finished.status else ""
        if not is_object_id(found):
            raise ConfigError(f"there is no commit `{text}` in {self.git_dir}", hint="see `git branch --all`")
        return CommitId(found)

    def close(self) -> None:
        """End the children."""
        self.reader.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def refuse_brought(git_dir: Path) -> None:
    """Make sure that a repository is no part of what somebody committed: its settings would be theirs.

    Raises:
        ConfigError: its files are those of a branch.
    """
    outer = _top(git_dir.parent)
    if outer is not None and not _run(argv.tracked(outer, git_dir.resolve() / "HEAD")).status:
        raise ConfigError(
            f"{git_dir} came with the files of {outer}: a repository that somebody committed is not trusted",
            hint="clone it to a place outside (`git clone --bare`), or `git rm` it",
        )


def _top(path: Path) -> Path | None:
    found = _run(argv.top_level(path.absolute()))
    return None if found.status else Path(found.stdout.decode("utf-8", "surrogateescape").rstrip("\n"))


def _start(words: Sequence[str]) -> Process:
    return Process(words, reading_environment(os.environ), timeout=_TIMEOUT, clock=time.monotonic)


def _run(words: argv.Argv) -> Finished:
    try:
        return run(words, reading_environment(os.environ), timeout=_TIMEOUT, clock=time.monotonic)
    except ValueError as error:  # a NUL in a path or name cannot be an argument
        raise UserError("a name with a NUL in it", expected="a path or branch") from error
