"""What holds in every row of the table of faults, checked over Git, the servers' journals and what the process said.

The table is that of `docs/promises.md`. A `Scene` is a site (tests/daemon/site.py) that remembers what the test did to
it: which problems were accepted, which commits are people's, where the test itself rewrote a branch, which secrets it
planted. `check` is called by the fixture after each test; a test that needs more says so with `blind`.

* I1 no accepted problem is lost
* I2 no action takes effect twice for one decision: a problem's remediation has one first action, whoever decided it, in
  whichever row of steps
* I3 nothing is applied without a decision that was pushed before, or kept in the mirror under `forgeOutage: proceed`.
  Both are looked at in the cluster, in Unleash, in the flag file and in calls of endpoints (effects.py)
* I4 no force push, and no commit of anybody else dropped
* I5 one bad file stops only its own service. Where there is a bad one, each other service's problem ended, or has taken
  effect, and nothing of these services was refused: `bad` names the services whose files a test has spoilt, and where
  it names none those count that were refused
* I6 who starts anew sees the same
* I7 no secret leaves the process: each scene has some, and they are looked for in what was said, in Git's history and
  in all that the servers which it knows were asked (secrecy.py)
* I8 when blind do nothing new, and say so: whoever decides has just seen what it decides about, by the journals of the
  servers that have one (sights.py); what is said is looked at where a test says what (`blind`)
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.cluster.journal import Entry
from reconciler.embedded.unleash import UnleashDouble, World
from tests.daemon.agreement import check_story
from tests.daemon.site import Site, git, until
from tests.faults.effects import Effects, step_of
from tests.faults.secrecy import Servers, check_silent
from tests.faults.sights import Sights
from tests.targets.endpoints.receiver import Receiver

TITLE = "Response time degradation"
_BRANCH = "refs/heads/production"
_APART = "refs/heads/ops/production"
KEPT = "refs/reconciler/unpushed/heads%2Fproduction"
"""Where a mirror keeps the branch while its remote is away."""


_WAITS = {"opened", "decided", "failed", "held", "released", "refused"}
"""What a remediation does not end with, and after which nothing of it has taken effect."""


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
    proceeds: bool = False
    """Whether the stage goes on without its remote: a decision that is kept in a mirror is durable then."""
    bad: set[str] = field(default_factory=set)
    """Services whose files the test has spoilt."""
    calls_again: bool = False
    """Whether endpoints may be called again with the same key: a process was ended before it could record an answer."""
    servers: Servers = field(default_factory=Servers)
    effects: Effects = field(init=False)
    sights: Sights = field(init=False)
    _remembered: list[World] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.effects = Effects(self._is_durable)
        self.sights = Sights(self.site)

    def watch(self) -> None:
        """Look at every write the moment the cluster gets it, and keep the branch's whole movement."""
        git(self.site.remote, "config", "core.logAllRefUpdates", "always")
        self.effects.watch_cluster(self.site.cluster)
        self.sights.watch_cluster(self.site.cluster)
        self.servers.know("the cluster", self.site.cluster.journal.entries)

    def watch_flags(self, double: UnleashDouble) -> None:
        """Look at every flag the moment that we switch it, at what its server remembers, and at what it is asked."""
        self.effects.watch_flags(double.world)
        self.sights.watch_flags(double)
        self._remembered.append(double.world)

    def watch_calls(self, receiver: Receiver) -> None:
        """Look at every call of an endpoint the moment it comes."""
        self.effects.watch_calls(receiver)
        self.servers.know("the endpoint", lambda: receiver.told)

    def plant(self, secret: str, server: str = "") -> str:
        """Remember a secret that nobody may hear but the server of this name, which it is for. Returns it."""
        if secret not in self.secrets:
            self.secrets.append(secret)
        if server:
            self.servers.own.setdefault(server, set()).add(secret)
        return secret

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
        self.check_outside()
        try:
            check_story(self.site)
        except AssertionError as error:
            raise AssertionError(f"I6: {error}") from error

    def check_outside(self) -> None:
        """Check all but I6, which takes as long as the history is: each of its commits is read by two."""
        self._no_problem_is_lost()
        self.effects.look_at_file(self.site.flags)
        assert not self.effects.unfounded, f"I3: {self.effects.unfounded}"
        self._nothing_is_done_twice()
        self._nothing_is_dropped()
        self._bad_files_stop_nobody_else()
        self.sights.check()
        self._no_secret_is_out()

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
        written = Counter((entry.path, step_of(entry)) for entry in self._writes())
        assert not [each for each, times in written.items() if times > 1], f"I2: {written}"
        switched, called = self.effects.switched, self.effects.called
        assert not [each for each, times in switched.items() if times > 1], f"I2: {switched}"
        assert self.calls_again or not [each for each, times in called.items() if times > 1], f"I2: {called}"
        keys = Counter((path, commit) for path, _, commit in called)
        assert not [each for each, times in keys.items() if times > 1], f"I2: another key for one decision: {called}"
        done = {(path, commit) for path, (_, commit) in written}
        done |= {(place, commit) for place, _, commit in (*switched, *called)}
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
        return [entry for entry in entries if 200 <= entry.status < 300 and step_of(entry)[1]]

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

    def _bad_files_stop_nobody_else(self) -> None:
        newest: dict[str, dict[str, str]] = {}
        for service, remediation, event in self._steps():
            if event != "attached":
                newest.setdefault(service, {})[remediation] = event
        refused = {service for service, events in newest.items() if "refused" in events.values()}
        stopped = refused - self.bad if self.bad else set[str]()
        assert not stopped, f"I5: {stopped} were refused for the files of {self.bad}"
        if self.ends and (bad := self.bad or refused):
            others = {service for service in self._have_problems() if service not in bad}
            waiting = {each: newest.get(each) for each in others if _WAITS & {*newest.get(each, {"": "held"}).values()}}
            assert not waiting, f"I5: {bad} are bad, and nothing came of {waiting}"

    def _steps(self) -> Iterator[tuple[str, str, str]]:
        """Yield the service, the remediation and the event of each step of a remediation, the oldest first."""
        told = "%x00".join(f"%(trailers:key={key},valueonly,separator=)" for key in ("Service", "Remediation", "Event"))
        branches = git(self.site.remote, "for-each-ref", "--format=%(refname)", _BRANCH, _APART).split()
        found = git(self.site.remote, "log", "--reverse", "--author=reconciler", f"--format={told}", *branches)
        for line in found.splitlines():
            service, remediation, event = line.split("\0")
            if remediation:
                yield service, remediation, event

    def _have_problems(self) -> set[str]:
        """Return the services that have accepted problems, whose files are still there."""
        files = git(self.site.remote, "ls-tree", "-r", "--name-only", "-z", _BRANCH, "--", "ops/production").split("\0")
        problems = [Path(file) for file in files if "/problems/" in file]
        return {
            file.as_posix().partition("/problems/")[0].rpartition("/")[2]
            for file in problems
            if file.stem in self.accepted
        }

    def _no_secret_is_out(self) -> None:
        check_silent(self.secrets, {
            "said": "\n".join(self.said),
            "the history": git(self.site.remote, "log", "--all", "-p", "--format=%an %ae %B"),
            "flags' events": "\n".join(str(world.events) for world in self._remembered),
            # Under other names than those above, or what a server heard would stand in place of one of them.
            **{f"what {name} heard": told for name, told in self.servers.told()},
        })  # fmt: skip


def _holds(where: Path, *words: str) -> bool:
    return subprocess.run(["git", *words], cwd=where, capture_output=True, check=False).returncode == 0


def _is_there(site: Site) -> bool:
    return site.remote.is_dir() and _holds(site.remote, "rev-parse", "--verify", "-q", _BRANCH)
