"""Faults of intake: rows W1 and W4, what is told again and what is told at once, through the whole daemon."""

from __future__ import annotations

import threading

import httpx

from tests.daemon.site import eventually, git
from tests.faults.invariants import Scene
from tests.faults.receiving import alert, applied, group, metric, note, once, outcomes, post, receiving, reported
from tests.security.running import KNOWN


def test_w1_the_same_alert_from_many_at_once(scene: Scene) -> None:
    answers: list[httpx.Response] = []

    def send() -> None:
        with httpx.Client(base_url=daemon.hooks.base_url, trust_env=False, timeout=60, headers=KNOWN) as client:
            answers.extend(client.post("/webhooks/alertmanager", json=group(alert())) for _ in range(125))

    with receiving(scene) as daemon:
        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 1000
        assert {each.status_code for each in answers} == {200}
        for each in answers:
            note(scene, each)
        assert {name for each in answers for name in outcomes(each)} <= {"accepted", "unchanged"}
        eventually(lambda: "applied" in scene.site.events(), "it took effect")
    assert reported(scene) == 1
    once(scene)


def test_w1_the_same_alert_a_thousand_times_in_one_body(scene: Scene) -> None:
    with receiving(scene) as daemon:
        answer = post(scene, daemon.hooks, group(*[alert()] * 1000))
        assert outcomes(answer) == {"accepted": 1000}
        eventually(lambda: "applied" in scene.site.events(), "it took effect")
        assert outcomes(post(scene, daemon.hooks, group(*[alert()] * 1000))) == {"unchanged": 1000}
    assert reported(scene) == 1
    once(scene)


def test_w1_told_again_every_four_hours(scene: Scene) -> None:
    with receiving(scene) as daemon:
        applied(scene, daemon)

        def again(seconds: float) -> bool:
            scene.site.later(seconds)
            assert outcomes(post(scene, daemon.hooks, group(alert()))) == {"unchanged": 1}
            return scene.site.events()[-1] == "escalated"

        for _ in range(6):
            again(4 * 3600)
        eventually(lambda: again(60), "a person is asked")
        again(4 * 3600)
    assert reported(scene) == 1
    once(scene)


def test_w1_a_delivery_that_was_kept_back_for_hours_opens_nothing_again(scene: Scene) -> None:
    with receiving(scene) as daemon:
        applied(scene, daemon)
        over = alert(status="resolved", endsAt="2026-11-21T10:05:00Z")
        assert outcomes(post(scene, daemon.hooks, group(over))) == {"accepted": 1}
        scene.site.later(5 * 3600)
        for late in (alert(), over, alert()):
            assert outcomes(post(scene, daemon.hooks, group(late))) == {"unchanged": 1}
        eventually(lambda: scene.site.events()[-1] in ("remediated", "resolved"), "it is over")
    assert reported(scene) == 2
    once(scene)


def test_w1_told_again_to_a_daemon_that_has_lost_its_disk(scene: Scene) -> None:
    with receiving(scene) as daemon:
        applied(scene, daemon)
    (scene.site.folder / "state").rename(scene.site.folder / "lost")
    with receiving(scene) as daemon:
        for _ in range(3):
            assert outcomes(post(scene, daemon.hooks, group(alert()))) == {"unchanged": 1}
    assert reported(scene) == 1
    once(scene)


def test_w4_a_large_mixed_group_over_many_services(scene: Scene) -> None:
    services = [f"s{number}" for number in range(79)]
    scene.person({f"{name}/remediation.yaml": "remediations: []\n" for name in services}, "many services")
    everyone = ["carts", *services]
    alerts = [alert(everyone[number % 80], number) for number in range(500)]
    for number in range(500):
        if number % 5:
            alerts[number] |= {"status": "resolved", "endsAt": "2026-11-21T10:05:00Z"}
    alerts[5] |= {"startsAt": "yesterday"}
    alerts[10]["labels"]["service"] = "nobody"
    with receiving(scene) as daemon:
        answer = post(scene, daemon.hooks, group(*alerts, truncatedAlerts=12))
        assert answer.status_code == 200
        assert outcomes(answer) == {"accepted": 498, "refused": 1, "unknown": 1}
        assert answer.json()["truncated"] == 12
        (line,) = (line for line in daemon.lines() if line["event"] == "request" and line["code"] == 200)
        assert (line["level"], line["truncated"]) == ("warning", 12)
        assert metric(daemon, "reconciler_webhook_reports_total", source="alertmanager", outcome="truncated") == 12
        eventually(lambda: all_seen(scene), "each was looked at", 120)
    assert reported(scene) == 1
    files = git(scene.site.remote, "ls-tree", "-r", "--name-only", "production", "ops").splitlines()
    assert len([each for each in files if "/problems/" in each]) == len(scene.accepted) == 498
    over = git(
        scene.site.remote, "grep", "-l", 'state: "resolved"', "production", "--", "ops/*/problems/*"
    ).splitlines()
    assert len(over) == 400
    # What is over before anything was heard of it is kept, and there is nothing to be done about it.
    scene.accepted -= {each.rpartition("/")[2].removesuffix(".yaml") for each in over}
    assert scene.site.replicas() == 2


def all_seen(scene: Scene) -> bool:
    events = scene.site.events()
    return len(events) >= 98 and "applied" in events
