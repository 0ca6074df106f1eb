"""The git command line of a replay, by the same rules as those in `argv`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from reconciler.repo.argv import Argv

_COMMIT: Final = "%H %T%n%P%n%an <%ae> %at%n%cn <%ce> %ct%n%B"


def commits(git_dir: Path) -> Argv:
    """Print the commits whose ids come on standard input with the files that each changed; merges with none.

    A commit is one NUL-terminated record (its id and tree, its parents, author, committer, message), each file two:
    ``:mode mode id id status`` and its path. Nothing of a person's settings changes that.
    """
    words = (
        "diff-tree", "--stdin", "-r", "-z", "--raw", "--root", "--always", "--no-renames", "--no-abbrev",
        "--no-ext-diff", "--no-notes", "--no-show-signature", "--encoding=UTF-8", f"--format={_COMMIT}",
    )  # fmt: skip
    return ("git", f"--git-dir={git_dir}", "--literal-pathspecs", *words)


def words(git_dir: Path) -> Argv:
    """Print the same of commits without their files, which are not looked for."""
    told = (
        "log", "--no-walk=unsorted", "--stdin", "-z", "--no-color", "--no-notes", "--no-show-signature", "--no-mailmap",
        "--encoding=UTF-8", f"--format={_COMMIT}",
    )  # fmt: skip
    return ("git", f"--git-dir={git_dir}", "--literal-pathspecs", *told)


def contents(git_dir: Path) -> Argv:
    """Print the objects whose ids come on standard input, without handing over each by itself."""
    return ("git", f"--git-dir={git_dir}", "--literal-pathspecs", "cat-file", "--batch", "--buffer")
