"""A `Mirror` whose git is memory: the product's own code down to where it would start a process.

What a mirror asks of git has two borders, and both are answered here: commands against the remote (`ls-remote`,
`fetch`, `push`; whole conversations, with git's words for what goes wrong, so that the product's reading of them runs
too) and children that read and write objects. Everything above is the product's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol, cast

from reconciler.model.errors import BlindError, ReconcilerError
from reconciler.model.names import CommitId
from reconciler.repo.argv import Argv
from reconciler.repo.children import Content, Diffs, Header, Headers
from reconciler.repo.children import Contents as Contents_
from reconciler.repo.conversation import Conversation, Op, conversing, unheard
from reconciler.repo.directory import Directory
from reconciler.repo.engine import Engine, Timeouts
from reconciler.repo.faults import DamagedError
from reconciler.repo.listing import Listing
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import ZERO, TreeId
from reconciler.repo.objects import Change
from reconciler.repo.offline import Offline
from reconciler.repo.origin import LocalOrigin
from reconciler.repo.process import Finished, Process
from reconciler.repo.reader import Reader
from reconciler.repo.readings import Readings
from reconciler.repo.remote import parse_remote
from reconciler.repo.salvage import Salvage
from reconciler.repo.stream import NewCommit, commit_stream
from reconciler.repo.writer import PRIVATE_REF, RECONCILER, Writer
from tests.simulation.keeping import Disk, MemoryAway
from tests.simulation.objects import Missing, Objects, differences
from tests.simulation.remote import HEAD, Remote, copy_reachable
from tests.simulation.walking import Answer, parted

URL: Final = "https://git.example.org/sockshop.git"
NOWHERE: Final = Path("/nowhere")
_UNREACHABLE: Final = "fatal: unable to access: Could not resolve host: git.example.org"


class Border(Protocol):
    """What lies between a mirror and its remote; ``talk`` may fail before or after ``done`` has been called."""

    @property
    def name(self) -> str:
        """Who talks."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def refs(self, remote: Remote) -> Mapping[str, str]:
        """Return the refs as the server has them that answers: a replica of the remote may be behind it."""

    def talk(self, what: str, done: Callable[[], Finished], refs: Sequence[str] = ()) -> Finished:
        """Have a conversation with the remote; ``refs`` are those that a push is to move."""

    def look(self, done: Callable[[], Any]) -> Any:
        """Read refs of a remote on this machine."""

    def disk(self, done: Callable[[], None]) -> None:
        """Write what is to outlive the process; may fail before or after ``done`` has been called."""


class Direct:
    """Nothing in between."""

    name = "somebody"

    def now(self) -> float:
        return 0.0

    def refs(self, remote: Remote) -> Mapping[str, str]:
        return remote.refs

    def talk(self, what: str, done: Callable[[], Finished], refs: Sequence[str] = ()) -> Finished:
        return done()

    def look(self, done: Callable[[], Any]) -> Any:
        return done()

    def disk(self, done: Callable[[], None]) -> None:
        done()


class _Rested:
    """Stands for a child process that there is not."""

    pid = None

    def drop(self) -> None:
        """Nothing runs."""


class _Headers:
    def __init__(self, objects: Objects) -> None:
        self.child, self._objects = _Rested(), objects

    def ask(self, names: Sequence[str]) -> list[Header | None]:
        return [self._header(name) for name in names]

    def _header(self, name: str) -> Header | None:
        name, _, path = name.removesuffix("^{commit}").partition(":")
        try:
            if path:
                item = self._objects.item_at(name, path)
                name = item[1] if item is not None else ""
            found = self._objects.find(name) if len(name) == 40 else self._named(name)
        except Missing:
            return None
        return None if found is None else Header(name, found[0], len(found[1]))

    def _named(self, prefix: str) -> tuple[str, bytes] | None:
        assert not prefix, "ids are not cut short in a simulation"
        return None


class _Contents:
    def __init__(self, objects: Objects) -> None:
        self.child, self._objects = _Rested(), objects

    def ask(self, names: Sequence[str], limit: int) -> list[Content | None]:
        return [self._content(name, limit) for name in names]

    def _content(self, name: str, limit: int) -> Content | None:
        found = self._objects.find(name)
        if found is None:
            return None
        kind, data = found
        return Content(Header(name, kind, len(data)), data if len(data) <= limit else None)


class _Diffs:
    def __init__(self, objects: Objects) -> None:
        self.child, self._objects = _Rested(), objects

    def ask(self, old: TreeId, new: TreeId, prefix: bytes) -> list[Change]:
        try:
            return list(differences(self._objects, old, new, prefix))
        except Missing as missing:
            raise DamagedError(f"the tree {old} or {new} is missing") from missing


class MemoryWriter(Writer):
    """A `Writer` that does what fast-import would be told."""

    def __init__(self, objects: Objects) -> None:
        super().__init__(_no_process)
        self._objects = objects

    def write(self, parent: CommitId | None, commits: Sequence[NewCommit]) -> list[CommitId]:
        commit_stream(PRIVATE_REF, parent, commits, RECONCILER)
        ids: list[CommitId] = []
        current = parent
        for commit in commits:
            when = f"{int(commit.when.timestamp())} +0000"
            try:
                before = self._objects.commit(current).tree if current is not None else ""
                tree = self._objects.changed(before or self._objects.put("tree", b""), commit.files)
            except Missing as missing:
                raise DamagedError(f"the object {missing} is missing") from missing
            people = (f"{commit.author or RECONCILER} {when}", f"{RECONCILER} {when}")
            parents = tuple(each for each in (current, commit.merged) if each)
            made = self._objects.write_commit(tree, parents, *people, commit.message)
            self._parents[CommitId(made)] = current
            ids.append(CommitId(made))
            current = ids[-1]
        return ids


class MemoryRefs:
    """The refs of a mirror, or of a remote on this machine, as `LocalRefs` tells them."""

    def __init__(self, refs: dict[str, str], look: Callable[[Callable[[], Any]], Any]) -> None:
        self._known = refs
        self._look = look

    def read(self, ref: str) -> CommitId | None:
        found = self._look(lambda: self._known.get(ref))
        return None if found is None else CommitId(found)

    def head(self) -> str | None:
        self._look(lambda: None)
        return HEAD

    def below(self, prefix: str) -> dict[str, CommitId]:
        found = self._look(lambda: dict(self._known))
        return {ref: CommitId(tip) for ref, tip in sorted(found.items()) if ref.startswith(prefix)}


class MemoryDirectory:
    """A mirror's directory: refs of its own, and nothing to clear up."""

    cluttered = False

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.known: dict[str, str] = {}
        self.refs = MemoryRefs(self.known, lambda done: done())

    def remake(self, reason: str) -> None:
        if not self._disk.refs:  # what is kept is salvaged
            self._disk.objects.own.clear()
        self.known.clear()

    def maintain(self, tips: Sequence[CommitId], keep: Sequence[CommitId]) -> None:
        """Nothing is packed."""

    def release(self) -> None:
        """Nobody else waits for it."""


class _NothingSetAside:
    """A `Salvage` that finds nothing: in memory no mirror is set aside with what it keeps."""

    stranded: Mapping[str, ReconcilerError] = {}

    def attempt(self, contains: object = None) -> None:
        """There is nothing."""


class MemoryEngine:
    """An `Engine` whose git is memory; `talk` knows the three commands that go to a remote."""

    def __init__(self, objects: Objects, remote: Remote, border: Border, known: dict[str, str]) -> None:
        self.remote = parse_remote(URL)
        self.timeouts = Timeouts()
        self._objects = objects
        self.there = remote
        self.border = border
        self._known = known

    durable = True

    def start(self, argv: Argv) -> Process:
        return cast("Process", Answer(self._objects, argv))

    start_bounded = start

    def conversation(self, op: Op) -> AbstractContextManager[Conversation]:
        return conversing(op, unheard, self.border.now)

    def talk(self, doing: str, words: Argv, *, timeout: float | None = None) -> Finished:
        rest = list(words[words.index("--") + 2 :])
        if "ls-remote" in words:
            return self.border.talk("list", lambda: self._list(rest))
        if "fetch" in words:
            return self.border.talk("fetch", lambda: self._fetch(rest))
        leases = dict(
            word.removeprefix("--force-with-lease=").rsplit(":", 1) for word in words if word.startswith("--force-with")
        )
        return self.border.talk("push", lambda: self._push(rest, leases), list(leases))

    def _list(self, refs: list[str]) -> Finished:
        known = self.border.refs(self.there)
        if refs == ["HEAD"]:
            return Finished(0, f"ref: {HEAD}\tHEAD\n{known[HEAD]}\tHEAD\n".encode(), "")
        below = refs[0].removesuffix("*") if refs and refs[0].endswith("*") else None
        there = sorted(known.items())
        found = [(ref, tip) for ref, tip in there if (ref in refs if below is None else ref.startswith(below))]
        return Finished(0, "".join(f"{tip}\t{ref}\n" for ref, tip in found).encode(), "")

    def _fetch(self, specs: list[str]) -> Finished:
        pairs = [spec.removeprefix("+").split(":") for spec in specs]
        known = self.border.refs(self.there)
        gone = [theirs for theirs, _ in pairs if theirs not in known]
        if gone:
            return Finished(128, b"", f"fatal: couldn't find remote ref {gone[0]}")
        for theirs, ours in pairs:
            tip = known[theirs]
            copy_reachable(self.there.objects, self._objects, tip)
            self._known[ours] = tip
        return Finished(0, b"", "")

    def _push(self, specs: list[str], leases: dict[str, str]) -> Finished:
        updates: list[tuple[str, str | None, str | None]] = []
        for spec in specs:
            pushed, _, ref = spec.partition(":")
            updates.append((ref, leases[ref] or None, pushed or None))
        was = dict(self.there.refs)
        try:
            held = self.there.push(self.border.now(), self.border.name, self._objects, updates)
        except Missing as missing:
            return Finished(128, b"", f"fatal: bad object {missing}")
        lines = []
        for ref, _, new in updates:
            if not held[ref]:
                lines.append(f"!\t{new or ''}:{ref}\t[rejected] (stale info)")
            elif not all(held.values()):
                lines.append(f"!\t{new or ''}:{ref}\t[rejected] (atomic push failed)")
            elif new is None:
                lines.append(f"-\t:{ref}\t[deleted]")
            elif was.get(ref) == new:
                lines.append(f"=\t{new}:{ref}\t[up to date]")
            else:
                lines.append(f" \t{new or ''}:{ref}\t{(was.get(ref) or '')[:7]}..{(new or '')[:7]}")
        lost = not all(held.values())
        told = "".join(f"{line}\n" for line in [f"To {URL}", *lines, *([] if lost else ["Done"])])
        return Finished(int(lost), told.encode(), f"error: failed to push some refs to '{URL}'" if lost else "")

    def close(self) -> None:
        """No connection stays open."""


class MemoryMirror(Mirror):
    """``shared``: the remote is one of this machine. ``disk`` is what an earlier mirror of the daemon has left."""

    def __init__(
        self, remote: Remote, border: Border | None = None, *, shared: bool = False, disk: Disk | None = None
    ) -> None:  # fmt: skip
        between, disk = border or Direct(), disk or Disk()
        objects = self.objects = disk.objects
        objects.below = remote.objects if shared else None
        directory = MemoryDirectory(disk)
        engine = MemoryEngine(objects, remote, between, directory.known)
        origin = LocalOrigin(NOWHERE) if shared else None
        super().__init__(NOWHERE, cast("Engine", engine), origin, RECONCILER, None)
        # What would read files or ask a child is put in; all else is as the product makes it.
        Readings.__init__(self, memory_reader(objects), NOWHERE, engine.start)
        refs = cast("LocalRefs", MemoryRefs(remote.refs, between.look)) if shared else None
        self._listing = Listing(
            engine.remote, refs, lambda command: self._talk("list", "listing the remote", command), self._last
        )
        self._directory = cast("Directory", directory)
        self._writer = MemoryWriter(objects)
        self.away = MemoryAway(disk, between.disk)
        self._salvage = cast("Salvage", _NothingSetAside())
        self._load()


def memory_reader(objects: Objects) -> Reader:
    """Return the product's reader with memory in place of its children."""
    reader = Reader(NOWHERE, lambda words: cast("Process", Answer(objects, words)))
    reader.headers = cast("Headers", _Headers(objects))
    reader.contents = cast("Contents_", _Contents(objects))
    reader.diffs = cast("Diffs", _Diffs(objects))
    return reader


class MemoryOffline(Offline):
    """What a replay reads, in memory."""

    def __init__(self, objects: Objects) -> None:
        self.git_dir = NOWHERE
        self.objects = objects
        self.reader = memory_reader(objects)

    def start(self, words: Sequence[str]) -> Process:
        return cast("Process", Answer(self.objects, words))

    def parted(self, one: CommitId, other: CommitId) -> CommitId | None:
        found = parted(self.objects, one, other)
        return None if found is None else CommitId(found)


def turned_down(refs: Sequence[str], summary: str) -> Finished:
    """Return what git says where a push was refused, for whatever reason."""
    told = "".join(f"!\t{ZERO}:{ref}\t{summary}\n" for ref in refs)
    return Finished(1, f"To {URL}\n{told}".encode(), f"error: failed to push some refs to '{URL}'")


def unreachable() -> Finished:
    """Return what git says where there is no network."""
    return Finished(128, b"", _UNREACHABLE)


def _no_process() -> Process:
    raise AssertionError("a simulation starts no process")


def gone() -> BlindError:
    """Return the error for a remote on this machine that cannot be read."""
    return BlindError("the repository cannot be read", hint="mount it")
