"""Comments on a commit that are ours: whose they are is asked of the forge, since anybody may write our mark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from reconciler.forge.reading import objects
from reconciler.forge.wire import DeniedError, TooMuchError, Wire

_PAGE: Final = 100
_PAGES: Final = 10
"""Pages of comments that are looked through: whoever may comment may do so any number of times."""
_TRIES: Final = 3
"""Comments with our mark that are tried to be edited where the forge does not say which are ours."""


def listed(wire: Wire, where: str) -> Iterator[dict[str, Any]]:
    """Yield what is below a path, page by page, as far as is looked."""
    for page in range(1, _PAGES + 1):
        found = wire.get(where, {"per_page": _PAGE, "page": page})
        yield from objects(found, wire.host)
        if len(found) < _PAGE:
            return


def edited(wire: Wire, comments: Iterable[tuple[str, Mapping[str, Any]]], marker: str, text: str, method: str) -> bool:
    """Put a text in place of our comment that holds the marker. Returns whether there was one that could be edited.

    ``comments`` are paths with comments; an author stands in ``user`` or ``author``, by its number.
    """
    try:
        marked = [(path, each) for path, each in comments if marker in str(each.get("body", ""))]
    except TooMuchError:
        return False  # whoever may comment may write very much; ours is written once more
    if not marked:
        return False
    me = _me(wire)
    ours = [path for path, each in marked if me is None or _author(each) == me]
    return any(_edits(wire, method, path, text) for path in ours[:_TRIES])


def _edits(wire: Wire, method: str, path: str, text: str) -> bool:
    try:
        wire.send(method, path, {"body": text})
    except DeniedError:
        return False
    return True


def _me(wire: Wire) -> int | None:
    """Return who we are; None where the forge has no answer to that, as GitHub for the token of an app."""
    try:
        found = wire.me()
    except DeniedError:
        return None
    return _number(found)


def _author(comment: Mapping[str, Any]) -> int | None:
    return _number(comment.get("user") or comment.get("author"))


def _number(person: Any) -> int | None:
    found = person.get("id") if isinstance(person, dict) else None
    return found if isinstance(found, int) else None
