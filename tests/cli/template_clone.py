"""A new configuration repository with its own checks, run as a forge and a person run them: real git, real commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.main import run

BIN = Path(sys.executable).parent
CI = ("CI_", "GITHUB_", "GITLAB_", "FORGEJO_", "GITEA_", "RECONCILER_", "GIT_")


@dataclass(frozen=True)
class Checked:
    """What a script left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Clone:
    """A person's clone beside the bare remote `shop.git`."""

    remote: Path
    folder: Path

    def environment(self, **more: str) -> Mapping[str, str]:
        """Return what the scripts run in: the command that is tested, and nothing of whoever tests."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(CI)}
        identity = {"GIT_CONFIG_GLOBAL": os.environ["GIT_CONFIG_GLOBAL"], "GIT_CONFIG_NOSYSTEM": "1"}
        return {**kept, **identity, "PATH": f"{BIN}:{os.environ['PATH']}", **more}

    def run(self, *words: str, **more: str) -> Checked:
        """Run a command in the clone."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Checked(done.returncode, done.stdout, done.stderr)

    def git(self, *words: str) -> str:
        """Run git, which must do it."""
        done = self.run("git", *words)
        assert done.code == 0, done.err
        return done.out.strip()

    def check(self, branch: str = "production", **more: str) -> Checked:
        """Run the template's own check of what is checked out."""
        return self.run("sh", "ci/check.sh", branch, **more)

    def commit(self, message: str = "a change") -> None:
        """Commit everything, ignored files too."""
        self.git("add", "-Af")
        self.git("commit", "-qm", message)

    def fresh(self) -> None:
        """Go back to the remote's production."""
        self.git("switch", "-q", "--detach")
        self.git("reset", "-q", "--hard", "origin/production")
        self.git("clean", "-qfdx")


def laid_out(folder: Path) -> Clone:
    """Lay out a project and clone it, with `production` checked out."""
    assert run(["init", "--bare", str(folder / "shop.git")]) == 0
    clone = Clone(folder / "shop.git", folder / "clone")
    (folder / "clone").mkdir()
    clone.git("clone", "-q", "../shop.git", ".")
    clone.git("switch", "-q", "production")
    return clone


def with_hook(clone: Clone) -> Clone:
    """Install the template's hook as its own text says."""
    clone.git("switch", "-q", "main")
    shutil.copy(clone.folder / "hooks" / "pre-receive", clone.remote / "hooks" / "pre-receive")
    (clone.remote / "hooks" / "pre-receive").chmod(0o755)
    clone.git("switch", "-q", "production")
    return clone
