"""What goes on in a stage at one commit, told by its trees: names alone say most of it, and equal trees say the same.

A service's directory under `ops/` is read once for each content that it ever had; the whole of another commit costs
what differs from those that were looked at before. Of problems alone the content counts: whether they are open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from reconciler.bridge.quiet import Over, Quiet
from reconciler.decide.remediation import ENDINGS
from reconciler.model.errors import UserError
from reconciler.model.names import BlobId
from reconciler.model.problem import load_problem
from reconciler.model.reader import PROBLEM_LIMIT
from reconciler.repo.objects import TREE, Oversize, TreeItem

_FOLDERS: Final = frozenset({"problems", "commands", "remediations", "state", "steps"})
_READ: Final = (".yaml", ".yml", ".json")
_KEPT: Final = 65_536
"""Trees and blobs of each kind whose meaning is remembered at the most."""
_STATE: Final = re.compile(rb"^state:[ \t]*(?P<state>open|resolved)[ \t]*\r?$", re.MULTILINE)
_Value = TypeVar("_Value")
Read: TypeAlias = dict[str, list[TreeItem]]
"""Trees by their ids, read on the way to one answer."""


class Objects(Protocol):
    """Who reads trees and blobs by their ids: a mirror, or the reader of any repository."""

    def trees(self, trees: Sequence[str]) -> list[list[TreeItem]]:
        """Return what stands in directories, in the order asked for."""

    def blobs(self, ids: Sequence[BlobId], limit: int) -> Mapping[BlobId, bytes | Oversize]:
        """Return contents, those above ``limit`` bytes as a marker."""


@dataclass(frozen=True, slots=True)
class Doings:
    """What goes on about one service.

    ``running`` are the remediations that have not ended and the newest event of each, ``ended`` the others' ids;
    ``problems`` the files of open problems, from `problems/` on; ``held``: desired state says something of it.
    """

    tree: str
    running: tuple[tuple[str, str], ...] = ()
    ended: tuple[str, ...] = ()
    problems: tuple[tuple[str, BlobId], ...] = ()
    held: bool = False

    @property
    def busy(self) -> bool:
        """Whether there is something to tell beside what is over."""
        return bool(self.running or self.problems or self.held)


@dataclass(frozen=True, slots=True)
class Going:
    """A part of a stage: the busy services below it, by their path from there, and how much there is altogether."""

    busy: tuple[tuple[str, Doings], ...] = ()
    reported: int = 0
    ended: int = 0


class Remembered(Generic[_Value]):
    """Values by an id; what was not asked for longest goes first."""

    def __init__(self, most: int = _KEPT) -> None:
        self._most = most
        self._known: dict[str, _Value] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def get(self, key: str) -> _Value | None:
        """Return the value of an id, None where it is not known."""
        value = self._known.pop(key, None)
        if value is not None:
            self._known[key] = value
        return value

    def put(self, key: str, value: _Value) -> _Value:
        """Remember a value, and return it."""
        self._known[key] = value
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return value


class OpsTrees:
    """Reads `ops/<stage>/` of any commit. One thread, that of the objects; ``quiet`` opens what is kept on disk."""

    def __init__(self, objects: Objects, quiet: Callable[[], Quiet | None] = lambda: None) -> None:
        self._objects = objects
        self._quiet = quiet
        self._goings: Remembered[Going] = Remembered()
        self._doings: Remembered[Doings] = Remembered()
        self._ends: Remembered[str] = Remembered()
        self._files: Remembered[tuple[tuple[str, BlobId], ...]] = Remembered()
        self._open: Remembered[bool] = Remembered()
        self.found: dict[str, Over] | None = None
        """Where it is set, trees in which nothing goes on are noted there as they are found."""

    def going(self, tree: str) -> Going:
        """Return what goes on in the stage whose folder under `ops/` this tree is."""
        found = self._goings.get(tree)
        if found is None:
            read = self._below(tree)
            found = self._merged(tree, read | self._inside(read))
        return found

    def service(self, tree: str) -> Doings:
        """Return what goes on about the service whose directory under `ops/` this tree is."""
        found = self._doings.get(tree)
        if found is None:
            read = self._trees([tree])
            found = self._doing(tree, read | self._inside(read))
        return found

    def _below(self, tree: str) -> Read:
        """Read the directories that are not known, down to those of services, level by level."""
        read: Read = {}
        level = [tree]
        while level:
            read |= self._trees(level)
            further = (item.id for each in level for item in read[each] if item.mode == TREE and not _is_ours(item))
            level = [each for each in dict.fromkeys(further) if each not in self._goings and each not in read]
            level = self._unknown(level)
        return read

    def _unknown(self, trees: list[str]) -> list[str]:
        """Take up what is kept of some trees, and return the others."""
        quiet = self._quiet() if trees else None
        known = quiet.find(trees) if quiet is not None else {}
        for tree, over in known.items():
            self._goings.put(tree, Going((), over.reported, over.ended))
        return [each for each in trees if each not in known]

    def _inside(self, services: Read) -> Read:
        """Read in one go what the directories of services hold: the ends of remediations, the states of problems."""
        read = self._trees([*_named(services.values(), "remediations"), *_named(services.values(), "state")])
        each = (item.id for items in read.values() for item in items if item.mode == TREE)
        self._read_ends(one for one in dict.fromkeys(each) if one not in self._ends)
        problems = _named(services.values(), "problems")
        self._read_files(problems)
        blobs = (blob for tree in problems for _, blob in self._files.get(tree) or ())
        self._read_states(blob for blob in dict.fromkeys(blobs) if blob not in self._open)
        return read

    def _read_ends(self, trees: Iterable[str]) -> None:
        for tree, items in self._trees(trees).items():
            self._ends.put(tree, _newest_event(items))

    def _read_states(self, blobs: Iterable[BlobId]) -> None:
        wanted = [*blobs]
        for blob, content in (self._objects.blobs(wanted, PROBLEM_LIMIT) if wanted else {}).items():
            self._open.put(blob, not isinstance(content, bytes) or _is_open(content))

    def _trees(self, ids: Iterable[str]) -> Read:
        wanted = [*ids]
        return dict(zip(wanted, self._objects.trees(wanted), strict=True)) if wanted else {}

    def _read_files(self, trees: Iterable[str]) -> None:
        """Read the folders of problems, which may have folders of their own."""
        unknown = [tree for tree in trees if tree not in self._files]
        read: Read = {}
        level = unknown
        while level:
            read |= self._trees(level)
            further = (item.id for tree in level for item in read[tree] if item.mode == TREE)
            level = [tree for tree in dict.fromkeys(further) if tree not in read]
        for tree in unknown:
            self._files.put(tree, tuple(_files(tree, "problems/", read)))

    def _merged(self, tree: str, read: Read) -> Going:
        known = self._goings.get(tree)
        if known is not None:
            return known
        if tree not in read:
            return self.going(tree)  # it was known when the others were read, and is not any more
        items = read[tree]
        busy: list[tuple[str, Doings]] = []
        reported = ended = 0
        if any(_is_ours(item) for item in items):
            here = self._doing(tree, read)
            reported, ended = 1, len(here.ended)
            busy += [("", here)] if here.busy else []
        for item in items:
            if item.mode == TREE and not _is_ours(item):
                below = self._merged(item.id, read)
                name = item.name.decode("utf-8", "replace")
                busy += [(f"{name}/{path}".rstrip("/"), each) for path, each in below.busy]
                reported, ended = reported + below.reported, ended + below.ended
        if self.found is not None and not busy:
            self.found[tree] = Over(reported, ended)
        return self._goings.put(tree, Going(tuple(busy), reported, ended))

    def _doing(self, tree: str, read: Read) -> Doings:
        running: list[tuple[str, str]] = []
        ended: list[str] = []
        folders = {item.name.decode("utf-8", "replace"): item.id for item in read[tree] if item.mode == TREE}
        for item in read.get(folders.get("remediations", ""), ()):
            event = self._end_of(item.id) if item.mode == TREE else None
            name = item.name.decode("utf-8", "replace")
            if event in ENDINGS:
                ended.append(name)
            elif event is not None:
                running.append((name, event))
        files = self._problems(folders["problems"]) if "problems" in folders else ()
        problems = tuple((path, blob) for path, blob in files if self._is_open(blob))
        held = any(item.name == b"desired.yaml" for item in read.get(folders.get("state", ""), ()))
        return self._doings.put(tree, Doings(tree, tuple(running), tuple(ended), problems, held))

    # What was read in one go may be forgotten again before it is used, where a stage has more than is remembered.

    def _end_of(self, tree: str) -> str | None:
        if tree not in self._ends:
            self._read_ends([tree])
        return self._ends.get(tree)

    def _problems(self, tree: str) -> tuple[tuple[str, BlobId], ...]:
        if tree not in self._files:
            self._read_files([tree])
        return self._files.get(tree) or ()

    def _is_open(self, blob: BlobId) -> bool | None:
        if blob not in self._open:
            self._read_states([blob])
        return self._open.get(blob)


def _is_ours(item: TreeItem) -> bool:
    return item.mode == TREE and item.name.decode("utf-8", "replace") in _FOLDERS


def _named(directories: Iterable[Sequence[TreeItem]], name: str) -> dict[str, None]:
    raw = name.encode()
    return dict.fromkeys(item.id for items in directories for item in items if item.mode == TREE and item.name == raw)


def _newest_event(items: Iterable[TreeItem]) -> str:
    """Return the event where a remediation stands, by the names of its steps, which begin with their numbers.

    What happens after its end, as giving back a value or refusing a command, does not begin it again.
    """
    numbered = (item.name.decode("utf-8", "replace").removesuffix(".yaml").partition("-") for item in items)
    steps = sorted((int(each), rest) for each, _, rest in numbered if each.isascii() and each.isdigit())
    at = ""
    for _, event in steps:
        if at not in ENDINGS or event in ENDINGS or event == "reopened" or (at == "orphaned" and event == "refused"):
            at = event
    return at


def _files(tree: str, prefix: str, read: Mapping[str, Sequence[TreeItem]]) -> Iterator[tuple[str, BlobId]]:
    for item in read.get(tree, ()):
        name = f"{prefix}{item.name.decode('utf-8', 'replace')}"
        if item.mode == TREE:
            yield from _files(item.id, f"{name}/", read)
        elif name.endswith(_READ):
            yield name, BlobId(item.id)


def _is_open(content: bytes) -> bool:
    """Whether a problem is open; one that cannot be read is, since somebody has to mend it."""
    states = {match["state"] for match in _STATE.finditer(content)}
    if len(states) == 1:
        return states == {b"open"}
    try:
        return load_problem(content, "problem.yaml").state == "open"
    except UserError:
        return True
