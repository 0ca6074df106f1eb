"""From a request to its answer: access, discovery, then the verb on what the path names."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from reconciler.embedded.cluster import discovery, patches, reviews, watching
from reconciler.embedded.cluster.answers import ApiError, bad_request, expired, not_found
from reconciler.embedded.cluster.api import Api, Options, Transform, replacement
from reconciler.embedded.cluster.apply import Applied
from reconciler.embedded.cluster.kinds import Kind
from reconciler.embedded.cluster.requests import Request, Route, route
from reconciler.embedded.cluster.selectors import Predicate, fields, labels
from reconciler.embedded.cluster.users import User, authenticate, authorize

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_LONGEST_WATCH = 1800.0
_FIELDS = ("metadata.name", "metadata.namespace")
_POD_FIELDS = (*_FIELDS, "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "status.phase")


@dataclass(frozen=True)
class Answer:
    """What to send back: a document or text, or a stream of documents."""

    code: int
    body: dict[str, Any] | str
    stream: Iterator[dict[str, Any]] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Dispatch:
    """Answers requests. ``users`` by token; empty means that nobody needs one. ``stopped`` ends watches."""

    def __init__(
        self, api: Api, users: Mapping[str, User], clock: Callable[[], float], stopped: Callable[[], bool]
    ) -> None:
        self._api = api
        self._users = users
        self._clock = clock
        self._stopped = stopped

    def answer(self, request: Request, stale: int = 0) -> Answer:
        """Return the answer to a request; refusals are answers too. ``stale`` is how many versions ago reads look."""
        try:
            return self._answer(request, stale)
        except ApiError as error:
            headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
            return Answer(error.code, error.body(), headers=headers)

    def _answer(self, request: Request, stale: int) -> Answer:
        user = authenticate(self._users, request)
        kinds = list(self._api.kinds.values())
        found = discovery.answer(request.path, kinds) if request.method in ("GET", "HEAD") else None
        if found is not None:
            return Answer(200, found)
        where = route(request.path)
        if reviews.is_review(where):
            return Answer(201, reviews.review(user, request))
        authorize(user, request, where)
        kind = where.find(kinds)
        match request.method:
            case "GET" | "HEAD":
                return self._read(request, kind, where, stale)
            case "POST" if not where.name:
                body = self._object(request)
                created = self._api.create(kind, where.namespace, body, self._options(request))
                return Answer(201, created)
            case "PUT" if where.name:
                change = replacement(kind, where.name, self._object(request))
                return Answer(200, self._update(request, kind, where, change))
            case "PATCH" if where.name and _content_type(request) == APPLY_PATCH and not where.subresource:
                return self._apply(request, kind, where)
            case "PATCH" if where.name:
                return Answer(200, self._update(request, kind, where, self._patch(request, kind)))
            case "DELETE" if where.name and not where.subresource:
                options = request.json() or {}
                dry = request.dry_run() or "All" in (options.get("dryRun") or ())
                chosen = {"propagationPolicy": request.query.get("propagationPolicy"), **options}
                return Answer(200, self._api.delete(kind, where.namespace, where.name, chosen, dry_run=dry))
        raise ApiError(405, "the server does not allow this method on the requested resource")

    def _options(self, request: Request) -> Options:
        return Options(request.manager, request.dry_run())

    def _object(self, request: Request) -> dict[str, Any]:
        body = request.json()
        if not isinstance(body, dict):
            raise bad_request("the body of the request is not an object")
        return body

    def _update(self, request: Request, kind: Kind, where: Route, change: Transform) -> dict[str, Any]:
        options = self._options(request)
        return self._api.update(kind, where.namespace, where.name, change, options, where.subresource)

    def _apply(self, request: Request, kind: Kind, where: Route) -> Answer:
        try:
            body = YAML(typ="safe").load(request.body)
        except YAMLError as error:
            raise bad_request(f"error decoding YAML: {error}") from error
        if not isinstance(body, dict):
            raise bad_request("the body of the request is not an object")
        manager = request.query.get("fieldManager", "")
        applied = Applied(kind, where.name, manager, body, request.flag("force"))
        options = Options(manager, request.dry_run(), applied)
        return Answer(*self._api.apply(where.namespace, applied, options))

    def _patch(self, request: Request, kind: Kind) -> Transform:
        content = _content_type(request)
        known = [JSON_PATCH, MERGE_PATCH, *([STRATEGIC_PATCH] if kind.builtin else []), APPLY_PATCH]
        if content not in known:
            message = "the body of the request was in an unknown format - accepted media types include: "
            raise ApiError(415, message + ", ".join(known))
        body = request.json()
        if content == JSON_PATCH:
            return lambda item: _whole(patches.json_patch(item, body))
        if not isinstance(body, dict):
            raise bad_request("json: cannot unmarshal into Go value of type map[string]interface {}")
        if content == MERGE_PATCH:
            return lambda item: _whole(patches.json_merge(item, body))
        return lambda item: _whole(patches.strategic_merge(item, body))

    def _read(self, request: Request, kind: Kind, where: Route, stale: int) -> Answer:
        partial = "as=PartialObjectMetadata" in request.headers.get("accept", "")
        if where.name:
            if stale:
                item = next(islice(self._api.store.versions(kind, where.namespace, where.name), stale, None), None)
                if item is None:
                    raise not_found(kind, where.name)
            else:
                item = self._api.get(kind, where.namespace, where.name, where.subresource)
            return Answer(200, _metadata(item) if partial else item)
        query = request.query
        by_label, by_field = labels(query.get("labelSelector", "")), fields(query.get("fieldSelector", ""))
        allowed = _POD_FIELDS if kind.plural == "pods" else _FIELDS
        for part in filter(None, query.get("fieldSelector", "").split(",")):
            name = part.replace("!", "").partition("=")[0]
            if name not in allowed:
                raise bad_request(f"field label not supported: {name}")

        def matches(item: dict[str, Any]) -> bool:
            return by_label(item) and by_field(item)

        if request.flag("watch"):
            return self._watch(request, kind, where, matches)
        return Answer(200, self._list(request, kind, where, matches, partial=partial))

    def _watch(self, request: Request, kind: Kind, where: Route, matches: Predicate) -> Answer:
        seconds = float(request.query.get("timeoutSeconds") or _LONGEST_WATCH)
        stream = watching.watch(
            self._api.store,
            kind,
            where.namespace,
            matches,
            request.query.get("resourceVersion", ""),
            deadline=self._clock() + min(seconds, _LONGEST_WATCH),
            monotonic=self._clock,
            stopped=self._stopped,
        )
        return Answer(200, "", stream)

    def _list(self, request: Request, kind: Kind, where: Route, matches: Predicate, *, partial: bool) -> dict[str, Any]:
        store, query = self._api.store, request.query
        with store.lock:
            version = store.version
            items = store.items(kind, where.namespace)
        after: tuple[str, str] = ("", "")
        if query.get("continue"):
            asked, *last = json.loads(base64.urlsafe_b64decode(query["continue"]))
            with store.lock:
                store.since(kind, asked)
            after = (last[0], last[1])
        elif query.get("resourceVersionMatch") == "Exact" and int(query.get("resourceVersion", 0)) != version:
            raise expired("The resourceVersion for the provided list is too old.")
        left = [item for item in items if _key(item) > after and matches(item)]
        size = int(query.get("limit") or 0) or len(left)
        shown = left[:size]
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        if len(left) > size:
            metadata["continue"] = base64.urlsafe_b64encode(json.dumps([version, *_key(shown[-1])]).encode()).decode()
            metadata["remainingItemCount"] = len(left) - size
        if partial:
            content = [_metadata(item) for item in shown]
            return {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": content,
            }
        if kind.builtin:
            shown = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in shown]
        return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": shown}


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip()


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _metadata(item: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def _whole(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict) or not isinstance(document.get("metadata"), dict):
        raise bad_request("the patch leaves no object")
    return document
