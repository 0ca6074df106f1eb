"""What of a branch counts, by one rule that whoever looks applies from the same commit on, whenever he looks.

Only what descends from that commit, the base, can say anything: where a merge brings a history of its own, the merge
alone says what it took of it. Of every path of people's it is kept which commit gave it what it has, whether that
counts, and what it had before that counted. A merge that has what the newest word about a path gave it needs no
signature for it; where it has anything else, what it took from older states too, its own signature decides. So nobody
brings back what was taken back, or takes away what was signed for, by the order of parents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from reconciler.model.names import BlobId, CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Change, CommitInfo
from reconciler.repo.signatures import Verdict

Value: TypeAlias = tuple[str | None, BlobId | None]
"""Mode and content of a path; None where there is nothing."""
Good: TypeAlias = tuple[Value, CommitId | None]
"""What counts for a path, and the commit that gave it; None: the base."""


@dataclass(frozen=True)
class Refused:
    """A commit of people's that does not count: who committed it, and why."""

    commit: CommitId
    who: str
    why: str


@dataclass(frozen=True)
class Word:
    """What a path has since the base: ``good`` is what counts of it, ``refused`` why that is not what it has."""

    value: Value
    good: Good
    refused: Refused | None = None


@dataclass(frozen=True)
class Node:
    """A branch at one commit. ``force`` is the newest commit at which all files of people count, None for none."""

    words: Mapping[bytes, Word]
    force: CommitId | None
    refused: tuple[Refused, ...] = ()


@dataclass
class Line:
    """Goes along a branch from a base on, None: from its beginning. One owner thread.

    ``read`` returns what differs between two commits and matters; of other paths, those that already have a word are
    asked for with ``all``. ``judge`` says what a commit's signature is worth for some of its changes; it may raise
    BlindError, and is asked again then. ``holds`` tells whether a path holds back the branch where it does not count.
    """

    store: Mirror
    base: CommitId | None
    read: Callable[[CommitId | None, CommitId, Mapping[bytes, Word]], list[Change]]
    judge: Callable[[CommitInfo, Sequence[Change]], Verdict]
    holds: Callable[[bytes], bool]
    _nodes: dict[CommitId, Node] = field(default_factory=dict)
    _reached: CommitId | None = None
    _older: dict[tuple[CommitId, CommitId], bool] = field(default_factory=dict)

    def at(self, tip: CommitId) -> Node | None:
        """Return the branch at a commit; None where that does not descend from the base."""
        if self.base is not None:
            self._nodes.setdefault(self.base, Node({}, self.base))
        if tip not in self._nodes:
            for info in reversed(list(self.store.commits(tip, since=self._reached or self.base))):
                if info.id not in self._nodes:
                    self._take(info)
            self._reached = tip
        return self._nodes.get(tip)

    def _take(self, info: CommitInfo) -> None:
        parents = [each for each in dict.fromkeys(info.parents) if each in self._nodes]
        if not parents and (self.base is not None or info.parents):
            return
        before = [self._nodes[each] for each in parents] or [Node({}, None)]
        known = {path: word for node in reversed(before) for path, word in node.words.items()}
        compared: Sequence[CommitId | None] = parents or (None,)
        found = [{each.raw: each for each in self.read(parent, info.id, known)} for parent in compared]
        words = self._words(info, before, found)
        bad = [word.refused for path, word in words.items() if word.refused is not None and self.holds(path)]
        if not bad:
            self._nodes[info.id] = Node(words, info.id)
            return
        refused = dict.fromkeys(each for node in before for each in node.refused)
        refused |= dict.fromkeys(bad)
        self._nodes[info.id] = Node(words, self._force(before), tuple(refused))

    def _words(
        self, info: CommitInfo, before: Sequence[Node], found: Sequence[Mapping[bytes, Change]]
    ) -> Mapping[bytes, Word]:  # fmt: skip
        first = before[0].words
        paths = dict.fromkeys(path for changes in found for path in changes)
        if len(before) > 1:
            for path in dict.fromkeys(path for node in before for path in node.words):
                if any(node.words.get(path) != before[0].words.get(path) for node in before):
                    paths[path] = None
        if not paths:
            return first
        words = dict(first)
        for path in paths:
            word = self._word(info, path, before, found)
            if word is None:
                words.pop(path, None)
            else:
                words[path] = word
        return words

    def _word(
        self, info: CommitInfo, path: bytes, before: Sequence[Node], found: Sequence[Mapping[bytes, Change]]
    ) -> Word | None:  # fmt: skip
        """Return what is to be said of a path at a commit; None where it is as it is at the base, unless it changed."""
        value = _value(path, before, found)
        there = [node.words.get(path) for node in before]
        goods = [
            word.good if word is not None else (_before(path, changes, value), None)
            for word, changes in zip(there, found, strict=True)
        ]
        newest = self._newest(goods)
        if all(each[0] == value for each in newest):
            by = newest[0][1]
            return Word(value, newest[0]) if by is not None else None
        as_first = there[0] if path not in found[0] else None
        if as_first is not None and as_first.refused is not None:
            return Word(value, newest[0], as_first.refused)
        verdict = self.judge(info, [each[path] for each in found if path in each])
        if verdict.good:
            return Word(value, (value, info.id))
        same = (word.refused for word in there if word is not None and word.refused and word.value == value)
        refused = next(same, None) or Refused(info.id, str(info.committer.name), verdict.why)
        return Word(value, newest[0], refused)

    def _newest(self, goods: Sequence[Good]) -> list[Good]:
        """Return those that no other one came after."""
        distinct = list(dict.fromkeys(goods))
        return [each for each in distinct if not any(self._is_older(each[1], other[1]) for other in distinct)]

    def _is_older(self, one: CommitId | None, other: CommitId | None) -> bool:
        if one == other or other is None:
            return False
        if one is None:
            return True
        known = self._older.get((one, other))
        if known is None:
            known = self._older[one, other] = self.store.is_ancestor(one, other)
        return known

    def _force(self, before: Sequence[Node]) -> CommitId | None:
        """Return what stays in force where a commit does not count: of a merge's sides the one that says the most."""
        said = [{word.good[1] for word in node.words.values()} - {None} for node in before]
        for node, own in zip(before, said, strict=True):
            others = (by for other in said for by in other)
            if all(any(by == each or self._is_older(by, each) for each in own) for by in others):
                sides = [each for each, also in zip(before, said, strict=True) if also == own and each.force]
                return self._latest([each.force for each in sides if each.force is not None]) or node.force
        return before[0].force

    def _latest(self, commits: Sequence[CommitId]) -> CommitId | None:
        kept = [each for each in commits if not any(self._is_older(each, other) for other in commits)]
        return kept[0] if kept else None


def _value(path: bytes, before: Sequence[Node], found: Sequence[Mapping[bytes, Change]]) -> Value:
    for changes in found:
        if path in changes:
            return changes[path].new_mode, changes[path].new_blob
    return next(word.value for node in before if (word := node.words.get(path)) is not None)


def _before(path: bytes, changes: Mapping[bytes, Change], value: Value) -> Value:
    change = changes.get(path)
    return value if change is None else (change.old_mode, change.old_blob)
