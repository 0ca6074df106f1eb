"""The daemon's own pages: what they see of its loops, and what people ask for there, in the names of those people."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from io import StringIO
from typing import Any

import httpx
import pytest
import structlog

from reconciler.daemon.service import Daemon
from tests.bridge.serving import Element, parsed
from tests.daemon.site import Site, eventually, git

PASSWORD = "correct horse battery"
APPROVED = """\
remediations:
- name: Queue is full
  actions:
  - {action: scaling, value: +1, approval: required}
- name: Response time degradation
  actions:
  - {action: scaling, value: +1}
"""


class Events:
    """Where the daemon says that it listens, read from its log."""

    def __init__(self) -> None:
        self.port = 0

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
        if event.get("event") == "listening" and event.get("server") == "bridge":
            self.port = int(str(event["address"]).rpartition(":")[2])
        return str(event)


@contextmanager
def running(site: Site) -> Iterator[httpx.Client]:
    """Run the daemon with a bridge, and give a browser in which Ada has logged in."""
    (site.folder / "ada").write_text(PASSWORD)
    site.config.write_text(
        "bridge:\n  listen: 127.0.0.1:0\n  actions: true\n  auth:\n    kind: basic\n    people:\n"
        "    - {username: ada, name: Ada, email: ada@example.org, passwordFile: ada}\n" + site.config.read_text()
    )
    events = Events()
    log = structlog.wrap_logger(structlog.PrintLogger(StringIO()), processors=[events])
    daemon = Daemon(site.config, log, clock=site.clock)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        eventually(lambda: events.port, "the bridge listens")
        address = f"http://127.0.0.1:{events.port}"
        with httpx.Client(base_url=address, trust_env=False, timeout=30.0, auth=("ada", PASSWORD)) as client:
            eventually(lambda: client.get("/sockshop").status_code == 200, "the project was read")
            yield client
    finally:
        daemon.stop()
        thread.join(30)
    assert not thread.is_alive()


def page(client: httpx.Client, path: str) -> Element:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return parsed(answer.text)


def form(found: Element, verb: str) -> dict[str, str]:
    """Return what the form of a button sends."""
    for each in found.all("form", method="post"):
        fields = {one.attributes["name"]: one.attributes.get("value", "") for one in each.all("input")}
        if fields["verb"] == verb:
            return fields
    raise AssertionError(f"there is no button {verb}")


@pytest.fixture
def shop(site: Site) -> Site:
    site.push({"carts/remediation.yaml": APPROVED})
    return site


def test_a_person_approves_what_waits_and_it_is_done(shop: Site) -> None:
    with running(shop) as client:
        shop.problem("p1", "Queue is full")
        eventually(lambda: shop.events()[-1:] == ["held"], "a person is asked")
        path = "/sockshop/production/remediation/carts/p1"
        eventually(lambda: client.get(path).status_code == 200, "the page is there")
        fields = form(page(client, path), "approve") | {"reason": "busy day"}
        origin = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        answer = client.post("/sockshop/production/command", data=fields, headers=origin)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == path
        eventually(lambda: shop.replicas() == 2, "it was done")
        seen = git(shop.remote, "log", "-1", "--format=%an <%ae>|%s", "--author=Ada", "production")
        assert seen == "Ada <ada@example.org>|carts: approve (Queue is full)"
        names = git(shop.remote, "ls-tree", "-r", "--name-only", "production", "ops/production/carts/commands/")
        assert re.search(r"Z-approve-p1-\d\d\.yaml$", names)
        assert "busy day" in git(shop.remote, "show", f"production:{names}")


def test_observed_values_are_those_that_the_daemon_sees(shop: Site) -> None:
    with running(shop) as client:
        shop.problem("p1", "Response time degradation")
        eventually(lambda: shop.events()[-1:] == ["applied"], "it took effect")

        def observed() -> str:
            found = page(client, "/sockshop/production/service/carts").all("td", **{"data-label": "Observed"})
            return found[0].words if found else ""

        eventually(lambda: observed().startswith("2"), "two replicas are observed")


def test_without_a_password_nothing_is_shown(shop: Site) -> None:
    with running(shop) as client:
        for auth in (None, httpx.BasicAuth("ada", "wrong"), httpx.BasicAuth("eve", PASSWORD)):
            answer = httpx.get(f"{client.base_url}/sockshop", auth=auth, trust_env=False)
            assert answer.status_code == 401
            assert "Basic" in answer.headers["www-authenticate"]
            assert "production" not in answer.text


def test_a_service_that_there_is_none_of_is_not_commanded(shop: Site) -> None:
    with running(shop) as client:
        fields = form(page(client, "/sockshop/production/service/carts"), "suspend") | {"service": "nobody"}
        origin = {"Origin": str(client.base_url).rstrip("/")}
        before = git(shop.remote, "rev-parse", "production")
        answer = client.post("/sockshop/production/command", data=fields, headers=origin)
        assert answer.status_code == 400
        assert "no service nobody" in answer.text
        assert git(shop.remote, "rev-parse", "production") == before


def test_a_stage_is_suspended_and_resumed(shop: Site) -> None:
    with running(shop) as client:
        origin = {"Origin": str(client.base_url).rstrip("/")}
        for verb, then in (("suspend", "resume"), ("resume", "suspend")):
            fields = form(page(client, "/sockshop/production"), verb)
            assert client.post("/sockshop/production/command", data=fields, headers=origin).status_code == 303

            def offered(wanted: str = then) -> bool:
                forms = page(client, "/sockshop/production").all("form", method="post")
                return any(one.attributes.get("value") == wanted for each in forms for one in each.all("input"))

            eventually(offered, f"{then} is offered")
