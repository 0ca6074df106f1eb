"""Long pasts in few lines: remediations told as steps of the real form, people's commits between them.

The steps are of rules that are to come, so that they are believed by their form and can say whatever a test needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.decide.draft import RULES
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import CommitId, RemediationId, ServicePath, StageName
from reconciler.model.step import Event, Step
from reconciler.repo.chronicle import Chronicle
from reconciler.repo.chronicle_following import Chronicler, Trail
from reconciler.repo.local import LocalRepository
from reconciler.repo.objects import Identity
from reconciler.repo.offline import whole
from reconciler.repo.steps import as_commit
from reconciler.repo.stream import NewCommit, commit_stream
from tests.repo.conftest import git

STAGE = StageName("production")
START = 1_795_000_000
ENGINE = Identity("reconciler", "reconciler@example.com")
TARGET = "kubernetes/shop-production/Deployment/carts-primary"
HOUR = 3600


@dataclass
class Told:
    """A branch in the making. ``now`` goes on as things happen; every commit is landed at once."""

    remote: Path
    now: int = START
    sequence: int = 0
    project: CommitId = CommitId("d" * 40)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    tips: dict[str, CommitId] = field(default_factory=dict)
    blobs: dict[str, str] = field(default_factory=dict)

    def tip(self) -> CommitId:
        return self.tips["production"]

    def point(self, commit: str, branch: str = "production") -> None:
        """Move a branch, as a forced push does."""
        git(self.remote, "update-ref", f"refs/heads/{branch}", commit)
        self.tips[branch] = CommitId(commit)

    def land(self, commit: NewCommit, branch: str = "production") -> CommitId:
        stream = b"".join(commit_stream(f"refs/heads/{branch}", self.tips.get(branch), [commit], ENGINE))
        words = ("fast-import", "--quiet", "--date-format=raw", "--force")
        self.tips[branch] = CommitId(git(self.remote, *words, data=stream + b"get-mark :1\n"))
        return self.tips[branch]

    def people(
        self, files: Mapping[str, str | None], message: str, who: str = "Ada", branch: str = "production"
    ) -> CommitId:
        """Let a person commit files."""
        author = Identity(who, f"{who.lower()}@example.com")
        content = {path: text.encode() if text is not None else None for path, text in files.items()}
        self.blobs |= {path: blob_id(data) for path, data in content.items() if data is not None}
        return self.land(NewCommit(content, message, datetime.fromtimestamp(self.now, UTC), author), branch)

    def step(
        self, event: Event, data: Mapping[str, Any] | None = None, *, service: str = "carts", remediation: str = "",
        files: Mapping[str, bytes | None] | None = None, sequence: int | None = None, number: int | None = None,
        rules: int = RULES + 1,
    ) -> Step:  # fmt: skip
        """Return the next step, not landed yet."""
        self.sequence = sequence if sequence is not None else self.sequence + 1
        key = (service, remediation)
        self.numbers[key] = number if number is not None else self.numbers.get(key, 0) + 1
        return Step(
            event, STAGE, self.sequence, Instant(self.now), rules, f"{service}: {event}", "", data or {},
            ServicePath(service) if remediation else None, RemediationId(remediation) if remediation else None,
            self.numbers[key] if remediation else 0, {}, files or {}, self.tip(), self.project,
        )  # fmt: skip

    def happen(self, event: Event, data: Mapping[str, Any] | None = None, **about: Any) -> CommitId:
        """Make and land the next step."""
        return self.land(as_commit(self.step(event, data, **about)))

    def problem(self, identity: str, title: str, service: str = "carts") -> str:
        """Let monitoring report; returns `path@blob`."""
        path = f"ops/production/{service}/problems/{identity}.yaml"
        self.people(
            {path: f"title: {title}\nstate: open\nurl: https://monitoring.example.com/{identity}\n"}, title, "monitor"
        )
        return f"{path}@{self.blobs[path]}"

    def remediation(
        self, identity: str, *, title: str = "slow", entry: str = "slow", end: Event = "remediated",
        service: str = "carts", action: str = "scaling +1", seconds: int = 600, result: str = "pass", reason: str = "",
    ) -> None:  # fmt: skip
        """Let a problem be reported and a remediation run to its end."""
        file = self.problem(identity, title, service)
        about = {"service": service, "remediation": identity}
        playbook = f"{service}/remediation.yaml"
        opened = {
            "problem": {"id": identity, "occurrence": 1, "file": file, "title": title, "source": "watcher"},
            "reported": format_instant(Instant(self.now)), "entry": entry,
            "actions": [{"action": "scaling", "value": "+1"}],
            "pinned": [f"{playbook}@{self.blobs[playbook]}"],
        }  # fmt: skip
        if end == "unmatched":
            unmatched = {key: opened[key] for key in ("problem", "reported")}
            self.happen("unmatched", {**unmatched, "reason": "no entry matches"}, **about)
            self.now += HOUR
            return
        self.happen("opened", opened, **about)
        changes = [{"target": TARGET, "field": "replicas", "base": 1, "by": 1, "before": 1, "value": 2}]
        self.happen("decided", {"action": action, "index": 1, "count": 1, "changes": changes}, **about)
        window = {"start": format_instant(Instant(self.now)), "end": format_instant(Instant(self.now + seconds))}
        self.happen("applied", {"until": window["end"], "window": window}, **about)
        self.now += seconds
        indicator = {"sli": "response_time", "status": result, "score": 1.0, "value": 250.0, "success": True}
        told = {**window, "result": result, "score": 100.0 if result == "pass" else 0.0, "indicators": [indicator]}
        follows = {"remediated": "remediated", "resolved": "resolved"}.get(end, "none")
        self.happen("evaluated", {"evaluation": told, "next": follows}, **about)
        self.happen(end, {"resolved": [identity], **({"reason": reason} if reason else {})}, **about)
        self.now += HOUR


def blob_id(content: bytes) -> str:
    """Return the id that git gives to a content."""
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()


PLAYBOOK = """\
remediations:
- name: slow
  actions:
  - action: scaling
    value: +1
- name: never
  actions:
  - {action: scaling, value: +2}
"""


def told(folder: Path) -> Told:
    """Begin a past in a new bare repository: a project with one stage and `carts` in it."""
    remote = folder / "shop.git"
    remote.mkdir()
    git(remote, "init", "-q", "--bare", "--template=", "--initial-branch=main")
    past = Told(remote)
    past.project = past.people({"project.yaml": "name: shop\nstages: [production]\n"}, "Begin", branch="main")
    past.people({"stage.yaml": "wait: 5m\n", "carts/remediation.yaml": PLAYBOOK}, "Begin")
    return past


@contextmanager
def following(past: Told, believed: tuple[CommitId, ...] = ()) -> Iterator[Chronicle]:
    """Follow the branch and give what is to be asked; ``believed`` are the newest steps that replay."""
    path, tip = past.remote.parent / "chronicle.sqlite", past.tip()
    with LocalRepository.open(past.remote) as local, whole(local) as source:
        with Chronicler.open(path, STAGE, source) as chronicler:
            chronicler.follow(Trail(tip, tip, believed or newest_of(past)))
        chronicle = Chronicle.open(path, STAGE)
        assert chronicle is not None
        with chronicle:
            yield chronicle


def newest_of(past: Told) -> tuple[CommitId, ...]:
    """Return the newest commit that says that it is a step."""
    found = git(past.remote, "log", "--format=%H", "--grep=^Sequence: ", "-1", past.tip())
    return (CommitId(found),) if found else ()
