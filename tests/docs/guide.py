"""A guide's shell blocks, run as a reader types them: one after another, in one shell's folder and environment."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.daemon.project_loop import ProjectLoop
from tests.daemon.site import Later, until

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str = "sh") -> list[str]:
    """Return the code blocks of one language, in their order."""
    return [found[2] for found in _BLOCK.finditer(text) if found[1] == language]


def section(text: str, heading: str) -> str:
    """Return what stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def after(seconds: float, loop: ProjectLoop, clock: Later, met: Callable[[], object], what: str) -> None:
    """Let so much time go by, and then a second with each look, until something has happened.

    An answer that a server gave before the jump and that is heard after it makes the clock doubted; that passes by.
    """
    clock.pass_by(seconds)

    def later() -> object:
        clock.pass_by(1)
        return met()

    until(loop, later, what)


@dataclass
class Shell:
    """Where the reader stands, and what they have exported; nothing of whoever runs the tests reaches it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give the reader a home, a name for Git, and `reconciler` on the path."""
        home = self.folder / "home"
        home.mkdir()
        (home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.com\n", "utf-8")
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        self.environment = {
            "HOME": str(home), "PATH": path, "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1", **self.environment,
        }  # fmt: skip

    def run(self, block: str, *, code: int = 0) -> str:
        """Run one block; the first command that fails ends it. Returns what it wrote, and asserts its exit code."""
        after = self.environment["HOME"] + "/after"
        script = f"set -eo pipefail\ntrap 'pwd > {shlex.quote(after)}; env -0 >> {shlex.quote(after)}' EXIT\n{block}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.environment, timeout=120, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == code, f"{block}\nended with {done.returncode}:\n{done.stdout}"
        where, _, variables = Path(after).read_text("utf-8").partition("\n")
        self.folder = Path(where)
        self.environment = _variables(variables)
        return done.stdout


def _variables(text: str) -> dict[str, str]:
    pairs: Mapping[str, str] = dict(line.split("=", 1) for line in text.split("\0") if "=" in line)
    return {name: value for name, value in pairs.items() if name not in ("_", "PWD", "OLDPWD", "SHLVL")}
