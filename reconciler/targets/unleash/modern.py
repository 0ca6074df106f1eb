"""Unleash as it is today (admin API per project and environment; held against 7.5.1)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reconciler.model.errors import BlindError, TerminalError
from reconciler.targets.near import alike
from reconciler.targets.unleash import marks, meaning
from reconciler.targets.unleash.flow import Change, FlagServer, State
from reconciler.targets.unleash.names import FlagPlace, path
from reconciler.targets.unleash.reading import items
from reconciler.targets.unleash.refusals import MissingError, UnusableError, denied, refused
from reconciler.targets.unleash.tags import make_tag_type, values_of_ours
from reconciler.targets.unleash.wire import Budget, Wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SWITCHED = {"feature-environment-enabled": True, "feature-environment-disabled": False}
_EVENTS = 50


class UnleashServer(FlagServer):
    """The admin API of Unleash 5 and later.

    ``token`` returns an admin token or a personal access token; it is asked with every call. The right to update
    features is needed, and for marks that to create a tag type once (an administrator may create `reconciler` instead).
    Prefer the personal access token of a user of its own: all admin tokens look alike in Unleash's events.
    ``deadline`` bounds one observe or apply, ``call_seconds`` one call (seconds, on ``clock``, which is monotonic).
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        *,
        clock: Callable[[], float] = time.monotonic,
        deadline: float = 10.0,
        call_seconds: float = 3.0,
        ca_file: Path | None = None,
    ) -> None:
        wire = Wire(url, token, clock=clock, call_seconds=call_seconds, ca_file=ca_file)
        super().__init__(wire, clock=clock, deadline=deadline)

    def _mark_key(self, place: FlagPlace) -> str:
        return place.environment

    def _look(self, place: FlagPlace, budget: Budget) -> State:
        feature = self._feature(place, budget)
        environments = {str(item.get("name")): item for item in items(feature, "environments")}
        here = environments.get(place.environment)
        if here is None:
            raise MissingError(
                f"flag {place.flag} has no environment {place.environment!r} in project {place.project}",
                hint="set `flags: {environment: ...}` in stage.yaml, or add the environment to the project",
                near=alike(place.environment, environments),
            )
        if not isinstance(here.get("enabled"), bool):
            raise BlindError("the flag server's answer has no readable `enabled`")
        strategies = meaning.strategies(here.get("strategies", []))
        caveat = self._caveat(place, feature, strategies, budget) if here["enabled"] else ""
        only_disabled = bool(strategies) and all(strategy.disabled for strategy in strategies)
        return State(here["enabled"], caveat, values_of_ours(self._wire, place.flag, budget), only_disabled)

    def _feature(self, place: FlagPlace, budget: Budget) -> dict[str, Any]:
        answer = self._wire.get(_feature_path(place), budget)
        if answer.status == 404:
            raise self._explain(place, answer.said(), budget)
        if not answer.good:
            raise refused(answer, f"reading flag {place.flag}")
        feature = answer.json()
        if not isinstance(feature, dict):
            raise BlindError("the flag server's answer is no flag")
        return feature

    def _explain(self, place: FlagPlace, said: str, budget: Budget) -> TerminalError:
        """Return why the flag could not be read: archived, misspelt, in another project, or no such project."""
        # An archived flag still answers for its environment, with `enabled` as it last was.
        if self._wire.get(f"{_feature_path(place)}{path('environments', place.environment)}", budget).good:
            return UnusableError(
                f"flag {place.flag} is archived", hint="revive it in Unleash or take it out of the playbook"
            )
        listed = self._wire.get(path("api", "admin", "projects", place.project, "features"), budget)
        flags = [str(item.get("name")) for item in items(listed.json(), "features")] if listed.good else []
        if not flags:
            projects = self._wire.get("/api/admin/projects", budget)
            ids = [str(item.get("id")) for item in items(projects.json(), "projects")] if projects.good else []
            if ids and place.project not in ids:
                hint = "set `flags: {project: ...}` in stage.yaml"
                return MissingError(
                    f"no project {place.project} on {self._wire.host}", hint=hint, near=alike(place.project, ids)
                )
        elsewhere = f"; {said.partition(', but ')[2]}" if ", but " in said else ""
        return MissingError(
            f"no flag {place.flag} in project {place.project}{elsewhere}",
            hint="correct the name in the playbook, or create the flag in Unleash",
            near=alike(place.flag, flags),
        )

    def _caveat(
        self, place: FlagPlace, feature: dict[str, Any], strategies: tuple[meaning.Strategy, ...], budget: Budget
    ) -> str:
        told = [meaning.caveat(strategies)]
        for parent in meaning.parents(feature.get("dependencies")):
            answer = self._wire.get(f"{_project_path(place)}{path(parent.name)}", budget)
            states = {item.get("name"): item.get("enabled") for item in items(answer.json(), "environments")}
            if not answer.good or states.get(place.environment) is not parent.enabled:
                word = "on" if parent.enabled else "off"
                told.append(f"It is off for everybody, since it depends on {parent.name} being {word}.")
        return " ".join(filter(None, told))

    def _switch(self, place: FlagPlace, value: bool, state: State, budget: Budget) -> None:
        url = f"{_feature_path(place)}{path('environments', place.environment, 'on' if value else 'off')}"
        if value and state.only_disabled:
            # Plain "on" would add a second strategy beside those that somebody disabled.
            url += "?shouldActivateDisabledStrategies=true"
        answer = self._wire.write("POST", url, budget)
        if not answer.good:
            raise refused(answer, f"switching flag {place.flag} {'on' if value else 'off'}")

    def _make_tag_type(self, budget: Budget) -> None:
        make_tag_type(self._wire, budget)

    def _retag(self, place: FlagPlace, add: tuple[str, ...], remove: tuple[str, ...], budget: Budget) -> None:
        body = {
            "addedTags": [{"type": marks.TAG_TYPE, "value": value} for value in add],
            "removedTags": [{"type": marks.TAG_TYPE, "value": value} for value in remove],
        }
        answer = self._wire.write("PUT", f"/api/admin/features{path(place.flag, 'tags')}", budget, body)
        if not answer.good:
            raise refused(answer, "setting its tag")

    def _changes(self, place: FlagPlace, budget: Budget) -> tuple[Change, ...]:
        kinds = ",".join(_SWITCHED)
        query = (
            f"feature=IS:{quote(place.flag)}&project=IS:{quote(place.project)}&type=IS_ANY_OF:{kinds}&limit={_EVENTS}"
        )
        answer = self._wire.get(f"/api/admin/search/events?{query}", budget)
        if answer.status == 403:
            raise denied(answer, "reading events")
        if not answer.good:
            raise refused(answer, "reading events")
        return tuple(
            Change(
                int(event["id"]),
                _SWITCHED[event["type"]],
                str(event.get("createdBy", "")),
                tuple(str(tag.get("value")) for tag in items(event, "tags") if tag.get("type") == marks.TAG_TYPE),
            )
            for event in items(answer.json(), "events")
            if event.get("type") in _SWITCHED and event.get("environment") == place.environment and _is_id(event)
        )


def _is_id(event: dict[str, Any]) -> bool:
    return isinstance(event.get("id"), int)


def _project_path(place: FlagPlace) -> str:
    return path("api", "admin", "projects", place.project, "features")


def _feature_path(place: FlagPlace) -> str:
    return f"{_project_path(place)}{path(place.flag)}"
