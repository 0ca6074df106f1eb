"""The repository that everybody pushes to, with a witness: what each push would have done to which branch.

Git itself refuses here to delete a branch or to wind one back; the witness sees also who only tried.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HOOK: Final = """\
#!/bin/sh
exec cat >>"$(dirname "$0")/../../pushes"
"""
_RULES: Final = {
    "receive.denyNonFastForwards": "true",
    "receive.denyDeletes": "true",
    "core.logAllRefUpdates": "true",
}
_NOTHING: Final = "0" * 40


@dataclass(frozen=True)
class Push:
    """What one push asked for of one ref."""

    old: str
    new: str
    ref: str


class WatchedRemote:
    """A bare repository that exists already; from now on it is watched."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = dict(environment)
        self._log = folder.parent / "pushes"
        self._log.touch()
        hook = folder / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK, "utf-8")
        hook.chmod(0o755)
        for key, value in _RULES.items():
            self.git("config", key, value)

    def git(self, *words: str) -> str:
        return self._run(*words).decode("utf-8", "replace")

    def attempts(self, branch: str) -> list[Push]:
        """Return what pushes asked for of a branch, in the order of their coming; some of them came too late."""
        asked = (Push(*line.split(" ", 2)) for line in self._log.read_text("utf-8").splitlines())
        return [push for push in asked if push.ref == f"refs/heads/{branch}"]

    def tip(self, branch: str) -> str:
        return self.git("rev-parse", f"refs/heads/{branch}").strip()

    def problem_paths(self, branch: str) -> list[str]:
        listed = self.git("ls-tree", "-r", "-z", "--name-only", branch, "--", "ops").split("\0")
        return [path for path in listed if "/problems/" in path]

    def tips(self, branch: str) -> list[str]:
        """Return where the branch has been since it was watched, in order."""
        return self.git("log", "--walk-reflogs", "--format=%H", branch).split()[::-1]

    def check(self, branch: str) -> None:
        """Fail unless all is whole, and nobody so much as tried to take back what somebody had pushed."""
        assert self.git("fsck", "--full", "--strict", "--no-dangling") == ""
        been = self.tips(branch)[1:]
        attempts = self.attempts(branch)
        assert {push.new for push in attempts} >= set(been)
        for push in attempts:
            assert _NOTHING not in {push.old, push.new}, push
            if self._has(push.new):  # else Git refused it before anything of it was kept
                self.git("merge-base", "--is-ancestor", push.old, push.new)

    def files(self, branch: str, under: str = "") -> dict[str, str]:
        """Return every file below a folder of a branch, path → content."""
        packed = self._run("archive", "--format=tar", branch)
        with tarfile.open(fileobj=io.BytesIO(packed)) as tree:
            found = {each.name: tree.extractfile(each) for each in tree if each.name.startswith(under)}
            return {name: content.read().decode() for name, content in found.items() if content is not None}

    def _has(self, commit: str) -> bool:
        done = subprocess.run(
            ["git", "cat-file", "-e", commit], cwd=self.folder, env=self._environment, capture_output=True, check=False
        )
        return done.returncode == 0

    def _run(self, *words: str) -> bytes:
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=self._environment, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr)
        return done.stdout
