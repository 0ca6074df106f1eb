"""What was parsed, by blob: a file is parsed when a decision needs it, once for each content (law 6)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from reconciler.model.errors import UserError

T_co = TypeVar("T_co", covariant=True)


class ParseCache(Generic[T_co]):
    """The most recently used results of one parser, bounded by the size of what was parsed.

    Keyed by path and blob, since refusals carry their path. A refusal is a result like any other. ``limit`` is how many
    bytes a file may have to be parsed; whoever reads the contents keeps to it.
    """

    def __init__(self, parse: Callable[[bytes, str], T_co], limit: int, budget: int = 32 << 20) -> None:
        self.limit = limit
        self._parse = parse
        self._budget = budget
        self._size = 0
        self._kept: OrderedDict[tuple[str, str], tuple[T_co | UserError, int]] = OrderedDict()

    def __contains__(self, key: object) -> bool:
        """Whether (path, blob) has been parsed."""
        return key in self._kept

    def get(self, path: str, blob: str, content: Callable[[], bytes | UserError]) -> T_co | UserError:
        """Return the parsed file, asking for its content only where it is new."""
        found = self._kept.get((path, blob))
        if found is not None:
            self._kept.move_to_end((path, blob))
            return found[0]
        data = content()
        result: T_co | UserError
        if isinstance(data, UserError):
            return data  # what is not there now may be there later
        size = len(data) + 256
        try:
            result = self._parse(data, path)
        except UserError as error:
            result = error
        self._kept[path, blob] = (result, size)
        self._size += size
        while self._size > self._budget and len(self._kept) > 1:
            self._size -= self._kept.popitem(last=False)[1][1]
        return result
