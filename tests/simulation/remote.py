"""The remote of a simulation: refs that move by compare-and-set, and a record of every move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.simulation.objects import Objects

HEAD = "refs/heads/main"


@dataclass(frozen=True)
class Move:
    """A ref that moved. ``who`` is the name of whoever pushed; ``forced``: what was there may be gone."""

    at: float
    who: str
    ref: str
    old: str | None
    new: str | None
    forced: bool = False


@dataclass
class Remote:
    """``told`` hears of each move once it is done."""

    objects: Objects = field(default_factory=Objects)
    refs: dict[str, str] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    told: Callable[[Move], None] = lambda _: None
    ever: dict[str, set[str]] = field(default_factory=dict)
    """Every commit that a ref has ever held, or descended from."""

    def push(
        self, at: float, who: str, objects: Objects, updates: Sequence[tuple[str, str | None, str | None]],
        *, forced: bool = False,
    ) -> Mapping[str, bool]:  # fmt: skip
        """Move refs, all or none, each only from where it is expected; tell of each whether it was there."""
        held = {ref: forced or self.refs.get(ref) == old or self.refs.get(ref) == new for ref, old, new in updates}
        if not all(held.values()):
            return held
        for ref, _, new in updates:
            old = self.refs.get(ref)
            if old == new:
                continue
            if new is None:
                del self.refs[ref]
            else:
                copy_reachable(objects, self.objects, new)
                self.refs[ref] = new
                self._remember(ref, new)
            move = Move(at, who, ref, old, new, forced)
            self.moves.append(move)
            self.told(move)
        return held

    def past(self, at: float) -> Mapping[str, str]:
        """Return the refs as they were at a moment."""
        found = dict(self.refs)
        for move in reversed(self.moves):
            if move.at <= at:
                break
            if move.old is None:
                found.pop(move.ref, None)
            else:
                found[move.ref] = move.old
        return found

    def _remember(self, ref: str, tip: str) -> None:
        known = self.ever.setdefault(ref, set())
        waiting = [tip]
        while waiting:
            current = waiting.pop()
            if current not in known:
                known.add(current)
                waiting += self.objects.commit(current).parents


def copy_reachable(source: Objects, target: Objects, commit: str) -> None:
    """Bring a commit with all that it needs, as a fetch or a push does; what is there has all that it needs."""
    waiting = [commit]
    while waiting:
        current = waiting.pop()
        if target.find(current) is not None:
            continue
        info = source.commit(current)
        _copy_tree(source, target, info.tree)
        target.own[current] = "commit", source.get(current, "commit")
        waiting += info.parents


def _copy_tree(source: Objects, target: Objects, tree: str) -> None:
    if target.find(tree) is not None:
        return
    for mode, identity in source.tree(tree).values():
        if mode == "40000":
            _copy_tree(source, target, identity)
        elif target.find(identity) is None:
            target.own[identity] = "blob", source.get(identity, "blob")
    target.own[tree] = "tree", source.get(tree, "tree")
