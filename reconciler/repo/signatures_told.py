"""What a step tells of people's files that were not in force: for whoever reads a branch and has no keys."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.decide.draft import CONFIG
from reconciler.repo.mirror import Mirror
from reconciler.repo.steps import Claimed, own_file


def held_back(store: Mirror, newest: Claimed | None) -> str:
    """Return what the newest step says of newer commits of people that did not count; empty where it says nothing."""
    own = own_file(store, newest) if newest is not None else None
    facts = own.data.get("facts") if own is not None else None
    told = facts.get(CONFIG) if isinstance(facts, Mapping) else None
    if newest is None or not isinstance(told, Mapping):
        return ""
    count, commit, who, why = (told.get(name) for name in ("commits", "commit", "by", "why"))
    what = "a newer commit was" if count == 1 else f"{count} newer commits were"
    return (
        f"people's files of {newest.config[:12]} were in force at step {newest.sequence}: {what} not signed by anybody "
        f"who may; the last is {str(commit)[:12]} by {who}: {why}"
    )
