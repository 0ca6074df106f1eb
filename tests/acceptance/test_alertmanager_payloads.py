"""What the real Alertmanager posts has the form of what the tests of the webhooks post in its name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.sending import alert as sent_alert
from benchmarks.sending import payload as sent_payload
from reconciler.demo.waiting import NotYetError
from tests.acceptance.ports import Port
from tests.acceptance.sender import Alert
from tests.acceptance.servers import PATIENCE, Alertmanager
from tests.daemon.web import kit
from tests.evidence.speaking import Request, Response, SpeakingServer
from tests.intake import payloads
from tests.intake.shape import shape

NOW = datetime.now(UTC).replace(microsecond=250_000)
SOON = "{group_wait: 1s, group_interval: 1s, repeat_interval: 1h, receiver: reconciler, group_by: [alertname]}"


@pytest.fixture(scope="module")
def posted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Request]]:
    """What Alertmanager posts of one alert that fires and one that is over."""
    folder = tmp_path_factory.mktemp("alertmanager")
    with SpeakingServer(lambda _: Response()) as receiver, Port() as port:
        (folder / "alertmanager.yml").write_text(
            f"route: {SOON}\nreceivers: [{{name: reconciler, webhook_configs: [{{url: '{receiver.url}/alerts'}}]}}]\n"
        )
        server = Alertmanager(folder, port)
        server.start()
        try:
            labels = {"alertname": "slow", "project": "sockshop", "stage": "production", "service": "carts"}
            server.post([Alert(labels, NOW - timedelta(minutes=9), None).told(NOW)])
            arrived(receiver, server, "firing")
            server.post([Alert(labels, NOW - timedelta(minutes=9), NOW - timedelta(seconds=1)).told(NOW)])
            arrived(receiver, server, "resolved")
            yield list(receiver.requests)
        finally:
            server.stop()


def arrived(receiver: SpeakingServer, server: Alertmanager, status: str) -> None:
    def look() -> None:
        if not any(json.loads(each.body)["status"] == status for each in list(receiver.requests)):
            raise NotYetError(server.told())

    PATIENCE.until(status, look, alive=server.check_alive)


def doubles() -> dict[str, Any]:
    return {
        "intake": json.loads(payloads.group(payloads.alert())),
        "webhooks": json.loads(json.dumps(kit.group(kit.alert()))),
        "benchmarks": json.loads(sent_payload([sent_alert("carts", 1)])),
    }


@pytest.mark.parametrize("name", doubles())
def test_nothing_is_posted_in_its_name_that_it_would_not_post(posted: list[Request], name: str) -> None:
    real = [shape(json.loads(each.body)) for each in posted]
    mine = shape(doubles()[name])
    for each in real:
        assert lacking(mine, each) == []


def test_the_doubles_of_the_readers_tests_lack_nothing(posted: list[Request]) -> None:
    assert {str(shape(json.loads(each.body))) for each in posted} == {str(shape(doubles()["intake"]))}


def test_it_says_what_it_is(posted: list[Request]) -> None:
    for each in posted:
        assert (each.method, each.path) == ("POST", "/alerts")
        assert each.headers["content-type"] == "application/json"
        assert each.headers["user-agent"].startswith("Alertmanager/")


def test_who_fires_ends_never_and_is_the_same_when_it_is_over(posted: list[Request]) -> None:
    firing, resolved = (json.loads(each.body)["alerts"][0] for each in posted[:2])
    assert firing["endsAt"] == payloads.alert()["endsAt"] == "0001-01-01T00:00:00Z"
    assert resolved["endsAt"] > resolved["startsAt"] == firing["startsAt"]
    assert resolved["fingerprint"] == firing["fingerprint"]


def lacking(mine: Any, real: Any, where: str = "") -> list[str]:
    """Return what the double has and the real one has not, or otherwise."""
    if isinstance(mine, dict) and isinstance(real, dict):
        pairs = ((value, real.get(key, "nothing"), f"{where}.{key}") for key, value in mine.items())
        return [text for pair in pairs for text in lacking(*pair)]
    if isinstance(mine, list) and isinstance(real, list):
        return [text for one in mine for text in lacking(one, real[0], f"{where}[]")]
    return [] if mine == real else [f"{where}: {mine}, and really {real}"]
