"""Actions of other makers: found by entry points, loaded once at the start, refused all together where one is bad.

A package that brings an action says so in its `pyproject.toml`::

    [project.entry-points."reconciler.actions"]
    breaker = "reconciler_breaker:action"

where `action` is an object that satisfies `decide.actions.protocol.Action`. Whoever reads playbooks calls
`load_actions` first; nothing is looked for while a decision is made.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from reconciler.decide.actions.contributed import ContributedAction, checked_action
from reconciler.decide.actions.registry import register
from reconciler.model.errors import ConfigError

GROUP: Final = "reconciler.actions"


@functools.cache
def load_actions() -> tuple[ContributedAction, ...]:
    """Load and register the actions of all installed packages; the second time it does nothing.

    Raises:
        ConfigError: one of them cannot be loaded, is no action, or has a name that is taken. Then none is registered.
    """
    return registered(installed())


def registered(points: Iterable[EntryPoint]) -> tuple[ContributedAction, ...]:
    """Load and register actions. Raises as `load_actions` does."""
    actions = tuple(_loaded(point) for point in points)
    register(actions)
    return actions


def installed() -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed actions, in a stable order, without loading any."""
    return tuple(sorted(entry_points(group=GROUP), key=lambda point: (maker(point), point.name)))


def maker(point: EntryPoint) -> str:
    """Return the distribution that an entry point comes from, with its version: `reconciler-breaker 1.0`."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "a package without a name"


def _loaded(point: EntryPoint) -> ContributedAction:
    try:
        thing = point.load()
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"the action `{point.name}` of {maker(point)} cannot be loaded: {type(error).__name__}: {error}",
            hint=f"install {maker(point)} again, or uninstall it",
        ) from error
    return checked_action(thing, maker(point))
