"""What a branch would hold after a merge: made in memory, in a mirror of ours, so that nobody's branch or files move.

git merges (`merge-tree --write-tree`, 2.38 and later), with its own defaults and nobody's configuration, so that the
same two commits give the same tree everywhere. A forge may be set up to merge otherwise (rebase, squash); the files
that come of it are the same, unless there is a conflict.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from reconciler.model.errors import ConfigError, TerminalError
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import commit_id, object_id
from reconciler.repo.process import Finished, run

How: TypeAlias = Literal["contained", "ahead", "merged"]
_TIMEOUT: Final = 60.0
_USAGE: Final = 129
"""The exit status by which git says that it does not know an option."""
_SHOWN: Final = 10
_WHO: Final = {"NAME": "reconciler", "EMAIL": "reconciler@localhost"}


@dataclass(frozen=True)
class Merged:
    """The commit that the branch would be at.

    ``contained``: the branch has all of it already, and stays; ``ahead``: it descends from the branch, which would
    just go there; ``merged``: a commit that was made here.
    """

    commit: CommitId
    how: How


def merge(mirror: Mirror, into: CommitId, other: CommitId) -> Merged:
    """Return what a branch at ``into`` holds once ``other`` is merged; the objects of both must be there.

    Raises:
        ConfigError: they conflict, have nothing in common, or git is too old to merge in memory.
        UserError: more is proposed than can be looked at.
        TerminalError: git could not.
    """
    if mirror.is_ancestor(other, into):
        return Merged(into, "contained")
    parted = _git(mirror, "merge-base", into, other).stdout.decode("ascii", "replace").strip()
    # git has no bound: what it would have to go through is looked at first.
    mirror.changes(commit_id(parted) if parted else into, other)
    if mirror.is_ancestor(into, other):
        return Merged(other, "ahead")
    done = _git(mirror, "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", into, other)
    lines = [line.decode("utf-8", "replace") for line in done.stdout.split(b"\0") if line]
    if done.status == 1 and lines:
        raise _conflict(lines[1:])
    if done.status or not lines:
        raise _failed(done)
    parents = ("-p", object_id(into), "-p", object_id(other))
    made = _git(mirror, "commit-tree", *parents, object_id(lines[0]), date=mirror.commit(into).commit_time.timestamp())
    if made.status:
        raise _failed(made)
    return Merged(commit_id(made.stdout.decode("ascii", "replace").strip()), "merged")


def _conflict(paths: list[str]) -> ConfigError:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ConfigError(
        f"it cannot be merged without a conflict: {', '.join(paths[:_SHOWN])}{more}",
        hint="merge or rebase it on the branch that it shall go to, resolve the conflict there, and push it again",
    )


def _failed(done: Finished) -> ConfigError | TerminalError:
    said = done.stderr.strip().removeprefix("fatal: ")
    if done.status == _USAGE:
        return ConfigError("this git cannot merge in memory", hint="install git 2.38 or newer, or rebase the branch")
    if "unrelated histories" in said:
        hint = "name a branch of this repository; a shallow clone hides what they share (`git fetch --unshallow`)"
        return ConfigError("the two have no commit in common", hint=hint)
    return TerminalError(f"merging failed: {said}", hint="put right what git says and run the command again")


def _git(mirror: Mirror, *words: str, date: float = 0.0) -> Finished:
    command = ("git", f"--git-dir={mirror.path}", *words)
    return run(command, _environment(os.environ, int(date)), timeout=_TIMEOUT, clock=time.monotonic)


def _environment(base: Mapping[str, str], date: int) -> dict[str, str]:
    """Return an environment in which the same input gives the same commit."""
    environment = {key: value for key, value in base.items() if not key.startswith("GIT_")}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_{part}": value for part, value in _WHO.items()}
        environment[f"GIT_{role}_DATE"] = f"{date} +0000"
    nobodys = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}
    return environment | nobodys | {"LC_ALL": "C", "LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0"}
