"""What counts of a branch follows from its commits and the base alone: whoever looks, however often, sees the same."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.names import BlobId, CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import TreeId
from reconciler.repo.objects import FILE, Change, CommitInfo, Identity
from reconciler.repo.signatures import UNSIGNED, Verdict
from reconciler.repo.signatures_line import Line, Node

ADA = Identity("Ada", "ada@example.org")
WHEN = datetime.fromtimestamp(1_800_000_000, UTC)
PATHS = (b"a", b"b")
Tree = tuple[str, ...]


@dataclass
class Graph:
    """A history in memory: trees of two files, parents, and whose signature counts."""

    parents: dict[CommitId, tuple[CommitId, ...]] = field(default_factory=dict)
    trees: dict[CommitId, Tree] = field(default_factory=dict)
    signed: dict[CommitId, bool] = field(default_factory=dict)

    def add(self, tree: Tree, *parents: CommitId, signed: bool = False) -> CommitId:
        made = CommitId(f"{len(self.trees):040x}")
        self.parents[made], self.trees[made], self.signed[made] = parents, tree, signed
        return made

    def commits(self, tip: CommitId, *, since: CommitId | None = None) -> Sequence[CommitInfo]:
        gone = self._below(since) if since is not None else set()
        found = sorted(self._below(tip) - gone, reverse=True)
        return [CommitInfo(each, TreeId("t"), self.parents[each], ADA, ADA, WHEN, WHEN, "") for each in found]

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        return old in self._below(new)

    def _below(self, tip: CommitId) -> set[CommitId]:
        found, left = set[CommitId](), [tip]
        while left:
            at = left.pop()
            if at not in found:
                found.add(at)
                left += self.parents[at]
        return found

    def diff(self, old: CommitId | None, new: CommitId, _: str) -> list[Change]:
        before = self.trees[old] if old is not None else ("", "")
        return [
            Change(path.decode(), path, *_value(one), *_value(other))
            for path, one, other in zip(PATHS, before, self.trees[new], strict=True)
            if one != other
        ]

    def judge(self, info: CommitInfo, _: Sequence[Change]) -> Verdict:
        return Verdict("good") if self.signed[info.id] else UNSIGNED

    def line(self, base: CommitId | None) -> Line:
        return Line(cast("Mirror", self), base, "", lambda changes, _: list(changes), self.judge, holds=True)

    def node(self, base: CommitId | None, tip: CommitId) -> Node:
        found = self.line(base).at(tip)
        assert found is not None
        return found


def test_what_nobody_signed_is_kept_at_a_cost_that_does_not_grow_with_it() -> None:
    """Whoever may push can push ten thousand commits; each costs the same."""
    graph = Graph()
    tips = [graph.add(("1", "1"))]
    for number in range(2000):
        tips.append(graph.add((str(number + 2), "1"), tips[-1]))
    line = graph.line(tips[0])
    tracemalloc.start()
    try:
        for tip in tips[::50]:
            node = line.at(tip)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert node is not None
    assert len(node.refused) == 2000
    assert peak < 10 << 20


def _value(text: str) -> tuple[str | None, BlobId | None]:
    return (FILE, BlobId(text)) if text else (None, None)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    graph = Graph()
    graph.add(("1", "1"))
    for _ in range(draw(st.integers(1, 9))):
        known = list(graph.trees)
        parents = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))
        if draw(st.booleans()):
            tree = draw(st.sampled_from([graph.trees[each] for each in parents]))
        else:
            tree = (draw(st.sampled_from("123")), draw(st.sampled_from(["", "1", "2"])))
        graph.add(tree, *parents, signed=draw(st.booleans()))
    return graph


@settings(max_examples=300, deadline=None)
@given(graphs(), st.data())
def test_whoever_followed_and_whoever_starts_agree(graph: Graph, data: st.DataObject) -> None:
    base = CommitId(f"{0:040x}")
    followed = graph.line(base)
    for tip in data.draw(st.permutations(list(graph.trees))):
        assert followed.at(tip) == graph.node(base, tip)


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_what_is_in_force_has_nothing_that_nobody_signed_for(graph: Graph) -> None:
    """Of every path it has what the base has, or what a signed commit gave it."""
    base = CommitId(f"{0:040x}")
    for tip in graph.trees:
        node = graph.node(base, tip)
        assert node.force is not None
        assert graph.is_ancestor(node.force, tip)
        said = {graph.trees[each] for each in graph.trees if graph.signed[each] or each == base}
        for index in range(len(PATHS)):
            assert graph.trees[node.force][index] in {tree[index] for tree in said}


@settings(max_examples=300, deadline=None)
@given(graphs(), st.booleans(), st.data())
def test_nothing_unsigned_changes_what_a_signed_tip_has(graph: Graph, first: bool, data: st.DataObject) -> None:
    """Whoever has no key adds to a tip that counts, from any commit of its past: the signed files stay in force."""
    base = CommitId(f"{0:040x}")
    tip = graph.add(("8", "9"), list(graph.trees)[-1], signed=True)
    assert graph.node(base, tip).force == tip
    past = sorted(each for each in graph.trees if graph.is_ancestor(each, tip))
    for _ in range(data.draw(st.integers(1, 4))):
        other = data.draw(st.sampled_from(past))
        tree = data.draw(st.sampled_from([graph.trees[each] for each in past]))
        tip = graph.add(tree, *((other, tip) if first and other != tip else (tip,)))
        past.append(tip)
        force = graph.node(base, tip).force
        assert force is not None
        assert graph.trees[force] == ("8", "9")
