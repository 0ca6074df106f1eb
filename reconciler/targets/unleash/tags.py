"""The tag calls that both generations of Unleash answer alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.targets.unleash import marks
from reconciler.targets.unleash.names import path
from reconciler.targets.unleash.reading import items
from reconciler.targets.unleash.refusals import refused

if TYPE_CHECKING:
    from reconciler.targets.unleash.wire import Budget, Wire


def values_of_ours(wire: Wire, flag: str, budget: Budget) -> tuple[str, ...]:
    """Return the values of the flag's tags of our type; none where they can't be read (3.3 has none)."""
    answer = wire.get(f"/api/admin/features{path(flag, 'tags')}", budget)
    if not answer.good:
        return ()
    return tuple(str(tag.get("value")) for tag in items(answer.json(), "tags") if tag.get("type") == marks.TAG_TYPE)


def make_tag_type(wire: Wire, budget: Budget) -> None:
    """Create our tag type where it is absent. Raises TerminalError where that isn't allowed."""
    listed = wire.get("/api/admin/tag-types", budget)
    if listed.good and any(kind.get("name") == marks.TAG_TYPE for kind in items(listed.json(), "tagTypes")):
        return
    body = {"name": marks.TAG_TYPE, "description": "Who holds the flag and why; written by reconciler", "icon": ""}
    answer = wire.write("POST", "/api/admin/tag-types", budget, body)
    # 409: another daemon made it in between.
    if not answer.good and answer.status != 409:
        raise refused(answer, "creating the tag type `reconciler`")
