"""I8: whoever decides has just seen what it decides about, and what could not be measured leads to no decision.

A `decided` step says what it was decided about: facts of workloads, of their templates and of flags. For each there
must have been a good answer of the server, at most `RECENT` seconds before the step's `Now:`, at a moment at which the
step was on no branch yet: what is read afterwards, to apply it, founds nothing. The servers are those with a journal,
the embedded cluster and the double of Unleash; a flag file has none. After an `evaluated` step without a result the
remediation's next step is no decision.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.embedded.cluster.journal import Entry
from reconciler.embedded.unleash import UnleashDouble
from reconciler.embedded.unleash.server import Exchange
from reconciler.model import canonical
from reconciler.model.instant import parse_instant
from tests.daemon.site import Site, git

RECENT: Final = 60.0
"""Seconds by which an observation may be older than the decision that rests on it, on a machine that is busy."""
_REFS: Final = ("refs/heads/production", "refs/heads/ops/production")
_FOUNDED: Final = {"kubernetes": frozenset({"workload", "template"}), "unleash": frozenset({"flag"})}
"""The kinds of facts that a server's journal tells of."""


@dataclass(frozen=True)
class Sight:
    """A read that was answered well: what was asked, when by the daemon's clock, and where the branches were then."""

    path: str
    when: float
    tips: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One that decides or evaluates."""

    commit: str
    event: str
    remediation: str
    now: float
    data: Mapping[str, Any]


class _Noting(list[Exchange]):
    """A journal that tells of each exchange."""

    def __init__(self, noted: Callable[[Exchange], None]) -> None:
        super().__init__()
        self._noted = noted

    def append(self, exchange: Exchange) -> None:
        self._noted(exchange)
        super().append(exchange)


@dataclass
class Sights:
    """All that was read of the servers around a site."""

    site: Site
    servers: set[str] = field(default_factory=set)
    clock: Callable[[], float] | None = None
    """What the daemon's clock says; without one it is that of the cluster, which a test may have set wrong."""
    _seen: list[Sight] = field(default_factory=list)

    def watch_cluster(self, cluster: EmbeddedCluster) -> None:
        """Look at every read of a cluster the moment before it is answered."""
        noted: Callable[[Entry], None] = cluster.journal.add

        def add(entry: Entry) -> None:
            if entry.method == "GET" and 200 <= entry.status < 300:
                self._note(entry.path)
            noted(entry)

        setattr(cluster.journal, "add", add)  # noqa: B010 - the class knows of no listeners, and needs none elsewhere
        self.servers.add("kubernetes")

    def watch_flags(self, double: UnleashDouble) -> None:
        """Look at every read of a flag server the moment that it is noted, which is before it is answered."""

        def noted(exchange: Exchange) -> None:
            if exchange.method == "GET" and 200 <= exchange.status < 300:
                self._note(exchange.target)

        double.journal = _Noting(noted)
        self.servers.add("unleash")

    def _note(self, path: str) -> None:
        tips = tuple(_tip(self.site.remote, ref) for ref in _REFS)
        when = self.clock() if self.clock is not None else self.site.cluster.now().timestamp()
        self._seen.append(Sight(path, when, tips))

    def check(self) -> None:
        """Check all decisions that are on the branches."""
        steps = list(self._steps())
        last: dict[str, Step] = {}
        older = _Ancestry(self.site.remote)
        for step in steps:
            before = last.get(step.remediation)
            if step.event == "decided" and before is not None and before.event == "evaluated":
                assert before.data.get("result") != "no data", f"I8: {step.remediation}: decided, and nothing was known"
            last[step.remediation] = step
            for name, fact in (step.data.get("facts") or {}).items() if step.event == "decided" else ():
                target = fact.get("target") or {}
                if target.get("server") in self.servers and fact["kind"] in _FOUNDED[target["server"]]:
                    seen = [each for each in self._seen if _is_of(each.path, target)]
                    recent = [each for each in seen if step.now - RECENT <= each.when]
                    founded = any(not older.has(step.commit, each.tips) for each in recent)
                    assert founded, f"I8: {step.commit} was decided on {name}, which was not looked at before"

    def _steps(self) -> Iterator[Step]:
        """Yield the steps of remediations, the oldest first; those that neither decide nor evaluate without data."""
        keys = ("Event", "Service", "Remediation", "Now")
        told = "%x00".join(f"%(trailers:key={key},valueonly,separator=)" for key in keys)
        branches = git(self.site.remote, "for-each-ref", "--format=%(refname)", *_REFS).split()
        if not branches:
            return
        words = ("--reverse", "--author=reconciler", "--name-only", f"--format=%x01%H%x00{told}")
        found = []
        for record in git(self.site.remote, "log", *words, *branches, "--", "ops").split("\x01")[1:]:
            head, *files = record.splitlines()
            commit, event, service, remediation, now = head.split("\0")
            if remediation:
                own = (file for file in files if file.endswith((f"-{event}.yaml",)) and f"/{remediation}/" in file)
                name = f"{commit}:{file}" if event in ("decided", "evaluated") and (file := next(own, "")) else ""
                found.append((commit, event, f"{service} {remediation}", now, name))
        contents = contents_of(self.site.remote, [name for *_, name in found if name])
        for commit, event, remediation, now, name in found:
            data = canonical.read(contents[name], name) if name else {}
            yield Step(commit, event, remediation, float(parse_instant(now)), data)


def contents_of(remote: Path, names: list[str]) -> dict[str, bytes]:
    """Return what is in the files of these names, `<commit>:<path>`."""
    asked = "".join(f"{name}\n" for name in names).encode()
    given = subprocess.run(["git", "cat-file", "--batch"], cwd=remote, input=asked, capture_output=True, check=True)
    found: dict[str, bytes] = {}
    rest = given.stdout
    for name in names:
        head, _, rest = rest.partition(b"\n")
        size = int(head.split()[2])
        found[name], rest = rest[:size], rest[size + 1 :]
    return found


class _Ancestry:
    """Which commits of a repository are behind which; each tip is looked at once."""

    def __init__(self, remote: Path) -> None:
        self._remote = remote
        self._behind: dict[str, set[str]] = {}

    def has(self, commit: str, tips: tuple[str, ...]) -> bool:
        """Whether one of the tips is the commit or descends from it."""
        return any(commit in self._of(tip) for tip in tips if tip)

    def _of(self, tip: str) -> set[str]:
        if tip not in self._behind:
            done = subprocess.run(
                ["git", "rev-list", "--author=reconciler", tip], cwd=self._remote, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            self._behind[tip] = set(done.stdout.split())  # of what was rewritten since nothing may be there any more
        return self._behind[tip]


def _is_of(path: str, target: Mapping[str, Any]) -> bool:
    """Whether a read tells of a target: of itself, or of all of its kind there."""
    if target["server"] == "unleash":
        return path.partition("?")[0].endswith((f"/features/{target['name']}", "/features"))
    _, _, rest = path.partition("/namespaces/")
    kinds = f"{target['scope']}/{str(target['kind']).lower()}s"
    return rest in (kinds, f"{kinds}/{target['name']}", f"{kinds}/{target['name']}/scale")


def _tip(remote: Path, ref: str) -> str:
    """Return where a branch is, without starting a program; empty where it is not."""
    try:
        return (remote / ref).read_text().strip()
    except OSError:
        pass
    try:
        lines = (remote / "packed-refs").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(" ")[0] for line in lines if line.endswith(f" {ref}")), "")
