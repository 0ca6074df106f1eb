"""The reading half of the modern double's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.embedded.unleash import views
from reconciler.embedded.unleash.refusal import not_found
from reconciler.embedded.unleash.request import Reply, Request, Table

if TYPE_CHECKING:
    from reconciler.embedded.unleash.world import Account, Flag, World

_FEATURES = "/api/admin/projects/{project}/features"


def flag_in(world: World, project: str, name: str) -> Flag:
    """Return a flag, archived or not. Raises the 404 that names the project it is in."""
    flag = world.flags.get(name)
    if flag is not None and flag.project == project:
        return flag
    message = f'There\'s no feature named "{name}" in project "{project}"'
    if flag is None:
        raise not_found(f"{message}.")
    raise not_found(f'{message}, but there\'s a feature with that name in project "{flag.project}"')


class Lookups:
    """Routes that change nothing."""

    def __init__(self, world: World) -> None:
        self._world = world

    def feature(self, _request: Request, _who: Account, project: str, flag: str) -> Reply:
        """GET a flag: 404 for an archived one."""
        found = flag_in(self._world, project, flag)
        if found.archived_at is not None:
            raise not_found(f"Could not find feature flag with name {flag}")
        return Reply(200, views.whole(self._world, found))

    def place(self, _request: Request, _who: Account, project: str, flag: str, environment: str) -> Reply:
        """GET a flag's environment: answers for an archived flag too, with its last state."""
        found = flag_in(self._world, project, flag)
        if environment not in self._world.projects[project]:
            raise not_found(f"Could not find {flag} in {environment}")
        return Reply(200, views.in_environment(found, environment))

    def strategies(self, _request: Request, _who: Account, project: str, flag: str, environment: str) -> Reply:
        """GET the strategies of a flag's environment."""
        place = flag_in(self._world, project, flag).places[environment]
        return Reply(200, [{**strategy, "milestoneId": None} for strategy in place.strategies])

    def listed(self, _request: Request, _who: Account, project: str) -> Reply:
        """GET a project's flags; an unknown project has none."""
        flags = [flag for flag in self._alive() if flag.project == project]
        return Reply(200, {"version": 2, "features": [views.listed(self._world, flag) for flag in flags]})

    def search(self, request: Request, _who: Account) -> Reply:
        """Search flags by project, text, tag, and whether they are archived."""
        query = request.query
        archived = query.get("archived", "IS:false") == "IS:true"
        flags = [flag for flag in self._world.flags.values() if (flag.archived_at is not None) == archived]
        if "project" in query:
            flags = [flag for flag in flags if flag.project == query["project"].removeprefix("IS:")]
        if "query" in query:
            flags = [flag for flag in flags if query["query"].lower() in flag.name.lower()]
        if "tag" in query:
            _, type_, value = query["tag"].split(":", 2)
            flags = [flag for flag in flags if (type_, value) in flag.tags]
        page = flags[: int(query.get("limit", "25"))]
        return Reply(200, {"features": [views.found(self._world, flag) for flag in page], "total": len(flags)})

    def events(self, request: Request, _who: Account) -> Reply:
        """Search events, newest first."""
        query = request.query
        wanted = {"feature": "featureName", "project": "project", "type": "type", "createdBy": "createdByUserId"}
        events = list(reversed(self._world.events))
        for name, key in wanted.items():
            if name in query:
                values = set(query[name].partition(":")[2].split(","))
                events = [event for event in events if str(event[key]) in values]
        start, limit = int(query.get("offset", "0")), int(query.get("limit", "50"))
        base = f"http://{request.headers.get('host', '')}/projects"
        page = [views.told(event, f"{base}/{event['project']}") for event in events[start : start + limit]]
        return Reply(200, {"events": page, "total": len(events)})

    def old_events(self, request: Request, _who: Account, flag: str = "") -> Reply:
        """GET events by the older path."""
        events = [event for event in reversed(self._world.events) if flag in {"", event["featureName"]}]
        project = request.query.get("project")
        events = [event for event in events if project in {None, event["project"]}]
        named = {"toggleName": flag} if flag else {}
        return Reply(200, {"version": 1, **named, "events": events, "totalEvents": len(events)})

    def tags(self, _request: Request, _who: Account, flag: str) -> Reply:
        """GET a flag's tags."""
        found = self._world.flags.get(flag)
        if found is None:
            raise not_found(f"Could not find feature with name {flag}")
        return Reply(200, tag_list(self._world, found))

    def tag_types(self, _request: Request, _who: Account) -> Reply:
        """GET all tag types."""
        kinds = [{"icon": None, "color": None, **kind} for kind in self._world.tag_types.values()]
        return Reply(200, {"version": 1, "tagTypes": kinds})

    def projects(self, _request: Request, _who: Account) -> Reply:
        """GET all projects."""
        return Reply(200, {"version": 1, "projects": [{"id": name, "name": name} for name in self._world.projects]})

    def environments(self, _request: Request, _who: Account, project: str) -> Reply:
        """GET the environments, with whether the project has them."""
        shown = [views.project_environment(self._world, project, name) for name in self._world.environments]
        return Reply(200, {"version": 1, "environments": shown})

    def _alive(self) -> list[Flag]:
        return [flag for flag in self._world.flags.values() if flag.archived_at is None]


def tag_list(world: World, flag: Flag) -> dict[str, Any]:
    """Return a flag's tags as the tag calls answer them."""
    colors = {name: kind.get("color") for name, kind in world.tag_types.items()}
    tags = [{"type": type_, "value": value, "color": colors.get(type_)} for type_, value in flag.tags]
    return {"version": 1, "tags": tags}


def add(table: Table, world: World) -> None:
    """Add the reading routes."""
    lookups = Lookups(world)
    table.add("GET", f"{_FEATURES}/{{flag}}", lookups.feature)
    table.add("GET", f"{_FEATURES}/{{flag}}/environments/{{environment}}", lookups.place)
    table.add("GET", f"{_FEATURES}/{{flag}}/environments/{{environment}}/strategies", lookups.strategies)
    table.add("GET", _FEATURES, lookups.listed)
    table.add("GET", "/api/admin/search/features", lookups.search)
    table.add("GET", "/api/admin/search/events", lookups.events)
    table.add("GET", "/api/admin/events", lookups.old_events)
    table.add("GET", "/api/admin/events/{flag}", lookups.old_events)
    table.add("GET", "/api/admin/features/{flag}/tags", lookups.tags)
    table.add("GET", "/api/admin/tag-types", lookups.tag_types)
    table.add("GET", "/api/admin/projects", lookups.projects)
    table.add("GET", "/api/admin/environments/project/{project}", lookups.environments)
