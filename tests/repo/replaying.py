"""Histories for replays: worlds of the rules' own tests, written down as branches, whole and tampered with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from reconciler.decide.engine import Decision
from reconciler.decide.snapshot import Snapshot
from reconciler.model.names import BlobId, CommitId, StageName
from reconciler.model.step import Step
from reconciler.model.targets import Fact, Want
from reconciler.repo.index import StageIndex, Stored
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import whole
from reconciler.repo.pins import PinReader
from reconciler.repo.proof import _blob_id
from reconciler.repo.replay_chunks import Wish, replay
from reconciler.repo.replay_findings import Finding, Replayed
from reconciler.repo.steps import as_commit
from reconciler.repo.views import Views
from tests.decide.files import PLAYBOOK, STAGE, Blobs
from tests.decide.world import START, World
from tests.repo.conftest import NO_CONFIG, git

RECONCILER = "reconciler <reconciler@localhost>"
PRODUCTION = "refs/heads/production"


@dataclass(frozen=True)
class Written:
    """A commit: what it changes, and what it says."""

    id: CommitId
    parents: tuple[CommitId, ...]
    files: Mapping[str, bytes | None]
    message: str
    author: str
    committer: str
    when: int

    @property
    def sequence(self) -> int:
        """The step's number; 0 for a commit of people."""
        lines = [line for line in self.message.splitlines() if line.startswith("Sequence: ")]
        return int(lines[-1].partition(": ")[2]) if lines else 0

    def saying(self, *changes: tuple[str, str]) -> Self:
        """Return it with other words in message and files."""
        message, files = self.message, dict(self.files)
        for old, new in changes:
            message = message.replace(old, new)
            files = {
                path: None if content is None else content.replace(old.encode(), new.encode())
                for path, content in files.items()
            }
        return replace(self, message=message, files=files)


class Writing:
    """A repository that is written through one `git fast-import`; a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.mkdir(parents=True)
            git(path, "init", "--quiet", "--bare", "--template=", "--initial-branch=main")
        words = ["git", f"--git-dir={path}", "fast-import", "--quiet", "--force", "--date-format=raw"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=NO_CONFIG)
        self.written: list[Written] = []
        self.tips: dict[str, CommitId] = {}
        self._marks: dict[CommitId, int] = {}

    def commit(
        self, files: Mapping[str, bytes | None], message: str, author: str = "Ann <ann@example.org>", *,
        committer: str = "", when: int = START, ref: str = PRODUCTION, parents: Sequence[CommitId] | None = None,
    ) -> CommitId:  # fmt: skip
        """Put a commit on a branch, or on other parents. Returns its id."""
        before = self.tips.get(ref)
        parents = parents if parents is not None else [before] if before else []
        text = message.encode()
        stream = b"" if parents else f"reset {ref}\n".encode()
        mark = len(self.written) + 1
        stream += f"commit {ref}\nmark :{mark}\nauthor {author} {when} +0000\n".encode()
        stream += f"committer {committer or author} {when} +0000\ndata {len(text)}\n".encode() + text + b"\n"
        stream += b"".join(
            f"{'merge' if number else 'from'} :{self._marks[each]}\n".encode() for number, each in enumerate(parents)
        )
        for path, content in files.items():
            name = path.encode()
            stream += b"D %s\n" % name if content is None else b"M 100644 inline %s\ndata %d\n%s\n" % (
                name, len(content), content,
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(stream + b"get-mark :%d\n" % mark)
        self._process.stdin.flush()
        made = CommitId(self._process.stdout.readline().decode().strip())
        assert len(made) == 40, "fast-import died"
        self.tips[ref] = made
        self._marks[made] = mark
        self.written.append(Written(made, tuple(parents), dict(files), message, author, committer or author, when))
        return made

    def step(self, step: Step, ref: str = PRODUCTION) -> CommitId:
        """Put a step on a branch, as reconciler does."""
        new = as_commit(step)
        return self.commit(new.files, new.message, RECONCILER, when=int(new.when.timestamp()), ref=ref)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        assert self._process.wait(30) == 0
        self._process.stdout.close()


def begun(writing: Writing) -> CommitId:
    """Write the project's own branch."""
    files = {"project.yaml": b"name: sockshop\nstages: [production]\n"}
    return writing.commit(files, "project\n", ref="refs/heads/main")


class _GitBlobs(Blobs):
    """Contents by the ids that git gives them."""

    def put(self, content: bytes) -> Stored:
        stored = self.known.get(content)
        if stored is None:
            stored = self.known[content] = Stored("100644", _blob_id(content))
            self.contents[BlobId(stored.blob)] = content
        return stored


class WrittenWorld(World):
    """A world whose every push and step is a commit."""

    def __init__(self, writing: Writing, playbook: str | None = PLAYBOOK) -> None:
        self.writing = writing
        self.project = begun(writing)
        self.config = CommitId("")
        super().__init__(None)
        self._blobs = _GitBlobs()
        self._views = Views(StageIndex(STAGE), self._blobs)
        self._pins = PinReader(self._blobs.known_blobs)
        if playbook is not None:
            self.push({"carts/remediation.yaml": playbook})

    def push(self, files: Mapping[str, str | bytes | None], author: str = "Ann") -> str:
        written = {p: c.encode() if isinstance(c, str) else c for p, c in files.items()}
        changed = {p: c for p, c in written.items() if self.files.get(p) != c}
        super().push(files, author)
        commit = self.writing.commit(
            changed, "by a person\n", f"{author} <{author.lower()}@example.org>", when=self.now
        )
        for path in files:
            self._blobs.authors[path] = (author, commit)
        return commit

    def decide(self, facts: dict[Want, Fact]) -> Decision:
        self.config = self.writing.tips.get(PRODUCTION, CommitId(""))
        self._seen = None
        return super().decide(facts)

    def _look(self) -> Snapshot:
        found = super()._look()
        return replace(found, stage=replace(found.stage, config_commit=self.config, project_commit=self.project))

    def land(self, steps: Iterable[Step]) -> None:
        steps = list(steps)
        super().land(steps)
        for step in steps:
            commit = self.writing.step(step)
            for path in (step.path, *step.files):
                self._blobs.authors[path] = ("reconciler", commit)


def made(path: Path, story: Callable[[World], None]) -> list[Written]:
    """Write a story down. Returns the commits of its stage."""
    with Writing(path) as writing:
        story(WrittenWorld(writing))
        return [each for each in writing.written if "project.yaml" not in each.files]


Tamper = Callable[[list[Written]], list[Written]]


def rewritten(
    path: Path, commits: Sequence[Written], tamper: Tamper, *, follow: bool = True
) -> dict[CommitId, CommitId]:
    """Write a history anew after somebody changed it. Returns what each commit became.

    ``follow``: who did it was careful, and let later steps name the new commits.
    """
    became: dict[CommitId, CommitId] = {}
    with Writing(path) as writing:
        begun(writing)
        last: CommitId | None = None
        for each in tamper(list(commits)):
            message = each.message
            if follow:
                for old, new in became.items():
                    message = message.replace(f"Config: {old}", f"Config: {new}")
            last = writing.commit(
                each.files, message, each.author, committer=each.committer, when=each.when,
                parents=[last] if last is not None else [],
            )  # fmt: skip
            became[each.id] = last
    return became


def replayed(
    path: Path, *, since: str | None = None, processes: int = 1, tip: str = "production", main: str = "main"
) -> Replayed:
    """Replay the stage of a repository."""
    with LocalRepository.open(path) as repository, whole(repository) as offline:
        wish = Wish(
            StageName("production"), repository.resolve(tip), repository.resolve(main),
            repository.resolve(since) if since else None,
        )  # fmt: skip
        return replay(repository, offline, wish, processes=processes)


def errors(found: Replayed) -> list[Finding]:
    """Return the findings that are no mere notes."""
    return [each for each in found.findings if each.error]


def shown(found: Replayed) -> str:
    """Return all findings as text, for whoever reads a failed test."""
    return "\n".join(
        f"{each.sequence} {each.kind} {'error' if each.error else 'note'} {each.where}: {each.what} "
        f"[{each.expected} | {each.there}]"
        for each in found.findings
    )
