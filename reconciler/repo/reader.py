"""Reading by id from one object store: trees, blobs, differences; nothing here spawns except the full listing.

Ids never change their meaning, so small lookups (a commit's tree) are remembered; contents are not: whoever parses them
keeps what it needs by blob id.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from reconciler.model.errors import Place, UserError
from reconciler.model.names import BlobId, CommitId
from reconciler.repo import argv
from reconciler.repo.children import Content, Contents, Diffs, Headers, oversize
from reconciler.repo.differing import DEPTH, differing
from reconciler.repo.faults import DamagedError, TooMuchError, checked
from reconciler.repo.names import EMPTY_TREE, TreeId, object_id
from reconciler.repo.objects import (
    GITLINK,
    TREE,
    Change,
    CommitInfo,
    Entry,
    Oversize,
    TreeItem,
    parse_commit,
    parse_ls_tree,
    parse_tree,
    split_records,
    text_or_none,
)
from reconciler.repo.process import Process

DEFAULT_LIMIT: Final = 1 << 20
"""Bytes of a blob that are read unless the caller says otherwise."""
_OBJECT_LIMIT: Final = 64 << 20
_LISTED: Final = 2_000_000
"""Files and folders of one commit that are listed; a few small trees can stand for a thousand million."""
_LISTED_BYTES: Final = 512 << 20
"""Bytes of all their paths."""
_WALKED: Final = 5_000
"""Files and folders of a directory beyond which a process of its own lists it."""
_REMEMBERED: Final = 16384
_BATCH: Final = 2048
_PREFIX: Final = re.compile(r"[0-9a-f]{12,40}\Z")
_FOLDER: Final = b"040000 "
_KIND: Final = {TREE: "tree", GITLINK: "commit"}

StartProcess = Callable[[argv.Argv], Process]


class Reader:
    """Answers questions about objects of one mirror. One owner thread."""

    def __init__(self, git_dir: Path, start: StartProcess) -> None:
        self._git_dir = git_dir
        self._start = start
        self.headers = Headers(lambda: start(argv.cat_file_headers(git_dir)))
        self.contents = Contents(lambda: start(argv.cat_file_contents(git_dir)))
        self.diffs = Diffs(lambda: start(argv.diff_tree_counted(git_dir)))
        self._commits: OrderedDict[CommitId, CommitInfo] = OrderedDict()

    def drop(self) -> None:
        """End the children; the next question starts new ones."""
        for child in (self.headers.child, self.contents.child, self.diffs.child):
            child.drop()

    def pids(self) -> set[int]:
        """Return the process ids of the running children."""
        children = (self.headers.child, self.contents.child, self.diffs.child)
        return {child.pid for child in children if child.pid is not None}

    def has(self, identity: str) -> bool:
        """Tell whether the object is here (its contents, and what it refers to, are not looked at)."""
        return self.headers.ask([object_id(identity)])[0] is not None

    # Commits

    def find_commit(self, prefix: str) -> CommitId | None:
        """Return the one commit whose id is this or begins so (12 characters or more); None where there is none."""
        if _PREFIX.match(prefix) is None:
            return None
        header = self.headers.ask([f"{prefix}^{{commit}}"])[0]
        return CommitId(header.id) if header is not None and header.id.startswith(prefix) else None

    def commit(self, commit: CommitId) -> CommitInfo:
        """Return one commit.

        Raises:
            DamagedError: it is not here.
        """
        return self.commits([commit])[0]

    def commits(self, ids: Sequence[CommitId]) -> list[CommitInfo]:
        """Return commits in the order asked for."""
        found: dict[CommitId, CommitInfo] = {}
        unknown: list[CommitId] = []
        for commit in ids:
            info = self._commits.get(commit)
            if info is None:
                unknown.append(commit)
            else:
                found[commit] = info
        if unknown:
            for commit, content in zip(unknown, self._must(unknown, "commit"), strict=True):
                found[commit] = self._commits[commit] = parse_commit(commit, content)
            while len(self._commits) > _REMEMBERED:
                self._commits.popitem(last=False)
        return [found[commit] for commit in ids]

    def knows(self, commit: CommitId) -> bool:
        """Tell whether a commit is told without asking git."""
        return commit in self._commits

    def raw_commits(self, ids: Sequence[CommitId]) -> list[bytes]:
        """Return the bytes of commits in the order asked for; nothing is remembered."""
        return self._must(ids, "commit")

    # Trees

    def tree_id(self, commit: CommitId, path: str = "") -> TreeId | None:
        """Return the id of a directory's tree, the root's for ``""``; None where there is no such directory."""
        if not path:
            return self.commit(commit).tree
        item = self.item_at(commit, path)
        return TreeId(item[0]) if item is not None and item[1] == "tree" else None

    def entries(self, commit: CommitId, under: str = "") -> Iterator[Entry]:
        """Yield all files of a commit, or those under a directory, in git's order; nothing where it is absent.

        The whole tree is listed by one process (93 ms for 40,000 files), a small directory by reading its trees.

        Raises:
            TooMuchError: there are more than two million files and folders, their paths have more than 512 MiB, or one
                is deeper than anybody makes them. What came before was yielded.
        """
        tree = self.tree_id(commit, under)
        if tree is None:
            return
        walked = self._walk(tree, under) if under else None
        yield from self._listed(commit, tree, under) if walked is None else walked

    def _listed(self, commit: CommitId, tree: TreeId, under: str) -> Iterator[Entry]:
        prefix = f"{under}/".encode() if under else b""
        groups = _Groups()
        size = 0
        with self._start(argv.ls_tree(self._git_dir, tree)) as process:
            for number, record in enumerate(split_records(iter(process.chunk, b""))):
                size += len(record)
                if number == _LISTED or size > _LISTED_BYTES or record.count(b"/") > DEPTH:
                    raise _too_many(commit, prefix + groups.largest(number), deep=record.count(b"/") > DEPTH)
                if record.startswith(_FOLDER):
                    groups.begin(record, number)
                else:
                    yield parse_ls_tree(record, prefix)
            checked(f"listing {commit}", process.finish())

    def _walk(self, tree: TreeId, under: str) -> list[Entry] | None:
        """Return the files of a directory, None where there are many."""
        level: list[tuple[bytes, TreeItem]] = [(f"{under}/".encode(), item) for item in self.trees([tree])[0]]
        files: list[Entry] = []
        seen = depth = 0
        while level:
            directories: list[tuple[bytes, str]] = []
            for start, item in level:
                raw = start + item.name
                if item.mode == TREE:
                    directories.append((raw + b"/", item.id))
                else:
                    files.append(Entry(text_or_none(raw), raw, item.mode, BlobId(item.id)))
            seen, depth, level = seen + len(level), depth + 1, []
            for position in range(0, len(directories), _BATCH):
                batch = directories[position : position + _BATCH]
                for (start, _), items in zip(batch, self.trees([tree for _, tree in batch]), strict=True):
                    level += [(start, item) for item in items]
                if seen + len(level) > _WALKED or depth > DEPTH:
                    return None
        return sorted(files, key=lambda entry: entry.raw)

    def trees(self, trees: Sequence[str]) -> list[list[TreeItem]]:
        """Return what stands in directories, by the ids of their trees, in the order asked for."""
        return [parse_tree(content) for content in self._must(trees, "tree")]

    def diff(self, old: CommitId | None, new: CommitId, under: str = "") -> list[Change]:
        """Return the files that differ from one commit to another, or under one directory; no renames.

        ``old`` None compares with nothing. Costs follow the width of the directories on the changed paths.

        Raises:
            TooMuchError: more than some two hundred thousand files or folders differ.
        """
        before = EMPTY_TREE if old is None else self.tree_id(old, under) or EMPTY_TREE
        after = self.tree_id(new, under) or EMPTY_TREE
        if before == after:
            return []
        return self.diffs.ask(before, after, f"{under}/".encode() if under else b"")

    def changes(self, old: CommitId | None, new: CommitId) -> list[Change]:
        """Return what `diff` does, of commits that anybody may have made: there is a bound to what is looked at.

        Raises:
            UserError: more differs than can be looked at, or a tree is none that git would make.
        """
        return differing(
            self._bounded_trees,
            EMPTY_TREE if old is None else self.tree_id(old) or EMPTY_TREE,
            self.tree_id(new) or EMPTY_TREE,
        )

    def _bounded_trees(self, ids: Sequence[str], limit: int) -> list[bytes]:
        headers = self.headers.ask([object_id(identity) for identity in ids])
        size = sum(header.size for header in headers if header is not None)
        if size > limit:
            raise UserError(
                f"the folders to be compared have {size >> 20} MiB of names and more",
                expected="a change that can be looked at",
                hint="take out what is no configuration, or propose less at a time",
            )
        return self._must(ids, "tree")

    # Blobs

    def blob(self, blob: BlobId, limit: int = DEFAULT_LIMIT) -> bytes:
        """Return a blob's bytes.

        Raises:
            UserError: it has more than ``limit`` bytes.
            DamagedError: it is not here.
        """
        data = self.blobs([blob], limit)[blob]
        if isinstance(data, Oversize):
            raise too_large(data, limit, None)
        return data

    def blobs(self, ids: Sequence[BlobId], limit: int = DEFAULT_LIMIT) -> dict[BlobId, bytes | Oversize]:
        """Return many blobs in one go (0.011 ms each); those above ``limit`` bytes as a marker.

        Raises:
            DamagedError: one is not here.
        """
        wanted = list(dict.fromkeys(ids))
        found: dict[BlobId, bytes | Oversize] = {}
        for position in range(0, len(wanted), _BATCH):
            batch = wanted[position : position + _BATCH]
            for blob, content in zip(batch, self._ask(batch, limit), strict=True):
                if content.header.kind != "blob":
                    raise DamagedError(f"{blob} is a {content.header.kind}, not a file's content")
                found[blob] = oversize(content) if content.data is None else content.data
        return found

    def known_blobs(self, ids: Sequence[BlobId], limit: int = DEFAULT_LIMIT) -> dict[BlobId, bytes | Oversize]:
        """Return those of the ids that are blobs and are here, as `blobs` does; the others are left out."""
        found: dict[BlobId, bytes | Oversize] = {}
        for position in range(0, len(ids), _BATCH):
            batch = ids[position : position + _BATCH]
            answers = self.contents.ask([object_id(identity) for identity in batch], limit)
            for blob, content in zip(batch, answers, strict=True):
                if content is not None and content.header.kind == "blob":
                    found[blob] = oversize(content) if content.data is None else content.data
        return found

    def blob_at(self, commit: CommitId, path: str, limit: int = DEFAULT_LIMIT) -> tuple[BlobId, bytes] | None:
        """Return id and bytes of the file at a path, or None where there is none (or a directory).

        Raises:
            UserError: it has more than ``limit`` bytes; the place is the path.
        """
        item = self.item_at(commit, path)
        if item is None or item[1] != "blob":
            return None
        blob = BlobId(item[0])
        data = self.blobs([blob], limit)[blob]
        if isinstance(data, Oversize):
            raise too_large(data, limit, Place(path))
        return blob, data

    # Helpers

    def item_at(self, commit: CommitId, path: str) -> tuple[str, str] | None:
        """Return (id, type) of what stands at a path, a submodule being a ``commit``; None for nothing."""
        if "\n" not in path and "\0" not in path and not path.startswith(("/", ":", "./", "../")):
            header = self.headers.ask([f"{object_id(commit)}:{path}"])[0]
            if header is not None:
                return header.id, header.kind
        return self._in_directory(commit, path)

    def _in_directory(self, commit: CommitId, path: str) -> tuple[str, str] | None:
        """Look the name up in its directory's tree, since "missing" also means that an object is not in the store."""
        parent, slash, last = path.rpartition("/")
        if slash and not parent:
            return None
        directory = self.item_at(commit, parent) if parent else (self.commit(commit).tree, "tree")
        if directory is None or directory[1] != "tree":
            return None
        name = last.encode("utf-8", "surrogateescape")
        tree = self._must([directory[0]], "tree")[0]
        if b" " + name + b"\0" not in tree:
            return None
        item = next((item for item in parse_tree(tree) if item.name == name), None)
        return None if item is None else (item.id, _KIND.get(item.mode, "blob"))

    def _must(self, ids: Sequence[str], kind: str) -> list[bytes]:
        contents: list[bytes] = []
        for identity, content in zip(ids, self._ask(ids, _OBJECT_LIMIT), strict=True):
            if content.header.kind != kind:
                raise DamagedError(f"{identity} is a {content.header.kind} where a {kind} is expected")
            if content.data is None:
                raise UserError(
                    f"the {kind} {identity} has {content.header.size} bytes",
                    expected=f"at most {_OBJECT_LIMIT}",
                    hint="distribute the files over more directories",
                )
            contents.append(content.data)
        return contents

    def _ask(self, ids: Sequence[str], limit: int) -> list[Content]:
        answers = self.contents.ask([object_id(identity) for identity in ids], limit)
        if None in answers:
            # A long-lived child may have opened packs that a gc has replaced since; a new one sees what is there.
            self.contents.child.drop()
            answers = self.contents.ask(list(ids), limit)
        found = [answer for answer in answers if answer is not None]
        if len(found) < len(ids):
            lost = next(identity for identity, answer in zip(ids, answers, strict=True) if answer is None)
            raise DamagedError(
                f"the object {lost} is missing",
                hint="the mirror is made anew by itself; if it persists run `git fsck` in the remote repository",
            )
        return found


class _Groups:
    """Which of the topmost folders of a listing is the largest; items are numbered as they come."""

    def __init__(self) -> None:
        self._begun: tuple[bytes, int] = (b"", 0)
        self._largest: tuple[int, bytes] = (0, b"")

    def begin(self, record: bytes, number: int) -> None:
        """Hear of a folder."""
        if b"/" not in record:
            self._end(number)
            self._begun = record.partition(b"\t")[2], number

    def largest(self, number: int) -> bytes:
        """Return the largest up to here, empty where there is none."""
        self._end(number)
        return self._largest[1]

    def _end(self, number: int) -> None:
        name, begun = self._begun
        self._largest = max(self._largest, (number - begun, name))


def _too_many(commit: CommitId, folder: bytes, *, deep: bool) -> TooMuchError:
    shown = folder.decode("utf-8", "backslashreplace")[:120] or "/"
    many = f"folders more than {DEPTH} deep" if deep else f"more than {_LISTED:,} files and folders"
    return TooMuchError(
        f"the commit {commit[:12]} has {many}, or very long paths, most of what was seen in `{shown}`",
        expected="a branch of a configuration repository",
        hint="take the folders out that are no configuration; `git ls-tree COMMIT` shows the topmost",
    )


def too_large(blob: Oversize, limit: int, place: Place | None) -> UserError:
    """Return the refusal of a file that is too large to be read."""
    return UserError(
        f"the file has {blob.size} bytes",
        place=place,
        expected=f"at most {limit}",
        hint="such a file is no configuration: move it out of the branch or make it smaller",
    )
