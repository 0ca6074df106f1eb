"""The git command lines of looking back over a whole history, by the same rules as those in `argv`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reconciler.model.errors import BugError
from reconciler.repo.argv import Argv
from reconciler.repo.names import object_id

_COMMIT: Final = "%H %P%n%an <%ae>%n%ct%n%B"
_FILES: Final = (
    "--raw", "-r", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--no-relative",
    "--diff-merges=off",
)  # fmt: skip


def _git(git_dir: Path, *words: str) -> Argv:
    return ("git", f"--git-dir={git_dir}", "--literal-pathspecs", *words)


def _pathspec(path: str) -> str:
    if "\0" in path or not path:
        raise BugError(f"not a path for git: {path[:80]!r}")
    return path


def order(git_dir: Path, tips: Sequence[str], since: Sequence[str] = (), paths: Sequence[str] = ()) -> Argv:
    """Print ids of the commits reachable from some tips and from none of others, parents before their children."""
    # Side branches count: a file may have come in through a merge that a person made.
    words = ("rev-list", "--topo-order", "--reverse", *(("--full-history",) if paths else ()))
    named = (*map(object_id, tips), *(f"^{object_id(old)}" for old in since))
    return _git(git_dir, *words, "--end-of-options", *named, "--", *map(_pathspec, paths))


def told(git_dir: Path, *, files: bool = True) -> Argv:
    """Print the commits whose ids come on standard input with the files that each changed; merges with none.

    A commit is one NUL-terminated record (ids, author, committer's time, message), each file two: ``:mode mode id id
    status`` and its path. Nothing of a person's settings changes that. ``files`` False: without them.
    """
    words = (
        "-c", "log.showRoot=true", "log", "--no-walk=unsorted", "--stdin", "-z", "--no-color", "--no-notes",
        "--no-show-signature", "--no-mailmap", "--encoding=UTF-8", f"--format={_COMMIT}",
    )  # fmt: skip
    # Any word about differences makes git look for them, `--no-patch` too.
    return _git(git_dir, *words, *(_FILES if files else ()))


def only_in(git_dir: Path, tips: Sequence[str], without: Sequence[str]) -> Argv:
    """Print ids of the commits reachable from some tips and from none of others."""
    named = (*map(object_id, tips), *(f"^{object_id(other)}" for other in without))
    return _git(git_dir, "rev-list", "--end-of-options", *named, "--")


def count(git_dir: Path, tips: Sequence[str], without: Sequence[str], most: int) -> Argv:
    """Print how many commits are reachable from some tips and from none of others, at most ``most``."""
    named = (*map(object_id, tips), *(f"^{object_id(other)}" for other in without))
    return _git(git_dir, "rev-list", "--count", f"--max-count={int(most)}", "--end-of-options", *named, "--")


def blame(git_dir: Path, commit: str, path: str, first: int, last: int) -> Argv:
    """Print for some lines of a file who wrote each, and in which commit, as ``--porcelain`` does."""
    words = ("-c", "blame.ignoreRevsFile=", "blame", "--porcelain", "-L", f"{int(first)},{int(last)}")
    return _git(git_dir, *words, object_id(commit), "--", _pathspec(path))


def first_parents(git_dir: Path, tip: str, without: str) -> Argv:
    """Print the commits of the tip's first-parent line that are not reachable from another commit, newest first."""
    words = ("rev-list", "--first-parent", "--end-of-options", object_id(tip), f"^{object_id(without)}")
    return _git(git_dir, *words, "--")
