"""What `reconciler validate` says of a commit, by a process of its own (ADR 0154).

People are told one thing by their pull request's CI, on their own machine and on the forge. Commits are somebody else's
bytes, of any size and shape: the process has little memory, little time and a deadline, and takes nobody down
with it. It reads a repository of a few lines that borrows the mirror's objects, so that the two
branches have the names by which `validate` knows the stage and the project.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import reconciler
from reconciler.model.errors import BlindError, Place, TransientError, UserError
from reconciler.model.names import CommitId
from reconciler.repo.process import Process, ProcessDiedError, ProcessTimedOutError

SECONDS: Final = 300.0
"""For one commit, all included, however busy the machine is."""
_COMPUTING: Final = 60
"""Seconds of computing; a change of 500 services takes about two."""
_MEMORY: Final = 1 << 30
_ANSWER: Final = 8 << 20
_KEPT: Final = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT")
"""Of the environment: nothing else is anything that a check needs to know, the daemon's secrets least of all."""
_CONFIG: Final = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_HINT: Final = "run `reconciler validate --diff` in a clone"


@dataclass(frozen=True)
class Commit:
    """What is to be checked: a commit of the branch ``ref`` (full) against its parent, None for the first one.

    ``objects`` is where the mirror has its objects, ``project`` the commit of the default branch.
    """

    objects: Path
    project: CommitId
    ref: str
    parent: CommitId | None
    commit: CommitId


@dataclass(frozen=True)
class Verdict:
    """What `validate` found, each list in the order of the places."""

    errors: tuple[UserError, ...] = ()
    warnings: tuple[UserError, ...] = ()


def checked(
    asked: Commit, folder: Path, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
) -> Verdict:
    """Check it; ``folder`` is where the repository is put meanwhile.

    Raises:
        UserError: the commit cannot be checked within the bounds.
        TransientError: it could not be checked now.
    """
    with _repository(asked, folder) as where:
        span = ["--diff", f"{asked.parent}..{asked.ref}"] if asked.parent is not None else ["--ref", asked.ref]
        words = [sys.executable, "-P", "-m", "reconciler", "validate", str(where), *span, "-o", "json", "--no-progress"]
        status, said, errors = _run(words, seconds, clock)
    last = " ".join(errors.split())[-300:]
    if status == 1 and not said.strip():
        raise UserError(last, hint=_HINT)
    if status not in (0, 1):
        raise TransientError(f"the check ended with {status}: {last}", hint=_HINT)
    try:
        found = json.loads(said)
        # A whole branch is labelled with its name, which is no part of a path.
        label = f"{asked.ref.removeprefix('refs/heads/')}:"
        return Verdict(_errors(found["findings"], label), _errors(found["warnings"], label))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TransientError(f"the check said what is not known: {error!r}", hint=_HINT) from error


@contextmanager
def _repository(asked: Commit, folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    project = f"{asked.ref}.project"
    try:
        with tempfile.TemporaryDirectory(prefix="check-", dir=folder) as name:
            where = Path(name)
            for part in ("objects/info", "refs"):
                (where / part).mkdir(parents=True)
            (where / "objects/info/alternates").write_text(f"{asked.objects.absolute()}\n", encoding="utf-8")
            (where / "config").write_text(_CONFIG, encoding="utf-8")
            (where / "HEAD").write_text(f"ref: {project}\n", encoding="utf-8")
            refs = f"{asked.commit} {asked.ref}\n{asked.project} {project}\n"
            (where / "packed-refs").write_text(refs, encoding="utf-8")
            yield where
    except OSError as error:
        raise BlindError(f"{folder} cannot be written: {error}", hint="the state folder needs some room") from error


def _run(words: Sequence[str], seconds: float, clock: Callable[[], float]) -> tuple[int, bytes, str]:
    """Return how it ended, and what it wrote to its two outputs."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # The code that runs here, wherever it lies.
    environment = {**kept, "PYTHONPATH": str(Path(reconciler.__file__).parents[1])}
    said = bytearray()
    try:
        with Process(words, environment, timeout=seconds, clock=clock, total=seconds) as process:
            _bind(process.pid)
            for chunk in iter(process.chunk, b""):
                said += chunk
                if len(said) > _ANSWER:
                    raise UserError(f"more is wrong than {_ANSWER >> 20} MiB can say", hint=_HINT)
            finished = process.finish()
    except ProcessTimedOutError as error:
        raise UserError(f"the check took longer than {seconds:g} s", hint=_HINT) from error
    except ProcessDiedError as error:
        raise TransientError(f"the check died: {error.stderr[-200:]}", hint=_HINT) from error
    if finished.status < 0 or "MemoryError" in finished.stderr:
        raise UserError("the check needed more memory or time than it is given", hint=_HINT)
    return finished.status, bytes(said), finished.stderr


def _bind(pid: int) -> None:
    """Give a process its bounds, which its children have too; it may have ended already."""
    with suppress(OSError):
        if hasattr(resource, "prlimit"):  # Linux only; elsewhere there is the deadline
            resource.prlimit(pid, resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
            resource.prlimit(pid, resource.RLIMIT_CPU, (_COMPUTING, _COMPUTING + 1))


def _errors(found: Sequence[dict[str, Any]], label: str) -> tuple[UserError, ...]:
    return tuple(
        UserError(
            each["message"], place=Place(each["path"].removeprefix(label), each["line"], each["column"]),
            expected=each["expected"], hint=each["hint"],
        )
        for each in found
    )  # fmt: skip
