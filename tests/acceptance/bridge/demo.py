"""`reconciler demo --fast --stay` as a process, read as a person reads it; afterwards everything in it runs on."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reconciler.demo.children import Child
from reconciler.demo.settings import SERVICE, STAGE
from reconciler.demo.waiting import NotYetError, Patience, UnmetError
from tests.acceptance.servers import command
from tests.daemon.site import git

_PATIENCE: Final = Patience(60.0, between=0.05)
_STORY: Final = Patience(240.0, between=0.05)
_STOPS_WITHIN: Final = 60.0


class Demo:
    """A demo in a folder."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "demo" / "clone"
        self._told, self._log = folder / "told", folder / "log"
        self._environment = _environment()
        words = [command(), "demo", "--fast", "--stay", "--keep", str(folder / "demo")]
        self._child = Child(words, self._log, environment=self._environment, out=self._told)

    def pages(self) -> str:
        """Wait until it tells where its pages are, and return that."""
        return self._until(r"in a browser: (http://[^/\s]+)", _PATIENCE)

    def end_of_the_story(self) -> None:
        """Wait until it has told all of it, and goes on running."""
        self._until("(Everything is still running)", _STORY)

    def push(self, file: str, text: str) -> None:
        """Change a file of the stage as a person does."""
        git(self.clone, "pull", "-q", "--rebase", "origin", STAGE)
        (self.clone / file).write_text(text, "utf-8")
        git(self.clone, "commit", "-q", "-m", f"Change {file}", "--", file)
        git(self.clone, "push", "-q", "origin", STAGE)

    def open_problem(self, title: str) -> None:
        """Open a problem as the demo's last words say."""
        words = [command(), "problem", "open", "--stage", STAGE, "--service", SERVICE, "--title", title]
        done = subprocess.run(
            words, cwd=self.clone, env=dict(self._environment), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self) -> int:
        return self._child.stop(_STOPS_WITHIN)

    def _until(self, pattern: str, patience: Patience) -> str:
        def look() -> str:
            told = self._told.read_text("utf-8")
            found = re.search(pattern, told)
            if found is None:
                raise NotYetError("\n" + told[-2000:])
            return found[1]

        return patience.until(pattern, look, alive=self._check_alive)

    def _check_alive(self) -> None:
        if (status := self._child.status()) is not None:
            raise UnmetError(f"the demo ended with {status}: {self._told.read_text()[-3000:]}{self._log.read_text()}")


@contextmanager
def running(folder: Path) -> Iterator[Demo]:
    """Start a demo; it is stopped at the end, and must then have ended in order."""
    demo = Demo(folder)
    try:
        yield demo
    except BaseException:
        demo.stop()
        raise
    assert demo.stop() == 0


def _environment() -> Mapping[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("RECONCILER_", "GIT_"))}
    return {**kept, "PYTHONUNBUFFERED": "1"}
