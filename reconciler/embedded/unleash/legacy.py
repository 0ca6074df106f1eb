"""The admin API of Unleash 3.17.6, the generation that Keptn talked to: one state per flag, basic auth, HTML errors.

Unlike today's it wants a JSON content type with every POST (415), answers "on" with the flag, records an event for
every repetition, and has no call to change several tags at once.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from reconciler.embedded.unleash.refusal import Refusal
from reconciler.embedded.unleash.request import Reply, Request, Table

if TYPE_CHECKING:
    from reconciler.embedded.unleash.world import World

_FEATURES = "/api/admin/features"
_PAGE = '<!DOCTYPE html>\n<html lang="en">\n<body>\n<pre>Cannot {method} {path}</pre>\n</body>\n</html>\n'


class Legacy:
    """Answers requests; uses of a `World` only the accounts (``user:password``), the clock, tag types and the lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._flags: dict[str, dict[str, Any]] = {}
        self._archive: dict[str, dict[str, Any]] = {}
        self._tags: dict[str, list[tuple[str, str]]] = {}
        self._events: list[dict[str, Any]] = []
        self._who = ""
        self._table = Table()
        for method, pattern, route in (
            ("GET", _FEATURES, self._list),
            ("POST", _FEATURES, self._create),
            ("GET", f"{_FEATURES}/{{flag}}", self._get),
            ("DELETE", f"{_FEATURES}/{{flag}}", self._delete),
            ("POST", f"{_FEATURES}/{{flag}}/toggle/{{state}}", self._toggle),
            ("GET", f"{_FEATURES}/{{flag}}/tags", self._tags_of),
            ("POST", f"{_FEATURES}/{{flag}}/tags", self._tag),
            ("DELETE", f"{_FEATURES}/{{flag}}/tags/{{kind}}/{{value}}", self._untag),
            ("GET", "/api/admin/tag-types", self._tag_types),
            ("POST", "/api/admin/tag-types", self._tag_type),
            ("GET", "/api/admin/events/{flag}", self._events_of),
            ("GET", "/api/admin/archive/features", self._archived),
        ):
            self._table.add(method, pattern, route)

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if request.path == "/health":
            return Reply(200, {"health": "GOOD"})
        if request.path == "/api/client/features":
            return Reply(200, {"version": 1, "features": [_for_clients(flag) for flag in self._flags.values()]})
        with self._world.lock:
            try:
                return self._routed(request)
            except Refusal as refusal:
                return Reply(refusal.status, refusal.body, refusal.headers)

    def _routed(self, request: Request) -> Reply:
        self._who = self._user(request)
        found = self._table.find(request)
        if found is None:
            raise Refusal(404, _PAGE.format(method=request.method, path=request.path))
        if request.method == "POST" and not request.headers.get("content-type", "").startswith("application/json"):
            raise Refusal(415)
        route, arguments = found
        return route(request, **arguments)

    def _user(self, request: Request) -> str:
        for credentials, account in self._world.accounts.items():
            if request.headers.get("authorization") == "Basic " + base64.b64encode(credentials.encode()).decode():
                return account.name
        raise Refusal(401, "access denied", {"WWW-Authenticate": 'Basic realm="example"'})

    def _list(self, _request: Request) -> Reply:
        return Reply(200, {"version": 1, "features": list(self._flags.values())})

    def _archived(self, _request: Request) -> Reply:
        return Reply(200, {"features": list(self._archive.values())})

    def _get(self, _request: Request, flag: str) -> Reply:
        if flag not in self._flags:
            return Reply(404, {"error": "Could not find feature"})
        return Reply(200, self._flags[flag])

    def _create(self, request: Request) -> Reply:
        given = request.json()
        name = given["name"]
        if name in self._flags or name in self._archive:
            what = "A toggle" if name in self._flags else "An archived toggle"
            raise _refused(409, "NameExistsError", f"{what} with that name already exists")
        self._flags[name] = {
            "name": name,
            "description": given.get("description"),
            "type": given.get("type", "release"),
            "project": given.get("project", "default"),
            "enabled": given.get("enabled", False),
            "stale": False,
            "strategies": given["strategies"],
            "variants": None,
            "createdAt": self._world.stamp(),
            "lastSeenAt": None,
        }
        self._tags[name] = []
        self._record("feature-created", name, None)
        return Reply(201, self._flags[name])

    def _delete(self, _request: Request, flag: str) -> Reply:
        if flag not in self._flags:
            raise Refusal(404)
        self._archive[flag] = {**self._flags.pop(flag), "enabled": False}
        return Reply(200)

    def _toggle(self, _request: Request, flag: str, state: str) -> Reply:
        if flag not in self._flags or state not in {"on", "off"}:
            raise Refusal(404)
        before, after = self._flags[flag]["enabled"], state == "on"
        self._flags[flag] = {**self._flags[flag], "enabled": after}
        diffs = [{"kind": "E", "path": ["enabled"], "lhs": before, "rhs": after}] if before != after else []
        self._record("feature-updated", flag, diffs)
        return Reply(200, self._flags[flag])

    def _tags_of(self, _request: Request, flag: str) -> Reply:
        tags = [{"value": value, "type": kind} for kind, value in self._tags.get(flag, [])]
        return Reply(200, {"version": 1, "tags": tags})

    def _tag(self, request: Request, flag: str) -> Reply:
        given = request.json()
        tag = (given["type"], given["value"])
        # The real one answers 500 where the flag or the tag type is unknown: a foreign key of its database.
        if flag not in self._flags or tag[0] not in self._world.tag_types:
            raise Refusal(500)
        if not 2 <= len(tag[1]) <= 50:
            raise Refusal(400, {"details": [{"message": '"value" length must be within 2 and 50'}], "isJoi": True})
        if tag in self._tags[flag]:
            raise _refused(409, "FeatureHasTagError", f"{flag} already had the tag: [{tag[0]}:{tag[1]}]")
        self._tags[flag].append(tag)
        return Reply(201, {"type": tag[0], "value": tag[1]})

    def _untag(self, _request: Request, flag: str, kind: str, value: str) -> Reply:
        self._tags[flag] = [tag for tag in self._tags.get(flag, []) if tag != (kind, value)]
        return Reply(200)

    def _tag_types(self, _request: Request) -> Reply:
        return Reply(200, {"version": 1, "tagTypes": list(self._world.tag_types.values())})

    def _tag_type(self, request: Request) -> Reply:
        given = request.json()
        if given["name"] in self._world.tag_types:
            raise _refused(409, "NameExistsError", f"There already exists a tag-type with the name {given['name']}")
        self._world.tag_types[given["name"]] = given
        return Reply(201, given)

    def _events_of(self, _request: Request, flag: str) -> Reply:
        events = [event for event in reversed(self._events) if event["data"]["name"] == flag]
        return Reply(200, {"toggleName": flag, "events": events})

    def _record(self, kind: str, flag: str, diffs: list[dict[str, Any]] | None) -> None:
        self._events.append(
            {
                "id": len(self._events) + 1,
                "type": kind,
                "createdBy": self._who,
                "createdAt": self._world.stamp(),
                "data": dict(self._flags[flag]),
                "tags": [{"value": value, "type": type_} for type_, value in self._tags[flag]],
                "diffs": diffs,
            }
        )


def _refused(status: int, name: str, message: str) -> Refusal:
    return Refusal(status, {"isJoi": True, "name": name, "details": [{"message": message}]})


def _for_clients(flag: dict[str, Any]) -> dict[str, Any]:
    return {key: flag[key] for key in ("name", "type", "enabled", "stale", "strategies", "variants")}
