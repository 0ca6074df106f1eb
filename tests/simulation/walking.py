"""What git's own commands say of objects in memory: the processes that a mirror and a replay start, answered here.

Each is held against git itself in tests/simulation/test_memory.py.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Self

from reconciler.repo.names import EMPTY_TREE, ZERO
from reconciler.repo.objects import TREE
from reconciler.repo.process import Finished
from tests.simulation.objects import Missing, Objects, differences


class Answer:
    """A `Process` whose answer is worked out when it is read."""

    pid = 0

    def __init__(self, objects: Objects, words: Sequence[str]) -> None:
        self._objects = objects
        self._words = words
        self._asked = b""
        self._left: bytes | None = None
        self._status = 0
        self._errors = ""

    def send(self, data: bytes) -> None:
        self._asked += data

    def close_input(self) -> None:
        """Nothing more is asked."""

    def limit_memory(self, size: int) -> None:
        """Nothing here is large."""

    def _answered(self) -> bytes:
        if self._left is None:
            try:
                self._status, self._left = _command(self._objects, self._words, self._asked)
            except Missing as missing:
                self._status, self._left, self._errors = 128, b"", f"fatal: bad object {missing}"
        return self._left

    def line(self) -> bytes:
        found, _, self._left = self._answered().partition(b"\n")
        return found

    def exactly(self, size: int) -> bytes:
        answered = self._answered()
        self._left = answered[size:]
        return answered[:size]

    def skip(self, size: int) -> None:
        self.exactly(size)

    def chunk(self) -> bytes:
        found, self._left = self._answered(), b""
        return found

    def finish(self) -> Finished:
        told = self.chunk()
        return Finished(self._status, told, self._errors)

    def kill(self) -> None:
        """It has ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _command(objects: Objects, words: Sequence[str], asked: bytes) -> tuple[int, bytes]:
    rest = [word for word in words[1:] if not word.startswith(("--git-dir=", "--literal-pathspecs"))]
    match rest[0]:
        case "rev-list":
            return 0, "".join(f"{each}\n" for each in _rev_list(objects, rest[1:])).encode()
        case "merge-base" if rest[1] == "--is-ancestor":
            return int(not objects.descends(rest[3], rest[2])), b""
        case "merge-base":
            found = parted(objects, rest[2], rest[3])
            return (0, f"{found}\n".encode()) if found else (1, b"")
        case "ls-tree":
            return 0, b"".join(_listed(objects, rest[-1]))
        case "diff-tree":
            return 0, b"".join(_told(objects, each) for each in asked.decode().split())
        case "cat-file":
            return 0, b"".join(_content(objects, each) for each in asked.decode().split())
    raise AssertionError(f"no simulated git knows {rest}")


def _rev_list(objects: Objects, words: Sequence[str]) -> Iterator[str]:
    options = [word for word in words[: words.index("--end-of-options")] if word.startswith("--")]
    after = words[words.index("--end-of-options") + 1 :]
    border = after.index("--")
    named, paths = after[:border], after[border + 1 :]
    tips = [word for word in named if not word.startswith("^")]
    without: dict[str, None] = {}
    for old in named:
        if old.startswith("^"):
            without |= objects.ancestry(old[1:])
    limit = next((int(word.partition("=")[2]) for word in options if word.startswith("--max-count=")), None)
    if "--topo-order" in options:
        found = [each for each in ordered(objects, tips[0]) if each not in without]
        found = [each for each in found if not paths or _brings(objects, each, paths)]
    elif "--first-parent" in options and not paths:
        found = [each for each in first_parents(objects, tips[0]) if each not in without]
    else:
        found = list(_simplified(objects, tips[0], paths, first="--first-parent" in options, limit=limit))
    if "--reverse" in options:
        found.reverse()
    yield from found[:limit]


def ordered(objects: Objects, tip: str) -> list[str]:
    """Return what a commit descends from as ``--topo-order`` has it: children first, one line after the other."""
    reachable = objects.ancestry(tip)
    children = dict.fromkeys(reachable, 0)
    for each in reachable:
        for parent in objects.commit(each).parents:
            children[parent] += 1
    found: list[str] = []
    waiting = [tip]
    while waiting:
        current = waiting.pop()
        found.append(current)
        for parent in objects.commit(current).parents:
            children[parent] -= 1
            if not children[parent]:
                waiting.append(parent)
    return found


def first_parents(objects: Objects, tip: str) -> Iterator[str]:
    """Yield a commit and what it descends from by first parents, the newest first."""
    current: str | None = tip
    while current is not None:
        yield current
        current = next(iter(objects.commit(current).parents), None)


def _at(objects: Objects, commit: str, paths: Sequence[str]) -> list[tuple[str, str] | None]:
    return [objects.item_at(commit, path) for path in paths]


def _brings(objects: Objects, commit: str, paths: Sequence[str]) -> bool:
    """Tell whether a commit changed one of the paths, as seen from each of its parents (``--full-history``)."""
    here, parents = _at(objects, commit, paths), objects.commit(commit).parents
    if not parents:
        return any(item is not None for item in here)
    return all(_at(objects, parent, paths) != here for parent in parents)


def _simplified(
    objects: Objects, tip: str, paths: Sequence[str], *, first: bool, limit: int | None
) -> Iterator[str]:  # fmt: skip
    """Yield the commits that changed the paths along the history as git simplifies it, the newest first."""
    seen = {tip}
    waiting = [(-objects.commit(tip).commit_time.timestamp(), 0, tip)]
    order = 0
    left = limit
    while waiting and left != 0:
        _, _, current = heapq.heappop(waiting)
        info, here = objects.commit(current), _at(objects, current, paths)
        parents = info.parents[:1] if first else info.parents
        same = next((parent for parent in parents if _at(objects, parent, paths) == here), None)
        if same is None and (parents or any(item is not None for item in here)):
            yield current
            left = left - 1 if left is not None else None
        for parent in parents if same is None else (same,):
            if parent not in seen:
                seen.add(parent)
                order += 1
                heapq.heappush(waiting, (-objects.commit(parent).commit_time.timestamp(), order, parent))


def parted(objects: Objects, one: str, other: str) -> str | None:
    """Return the best common ancestor of two commits."""
    there = objects.ancestry(other)
    shared = [each for each in ordered(objects, one) if each in there]
    return next((each for each in shared if not any(each != o and objects.descends(o, each) for o in shared)), None)


def _listed(objects: Objects, tree: str, prefix: bytes = b"") -> Iterator[bytes]:
    for name, (mode, identity) in objects.tree(tree).items():
        kind = "tree" if mode == TREE else "commit" if mode == "160000" else "blob"
        yield b"%s %s %s\t%s\0" % (mode.rjust(6, "0").encode(), kind.encode(), identity.encode(), prefix + name)
        if mode == TREE:
            yield from _listed(objects, identity, prefix + name + b"/")


def _told(objects: Objects, commit: str) -> bytes:
    """Return a commit as a replay asks for it; see `replay_argv.commits`."""
    info, raw = objects.commit(commit), objects.get(commit, "commit").decode("utf-8", "replace")
    head = dict[str, str]()
    for line in raw.partition("\n\n")[0].split("\n"):
        key, _, value = line.partition(" ")
        head.setdefault(key, value)
    author, committer = (head[key].rpartition(" ")[0] for key in ("author", "committer"))
    lines = f"{commit} {info.tree}\n{' '.join(info.parents)}\n{author}\n{committer}\n{info.message}"
    found = [lines.encode() + b"\0"]
    if len(info.parents) < 2:
        before = objects.commit(info.parents[0]).tree if info.parents else EMPTY_TREE
        for change in differences(objects, before, info.tree):
            modes = f"{change.old_mode or '000000'} {change.new_mode or '000000'}"
            ids = f"{change.old_blob or ZERO} {change.new_blob or ZERO}"
            kind = "A" if change.old_blob is None else "D" if change.new_blob is None else "M"
            found.append(f":{modes} {ids} {kind}".encode() + b"\0" + change.raw + b"\0")
    return b"".join(found)


def _content(objects: Objects, identity: str) -> bytes:
    found = objects.find(identity)
    if found is None:
        return f"{identity} missing\n".encode()
    kind, data = found
    return f"{identity} {kind} {len(data)}\n".encode() + data + b"\n"
