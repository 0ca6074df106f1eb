"""Git's command lines for a look that leaves nothing behind; the others are in `argv`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.repo.argv import Argv, fetch, push
from reconciler.repo.remote import Remote


def fetch_tips(git_dir: Path, remote: Remote, refs: Sequence[tuple[str, str]]) -> Argv:
    """Bring refs as `fetch` does, without what came before their newest commits."""
    return _with("--depth=1", fetch(git_dir, remote, refs))


def try_push(git_dir: Path, remote: Remote, updates: Sequence[tuple[str, str | None, str | None]]) -> Argv:
    """Ask the remote all that `push` asks before it sends something, and send nothing."""
    return _with("--dry-run", push(git_dir, remote, updates))


def _with(option: str, words: Argv) -> Argv:
    end = words.index("--")
    return (*words[:end], option, *words[end:])
