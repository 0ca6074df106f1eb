"""A git in front of git that writes down how it was called, and where in a command line a name may stand."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

_SPY = """\
#!/bin/sh
printf '%s\\0' "$#" "$@" >> "{log}"
exec "{real}" "$@"
"""
_REVISION = re.compile(r"(?:[0-9a-f]{40}|refs/[^:]+):")


class SeenArguments:
    """The command lines of every git that is started by its name, since the last `forget`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the spy into a folder of its own, at the front of PATH."""
        self._log = folder / "argv"
        spy = folder / "spy" / "git"
        spy.parent.mkdir()
        spy.write_text(_SPY.format(log=self._log, real=shutil.which("git")))
        spy.chmod(0o755)
        monkeypatch.setenv("PATH", f"{spy.parent}{os.pathsep}{os.environ['PATH']}")

    def forget(self) -> None:
        """Forget what was called until now: what the test itself did."""
        self._log.unlink(missing_ok=True)

    def calls(self) -> list[list[str]]:
        """Return the arguments of each call, the oldest first."""
        words = os.fsdecode(self._log.read_bytes()).split("\0")[:-1] if self._log.exists() else []
        found: list[list[str]] = []
        while words:
            count = int(words[0])
            found.append(words[1 : count + 1])
            words = words[count + 1 :]
        return found

    def with_name(self, name: str) -> list[list[str]]:
        """Return the calls that have a name anywhere in their arguments."""
        return [call for call in self.calls() if any(name in word for word in call)]

    def as_more_than_a_name(self, *names: str) -> list[list[str]]:
        """Return the calls in which one of the names stands where git could take it for more than a name.

        Only a path after ``--``, a ref's full name and a path in ``<revision>:<path>`` cannot be.
        """
        return [call for call in self.calls() if any(_may_be_more(word, names) for word in _before_the_end(call))]


def _before_the_end(call: list[str]) -> list[str]:
    return call[: call.index("--")] if "--" in call else call


def _may_be_more(word: str, names: tuple[str, ...]) -> bool:
    if word.startswith("refs/") or _REVISION.match(word):
        return False
    return any(name in word for name in names)
