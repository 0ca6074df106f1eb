"""What of a branch counts, by one rule that whoever looks applies from the same commit on, whenever he looks.

Only what descends from that commit, the base, can say anything: where a merge brings a history of its own, the merge
alone says what it took of it. Of every path of people's it is kept which commit gave it what it has, whether that
counts, and what it had before that counted. A merge that has what the newest word about a path gave it needs no
signature for it; where it has anything else, what it took from older states too, its own signature decides. So nobody
brings back what was taken back, or takes away what was signed for, by the order of parents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from reconciler.model.names import BlobId, CommitId
from reconciler.repo.beyond import MORE
from reconciler.repo.faults import TooMuchError
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import EMPTY_TREE
from reconciler.repo.objects import Change, CommitInfo
from reconciler.repo.signatures import Verdict
from reconciler.repo.signatures_refused import NONE, Refusals, Refused, shortened
from reconciler.repo.signatures_walk import differences
from reconciler.repo.signatures_words import Kept

Value: TypeAlias = tuple[str | None, BlobId | None]
"""Mode and content of a path; None where there is nothing."""
Good: TypeAlias = tuple[Value, CommitId | None]
"""What counts for a path, and the commit that gave it; None: the base."""
_REMEMBERED: Final = 65536
EVERYTHING: Final = b"/"
"""Stands among paths for all of them, where nobody can say which a commit changed."""
_TAKEN_OUT: Final = 1000
"""Files that a commit takes away after which it is looked whether the rest can be looked at again."""
_FEW: Final = 64
"""Commits that are asked about one by one; more are read ahead by a child of their own."""


@dataclass(frozen=True)
class Word:
    """What a path has since the base: ``good`` is what counts of it, ``refused`` why that is not what it has."""

    value: Value
    good: Good
    refused: Refused | None = None


@dataclass(frozen=True)
class Blind:
    """What is known of commits of which nobody can list what they changed, and of those that stand on them.

    ``since`` is the newest commit before them, ``refused`` the last of them that nobody may have made as it is. Of
    those between that can be listed it is kept what they said: value, why that does not count, and the commit.
    """

    since: CommitId | None
    refused: Refused | None
    said: Kept[tuple[Value, Refused | None, CommitId]] = field(default_factory=Kept)


@dataclass(frozen=True)
class Node:
    """A branch at one commit. ``force`` is the newest commit at which all files of people count, None for none.

    ``bad`` are the paths whose word does not count. ``said`` are those of which the commit itself said something,
    ``parents`` its parents as far as they descend from the base, ``height`` how long the longest way from there is.
    ``blind``: it cannot be compared with what was before, and the rest is as it was there; ``beyond`` where the commit
    itself is the reason and does not count.
    """

    words: Kept[Word]
    force: CommitId | None
    refused: Refusals = NONE
    bad: Kept[Refused] = field(default_factory=Kept)
    said: tuple[bytes, ...] = ()
    parents: tuple[CommitId, ...] = ()
    height: int = 0
    blind: Blind | None = None
    beyond: Refused | None = None


@dataclass
class Line:
    """Goes along a branch from a base on, None: from its beginning. One owner thread.

    ``under`` is the folder that is looked at, empty for all but `ops`. ``sift`` returns those of some changes that
    matter; it is told which other paths are asked for too. ``judge`` says what a commit's signature is worth for some
    of its changes; it may raise BlindError, and is asked again then. ``holds``: a path that does not count holds back
    the whole branch.
    """

    store: Mirror
    base: CommitId | None
    under: str
    sift: Callable[[Iterable[Change], Callable[[bytes], bool]], list[Change]]
    judge: Callable[[CommitInfo, Sequence[Change]], Verdict]
    holds: bool
    _nodes: dict[CommitId, Node] = field(default_factory=dict)
    _reached: CommitId | None = None
    _beyond: set[frozenset[str]] = field(default_factory=set)
    _older: dict[tuple[CommitId, CommitId], bool] = field(default_factory=dict)

    def at(self, tip: CommitId) -> Node | None:
        """Return the branch at a commit; None where that does not descend from the base."""
        if self.base is not None:
            self._nodes.setdefault(self.base, Node(Kept(), self.base))
        if tip not in self._nodes:
            # Messages are most of what commits are, and nobody asks for them.
            walk = self.store.commits(tip, since=self._reached or self.base)
            come = self._descending([replace(info, message="") for info in walk][::-1])
            ahead = differences(self.store, come, self._wants) if len(come) > _FEW else ((info, None) for info in come)
            for info, changes in ahead:
                if info.id not in self._nodes:
                    self._take(info, changes)
            self._reached = tip
        return self._nodes.get(tip)

    def _descending(self, infos: Sequence[CommitInfo]) -> list[CommitInfo]:
        """Return those that say anything: what a merge brought from elsewhere may be as long as it likes."""
        if self.base is None:
            return list(infos)
        found: dict[CommitId, CommitInfo] = {}
        for info in infos:
            if any(each in self._nodes or each in found for each in info.parents):
                found[info.id] = info
        return list(found.values())

    def along(self, tip: CommitId) -> Iterator[tuple[CommitId, Node]]:
        """Yield the commits that the branch itself was at, the newest first: by what all other words come."""
        at: CommitId | None = tip if self.at(tip) is not None else None
        while at is not None:
            node = self._nodes[at]
            yield at, node
            at = node.parents[0] if node.parents else None

    def _take(self, info: CommitInfo, changes: list[Change] | None) -> None:
        """Take the next commit, with what it changes if it has one parent and that is known already."""
        parents = tuple(each for each in dict.fromkeys(info.parents) if each in self._nodes)
        if not parents and (self.base is not None or info.parents):
            return
        blinds = [blind for each in parents if (blind := self._nodes[each].blind) is not None]
        differ: list[list[Change]] | None = None
        try:
            differ = [changes] if changes is not None else self._differ(info.id, parents or (None,))
            clear = not blinds
        except TooMuchError:
            # What took away what is too much brings back what can be compared: with what was before that.
            clear = bool(blinds)
        if blinds:
            clear = (
                clear or differ is None or len(parents) > 1 or sum(_is_gone(each) for each in differ[0]) > _TAKEN_OUT
            )
        seen = tuple(dict.fromkeys(self._seen(each) for each in parents))
        if clear and blinds:
            try:
                self._say(info, parents, seen, self._differ(info.id, seen), blinds)
            except TooMuchError:
                clear = False
        elif clear and differ is not None:
            self._say(info, parents, parents, differ, ())
        if not clear:
            self._pass(info, parents, differ)

    def _seen(self, commit: CommitId) -> CommitId | None:
        """Return the commit, or the newest one before it at which nothing was too much; None before all."""
        blind = self._nodes[commit].blind
        return commit if blind is None else blind.since

    def _say(
        self, info: CommitInfo, parents: tuple[CommitId, ...], seen: Sequence[CommitId | None],
        differ: Sequence[list[Change]], blinds: Sequence[Blind],
    ) -> None:  # fmt: skip
        """Take a commit with what differs from each of those that are ``seen`` before it."""
        before = [self._nodes[each] if each is not None else Node(Kept(), None) for each in seen or (None,)]

        def known(path: bytes) -> bool:
            return any(path in node.words for node in before)

        found = [{each.raw: each for each in self.sift(those, known)} for those in differ]
        paths = dict.fromkeys(path for changes in found for path in changes)
        first = before[0]
        parted = {path for other in before[1:] for path in first.words.differing(other.words)}
        paths |= dict.fromkeys(sorted(parted))
        words, bad, said = first.words, first.bad, list[Refused]()
        for path in paths:
            word = self._word(info, path, before, found, blinds)
            words = words.put(path, word)
            refused = word.refused if word is not None else None
            bad = bad.put(path, refused)
            said += [refused] if refused is not None else []
        force: CommitId | None = info.id
        told = NONE
        if self.holds and bad:
            told = Refusals.joined([node.refused for node in before], said)
            force = self._force(before, parted)
        self._nodes[info.id] = Node(words, force, told, bad, tuple(paths), parents, self._height(parents))

    def _pass(self, info: CommitInfo, parents: tuple[CommitId, ...], differ: Sequence[list[Change]] | None) -> None:
        """Go past a commit that cannot be compared; ``differ`` is what it changed itself, where that can be listed."""
        since = self._seen(parents[0]) if parents else None
        before = self._nodes[since] if since is not None else Node(Kept(), None)
        blind = next((known for each in parents if (known := self._nodes[each].blind)), None) or Blind(since, None)
        beyond: Refused | None = None
        if differ is None or len(parents) > 1:
            verdict = self.judge(info, ())
            others = [known.refused for each in parents if (known := self._nodes[each].blind)]
            if not verdict.good:
                todo = "take out what is no configuration by a signed commit, or name that commit in `signedSince`"
                why = f"it changed {MORE}, and {verdict.why}"
                beyond = Refused(info.id, shortened(info.committer.name), why, verdict.todo or todo)
            blind = Blind(since, beyond or next(filter(None, others), None))
        else:
            said = blind.said
            for each in self.sift(differ[0], lambda path: path in blind.said or path in before.words):
                verdict = self.judge(info, [each])
                who = shortened(info.committer.name)
                refused = None if verdict.good else Refused(info.id, who, verdict.why, verdict.todo)
                said = said.put(each.raw, ((each.new_mode, each.new_blob), refused, info.id))
            blind = replace(blind, said=said)
        todo = "take out what is no configuration by a commit, or name one without it in `signedSince`"
        held = blind.refused or Refused(info.id, shortened(info.committer.name), f"it changed {MORE}", todo)
        force, told = before.force, Refusals.joined([before.refused], [held])
        self._nodes[info.id] = Node(
            before.words, force, told if self.holds else NONE, before.bad.put(EVERYTHING, held), (), parents,
            self._height(parents), blind, beyond,
        )  # fmt: skip

    def _height(self, parents: Sequence[CommitId]) -> int:
        return 1 + max((self._nodes[each].height for each in parents), default=0)

    def _wants(self, path: bytes) -> bool:
        return path.startswith(f"{self.under}/".encode()) if self.under else not path.startswith(b"ops/")

    def _differ(self, commit: CommitId, parents: Sequence[CommitId | None]) -> list[list[Change]]:
        """Return what differs from each of the parents. Raises TooMuchError."""
        return [self._between(parent, commit) for parent in parents]

    def _between(self, old: CommitId | None, new: CommitId) -> list[Change]:
        """Return what differs; what was too much one way is not looked at the other way."""
        if self._beyond and self._trees(old, new) in self._beyond:
            raise TooMuchError(f"{MORE} lies between {old} and {new}")
        try:
            return self.store.diff(old, new, self.under)
        except TooMuchError:
            self._beyond.add(self._trees(old, new))
            raise

    def _trees(self, old: CommitId | None, new: CommitId) -> frozenset[str]:
        return frozenset((EMPTY_TREE if old is None else self.store.commit(old).tree, self.store.commit(new).tree))

    def _word(
        self, info: CommitInfo, path: bytes, before: Sequence[Node], found: Sequence[Mapping[bytes, Change]],
        blinds: Sequence[Blind],
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
        for blind in blinds:
            said = blind.said.get(path)
            if said is not None and said[0] == value and (said[1] is not None or blind.refused is None):
                return Word(value, (value, said[2])) if said[1] is None else Word(value, newest[0], said[1])
        hidden = next((blind.refused for blind in blinds if blind.refused is not None), None)
        if hidden is not None:
            return Word(value, newest[0], hidden)
        verdict = self.judge(info, [each[path] for each in found if path in each])
        if verdict.good:
            return Word(value, (value, info.id))
        same = (word.refused for word in there if word is not None and word.refused and word.value == value)
        refused = next(same, None) or Refused(info.id, shortened(info.committer.name), verdict.why, verdict.todo)
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
            if len(self._older) >= _REMEMBERED:
                self._older.clear()
            known = self._older[one, other] = self._descends(one, other)
        return known

    def _descends(self, one: CommitId, other: CommitId) -> bool:
        """Whether a commit of the line comes before another one; all that lies between them is of the line too."""
        height = self._nodes[one].height
        seen, left = {other}, [other]
        while left:
            for each in self._nodes[left.pop()].parents:
                if each == one:
                    return True
                if each not in seen and self._nodes[each].height > height:
                    seen.add(each)
                    left.append(each)
        return False

    def _force(self, before: Sequence[Node], parted: set[bytes]) -> CommitId | None:
        """Return what stays in force where a commit does not count: of a merge's sides the one that says the most.

        ``parted`` are the paths of which they say different things.
        """
        if len(before) == 1:
            return before[0].force
        said = [
            {word.good[1] for path in parted if (word := node.words.get(path)) is not None} - {None} for node in before
        ]
        for node, own in zip(before, said, strict=True):
            others = {by for other in said for by in other} - own
            if all(self._is_said(by, own, node) for by in others):
                equal = [each for each, also in zip(before, said, strict=True) if self._is_same(node, own, each, also)]
                sides = [each for each in equal if each.force]
                return self._latest([each.force for each in sides if each.force is not None]) or node.force
        return before[0].force

    def _is_said(self, by: CommitId | None, own: set[CommitId | None], node: Node) -> bool:
        """Whether what a side says is also, or was before, what another one said."""
        if any(self._is_older(by, each) for each in own):
            return True
        return any(by == each or self._is_older(by, each) for each in _goods(node))

    def _is_same(self, one: Node, own: set[CommitId | None], other: Node, also: set[CommitId | None]) -> bool:
        """Whether two sides say the same: what only one says of these paths both may say of others."""
        apart = own ^ also
        return not apart or apart <= (_goods(one) & _goods(other))

    def _latest(self, commits: Sequence[CommitId]) -> CommitId | None:
        kept = [each for each in commits if not any(self._is_older(each, other) for other in commits)]
        return kept[0] if kept else None


def _is_gone(change: Change) -> bool:
    return change.new_blob is None


def _goods(node: Node) -> set[CommitId | None]:
    return {word.good[1] for _, word in node.words.items()}


def _value(path: bytes, before: Sequence[Node], found: Sequence[Mapping[bytes, Change]]) -> Value:
    for changes in found:
        if path in changes:
            return changes[path].new_mode, changes[path].new_blob
    return next(word.value for node in before if (word := node.words.get(path)) is not None)


def _before(path: bytes, changes: Mapping[bytes, Change], value: Value) -> Value:
    change = changes.get(path)
    return value if change is None else (change.old_mode, change.old_blob)
