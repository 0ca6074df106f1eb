"""A second clone of the configuration repository, worked in as people and monitoring do: with plain git.

What it knows of the reconciler's work it knows from `git fetch`, so whatever is found here anybody would find.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reconciler.model.errors import TerminalError

_TIMEOUT: Final = 30.0
_TRIES: Final = 20
_FORMAT: Final = (
    "--format=%H%x1f%an%x1f%s%x1f%(trailers:key=Event,valueonly,separator=)"
    "%x1f%(trailers:key=Remediation,valueonly,separator=)%x1f%b%x1e"
)


@dataclass(frozen=True)
class Commit:
    """A commit of the stage's branch; ``event`` and ``remediation`` are empty where it is not the reconciler's.

    ``body`` is all that follows the subject.
    """

    id: str
    author: str
    subject: str
    event: str = ""
    remediation: str = ""
    body: str = field(default="", repr=False)

    @property
    def short(self) -> str:
        """The commit's id, as far as people say it."""
        return self.id[:9]


class Person:
    """A clone in ``folder`` with the branch of one stage checked out. ``environment`` is git's."""

    def __init__(self, folder: Path, branch: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.branch = branch
        self._environment = dict(environment)

    @classmethod
    def clone(
        cls, remote: Path, folder: Path, branch: str, environment: Mapping[str, str], *, name: str = "you"
    ) -> Person:
        """Clone a repository; the clone knows who works in it, so that it can be gone on with by hand.

        Raises:
            TerminalError: git cannot; its words are in the error's.
        """
        command = ["git", "clone", "--quiet", "--branch", branch]
        who = ["--config", f"user.name={name}", "--config", f"user.email={name}@example.com"]
        _run([*command, *who, "--", str(remote), str(folder)], remote.parent, dict(environment))
        return cls(folder, branch, environment)

    def push(self, files: Mapping[str, str], message: str, author: str) -> Commit:
        """Write files (path → content), commit them as ``author`` and push, as often as somebody else was quicker.

        Raises:
            TerminalError: git refused.
        """
        for path, content in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, "utf-8")
        self._git("add", "--", *files)
        name = f"{author} <{author.replace(' ', '-')}@example.com>"
        self._git("commit", "--quiet", f"--author={name}", "--message", message)
        for left in reversed(range(_TRIES)):
            self._git("pull", "--quiet", "--rebase", "origin", self.branch)
            try:
                self._git("push", "--quiet", "origin", f"HEAD:refs/heads/{self.branch}")
                break
            except TerminalError:
                if not left:
                    raise
        return Commit(self._git("rev-parse", "HEAD").strip(), author, message)

    def read(self, path: str) -> str:
        """Return a file of the work tree."""
        return (self.folder / path).read_text("utf-8")

    def fetched(self, since: str = "") -> list[Commit]:
        """Fetch, and return the branch's commits after ``since`` (a commit's id; all if empty), oldest first."""
        self._git("fetch", "--quiet", "origin", self.branch)
        tip = f"origin/{self.branch}"
        listed = self._git("log", "--reverse", _FORMAT, f"{since}..{tip}" if since else tip)
        return [Commit(*record.strip("\n").split("\x1f")) for record in listed.split("\x1e") if record.strip("\n")]

    def pull(self) -> None:
        """Bring the work tree to what was pushed."""
        self._git("pull", "--quiet", "--rebase", "origin", self.branch)

    def _git(self, *words: str) -> str:
        return _run(["git", *words], self.folder, self._environment)


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            encoding="utf-8", timeout=_TIMEOUT, check=True,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip()
        raise TerminalError(f"{' '.join(command[:2])} failed: {said}", hint="see what git says") from error
    except subprocess.TimeoutExpired as error:
        raise TerminalError(f"{' '.join(command[:2])} took longer than {_TIMEOUT:.0f} s") from error
    return done.stdout
