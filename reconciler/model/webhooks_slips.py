"""What people write under `server` and `webhooks` in place of what was meant, answered with just what to write.

The schema's own words would be right there, and following them would lead to the next mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.model.errors import UserError
from reconciler.model.nodes import MapNode, Node, Scalar

_PORT: Final = re.compile(r":?([0-9]{1,5})\Z")


def plainer(errors: Iterable[UserError], root: Node) -> list[UserError]:
    """Return the errors that the schema found, those that are such slips in other words."""
    found = list(errors)
    for slip, places in _slips(root):
        if any(error.place in places for error in found):
            found = [*(error for error in found if error.place not in places), slip]
    return found


def _slips(root: Node) -> Iterator[tuple[UserError, tuple[object, ...]]]:
    """Yield each slip that is there, and the places at which the schema has something to say about it."""
    git = _inner(_inner(root, "webhooks"), "git")
    auth = git.key("auth") if isinstance(git, MapNode) else None
    if git is not None and auth is not None:
        hint = "put `kind` and `secretFile` directly under `git`"
        told = UserError("`git` has an `auth`", place=auth.place, expected="`kind` and what belongs to it", hint=hint)
        yield told, (git.place, auth.place)
    for name in ("listen", "status"):
        node = _inner(_inner(root, "server"), name)
        port = _PORT.match(node.raw) if isinstance(node, Scalar) else None
        if node is not None and port is not None:
            hint = f'write `{name}: "127.0.0.1:{port[1]}"`; others than this machine reach 0.0.0.0 in its place'
            alone = f"`{name}` is a port without an address"
            yield UserError(alone, place=node.place, expected="an address and a port", hint=hint), (node.place,)


def _inner(node: Node | None, name: str) -> Node | None:
    return node.get(name) if isinstance(node, MapNode) else None
