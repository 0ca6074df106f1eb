"""Everything that the daemon answers over HTTP, held against its description and asked for by a fuzzer (schemathesis).

Bounded, and the same each time: no seed is drawn, nothing is kept between two runs, and only loopback is asked. With
RECONCILER_HTTP_TRIES in the environment (`make fuzz`) it is that many tries, and others each time.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import schemathesis
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import Route

from reconciler.bridge.app import Bridge, Served
from reconciler.daemon.web.status import Status
from reconciler.daemon.web.webhooks import Around, Webhooks
from reconciler.model.webhooks import ServerConfig
from tests.daemon.site import git
from tests.daemon.web.kit import ALL, Counted
from tests.faults.invariants import Scene
from tests.faults.receiving import receiving
from tests.faults.test_intake_strangers import basic
from tests.security.running import ALL as ALL_SERVED
from tests.security.running import PASSWORD, TOKEN

FILE: Final = Path(__file__).parents[2] / "schemas" / "openapi.yaml"
SCHEMA: Final = schemathesis.openapi.from_path(FILE)
PAGE: Final = FILE.parents[1] / "docs" / "webhooks.md"
ASKED: Final = os.environ.get("RECONCILER_HTTP_TRIES", "")
TRIES: Final = int(ASKED or 12)
"""Requests to each path that fit the description, and as many that do not."""
BOUNDED: Final = settings(
    max_examples=TRIES, derandomize=not ASKED, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
HELD: Final = [
    status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance,
]  # fmt: skip


def operations(tag: str) -> Iterator[Any]:
    for found in SCHEMA.include(tag=tag).get_all_operations():
        yield found.ok()  # type: ignore[union-attr]  # what cannot be read raises here, which is as well


def described(tag: str) -> set[tuple[str, str]]:
    return {(each.method.upper(), each.path) for each in operations(tag)}


def routed(routes: list[Any]) -> set[tuple[str, str]]:
    """Return what an application answers, in the description's words; HEAD is answered wherever GET is."""
    found = set()
    for route in routes:
        assert isinstance(route, Route)
        path = re.sub(r"{(\w+):path}", r"{\1}", route.path)
        found |= {(method, path) for method in route.methods or ()}
    heads = {each for each in found if each[0] == "HEAD"}
    assert {("GET", path) for _, path in heads} <= found
    return found - heads


def test_every_route_is_described_and_no_other() -> None:
    around = Around({}, (), Counted(), structlog.get_logger(), lambda: 0.0)
    webhooks = Webhooks(ALL, ServerConfig(), around)
    try:
        assert routed(webhooks.app.routes) == described("webhooks")
    finally:
        webhooks.close()
    assert routed(Status(lambda: (), lambda _: (b"", "")).app.routes) == described("status")
    bridge = Bridge(Served({}, lambda: 0.0, structlog.get_logger()))
    nothing = {("GET", "/{project}/{rest}")}
    assert routed(bridge.app.routes) - nothing == described("bridge")


def test_every_status_of_the_page_is_described() -> None:
    listed = set(re.findall(r"^\| (\d{3}) \|", PAGE.read_text("utf-8"), re.MULTILINE))
    for each in operations("webhooks"):
        extra = {"202"} if each.path != "/webhooks/git" else set()
        assert set(each.definition.raw["responses"]) == listed - extra, each.path


def asked(
    scene: Scene, operation: Any, address: object, login: Callable[[bytes], dict[str, str]] = lambda _: {}
) -> set[int]:
    """Ask for a path in ways that fit its description and in others; returns the statuses of the answers.

    Each answer is one of those that are described. A stream is not read.
    """
    codes: set[int] = set()

    def tried(case: Case[Any]) -> None:
        prepared = http.prepare_request(requests.Request(**case.as_transport_kwargs(base_url=str(address))))
        body = prepared.body or b""
        assert isinstance(body, str | bytes)
        prepared.headers.update(login(body.encode() if isinstance(body, str) else body))
        streams = operation.path.endswith("/live")
        with http.send(prepared, timeout=60, stream=streams, allow_redirects=False) as answer:
            codes.add(answer.status_code)
            if streams and answer.status_code == 200:
                return
            assert answer.status_code != 500, answer.text
            case.validate_response(answer, checks=HELD)
            scene.said.append(answer.text)

    with requests.Session() as http:
        http.trust_env = False
        for mode in GenerationMode if operation.body else [GenerationMode.POSITIVE]:
            BOUNDED(given(case=operation.as_strategy(generation_mode=mode))(tried))()
    return codes


def bearer(_body: bytes) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def dynatrace(_body: bytes) -> dict[str, str]:
    return basic("dynatrace", TOKEN)


def person(_body: bytes) -> dict[str, str]:
    return basic("ada", PASSWORD)


def signed(body: bytes) -> dict[str, str]:
    digest = hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Signature-256": digest, "X-Hub-Signature-256": f"sha256={digest}"}


LOGINS: Final = {
    "alertmanager": bearer, "problem": bearer, "dynatrace": dynatrace, "cloudevents": signed, "keptn": signed,
    "keptnApi": signed, "git": signed,
}  # fmt: skip
WHERE: Final = (
    "default: {project: sockshop, stage: production, service: carts}, labels: {project: p0, stage: s0, service: v0}, "
)
SOMEBODY: Final = ALL_SERVED.replace("{auth:", f"{{{WHERE}auth:")


@pytest.mark.parametrize("name", LOGINS)
def test_whatever_is_posted_is_answered_as_described(scene: Scene, name: str) -> None:
    """Reports that can be accepted are: they belong to the service that there is where they do not say otherwise."""
    (operation,) = (each for each in operations("webhooks") if each.definition.raw["operationId"] == name)
    with receiving(scene, served=SOMEBODY) as daemon:
        codes = asked(scene, operation, daemon.hooks.base_url, LOGINS[name])
        assert codes & {200, 202}, "something was taken"
        assert codes & {400, 422} or name == "git", "something was not"
        assert asked(scene, operation, daemon.hooks.base_url) == {401}
        assert daemon.status.get("/healthz").status_code == 200
    refs = git(scene.site.remote, "for-each-ref", "--format=%(refname)").splitlines()
    assert refs == ["refs/heads/main", "refs/heads/production"]


@pytest.mark.parametrize("tag", ["status", "bridge"])
def test_whatever_is_asked_for_is_answered_as_described(scene: Scene, tag: str) -> None:
    with receiving(scene) as daemon:
        for operation in operations(tag):
            codes = asked(scene, operation, daemon.clients[tag].base_url, person)
            assert codes <= {200, 204, 303, 400, 403, 404, 415}, (operation.path, codes)
        if tag == "bridge":
            for operation in operations(tag):
                codes = asked(scene, operation, daemon.bridge.base_url)
                assert codes <= {401, 200, 204, 404} if "static" in operation.path else {401, 204}
        assert [line for line in daemon.lines() if line["level"] == "error"] == []
    assert git(scene.site.remote, "log", "--author=Ada", "--format=%H", "production") == ""
