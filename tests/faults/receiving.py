"""The whole daemon behind its webhooks, for the rows of intake: what is sent, and what is looked at afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from zlib import crc32

import httpx

from tests.daemon.site import eventually, git
from tests.faults.invariants import TITLE, Scene
from tests.security.running import KNOWN, PASSWORD, TOKEN, Running, running

PATH = "/webhooks/alertmanager"
DAY = "2026-11-21"


@contextmanager
def receiving(scene: Scene, more: str = "", **options: Any) -> Iterator[Running]:
    """Run the daemon; what it has logged is looked through for secrets, and its problems must not be lost.

    ``more`` is for the part `server` of its configuration, in one line.
    """
    for each in (TOKEN, PASSWORD):
        scene.plant(each)
    with running(scene.site, more=more, **options) as made:
        yield made
    scene.said.append(made.said.getvalue())


def alert(service: str = "carts", number: int = 0, **more: Any) -> dict[str, Any]:
    """One alert; those with another number are others. ``labels`` are added to those that it must have."""
    labels = {"alertname": "slow", "project": "sockshop", "stage": "production", "service": service, "problem": TITLE}
    return {
        "status": "firing", "startsAt": f"{DAY}T10:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "annotations": {},
        "fingerprint": f"{crc32(service.encode()):08x}{number:08x}", **more, "labels": labels | more.get("labels", {}),
    }  # fmt: skip


def group(*alerts: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "version": "4", "receiver": "reconciler", "status": "firing", "externalURL": "http://alertmanager.example:9093",
        "groupLabels": {"project": "sockshop"}, "alerts": list(alerts), "truncatedAlerts": 0, **more,
    }  # fmt: skip


def post(scene: Scene, client: httpx.Client, document: object, **more: Any) -> httpx.Response:
    """Send a payload as somebody who is known; what is acknowledged must be there when the test is over."""
    answer = client.post(PATH, json=document, headers=KNOWN, **more)
    note(scene, answer)
    return answer


def note(scene: Scene, answer: httpx.Response) -> None:
    """Remember what an answer says is durable."""
    scene.said.append(answer.text)
    for each in answer.json().get("problems", ()):
        if each["outcome"] in ("accepted", "unchanged"):
            assert answer.status_code in (200, 503), answer.text
            scene.accepted.add(each["problem"])


def outcomes(answer: httpx.Response) -> Counter[str]:
    """Count what became of the problems of a request."""
    found: dict[str, int] = answer.json().get("outcomes", {})
    return Counter(found) if found else Counter(each["outcome"] for each in answer.json()["problems"])


def reported(scene: Scene) -> int:
    """Return how many commits of senders there are."""
    senders = ("--author=^alertmanager ", "--author=^problem ", "--author=^dynatrace ", "--author=^keptn ")
    return len(git(scene.site.remote, "log", "--format=%H", *senders, "production").splitlines())


def metric(daemon: Running, name: str, **labels: object) -> float:
    """Return a metric's value, 0 where it is not there."""
    named = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    lines = daemon.status.get("/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name}{{{named}}} ")), 0.0)


def once(scene: Scene) -> None:
    """One problem, one action, whatever was said of it."""
    events = scene.site.events()
    assert events.count("opened") == 1, events
    assert events.count("decided") == 1, events
    assert len(scene.accepted) == 1
    assert scene.site.replicas() == 2
    assert len(scene.site.scalings()) == 1


def applied(scene: Scene, daemon: Running) -> None:
    """Report the problem, and wait until something was done about it."""
    assert outcomes(post(scene, daemon.hooks, group(alert()))) == {"accepted": 1}
    eventually(lambda: "applied" in scene.site.events(), "it took effect")
