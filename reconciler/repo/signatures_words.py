"""What is kept of paths, commit by commit: a mapping that shares all that did not change with the one before it.

A branch may have a hundred thousand commits and say something of ten thousand paths; and whoever may push chooses how
many. So a commit costs what it changes, not what there is, in time and in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Generic, Self, TypeVar

V = TypeVar("V")
_FAN: Final = 16
_LEVELS: Final = 3
_NOTHING: Final[tuple[None, ...]] = (None,) * _FAN


class Kept(Generic[V]):
    """Values by path; never changed, `put` returns another one."""

    __slots__ = ("_count", "_root")

    def __init__(self, root: tuple[Any, ...] = _NOTHING, count: int = 0) -> None:
        """Give an empty one; the arguments are for `put`."""
        self._root = root
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __contains__(self, path: bytes) -> bool:
        return self.get(path) is not None

    def __iter__(self) -> Iterator[bytes]:
        for leaf in _leaves(self._root, _LEVELS):
            yield from leaf

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Kept):
            return NotImplemented
        return len(self) == len(other) and not any(True for _ in self.differing(other))

    __hash__ = None  # type: ignore[assignment]  # compared by what it holds

    def get(self, path: bytes) -> V | None:
        """Return what is kept of a path, None for nothing."""
        at: Any = self._root
        number = hash(path)
        for _ in range(_LEVELS):
            at = at[number % _FAN]
            if at is None:
                return None
            number //= _FAN
        found: V | None = at.get(path)
        return found

    def put(self, path: bytes, value: V | None) -> Self:
        """Return the same with another value for a path; None takes it away."""
        before = self.get(path)
        if before is value:
            return self
        count = self._count + (before is None) - (value is None)
        return type(self)(_with(self._root, hash(path), _LEVELS, path, value), count)

    def items(self) -> Iterator[tuple[bytes, V]]:
        """Yield all paths with their values, in no order."""
        for leaf in _leaves(self._root, _LEVELS):
            yield from leaf.items()

    def differing(self, other: Kept[V]) -> Iterator[bytes]:
        """Yield the paths whose values differ, in no order; it costs what differs."""
        yield from _differing(self._root, other._root, _LEVELS)


def _with(at: tuple[Any, ...] | None, number: int, level: int, path: bytes, value: object) -> tuple[Any, ...]:
    branches = list(at if at is not None else _NOTHING)
    here = number % _FAN
    if level > 1:
        branches[here] = _with(branches[here], number // _FAN, level - 1, path, value)
        return tuple(branches)
    leaf = dict(branches[here] or {})
    if value is None:
        leaf.pop(path, None)
    else:
        leaf[path] = value
    branches[here] = leaf or None
    return tuple(branches)


def _leaves(at: tuple[Any, ...], level: int) -> Iterator[dict[bytes, Any]]:
    for each in at:
        if each is not None:
            if level == 1:
                yield each
            else:
                yield from _leaves(each, level - 1)


def _differing(one: tuple[Any, ...], other: tuple[Any, ...], level: int) -> Iterator[bytes]:
    for mine, theirs in zip(one, other, strict=True):
        if mine is theirs:
            continue
        if level > 1:
            yield from _differing(mine or _NOTHING, theirs or _NOTHING, level - 1)
            continue
        here, there = mine or {}, theirs or {}
        yield from (path for path in {**here, **there} if here.get(path) != there.get(path))
