"""The writing half of the modern double's routes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reconciler.embedded.unleash import views
from reconciler.embedded.unleash.lookups import flag_in, tag_list
from reconciler.embedded.unleash.refusal import bad_data, bad_length, error, not_found
from reconciler.embedded.unleash.request import Reply, Request, Table

if TYPE_CHECKING:
    from reconciler.embedded.unleash.world import Account, Flag, World

_FEATURES = "/api/admin/projects/{project}/features"
_PLACE = f"{_FEATURES}/{{flag}}/environments/{{environment}}"
_TYPES = ("experiment", "kill-switch", "release", "operational", "permission")


class Changes:
    """Routes that change something."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, request: Request, who: Account, project: str) -> Reply:
        """POST a flag."""
        given = request.json()
        name, kind = given["name"], given.get("type", "release")
        if kind not in _TYPES:
            raise _bad_type(kind)
        if quote(name, safe="!~*'()") != name or not name.strip("."):
            raise bad_data(f'"name" must be URL friendly. You provided "{name}".')
        existing = self._world.flags.get(name)
        if existing is not None:
            what = "A flag" if existing.archived_at is None else "An archived flag"
            raise error(409, "NameExistsError", f"{what} with that name already exists")
        return Reply(201, views.created(self._world.create(who, project, name, kind, given.get("description"))))

    def patch(self, request: Request, _who: Account, project: str, flag: str) -> Reply:
        """PATCH description or stale by JSON Patch, or PUT them."""
        found, given = flag_in(self._world, project, flag), request.json()
        changed = given if isinstance(given, dict) else {item["path"].lstrip("/"): item["value"] for item in given}
        found.description = changed.get("description", found.description)
        found.stale = changed.get("stale", found.stale)
        return Reply(200, views.created(found))

    def archive(self, _request: Request, who: Account, project: str, flag: str) -> Reply:
        """DELETE archives; the flag's state stays as it was."""
        if flag not in self._world.flags:
            raise not_found("No feature flag found")
        found = flag_in(self._world, project, flag)
        found.archived_at = self._world.stamp()
        self._world.record(who, "feature-archived", found)
        return Reply(202)

    def revive(self, _request: Request, who: Account, flag: str) -> Reply:
        """Bring an archived flag back, off everywhere."""
        found = self._known(flag)
        found.archived_at = None
        for place in found.places.values():
            place.enabled = False
        self._world.record(who, "feature-revived", found)
        return Reply(200)

    def on(self, request: Request, who: Account, project: str, flag: str, environment: str) -> Reply:
        """Switch on."""
        activate = request.query.get("shouldActivateDisabledStrategies") == "true"
        self._world.switch(who, self._switchable(project, flag, environment), environment, on=True, activate=activate)
        return Reply(200)

    def off(self, _request: Request, who: Account, project: str, flag: str, environment: str) -> Reply:
        """Switch off; the strategies stay."""
        self._world.switch(who, self._switchable(project, flag, environment), environment, on=False)
        return Reply(200)

    def bulk(self, request: Request, who: Account, project: str, environment: str, state: str) -> Reply:
        """Switch several flags, all or none."""
        flags = [self._switchable(project, name, environment) for name in request.json()["features"]]
        for flag in flags:
            self._world.switch(who, flag, environment, on=state == "on")
        return Reply(200)

    def add_strategy(self, request: Request, who: Account, project: str, flag: str, environment: str) -> Reply:
        """POST a strategy."""
        return Reply(
            200, self._world.add_strategy(who, flag_in(self._world, project, flag), environment, request.json())
        )

    def patch_strategy(
        self, request: Request, who: Account, project: str, flag: str, environment: str, strategy: str
    ) -> Reply:
        """PATCH a strategy by JSON Patch."""
        found = flag_in(self._world, project, flag)
        one = next((item for item in found.places[environment].strategies if item["id"] == strategy), None)
        if one is None:
            raise not_found(f"Could not find strategy with id {strategy}")
        one.update({item["path"].lstrip("/"): item["value"] for item in request.json()})
        self._world.record(who, "feature-strategy-update", found, environment, data=dict(one))
        self._world.settle(who, found, environment)
        return Reply(200, one)

    def delete_strategy(
        self, _request: Request, who: Account, project: str, flag: str, environment: str, strategy: str
    ) -> Reply:
        """DELETE a strategy."""
        found = flag_in(self._world, project, flag)
        place = found.places[environment]
        place.strategies = [item for item in place.strategies if item["id"] != strategy]
        self._world.record(who, "feature-strategy-remove", found, environment)
        self._world.settle(who, found, environment)
        return Reply(200)

    def depend(self, request: Request, _who: Account, project: str, flag: str) -> Reply:
        """Make a flag depend on another."""
        given = request.json()
        parent = {"feature": given["feature"], "enabled": given.get("enabled", True), "variants": []}
        flag_in(self._world, project, flag).parents.append(parent)
        return Reply(200)

    def link(self, request: Request, _who: Account, project: str, flag: str) -> Reply:
        """Add a link to a flag."""
        given = request.json()
        link = {"id": uuid.uuid4().hex[:26], "url": given["url"], "title": given.get("title"), "feature": flag}
        flag_in(self._world, project, flag).links.append(link)
        return Reply(204)

    def tag(self, request: Request, who: Account, flag: str) -> Reply:
        """POST one tag; repeating it is fine."""
        given = request.json()
        self._check_tag(given, "/body/value")
        self._world.retag(who, self._known(flag), [(given["type"], given["value"])], [])
        return Reply(201, {"type": given["type"], "value": given["value"]}, {"location": f"{flag}/tags"})

    def retag(self, request: Request, who: Account, flag: str) -> Reply:
        """PUT added and removed tags; removing one that is not there is fine."""
        given = request.json()
        for number, tag in enumerate(given["addedTags"]):
            self._check_tag(tag, f"/body/addedTags/{number}/value")
        found = self._known(flag)
        added, removed = ([(tag["type"], tag["value"]) for tag in given[key]] for key in ("addedTags", "removedTags"))
        self._world.retag(who, found, added, removed)
        return Reply(200, tag_list(self._world, found))

    def untag(self, _request: Request, who: Account, flag: str, kind: str, value: str) -> Reply:
        """DELETE one tag, there or not."""
        self._world.retag(who, self._known(flag), [], [(kind, value)])
        return Reply(200)

    def tag_type(self, request: Request, _who: Account) -> Reply:
        """POST a tag type."""
        given = request.json()
        name = given["name"]
        if name in self._world.tag_types:
            raise error(409, "NameExistsError", f"There already exists a tag-type with the name {name}")
        self._world.tag_types[name] = given
        return Reply(201, given, {"location": f"tag-types/{name}"})

    def add_environment(self, request: Request, _who: Account, project: str) -> Reply:
        """Put an environment onto a project."""
        wanted = {*self._world.projects[project], request.json()["environment"]}
        self._world.projects[project] = [name for name in self._world.environments if name in wanted]
        return Reply(200)

    def remove_environment(self, _request: Request, _who: Account, project: str, environment: str) -> Reply:
        """Take an environment off a project."""
        self._world.projects[project] = [name for name in self._world.projects[project] if name != environment]
        return Reply(200)

    def _switchable(self, project: str, name: str, environment: str) -> Flag:
        flag = flag_in(self._world, project, name)
        if flag.archived_at is not None:
            raise error(400, "ArchivedFeatureError", "Cannot perform this operation on archived features")
        if environment not in self._world.projects[project]:
            raise not_found(f"Could not find environment {environment} for feature: {name}")
        return flag

    def _known(self, name: str) -> Flag:
        flag = self._world.flags.get(name)
        if flag is None:
            raise not_found("No feature flag found")
        return flag

    def _check_tag(self, tag: dict[str, Any], where: str) -> None:
        wrong = bad_length(where, tag["value"], 2, 50)
        if wrong is not None:
            raise wrong
        if tag["type"] not in self._world.tag_types:
            raise bad_data(f"Tag type '{tag['type']}' does not exist", inline=True)


def _bad_type(kind: str) -> Exception:
    allowed = ", ".join(f'"{name}"' for name in _TYPES)
    refusal = bad_data(
        f"The `type` property must be equal to one of the allowed values: {allowed}. "
        f'You provided "{kind}", which is not valid. Please use one of the allowed values instead..'
    )
    refusal.body = {"id": str(uuid.uuid4()), **refusal.body}
    refusal.body["details"][0]["path"] = "type"
    return refusal


def add(table: Table, world: World) -> None:
    """Add the writing routes."""
    changes = Changes(world)
    table.add("POST", _FEATURES, changes.create)
    table.add("PATCH", f"{_FEATURES}/{{flag}}", changes.patch)
    table.add("PUT", f"{_FEATURES}/{{flag}}", changes.patch)
    table.add("DELETE", f"{_FEATURES}/{{flag}}", changes.archive)
    table.add("POST", "/api/admin/archive/revive/{flag}", changes.revive)
    table.add("POST", f"{_PLACE}/on", changes.on)
    table.add("POST", f"{_PLACE}/off", changes.off)
    table.add("POST", "/api/admin/projects/{project}/bulk_features/environments/{environment}/{state}", changes.bulk)
    table.add("POST", f"{_PLACE}/strategies", changes.add_strategy)
    table.add("PATCH", f"{_PLACE}/strategies/{{strategy}}", changes.patch_strategy)
    table.add("DELETE", f"{_PLACE}/strategies/{{strategy}}", changes.delete_strategy)
    table.add("POST", f"{_FEATURES}/{{flag}}/dependencies", changes.depend)
    table.add("POST", f"{_FEATURES}/{{flag}}/link", changes.link)
    table.add("POST", "/api/admin/features/{flag}/tags", changes.tag)
    table.add("PUT", "/api/admin/features/{flag}/tags", changes.retag)
    table.add("DELETE", "/api/admin/features/{flag}/tags/{kind}/{value}", changes.untag)
    table.add("POST", "/api/admin/tag-types", changes.tag_type)
    table.add("POST", "/api/admin/projects/{project}/environments", changes.add_environment)
    table.add("DELETE", "/api/admin/projects/{project}/environments/{environment}", changes.remove_environment)
