"""What holds in every row of the table of faults, checked over Git, the servers' journals and what the process said.

The table is that of `docs/promises.md`. A `Scene` is a site (tests/daemon/site.py) that remembers what the test did to
it: which problems were accepted, which commits are people's, where the test itself rewrote a branch, which secrets it
planted. `check` is called by the fixture after each test; a test that needs more says so with `blind`.

* I1 no accepted problem is lost
* I2 no action takes effect twice for one decision: a problem's remediation has one first action, whoever decided it, in
  whichever row of steps
* I3 nothing is applied without a decision that was pushed before, or kept in the mirror under `forgeOutage: proceed`
* I4 no force push, and no commit of anybody else dropped
* I5 one bad file stops only its own service: problems of all services must have been dealt with (as I1)
* I6 who starts anew sees the same
* I7 no secret leaves the process
* I8 when blind do nothing new, and say so
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.cluster.journal import Entry
from reconciler.embedded.unleash import Account, World
from reconciler.embedded.unleash.world import Flag
from reconciler.targets.unleash import marks
from tests.daemon.agreement import check_story
from tests.daemon.site import Site, git, until

TITLE = "Response time degradation"
_STEP = "reconciler.dev/step"
_BRANCH = "refs/heads/production"
ROBOT = "reconciler"
"""Who we are to a flag server."""
_APART = "refs/heads/ops/production"
KEPT = "refs/reconciler/unpushed/heads%2Fproduction"
"""Where a mirror keeps the branch while its remote is away."""


@dataclass
class Scene:
    """A site and what was done to it. Made by the fixture `scene`."""

    site: Site
    accepted: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    rewrites: int = 0
    secrets: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ends: bool = True
    """Whether everything is over when the test is: then each problem has been dealt with."""
    flags: list[World] = field(default_factory=list)
    proceeds: bool = False
    """Whether the stage goes on without its remote: a decision that is kept in a mirror is durable then."""
    _unfounded: list[str] = field(default_factory=list)
    _switched: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def watch(self) -> None:
        """Look at every write the moment the cluster gets it, and keep the branch's whole movement."""
        git(self.site.remote, "config", "core.logAllRefUpdates", "always")
        journal = self.site.cluster.journal
        noted: Callable[[Entry], None] = journal.add

        def add(entry: Entry) -> None:
            commit = _step_of(entry)[1]
            if commit and not self._is_durable(commit):
                self._unfounded.append(f"{entry.path}: {commit} was not on the branch")
            noted(entry)

        setattr(journal, "add", add)  # noqa: B010 - the class knows of no listeners, and needs none elsewhere

    def watch_flags(self, world: World) -> None:
        """Look at every flag the moment that we switch it: at the mark that it carries, which says by which step."""
        noted = world.record
        self.flags.append(world)

        def record(who: Account, kind: str, flag: Flag, environment: str | None = None, data: Any = None) -> None:
            if who.name == ROBOT and kind.startswith("feature-environment-"):
                held = marks.decode(environment or "", [value for _, value in flag.tags])
                commit = held.mark.commit if held is not None else "nothing"
                if not self._is_durable(commit):
                    self._unfounded.append(f"{flag.name} {kind}: {commit} was not on the branch")
                self._switched[f"{flag.name} {environment}", str(held), commit] += 1
            noted(who, kind, flag, environment, data)

        setattr(world, "record", record)  # noqa: B010 - as above

    def _is_durable(self, commit: str) -> bool:
        """Whether a commit is on the branch or, while the remote is away, kept in a mirror for it."""
        places = [(self.site.remote, _BRANCH), (self.site.remote, _APART)]
        if self.proceeds:
            mirrors = (self.site.folder / "state" / "mirrors").glob("*.git")
            places += [(mirror, ref) for mirror in mirrors for ref in (KEPT, KEPT.replace("heads", "heads%2Fops"))]
        return any(_holds(where, "merge-base", "--is-ancestor", commit, ref) for where, ref in places)

    # What a test does

    def problem(self, name: str = "p1", title: str = TITLE, service: str = "carts") -> str:
        """Push an open problem as monitoring does."""
        path = f"ops/production/{service}/problems/{name}.yaml"
        commit = self.person({path: f"title: {title}\nstate: open\n"}, f"{name} open")
        self.accepted.add(name)
        return commit

    def person(self, files: dict[str, str | None], message: str = "a person's change") -> str:
        """Push a change of a person's."""
        commit = self.site.push(files, message)
        self.people.add(commit)
        return commit

    def put(self, tree: str, message: str = "made by hand") -> str:
        """Put a commit with a tree that no client makes on top of the branch, as if it had been pushed."""
        commit = git(self.site.remote, "commit-tree", "-p", _BRANCH, "-m", message, tree)
        git(self.site.remote, "update-ref", _BRANCH, commit)
        self.people.add(commit)
        return commit

    def rewrite(self, commit: str) -> None:
        """Move the branch to where it does not descend from, as `push --force` does; what it leaves may go."""
        git(self.site.remote, "update-ref", _BRANCH, commit)
        self.rewrites += 1
        self.people = {
            each for each in self.people if _holds(self.site.remote, "merge-base", "--is-ancestor", each, commit)
        }

    def applied(self, loop: ProjectLoop) -> None:
        """Let the loop look until what is due has taken effect."""
        until(loop, lambda: self.site.events()[-1:] == ["applied"], "applied")

    def applied_once(self, loop: ProjectLoop) -> None:
        """Let the loop look until something has taken effect, whatever else is said."""
        until(loop, lambda: "applied" in self.site.events(), "applied")

    @contextmanager
    def blind(self, loop: ProjectLoop, *words: str) -> Iterator[None]:
        """I8: in here nothing new is decided, nothing is written, and a condition says these words."""
        events, writes = self.site.events() if _is_there(self.site) else None, len(self.site.cluster.journal.writes())
        yield
        told = " ".join(loop.conditions.values())
        self.said.append(told)
        assert all(word in told for word in words), f"I8: {words} is not in: {told}"
        assert len(self.site.cluster.journal.writes()) == writes, "I8: something was written"
        if events is not None and _is_there(self.site):
            assert self.site.events() == events, "I8: something was decided"

    # What holds

    def check(self, output: str) -> None:
        """Check all that can be seen from outside, and that who starts anew sees the same."""
        self.said.append(output)
        self._no_problem_is_lost()
        assert not self._unfounded, f"I3: {self._unfounded}"
        self._nothing_is_done_twice()
        self._nothing_is_dropped()
        self._no_secret_is_out()
        check_story(self.site)  # I6

    def _no_problem_is_lost(self) -> None:
        files = git(self.site.remote, "ls-tree", "-r", "--name-only", "-z", _BRANCH, "--", "ops/production").split("\0")
        there = {Path(file).stem for file in files if "/problems/" in file}
        lost = self.accepted - there
        assert not lost, f"I1: {lost} are not on the branch"
        if self.ends:
            unseen = self.accepted - self._told_of()
            assert not unseen, f"I1: nothing about {unseen}"

    def _told_of(self) -> set[str]:
        """Return the ids of the problems that steps are about; who filed a report has not looked at it yet."""
        steps = ("log", "--author=reconciler", "--grep=^Sequence: [0-9]", "-p", "--format=%(trailers:key=Remediation)")
        found: set[str] = set()
        branches = git(self.site.remote, "for-each-ref", "--format=%(refname)", _BRANCH, _APART).split()
        for line in git(self.site.remote, *steps, *branches).splitlines():
            key, _, value = line.partition(": ")
            if key == "Remediation":
                found.add(value.partition("+")[0])
            elif key.lstrip("+ ") == "file" and key.startswith("+"):
                found.add(Path(str(json.loads(value)).partition("@")[0]).stem)
        return found

    def _nothing_is_done_twice(self) -> None:
        """Each decision of each row is carried out once at each place, and so is each of a problem in all rows."""
        written = Counter((entry.path, _step_of(entry)) for entry in self._writes())
        assert not [each for each, times in written.items() if times > 1], f"I2: {written}"
        assert not [each for each, times in self._switched.items() if times > 1], f"I2: {self._switched}"
        done = {(path, commit) for path, (_, commit) in written} | {
            (place, commit) for place, _, commit in self._switched
        }
        deeds = Counter((place, deed) for place, commit in done if (deed := self._deed(commit)) is not None)
        assert not [each for each, times in deeds.items() if times > 1], f"I2: {deeds}"

    def _deed(self, commit: str) -> tuple[str, str, int] | None:
        """Return what a step decided for the first time: service, remediation, and which decision of it in its row.

        None for what may be done again: given back, repaired, or insisted upon by a person.
        """
        mirrors = self.site.folder.glob("*/mirrors/*.git")
        where = next((each for each in (self.site.remote, *mirrors) if _holds(each, "cat-file", "-e", commit)), None)
        if where is None:
            return None
        keys = ("Event", "Service", "Remediation")
        told = "%x00".join(f"%(trailers:key={key},valueonly,separator=)" for key in keys)
        event, service, remediation = git(where, "log", "-1", f"--format={told}", commit).split("\0")
        if event != "decided":
            return None
        files = git(where, "ls-tree", "-r", "--name-only", commit, "--", "ops/production").splitlines()
        own = [file for file in files if f"/{service}/remediations/{remediation}/" in file]
        if _holds(where, "grep", "-q", "^insisted: true", commit, "--", *own):
            return None
        return service, remediation, sum(file.endswith(("-decided.yaml", "-reverted.yaml")) for file in own)

    def _writes(self) -> list[Entry]:
        entries = self.site.cluster.journal.writes()
        return [entry for entry in entries if 200 <= entry.status < 300 and _step_of(entry)[1]]

    def _nothing_is_dropped(self) -> None:
        remote = self.site.remote
        tips = git(remote, "log", "-g", "--format=%H", _BRANCH).splitlines()
        backwards = [
            f"{old} -> {new}"
            for new, old in pairwise(tips)
            if not _holds(remote, "merge-base", "--is-ancestor", old, new)
        ]
        assert len(backwards) <= self.rewrites, f"I4: the branch was rewritten: {backwards}"
        kept = set(git(remote, "rev-list", _BRANCH).splitlines())
        assert self.people <= kept, f"I4: dropped: {self.people - kept}"

    def _no_secret_is_out(self) -> None:
        if not self.secrets:
            return
        said = "\n".join(self.said)
        history = git(self.site.remote, "log", "--all", "-p", "--format=%an %ae %B")
        bodies = "\n".join(str(entry.body) for entry in self.site.cluster.journal.entries())
        events = "\n".join(str(world.events) for world in self.flags)
        for name, text in {"said": said, "Git": history, "the cluster": bodies, "flags' events": events}.items():
            assert not [each for each in self.secrets if each in text], f"I7: a secret is in what was {name}"


def _step_of(entry: Entry) -> tuple[str, str]:
    """Return the sequence and the commit that a write names; empty where it is none of ours."""
    body: Any = entry.body if isinstance(entry.body, Mapping) else {}
    notes: Any = (body.get("metadata") or {}).get("annotations") or {}
    sequence, _, commit = str(notes.get(_STEP, "")).partition(":") if entry.manager == "reconciler" else ("", "", "")
    return sequence, commit


def _holds(where: Path, *words: str) -> bool:
    return subprocess.run(["git", *words], cwd=where, capture_output=True, check=False).returncode == 0


def _is_there(site: Site) -> bool:
    return site.remote.is_dir() and _holds(site.remote, "rev-parse", "--verify", "-q", _BRANCH)
