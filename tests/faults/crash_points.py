"""What tests of crash points share: at which points to kill, and a site that can be put back to where it was.

Between two points nothing changes but what stands between them. So whoever is killed right before each change, and once
after the last one, has met each state of the disk and of the remote that a crash can leave.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from reconciler.daemon.clock import SystemClock
from tests.daemon.site import Site, deployment, git
from tests.faults.crashing import AHEAD, KILLED, ONE, How, Passes
from tests.faults.invariants import Scene
from tests.faults.outage import merges

EVERY: Final = bool(os.environ.get("RECONCILER_EVERY_POINT"))
"""Whether to kill at all points instead of some of them, as `python -m tests.faults.every_point` has it."""
COMES_BY: Final = {
    "whole loop": frozenset({
        "project-read", "list", "fetch", "write", "push", "read-back", "applied-push", "report-push", "observe",
        "measure", "apply", "notify",
    }),
    "received": frozenset({"body", "hand-in", "answer"}),
    "away": frozenset({"away", "home", "back"}),
    "salvaging": frozenset({"salvage"}),
    "tidying": frozenset({"upkeep"}),
    "leases": frozenset({"lease-look", "lease-write"}),
    "telling": frozenset({
        "notify", "trace", "verdict", "check", "past", "proposal-push", "proposal-found", "proposal-opened",
    }),
    "withdrawing": frozenset({"proposal-withdrawn", "proposal-taken-away"}),
    "declining": frozenset({"decline-push"}),
}  # fmt: skip
"""What is done between two points, by the story that is killed there; declining is in tests/daemon."""
_READS: Final = frozenset({
    "start version", "start ls-remote", "start cat-file", "start ls-tree", "start rev-list", "start diff-tree",
    "start merge-base", "start fast-import", "start rev-parse", "start config",
})  # fmt: skip
"""Programs that change nothing when they start; what `fast-import` is given later has points of its own."""
_NOTHING: Final = frozenset({
    "write reconciler-mirror", "remove reconciler-salvaged", "write away",
    "mkdir info", "write alternates", "write packed-refs",
})  # fmt: skip
"""A file that is only locked, one that is not there, one of the tests', and what is in folders that are made anew."""
_ASKED: Final = frozenset({"before-write", "before-apply", "before-lease-write"})
"""What is asked of a program that runs already, or of a server."""


_SAMPLES: Final = shutil.ignore_patterns("*.sample")


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Return each name with how often it has come until then."""
    seen = Counter[str]()
    found: list[str] = []
    for name in names:
        seen[name] += 1
        found.append(f"{name}:{seen[name]}")
    return tuple(found)


def spread(names: Sequence[str]) -> set[str]:
    """Return the first, the middle and the last point of each name; all of them if `EVERY` is set."""
    if EVERY:
        return set(numbered(names))
    times = Counter(names)
    return {f"{name}:{nth}" for name, last in times.items() for nth in (1, (last + 1) // 2, last)}


def done(names: Sequence[str]) -> set[str]:
    """Return what was done between two points."""
    return {name.partition("-")[2] for name in names if " " not in name}


def kills(names: Sequence[str]) -> list[str]:
    """Return the points right before each change, and the one right after the last."""
    points = numbered(names)
    changes = [at for at, name in enumerate(names) if _is_change(name) and not _goes_on(name, names[:at])]
    after = [at for at in range(changes[-1] + 1, len(points)) if points[at].startswith("after-")][:1]
    return [points[at] for at in (*changes, *after)]


def _goes_on(name: str, before: Sequence[str]) -> bool:
    """Whether a folder is being taken away file by file: it is killed before its first two, and after it."""
    return all(each.startswith(("remove ", "rmdir ")) for each in (name, *before[-2:]))


def _is_change(name: str) -> bool:
    return name in _ASKED or (" " in name and name not in _READS | _NOTHING)


class Restored:
    """What a site's folder and its remote are at a moment, to be had again."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._copy = site.folder / "copy"
        self._names = [each.name for each in site.folder.iterdir() if each.name == "state" or each.suffix == ".git"]
        self._ahead = site.clock.ahead
        self._files = [each.name for each in site.folder.iterdir() if each.name == "away"]
        for name in self._names:
            shutil.copytree(site.folder / name, self._copy / name, symlinks=True, ignore=_SAMPLES)

    def again(self) -> None:
        """Put everything back."""
        for each in list(self._site.folder.iterdir()):
            if each.is_dir() and (each.name in (*self._names, "state") or each.name.startswith("mirror-")):
                shutil.rmtree(each)
        for name in self._names:
            shutil.copytree(self._copy / name, self._site.folder / name, symlinks=True)
        self._site.clock.pass_by(self._ahead - self._site.clock.ahead)
        away = self._site.folder / "away"
        away.touch() if self._files else away.unlink(missing_ok=True)

    def end(self) -> None:
        """Throw the copy away."""
        shutil.rmtree(self._copy)


@contextmanager
def restoring(site: Site) -> Iterator[Restored]:
    """Remember how all is now."""
    made = Restored(site)
    try:
        yield made
    finally:
        made.end()


def one_clock(site: Site) -> None:
    """Let the cluster's clock be that of the pass that is made, or was made last."""
    file = site.folder / AHEAD
    file.touch()
    system = SystemClock()
    site.cluster.now = lambda: datetime.fromtimestamp(system.wall() + file.stat().st_mtime, UTC)


def anew(scene: Scene, name: str) -> None:
    """Let the cluster be as at the beginning, and everything that is looked for be about another problem."""
    cluster = scene.site.cluster
    cluster.delete("Deployment", "sockshop-production", "carts-primary")
    cluster.create(deployment("carts-primary"))
    cluster.journal.clear()
    scene.accepted, scene.said = {name}, []


def traced(driver: Passes, site: Site, *, report: str = "", how: How = ONE) -> list[str]:
    """Make a pass that nothing happens to; returns the names of all that it comes by."""
    file = site.folder / "trace"
    file.unlink(missing_ok=True)
    assert driver.make(site, report=report, trace=file, how=how) != KILLED
    return file.read_text().splitlines()


def said(site: Site) -> str:
    """Return what all passes have said."""
    return Path(site.folder / "said.txt").read_text()


def state(site: Site, name: str) -> dict[str, object]:
    """Return how all is in the end, but for times, commits, observed facts, and where a decision was durable first.

    ``name`` is that of the problem, which is another one in each run.
    """
    listed = git(site.remote, "ls-tree", "-r", "--name-only", "production").splitlines()
    files = {path.replace(name, "_"): _timeless(site.file(path) or "", name) for path in listed}
    # A request that was cut off by the kill has no body, and did nothing; leases are written too.
    scalings = [body["spec"] for body in site.scalings() if body and "replicas" in body.get("spec", {})]
    return {
        "files": files, "events": site.events(), "subjects": site.subjects(), "replicas": site.replicas(),
        "merges": len(merges(site)), "scalings": scalings,
    }  # fmt: skip


def _timeless(text: str, name: str) -> str:
    text = re.sub(r"^facts:\n(?:[ ].*\n?)*", "", text.replace(name, "_"), flags=re.MULTILINE)
    text = re.sub(r"^(?:late|durability):.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z|\b[0-9a-f]{40}\b", "_", text)
