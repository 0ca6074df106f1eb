"""Watches: a stream of what happens to a collection, from a version on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reconciler.embedded.cluster.answers import ApiError
from reconciler.embedded.cluster.kinds import Kind
from reconciler.embedded.cluster.selectors import Predicate
from reconciler.embedded.cluster.store import Event, Store


def watch(
    store: Store,
    kind: Kind,
    namespace: str,
    matches: Predicate,
    version: str,
    *,
    deadline: float,
    monotonic: Callable[[], float],
    stopped: Callable[[], bool],
) -> Iterator[dict[str, Any]]:
    """Yield watch events until the deadline (on the clock ``monotonic``) or until ``stopped`` says so.

    Without a version, or with `0`, what is there comes first, as ADDED. A version that is too old gives one ERROR
    event with the `Status` 410, and the end. The store's ``changed`` is to be notified when ``stopped`` turns true.
    """
    with store.lock:
        seen = store.version
        present = store.items(kind, namespace)
    if version in ("", "0"):
        yield from ({"type": "ADDED", "object": item} for item in present if matches(item))
    else:
        seen = int(version)
    while True:
        with store.lock:
            while store.version <= seen and not stopped() and (left := deadline - monotonic()) > 0:
                store.changed.wait(left)
            latest = store.version
            try:
                events = store.since(kind, seen)
            except ApiError as error:
                yield {"type": "ERROR", "object": error.body()}
                return
        seen = latest
        for event in events:
            if not namespace or event.object["metadata"].get("namespace") == namespace:
                yield from _told(event, matches)
        if stopped() or monotonic() >= deadline:
            return


def _told(event: Event, matches: Predicate) -> Iterator[dict[str, Any]]:
    """An object that comes to match is ADDED, one that ceases to is DELETED, whatever happened to it."""
    before = event.old is not None and matches(event.old)
    after = event.type != "DELETED" and matches(event.object)
    if before or after:
        yield {"type": "MODIFIED" if before and after else "ADDED" if after else "DELETED", "object": event.object}
