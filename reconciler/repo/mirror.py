"""`Mirror`: our own bare copy of one configuration repository, everything the daemon ever does with Git.

It can be deleted at any time; the remote has all that counts. Where the remote is a directory of this machine, the
mirror shares its objects (alternates) and reads its refs as files, so that a new commit is visible without a fetch;
otherwise it lists with ``ls-remote`` and fetches into private refs. Writing is the same for both: commits are made
in the mirror and go to the remote by an ordinary ``git push``, whose hooks, quarantine and gc safety stay Git's.

One thread at a time uses a mirror. Reading tips of a local remote, differences, files and writing commits start no
process.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from reconciler.model.errors import BlindError, BugError, ConfigError, ReconcilerError, TransientError
from reconciler.model.names import CommitId
from reconciler.repo import argv
from reconciler.repo.away import Away, Seen, fleeting
from reconciler.repo.conversation import Heard, Op, unheard
from reconciler.repo.directory import FETCHED, Directory, private_ref
from reconciler.repo.engine import Engine, Timeouts
from reconciler.repo.faults import AwayError, fetch_error, transport_error
from reconciler.repo.listing import Listing, Remembered
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.names import full_ref
from reconciler.repo.objects import Identity
from reconciler.repo.origin import LocalOrigin, check_format, located, settings
from reconciler.repo.process import Finished
from reconciler.repo.push import PushResult, RefResult, RefUpdate, push_result
from reconciler.repo.reader import Reader
from reconciler.repo.readings import Readings
from reconciler.repo.remote import Credentials, parse_remote
from reconciler.repo.salvage import Salvage
from reconciler.repo.signing import CommitSigner
from reconciler.repo.signing_commits import SignedCommits
from reconciler.repo.stream import NewCommit
from reconciler.repo.writer import RECONCILER, Writer

__all__ = ["Mirror"]

PROPOSALS: Final = "refs/heads/proposals/"
"""Where proposals lie: branches for people to merge, which are no stages and the only ones that are ever taken away."""
_REMEMBERED: Final = 4096
_KNOCKED: Final = 20.0
"""Seconds for which a remote that was away is waited for each time: meanwhile nothing goes on."""


class Mirror(Readings):
    """See the module's text. Made by `Mirror.open`; `close` ends all its processes."""

    def __init__(
        self, path: Path, engine: Engine, origin: LocalOrigin | None, committer: Identity, signer: CommitSigner | None,
        project: str = "",
    ) -> None:  # fmt: skip
        """Use `Mirror.open`.

        ``silence`` is why the remote did not say where its branches are when it was asked last; None where it did.
        """
        self.path, self.start = path, engine.start_bounded  # who reads much at once starts a child of his own
        self._engine = engine
        self._origin = origin
        refs = None if origin is None else LocalRefs(origin.git_dir)
        self._last = Remembered()
        self._listing = Listing(
            engine.remote, refs, lambda command: self._talk("list", "listing the remote", command), self._last
        )
        self._directory = Directory(path, engine, origin, project)
        super().__init__(Reader(path, engine.start), path, engine.start)
        signed = SignedCommits(path, engine.start, self._reader.raw_commits, signer) if signer is not None else None
        self._writer = Writer(lambda: engine.start(argv.fast_import(path)), committer, signed)
        self._complete: OrderedDict[CommitId, None] = OrderedDict()
        self.away = Away(path, lambda doing, words, data: engine.local(doing, words, data=data))
        self._unanswered: dict[str, tuple[CommitId | None, CommitId]] = {}
        self._salvage = Salvage(path, engine, self.away)
        self.silence: AwayError | None = None

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
        project: str = "",
    ) -> Self:
        """Open the mirror at ``path``, making it where it is missing, damaged, or of another address.

        A remote behind a network is not contacted yet. ``clock`` is monotonic, in seconds; ``share=False`` treats a
        remote on this machine like one behind a network. ``durable=False`` does not wait for the disk (some
        milliseconds a write): after a power cut the mirror is made anew, and only what was not pushed is lost.
        ``heard`` is told of each conversation with the remote. ``signer`` signs what is written here. What is kept in
        a mirror beside it, of the same ``project`` and another address, is taken from there.

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
            mirror = cls(path.absolute(), engine, origin, committer, signer, project)
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
        if self.away.out:
            return self.away.tips(refs)
        found = self._listing.tips(refs)
        for ref in found:
            self._unanswered.pop(ref, None)  # whether that push has landed is known now
        return found

    def heads(self, prefix: str = "refs/heads/") -> dict[str, CommitId]:
        """Return the remote's branches below a prefix that ends with a slash, for example ``refs/heads/ops/``."""
        if not prefix.startswith("refs/heads/") or not prefix.endswith("/"):
            raise BugError(f"not a prefix of branches: {prefix!r}")
        return self.away.heads(prefix) if self.away.out else self._listing.heads(prefix)

    def default_branch(self) -> str | None:
        """Return the full ref that the remote's HEAD names; None where it names none or the remote doesn't say."""
        if self.away.out and self.away.seen is not None:
            return self.away.seen.head
        return self._listing.default_branch()

    # Moving

    def fetch(self, tips: Mapping[str, CommitId | None]) -> None:
        """Make the objects of these tips readable; one conversation for all, none where they are here already.

        A mirror that was found damaged since the last call is made anew first.

        Raises:
            TransientError: the transport failed, or a branch was rewritten in between (list and fetch again).
            BlindError: the remote cannot be seen. ConfigError: it is a shallow or a partial clone.
        """
        if self._suspect and not self.away.out:
            self._end_children()
            self._complete.clear()
            self._directory.remake("objects were missing or unreadable")
            self._suspect = False
            self._load()
        if self._origin is not None:
            return
        wanted = {full_ref(ref): tip for ref, tip in tips.items() if tip is not None and tip not in self._complete}
        if not wanted:
            return
        if self.away.out:
            if missing := [ref for ref, tip in wanted.items() if not self._reader.has(tip)]:
                raise BlindError(f"the remote is away, and {', '.join(missing)} was never fetched")
            return
        timeout = self._engine.timeouts.network if self._complete else self._engine.timeouts.first_fetch
        pairs = [(ref, private_ref(ref)) for ref in wanted]
        finished = self._talk("fetch", "fetching", argv.fetch(self.path, self._engine.remote, pairs), timeout=timeout)
        for ref, tip in wanted.items():
            arrived = self._directory.refs.read(private_ref(ref))
            if arrived is None:
                raise transport_error(f"fetching {ref}", finished.stderr)
            self._remember(arrived)
            if arrived != tip and not self._holds(arrived, tip):
                # Git refuses a part of a history in passing, as a warning, where ours begins elsewhere.
                told = transport_error(f"fetching {ref}", finished.stderr)
                rewritten = TransientError(f"{ref} was rewritten while it was fetched")
                raise told if isinstance(told, ConfigError) else rewritten
            self._remember(tip)

    def _holds(self, tip: CommitId, commit: CommitId) -> bool:
        """Whether both are here, and the tip is the commit or descends from it."""
        return self._reader.has(tip) and self._reader.has(commit) and self._history.is_ancestor(commit, tip)

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
        if self.away.out:
            return self._keep(updates)
        triples = [(update.ref, update.old, update.new) for update in updates]
        with self._engine.conversation("push") as conversation, self._noticing():
            try:
                finished = self._engine.talk("pushing", argv.push(self.path, self._engine.remote, triples))
                result = push_result(updates, finished, finished.stdout.decode("utf-8", "replace"), finished.stderr)
            except AwayError:
                moves = ((each.ref, each.old, each.new) for each in updates if not each.ref.startswith(PROPOSALS))
                self._unanswered |= {ref: (old, new) for ref, old, new in moves if new is not None}
                raise
            conversation.result = "ok" if result.landed else "lost" if result.lost else "declined"
        if result.landed:
            for update in updates:
                if update.new is None:
                    self._last.refs.pop(update.ref, None)
                    continue
                self._last.refs[update.ref] = update.new
                self._remember(update.new)
        return result

    # While the remote is away

    def knock(self) -> None:
        """Find out whether the remote answers by now; who needs longer than 20 s for a list of refs is away.

        Raises:
            AwayError: it does not. TransientError, ConfigError: it does, and refuses.
        """
        patience = min(_KNOCKED, self._engine.timeouts.network)
        self._talk("list", "listing the remote", argv.ls_remote_head(self._engine.remote), timeout=patience)

    def why_not_without(self) -> str:
        """Return why nothing may be kept here for a remote that is away; empty where it may."""
        if self._origin is not None:
            return "the remote is a folder of this machine whose objects are read in place"
        if not self._engine.durable:
            return "what is written here is not waited for until it is on the disk"
        why = fleeting(self.path)
        return f"{self.path} {why} (`stateDir`)" if why else ""

    def go_without(self, since: int) -> None:
        """Answer in the remote's place, as it was last seen, until `away` ends; ``since`` is seconds since 1970.

        Raises:
            BlindError: it was never seen by this process nor by the one before it. TransientError: the disk.
        """
        if (seen := self.away.seen) is not None and self._last.head is None:
            self._last.head, self._last.refs = seen.head, {**seen.refs, **self._last.refs}
        if self._last.head is None:
            raise BlindError("the remote is away, and where its branches are was never seen")
        for ref, ours in list(self.away.kept.items()):
            tip = self._last.refs.get(ref)
            if tip is not None and not self._reader.has(tip):
                raise BlindError(f"the remote is away, and {ref} was never fetched as it was seen last")
            if tip is not None and self.is_ancestor(ours, tip):
                self.away.home(ref, tip)
        self.away.begin(Seen(since, self._last.head, dict(self._last.refs)))

    def saw(self, ref: str) -> bool:
        """Whether it was ever seen where the remote has a branch, or that it has none."""
        return ref in self._last.refs

    @property
    def stranded(self) -> Mapping[str, ReconcilerError]:
        """Why something that was kept is not here, by branch: nothing may be decided there (see `salvage`)."""
        return self._salvage.stranded

    def salvage(self) -> None:
        """Take what is kept in folders that are used no more, asking the remote. Raises AwayError: it is away."""
        self._salvage.attempt(self._contains)

    def _contains(self, ref: str, commit: CommitId | None) -> bool:
        tip = self.tips([ref])[ref]
        self.fetch({ref: tip})
        return tip is None if commit is None else tip is not None and self._holds(tip, commit)

    def adopt_unanswered(self, ref: str) -> bool:
        """Keep the commits whose push had no answer: they may be on the remote, so these very ones are to count."""
        old, new = self._unanswered.get(ref, (None, None))
        moved = new is not None and ref not in self.away.kept and self._move(ref, old, new)
        self._unanswered.pop(ref, None)  # not where the disk did not take it: it is to be kept yet
        return moved

    def _keep(self, updates: Sequence[RefUpdate]) -> PushResult:
        (update,) = updates
        if update.new is None or update.ref.startswith(PROPOSALS):
            raise AwayError("the remote is away: nothing is proposed")
        moved = self._move(update.ref, update.old, update.new)
        return PushResult({update.ref: RefResult("landed" if moved else "lost")})

    def _move(self, ref: str, old: CommitId | None, new: CommitId) -> bool:
        made = [each.id for each in self.commits(new, since=old, limit=_REMEMBERED)]
        self._remember(new)
        return self.away.move(ref, old, new, made)

    def _descends(self, new: CommitId, old: CommitId) -> bool:
        return self._writer.descends(new, old) or self.is_ancestor(old, new)

    def _talk(self, op: Op, doing: str, command: argv.Argv, timeout: float | None = None) -> Finished:
        with self._engine.conversation(op), self._noticing():
            try:
                finished = self._engine.talk(doing, command, timeout=timeout)
                if finished.status:
                    raise (fetch_error if op == "fetch" else transport_error)(doing, finished.stderr)
            except AwayError as error:
                self.silence = error if op == "list" else self.silence
                raise
            self.silence = None if op == "list" else self.silence
            return finished

    # Writing

    def write(self, parent: CommitId | None, commits: Sequence[NewCommit]) -> list[CommitId]:
        """Write a linear chain of commits on ``parent``; see `Writer.write`. No branch moves."""
        with self._noticing():
            written = self._writer.write(parent, commits)
            # What follows asks for each of them, one by one: whether it descends from the last, what it says.
            self._reader.commits(written)
            return written

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

    def _prepare(self) -> None:
        self._directory.prepare()
        for tip in self._directory.refs.below(FETCHED).values():
            self._remember(tip)
        self._load()

    def _load(self) -> None:
        self.away.load(self._holds)
        self._salvage.attempt()


def _local_origin(engine: Engine, path: Path) -> LocalOrigin:
    origin = located(path, engine.local(f"opening {path}", argv.locate(path)))
    config = engine.local(f"reading the settings of {path}", argv.config_list(origin.git_dir / "config"))
    check_format(origin, settings(config))
    return origin
