"""What a mirror has of a remote that is away, and what is kept for it until it is back (ADR 0250).

A file says what the remote was last seen to have; refs of the mirror say where we have moved branches since. Both are
on the disk before anybody acts on them: whoever opens the mirror next goes on from there. Nothing is here, and no file
is read, while the remote answers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from reconciler.model.errors import BlindError, TransientError
from reconciler.model.names import CommitId
from reconciler.repo import argv
from reconciler.repo.faults import checked
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.names import ZERO, full_ref, is_full_ref, is_object_id, object_id
from reconciler.repo.process import Finished

FILE: Final = "reconciler-away"
UNPUSHED: Final = "refs/reconciler/unpushed/"
LEFT: Final = "refs/reconciler/left/"
"""Rows that a rewritten branch has no place for, each under the id of its last commit."""
_VOLATILE: Final = frozenset({"tmpfs", "ramfs"})
_EMPTY_DIR: Final = "kubernetes.io~empty-dir"
"""The folder of a node's pod in which the kubelet makes volumes of that kind."""
_MOUNTS: Final = Path("/proc/self/mountinfo")

Run: TypeAlias = Callable[[str, argv.Argv, bytes], Finished]
Contains: TypeAlias = Callable[[CommitId, CommitId], bool]
"""Tells whether the first commit is here, and is the second or descends from it."""


@dataclass(frozen=True)
class Seen:
    """What the remote had when it was seen last, ``since`` seconds since 1970 without it. None: no such branch."""

    since: int
    head: str | None
    refs: Mapping[str, CommitId | None]


class Away:
    """One mirror's. One owner thread. ``run`` runs a local command with input.

    ``out``: the mirror answers in the remote's place. It may have ``seen`` while it does not, until all is home.
    """

    def __init__(self, git_dir: Path, run: Run) -> None:
        self._git_dir = git_dir
        self._run = run
        self._refs = LocalRefs(git_dir)
        self.out = False
        self.seen: Seen | None = None
        self._moved: dict[str, CommitId] = {}

    def load(self, contains: Contains = lambda _, __: False) -> None:
        """Take up what is on the disk, of this process or one before it; ``contains`` tells of commits that are here.

        Raises:
            BlindError: something is kept, and nobody can say what it stands on. TransientError: the disk.
        """
        rows = {branch_of(row) for row in rows_of(self._git_dir) if row.startswith(UNPUSHED)}
        try:
            self.seen = self._noted()
        except BlindError:
            if rows:
                raise
            self.seen = None
        if unknown := sorted(rows.difference(self.seen.refs if self.seen is not None else ())):
            raise _baseless(self._git_dir / FILE, f"it does not say where {', '.join(unknown)} was")
        self._moved = {}
        for ref, base in self.seen.refs.items() if self.seen is not None else ():
            tip = self._refs.read(kept_ref(ref))
            if tip is None:
                continue
            if self._refs.read(f"{LEFT}{tip}") is not None or (base is not None and contains(base, tip)):
                self._update(f"delete {kept_ref(ref)}\0{tip}\0")  # whoever brought it home was ended before this
            else:
                self._moved[ref] = tip
        self.out = self.out and self.seen is not None

    def begin(self, seen: Seen) -> None:
        """Answer in the remote's place from now on. What was kept before, and is not home yet, stays.

        Raises:
            TransientError: it cannot be written down.
        """
        since = self.seen.since if self.seen is not None else seen.since
        now = Seen(since, seen.head, {**seen.refs, **{ref: self.base(ref) for ref in self._moved}})
        if now != self.seen:
            self._note(now)
        self.out = True

    def reached(self) -> None:
        """Let the remote answer again; only what is still kept of a branch is known of it from now on."""
        self.out = False
        if self.seen is None:
            return
        if self._moved:
            self._note(Seen(self.seen.since, None, {ref: self.base(ref) for ref in self._moved}))
            return
        self._erase()
        self.seen = None

    def _noted(self) -> Seen | None:
        return noted(self._git_dir / FILE)

    def _erase(self) -> None:
        with _writing():
            (self._git_dir / FILE).unlink(missing_ok=True)
            _sync(self._git_dir)

    def _note(self, seen: Seen) -> None:
        with _writing():
            _write(self._git_dir / FILE, seen)
        self.seen = seen

    @property
    def kept(self) -> Mapping[str, CommitId]:
        """Where we have moved branches that are not on the remote yet."""
        return self._moved

    def base(self, ref: str) -> CommitId | None:
        """Return where the remote had a branch when it was seen last; None where it had none, or nothing is known."""
        return self.seen.refs.get(ref) if self.seen is not None else None

    def tips(self, refs: Iterable[str]) -> dict[str, CommitId | None]:
        """Return where the branches are: as we moved them, else as the remote had them."""
        return {ref: self._moved.get(ref) or self.base(ref) for ref in refs}

    def heads(self, prefix: str) -> dict[str, CommitId]:
        """Return the branches below a prefix."""
        names = self.seen.refs if self.seen is not None else ()
        found = self.tips(ref for ref in names if ref.startswith(prefix))
        return {ref: tip for ref, tip in found.items() if tip is not None}

    def move(self, ref: str, old: CommitId | None, new: CommitId, commits: Iterable[CommitId]) -> bool:
        """Move a branch from where it is; False where it is elsewhere. On the disk, with its ``commits``, when it ends.

        Raises:
            TransientError: the disk is full, or does not take it; the branch is where it was.
        """
        if self.seen is None or ref not in self.seen.refs or self.tips([ref])[ref] != old:
            return False
        self._settle_objects(commits)
        self._take_back(ref)
        before = self._moved.get(ref)
        self._update(f"update {kept_ref(ref)}\0{object_id(new)}\0{before or ZERO}\0")
        try:
            self._settle_ref(kept_ref(ref))
        except TransientError:
            # Nobody is to go on from what a power cut may take away.
            self._update(f"update {kept_ref(ref)}\0{before}\0{new}\0" if before else f"delete {kept_ref(ref)}\0{new}\0")
            raise
        self._moved[ref] = new
        return True

    def home(self, ref: str, tip: CommitId | None) -> None:
        """Forget what was kept of a branch: the remote has it, with this tip. What fails on the way leaves it kept."""
        if self.seen is not None and self.base(ref) != tip:
            self._note(Seen(self.seen.since, self.seen.head, {**self.seen.refs, ref: tip}))
        self._take_back(ref)
        self._update(f"delete {kept_ref(ref)}\0{self._moved[ref]}\0")
        del self._moved[ref]

    def _take_back(self, ref: str) -> None:
        """Take back what an earlier update did although it failed, and a full disk did not let be taken back then."""
        there, known = self._refs.read(kept_ref(ref)), self._moved.get(ref)
        if there != known:
            new = f"update {kept_ref(ref)}\0{known}" if known else f"delete {kept_ref(ref)}"
            self._update(f"{new}\0{there or ZERO}\0")

    def leave(self, ref: str, tip: CommitId) -> str:
        """Lay aside what was kept of a branch that has no place for it; return the ref that has it from now on."""
        ours = self._moved[ref]
        aside = f"{LEFT}{object_id(ours)}"
        self._update(f"update {aside}\0{ours}\0\0")
        self._settle_ref(aside)
        self.home(ref, tip)
        return aside

    def expect(self, ref: str, since: int, base: CommitId | None) -> None:
        """Write down where the remote had a branch whose row is about to come from another folder."""
        known = self.seen or Seen(since, None, {})
        self._note(Seen(min(known.since, since), known.head, {**known.refs, ref: base}))

    def take_over(self, ref: str, tip: CommitId) -> None:
        """Keep a row that came from another folder and is in the mirror now. Raises TransientError: see `move`."""
        self._settle_objects([tip])
        self._settle_ref(kept_ref(ref))
        self._moved[ref] = tip

    def _update(self, instruction: str) -> None:
        """Raises TransientError; see `checked`."""
        finished = self._run("keeping a ref", argv.update_ref(self._git_dir), instruction.encode())
        checked("keeping a ref", finished)

    def _settle_ref(self, ref: str) -> None:
        """Make sure that a ref outlives the machine: git itself waits for its file at most, and not in old versions."""
        file = self._git_dir / ref
        with _writing():
            for path in (file, *file.parents):
                _sync(path)
                if path == self._git_dir:
                    return

    def _settle_objects(self, commits: Iterable[CommitId]) -> None:
        objects = self._git_dir / "objects"
        loose = {objects / commit[:2] for commit in commits}
        for folder in (objects, objects / "pack", *(each for each in sorted(loose) if each.is_dir())):
            with _writing():
                _sync(folder)


def kept_ref(ref: str) -> str:
    """Return where a branch is kept; one level only, so that `a` and `a/b` have room beside each other."""
    return UNPUSHED + full_ref(ref).removeprefix("refs/").replace("%", "%25").replace("/", "%2F")


def branch_of(row: str) -> str:
    """Return the branch that is kept as `kept_ref` says; any other ref as it is."""
    if not row.startswith(UNPUSHED):
        return row
    return "refs/" + row.removeprefix(UNPUSHED).replace("%2F", "/").replace("%25", "%")


def fleeting(path: Path) -> str:
    """Return why what lies at a path does not last, to be said after its name; empty where the system knows no reason.

    The longest mount point counts: by the kind of its file system, and by what of it is mounted there (proc(5)).
    """
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    found = (Path("/"), "", "")
    where = path.resolve()
    for line in lines:
        words = line.split(" ")
        if "-" not in words[6:]:
            continue
        point = Path(words[4].encode().decode("unicode_escape"))
        kind = words[words.index("-", 6) + 1]
        if where.is_relative_to(point) and len(point.parts) >= len(found[0].parts):
            found = point, kind, words[3]
    if found[1] in _VOLATILE:
        return "is in memory only"
    return "is in an emptyDir, which goes with its pod" if _EMPTY_DIR in found[2].split("/") else ""


def rows_of(git_dir: Path) -> frozenset[str]:
    """Return the refs of a folder by which commits are kept that no remote has, or had when they were kept.

    Raises:
        BlindError: the folder cannot be read.
    """
    found: set[str] = set()
    try:
        for prefix in (UNPUSHED, LEFT):
            with suppress(FileNotFoundError, NotADirectoryError):
                found |= {prefix + entry.name for entry in (git_dir / prefix).iterdir()}
        with suppress(FileNotFoundError, NotADirectoryError):
            lines = (git_dir / "packed-refs").read_text(encoding="utf-8", errors="replace").splitlines()
            found |= {line[41:] for line in lines if line[41:].startswith((UNPUSHED, LEFT))}
    except OSError as error:
        raise BlindError(f"{git_dir} cannot be read: {error.strerror}", hint="give the daemon's user access") from error
    return frozenset(filter(is_full_ref, found))


def noted(file: Path) -> Seen | None:
    """Return what a file says, None where there is none.

    Raises:
        BlindError: it cannot be read, or is none of ours; nothing is gone on from.
    """
    try:
        data = json.loads(file.read_bytes())
        refs, head, since = data["refs"], data["head"], data["since"]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _baseless(file, f"it cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _baseless(file, "it is not written as this reconciler writes it") from error
    sound = (
        isinstance(since, int) and (head is None or (isinstance(head, str) and is_full_ref(head)))
        and isinstance(refs, dict)
        and all(is_full_ref(ref) and (tip is None or is_object_id(str(tip))) for ref, tip in refs.items())
    )  # fmt: skip
    if not sound:
        raise _baseless(file, "it is not written as this reconciler writes it")
    return Seen(since, head, refs)


def _baseless(file: Path, why: str) -> BlindError:
    return BlindError(
        f"what was decided while the remote was away is kept in {file.parent}, and {file.name} is needed to push it:"
        f" {why}",
        hint=f"restore it, or use the release that wrote it; or push the commits below {UNPUSHED} yourself, and then"
        " delete the folder",
    )


def _write(file: Path, seen: Seen) -> None:
    new = file.with_name(f"{file.name}.new")
    with new.open("w", encoding="utf-8") as out:
        json.dump({"since": seen.since, "head": seen.head, "refs": dict(seen.refs)}, out, sort_keys=True)
        out.flush()
        os.fsync(out.fileno())
    new.rename(file)
    _sync(file.parent)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TransientError(
            f"the mirror cannot be written: {error.strerror}", hint="make space, or mend the disk of `stateDir`"
        ) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
