"""Unleash of Keptn's time: one state per flag for all environments, basic auth (held against 3.17.6)."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import BlindError
from reconciler.targets.near import alike
from reconciler.targets.unleash import marks, meaning
from reconciler.targets.unleash.flow import Change, FlagServer, State
from reconciler.targets.unleash.names import FlagPlace, path
from reconciler.targets.unleash.reading import items
from reconciler.targets.unleash.refusals import MissingError, UnusableError, refused
from reconciler.targets.unleash.tags import make_tag_type, values_of_ours
from reconciler.targets.unleash.wire import Budget, Wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FEATURES = "/api/admin/features"
_EVERYWHERE = "all"


class LegacyUnleashServer(FlagServer):
    """The admin API of Unleash 3 (and the `/toggle/on|off` that Keptn's unleash-service called).

    It knows no environments: a flag is on or off for all of them at once, so **only one stage may use this server**
    (the daemon refuses a configuration with two). Marks are kept under the one name `all`, so that a second user is
    seen as another owner and left alone.
    ``credentials`` returns ``user:password`` and is asked with every call; the rest is as for `UnleashServer`.
    """

    def __init__(
        self,
        url: str,
        credentials: Callable[[], str],
        *,
        clock: Callable[[], float] = time.monotonic,
        deadline: float = 10.0,
        call_seconds: float = 3.0,
        ca_file: Path | None = None,
    ) -> None:
        def basic() -> str:
            return f"Basic {base64.b64encode(credentials().strip().encode()).decode()}"

        wire = Wire(url, basic, clock=clock, call_seconds=call_seconds, ca_file=ca_file)
        super().__init__(wire, clock=clock, deadline=deadline)

    def _mark_key(self, place: FlagPlace) -> str:  # noqa: ARG002  the base's question; here all places have one answer
        return _EVERYWHERE

    def _look(self, place: FlagPlace, budget: Budget) -> State:
        answer = self._wire.get(f"{_FEATURES}{path(place.flag)}", budget)
        if answer.status == 404:
            raise self._explain(place, budget)
        if not answer.good:
            raise refused(answer, f"reading flag {place.flag}")
        feature = answer.json()
        if not isinstance(feature, dict) or not isinstance(feature.get("enabled"), bool):
            raise BlindError("the flag server's answer has no readable `enabled`")
        # Servers before 3.6 know no projects.
        if feature.get("project", place.project) != place.project:
            raise MissingError(
                f"no flag {place.flag} in project {place.project}; it is in project {feature['project']}",
                hint="set `flags: {project: ...}` in stage.yaml",
            )
        strategies = meaning.strategies(feature.get("strategies") or [])
        caveat = meaning.caveat(strategies) if feature["enabled"] else ""
        return State(feature["enabled"], caveat, values_of_ours(self._wire, place.flag, budget))

    def _explain(self, place: FlagPlace, budget: Budget) -> MissingError | UnusableError:
        archived = self._wire.get("/api/admin/archive/features", budget)
        if archived.good and any(item.get("name") == place.flag for item in items(archived.json(), "features")):
            return UnusableError(
                f"flag {place.flag} is archived", hint="revive it in Unleash or take it out of the playbook"
            )
        listed = self._wire.get(_FEATURES, budget)
        flags = [str(item.get("name")) for item in items(listed.json(), "features")] if listed.good else []
        return MissingError(
            f"no flag {place.flag} on {self._wire.host}",
            hint="correct the name in the playbook, or create the flag in Unleash",
            near=alike(place.flag, flags),
        )

    def _switch(self, place: FlagPlace, value: bool, state: State, budget: Budget) -> None:  # noqa: ARG002  as the base's
        # Without a JSON content type, which an empty object brings, 3.17 answers 415.
        word = "on" if value else "off"
        answer = self._wire.write("POST", f"{_FEATURES}{path(place.flag, 'toggle', word)}", budget, {})
        if not answer.good:
            raise refused(answer, f"switching flag {place.flag} {word}")

    def _make_tag_type(self, budget: Budget) -> None:
        make_tag_type(self._wire, budget)

    def _retag(self, place: FlagPlace, add: tuple[str, ...], remove: tuple[str, ...], budget: Budget) -> None:
        url = f"{_FEATURES}{path(place.flag, 'tags')}"
        for value in add:
            answer = self._wire.write("POST", url, budget, {"type": marks.TAG_TYPE, "value": value})
            # 409: the tag is there already.
            if not answer.good and answer.status != 409:
                raise refused(answer, "setting its tag")
        for value in remove:
            answer = self._wire.write("DELETE", f"{url}{path(marks.TAG_TYPE, value)}", budget)
            if not answer.good:
                raise refused(answer, "removing its old tag")

    def _changes(self, place: FlagPlace, budget: Budget) -> tuple[Change, ...]:
        answer = self._wire.get(f"/api/admin/events{path(place.flag)}", budget)
        if not answer.good:
            raise refused(answer, "reading events")
        changes = (_change(event) for event in items(answer.json(), "events"))
        return tuple(change for change in changes if change is not None)


def _change(event: dict[str, Any]) -> Change | None:
    """Read an event; None where it did not switch the flag (repeating "on" records an event without a difference)."""
    switched = [diff["rhs"] for diff in items(event, "diffs") if diff.get("path") == ["enabled"] and "rhs" in diff]
    if not switched or not isinstance(switched[0], bool) or not isinstance(event.get("id"), int):
        return None
    tags = tuple(str(tag.get("value")) for tag in items(event, "tags") if tag.get("type") == marks.TAG_TYPE)
    return Change(event["id"], switched[0], str(event.get("createdBy", "")), tags)
