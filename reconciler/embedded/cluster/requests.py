"""A request as data, and what its path and query mean."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from reconciler.embedded.cluster.answers import ApiError, bad_request, no_such_path
from reconciler.embedded.cluster.kinds import Kind


@dataclass(frozen=True)
class Request:
    """One request as it came in. Header names are lower case; of a repeated query parameter the last one counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @staticmethod
    def parse(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """Make a request of the parts that HTTP has."""
        parts = urlsplit(target)
        return Request(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers, body)

    @property
    def manager(self) -> str:
        """The field manager: as asked for, else the user agent up to its first slash, as the API server takes it."""
        return self.query.get("fieldManager") or self.headers.get("user-agent", "unknown").partition("/")[0][:128]

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter."""
        return self.query.get(name, "").lower() in ("1", "true")

    def json(self) -> Any:
        """Return the decoded body, None where there is none.

        Raises:
            ApiError: 400 for a body that is not JSON.
        """
        if not self.body:
            return None
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise bad_request(f"error decoding request body: {error}") from error

    def dry_run(self) -> bool:
        """Say whether nothing is to be kept.

        Raises:
            ApiError: 422 for a value other than `All`.
        """
        value = self.query.get("dryRun", "")
        if value not in ("", "All"):
            raise ApiError(422, f'dryRun: Unsupported value: "{value}": supported values: "All"')
        return value == "All"


@dataclass(frozen=True)
class Route:
    """What a path names: a collection (``name`` empty), an object or a subresource of it."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def resource(self) -> str:
        """`deployments.apps`, `deployments.apps/scale`: the form in which access rules name resources."""
        qualified = f"{self.plural}.{self.group}" if self.group else self.plural
        return f"{qualified}/{self.subresource}" if self.subresource else qualified

    def find(self, kinds: Iterable[Kind]) -> Kind:
        """Return the kind that is served here.

        Raises:
            ApiError: 404 where there is none.
        """
        for kind in kinds:
            if (kind.group, kind.version, kind.plural) == (self.group, self.version, self.plural):
                if self.name and kind.namespaced != bool(self.namespace):
                    break
                return kind
        raise no_such_path()


def route(path: str) -> Route:
    """Return what a path names, served or not.

    Raises:
        ApiError: 404 for a path that has not the form of a resource's.
    """
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3:
        raise no_such_path()
    return Route(group, version, rest[0], namespace, *rest[1:])
