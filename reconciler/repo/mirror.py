"""`Mirror`: our own bare copy of one configuration repository, everything the daemon ever does with Git.

It can be deleted at any time; the remote has all that counts. Where the remote is a directory of this machine, the
mirror shares its objects (alternates) and reads its refs as files, so that a new commit is visible without a fetch;
otherwise it lists with ``ls-remote`` and fetches into private refs. Writing is the same for both: commits are made
in the mirror and go to the remote by an ordinary ``git push``, whose hooks, quarantine and gc safety stay Git's.

One thread at a time uses a mirror. Reading tips of a local remote, differences, files and writing commits start no
process.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from reconciler.model.errors import BugError, ConfigError, TransientError
from reconciler.model.names import BlobId, CommitId
from reconciler.repo import argv
from reconciler.repo.conversation import Heard, Op, unheard
from reconciler.repo.directory import FETCHED, Directory, private_ref
from reconciler.repo.engine import Engine, Timeouts
from reconciler.repo.faults import DamagedError, fetch_error, transport_error
from reconciler.repo.history import History
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.names import TreeId, full_ref, is_full_ref
from reconciler.repo.objects import Change, CommitInfo, Entry, Identity, Oversize, TreeItem
from reconciler.repo.origin import LocalOrigin, check_format, located, settings
from reconciler.repo.process import Finished
from reconciler.repo.push import PushResult, RefUpdate, push_result
from reconciler.repo.reader import DEFAULT_LIMIT, Reader
from reconciler.repo.remote import Credentials, parse_remote
from reconciler.repo.signing import CommitSigner
from reconciler.repo.signing_commits import SignedCommits
from reconciler.repo.stream import NewCommit
from reconciler.repo.writer import RECONCILER, Writer

__all__ = ["Mirror"]

PROPOSALS: Final = "refs/heads/proposals/"
"""Where proposals lie: branches for people to merge, which are no stages and the only ones that are ever taken away."""
_REMEMBERED: Final = 4096
_LISTED = re.compile(r"(?P<id>[0-9a-f]+)\t(?P<ref>refs/\S+)\Z")


class Mirror:
    """See the module's text. Made by `Mirror.open`; `close` ends all its processes."""

    def __init__(
        self, path: Path, engine: Engine, origin: LocalOrigin | None, committer: Identity, signer: CommitSigner | None
    ) -> None:
        """Use `Mirror.open`."""
        self.path, self.start = path, engine.start_bounded  # who reads much at once starts a child of his own
        self._engine = engine
        self._origin = origin
        self._refs = None if origin is None else LocalRefs(origin.git_dir)
        self._directory = Directory(path, engine, origin)
        self._reader = Reader(path, engine.start)
        self._history = History(path, engine.start, self._reader)
        signed = SignedCommits(path, engine.start, self._reader.raw_commits, signer) if signer is not None else None
        self._writer = Writer(lambda: engine.start(argv.fast_import(path)), committer, signed)
        self._complete: OrderedDict[CommitId, None] = OrderedDict()
        self._suspect = False

    @classmethod
    def open(
        cls,
        path: Path,
        url: str,
        *,
        credentials: Credentials | None = None,
        clock: Callable[[], float] = time.monotonic,
        timeouts: Timeouts | None = None,
        committer: Identity = RECONCILER,
        share: bool = True,
        durable: bool = True,
        heard: Heard = unheard,
        signer: CommitSigner | None = None,
    ) -> Self:
        """Open the mirror at ``path``, making it where it is missing, damaged, or of another address.

        A remote behind a network is not contacted yet. ``clock`` is monotonic, in seconds; ``share=False`` treats a
        remote on this machine like one behind a network. ``durable=False`` does not wait for the disk (some
        milliseconds a write): after a power cut the mirror is made anew, and only what was not pushed is lost.
        ``heard`` is told of each conversation with the remote. ``signer`` signs what is written here.

        Raises:
            ConfigError: address, path, git version or the remote's format cannot work; or another process has the
            mirror. BlindError: a remote on this machine is not there.
        """
        remote = parse_remote(url)
        engine = Engine(
            remote, credentials or Credentials(), timeouts or Timeouts(), clock, durable=durable, heard=heard
        )
        with ExitStack() as undo:
            undo.callback(engine.close)
            engine.check_version()
            origin = _local_origin(engine, remote.path) if remote.path is not None and share else None
            mirror = cls(path.absolute(), engine, origin, committer, signer)
            undo.callback(mirror.close)
            mirror._prepare()
            undo.pop_all()
        return mirror

    @property
    def shared(self) -> bool:
        """Whether the remote's objects are read in place, so that `fetch` has nothing to do."""
        return self._origin is not None

    @property
    def watched(self) -> Path | None:
        """The git directory to watch for pushes, where the remote is one of this machine; see `watch`."""
        return None if self._origin is None else self._origin.git_dir

    # The remote's refs

    def tips(self, refs: Sequence[str]) -> dict[str, CommitId | None]:
        """Return what the remote's refs (full names) point to now; None for those that don't exist.

        Raises:
            BlindError: the remote cannot be seen. TransientError: it may be seen later.
        """
        if self._refs is not None:
            return {ref: self._refs.read(ref) for ref in refs}
        if not refs:
            return {}
        listed = self._listed(argv.ls_remote(self._engine.remote, refs))
        return {ref: listed.get(ref) for ref in refs}

    def heads(self, prefix: str = "refs/heads/") -> dict[str, CommitId]:
        """Return the remote's branches below a prefix that ends with a slash, for example ``refs/heads/ops/``."""
        if not prefix.startswith("refs/heads/") or not prefix.endswith("/"):
            raise BugError(f"not a prefix of branches: {prefix!r}")
        if self._refs is not None:
            return self._refs.below(prefix)
        listed = self._listed(argv.ls_remote_below(self._engine.remote, prefix))
        return {ref: tip for ref, tip in listed.items() if ref.startswith(prefix)}

    def default_branch(self) -> str | None:
        """Return the full ref that the remote's HEAD names; None where it names none or the remote doesn't say."""
        if self._refs is not None:
            return self._refs.head()
        finished = self._talk("list", "listing the remote", argv.ls_remote_head(self._engine.remote))
        match = re.search(rb"^ref: (refs/\S+)\tHEAD$", finished.stdout, re.MULTILINE)
        ref = "" if match is None else match[1].decode("utf-8", "replace")
        return ref if is_full_ref(ref) else None

    def _listed(self, command: argv.Argv) -> dict[str, CommitId]:
        finished = self._talk("list", "listing the remote", command)
        found: dict[str, CommitId] = {}
        for line in finished.stdout.decode("utf-8", "replace").splitlines():
            match = _LISTED.match(line)
            if match is not None and is_full_ref(match["ref"]):
                if len(match["id"]) != 40:
                    raise ConfigError(
                        "the remote uses SHA-256 object ids, which are not supported",
                        hint="use a SHA-1 repository (git init's default)",
                    )
                found[match["ref"]] = CommitId(match["id"])
        return found

    # Moving

    def fetch(self, tips: Mapping[str, CommitId | None]) -> None:
        """Make the objects of these tips readable; one conversation for all, none where they are here already.

        A mirror that was found damaged since the last call is made anew first.

        Raises:
            TransientError: the transport failed, or a branch was rewritten in between (list and fetch again).
            BlindError: the remote cannot be seen.
        """
        if self._suspect:
            self._end_children()
            self._complete.clear()
            self._directory.remake("objects were missing or unreadable")
            self._suspect = False
        if self._origin is not None:
            return
        wanted = {full_ref(ref): tip for ref, tip in tips.items() if tip is not None and tip not in self._complete}
        if not wanted:
            return
        timeout = self._engine.timeouts.network if self._complete else self._engine.timeouts.first_fetch
        pairs = [(ref, private_ref(ref)) for ref in wanted]
        finished = self._talk("fetch", "fetching", argv.fetch(self.path, self._engine.remote, pairs), timeout=timeout)
        for ref, tip in wanted.items():
            arrived = self._directory.refs.read(private_ref(ref))
            if arrived is None:
                raise transport_error(f"fetching {ref}", finished.stderr)
            self._remember(arrived)
            if arrived != tip and not self._is_here(tip, arrived):
                raise TransientError(f"{ref} was rewritten while it was fetched")
            self._remember(tip)

    def _is_here(self, tip: CommitId, arrived: CommitId) -> bool:
        return self._reader.has(tip) and self._history.is_ancestor(tip, arrived)

    def _remember(self, tip: CommitId) -> None:
        self._complete[tip] = None
        while len(self._complete) > _REMEMBERED:
            self._complete.popitem(last=False)

    def push(self, updates: Sequence[RefUpdate]) -> PushResult:
        """Move refs of the remote, all or none, each only if it still is where it is expected.

        Raises:
            BugError: a new tip doesn't descend from the old one; nothing was sent.
            TransientError: the transport failed: whether the refs moved is only known after `tips`.
            BlindError: the remote cannot be seen, or refuses our credentials.
        """
        if not updates or len({update.ref for update in updates}) < len(updates):
            raise BugError("a push needs one update for each of its refs")
        for update in updates:
            if update.new is None and (update.old is None or not update.ref.startswith(PROPOSALS)):
                raise BugError(f"{update.ref} is no proposal that could be taken away")
            if update.new and update.old is not None and not self._descends(update.new, update.old):
                raise BugError(f"{update.new} does not descend from {update.old}: {update.ref} would be rewritten")
        triples = [(update.ref, update.old, update.new) for update in updates]
        with self._engine.conversation("push") as conversation, self._noticing():
            finished = self._engine.talk("pushing", argv.push(self.path, self._engine.remote, triples))
            result = push_result(updates, finished, finished.stdout.decode("utf-8", "replace"), finished.stderr)
            conversation.result = "ok" if result.landed else "lost" if result.lost else "declined"
        if result.landed:
            for new in filter(None, (update.new for update in updates)):
                self._remember(new)
        return result

    def _descends(self, new: CommitId, old: CommitId) -> bool:
        return self._writer.descends(new, old) or self.is_ancestor(old, new)

    def _talk(self, op: Op, doing: str, command: argv.Argv, timeout: float | None = None) -> Finished:
        with self._engine.conversation(op), self._noticing():
            finished = self._engine.talk(doing, command, timeout=timeout)
            if finished.status:
                raise (fetch_error if op == "fetch" else transport_error)(doing, finished.stderr)
            return finished

    # Writing

    def write(self, parent: CommitId | None, commits: Sequence[NewCommit]) -> list[CommitId]:
        """Write a linear chain of commits on ``parent``; see `Writer.write`. No branch moves."""
        with self._noticing():
            return self._writer.write(parent, commits)

    # Reading

    def has(self, identity: str) -> bool:
        """Tell whether an object is here."""
        return self._reader.has(identity)

    def entries(self, commit: CommitId, under: str = "") -> Iterator[Entry]:
        """Yield all files of a commit or of one directory; see `Reader.entries`."""
        with self._noticing():
            yield from self._reader.entries(commit, under)

    def diff(self, old: CommitId | None, new: CommitId, under: str = "") -> list[Change]:
        """Return the files that differ; see `Reader.diff`."""
        with self._noticing():
            return self._reader.diff(old, new, under)

    def changes(self, old: CommitId | None, new: CommitId) -> list[Change]:
        """Return the files that differ from what anybody may propose; see `Reader.changes`."""
        with self._noticing():
            return self._reader.changes(old, new)

    def blob(self, blob: BlobId, limit: int = DEFAULT_LIMIT) -> bytes:
        """Return a blob's bytes; see `Reader.blob`."""
        with self._noticing():
            return self._reader.blob(blob, limit)

    def blobs(self, ids: Sequence[BlobId], limit: int = DEFAULT_LIMIT) -> dict[BlobId, bytes | Oversize]:
        """Return many blobs in one go; see `Reader.blobs`."""
        with self._noticing():
            return self._reader.blobs(ids, limit)

    def known_blobs(self, ids: Sequence[BlobId], limit: int = DEFAULT_LIMIT) -> dict[BlobId, bytes | Oversize]:
        """Return those of many blobs that are here; see `Reader.known_blobs`."""
        with self._noticing():
            return self._reader.known_blobs(ids, limit)

    def blob_id(self, commit: CommitId, path: str) -> BlobId | None:
        """Return the id of the file at a path, None where there is none."""
        with self._noticing():
            item = self._reader.item_at(commit, path)
        return BlobId(item[0]) if item is not None and item[1] == "blob" else None

    def blob_at(self, commit: CommitId, path: str, limit: int = DEFAULT_LIMIT) -> tuple[BlobId, bytes] | None:
        """Return id and bytes of the file at a path; see `Reader.blob_at`."""
        with self._noticing():
            return self._reader.blob_at(commit, path, limit)

    def tree_id(self, commit: CommitId, path: str = "") -> TreeId | None:
        """Return the id of a directory; see `Reader.tree_id`."""
        with self._noticing():
            return self._reader.tree_id(commit, path)

    def trees(self, ids: Sequence[str]) -> list[list[TreeItem]]:
        """Return what stands in directories, by their trees' ids; see `Reader.trees`."""
        with self._noticing():
            return self._reader.trees(ids)

    # History

    def find_commit(self, prefix: str) -> CommitId | None:
        """Return the commit that an id or its beginning names; see `Reader.find_commit`."""
        with self._noticing():
            return self._reader.find_commit(prefix)

    def commit(self, commit: CommitId) -> CommitInfo:
        """Return one commit."""
        with self._noticing():
            return self._reader.commit(commit)

    def raw_commits(self, ids: Sequence[CommitId]) -> list[bytes]:
        """Return the bytes of commits; see `Reader.raw_commits`."""
        with self._noticing():
            return self._reader.raw_commits(ids)

    def parents(self, commit: CommitId) -> tuple[CommitId, ...]:
        """Return a commit's parents."""
        return self.commit(commit).parents

    def commits(
        self, tip: CommitId, *, since: CommitId | None = None, paths: Sequence[str] = (), limit: int | None = None
    ) -> Iterator[CommitInfo]:
        """Yield commits, children before their parents; see `History.commits`."""
        with self._noticing():
            yield from self._history.commits(tip, since=since, paths=paths, limit=limit)

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        """Tell whether ``new`` is ``old`` or descends from it."""
        with self._noticing():
            return self._history.is_ancestor(old, new)

    def last_change(self, tip: CommitId, path: str, *, first_parent: bool = False) -> CommitInfo | None:
        """Return the newest commit that changed a path; see `History.last_change`."""
        with self._noticing():
            return self._history.last_change(tip, path, first_parent=first_parent)

    # Upkeep

    @property
    def cluttered(self) -> bool:
        """Whether `maintain` is worth its time: more than 50 packs."""
        return self._directory.cluttered

    def maintain(self, tips: Sequence[CommitId] = (), keep: Sequence[CommitId] = ()) -> None:
        """Combine packs and write the commit graph of these tips; seconds, so not while anything is due.

        ``keep`` names commits that were written here and are not in the remote yet. A mirror that shares objects
        forgets all others of its own, since the remote has them: call it only between pushes.
        """
        self._writer.rest()
        with self._noticing():
            self._directory.maintain(tips, keep)

    def pids(self) -> set[int]:
        """Return the process ids of the children that run now."""
        return self._reader.pids() | self._writer.pids()

    def close(self) -> None:
        """End all processes and let the mirror go. Safe to call again."""
        self._end_children()
        self._directory.release()
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end_children(self) -> None:
        self._writer.rest()
        self._reader.drop()

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except DamagedError:
            self._suspect = True
            raise

    def _prepare(self) -> None:
        self._directory.prepare()
        for tip in self._directory.refs.below(FETCHED).values():
            self._remember(tip)


def _local_origin(engine: Engine, path: Path) -> LocalOrigin:
    origin = located(path, engine.local(f"opening {path}", argv.locate(path)))
    config = engine.local(f"reading the settings of {path}", argv.config_list(origin.git_dir / "config"))
    check_format(origin, settings(config))
    return origin
