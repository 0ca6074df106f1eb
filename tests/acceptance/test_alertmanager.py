"""What the real Alertmanager does to whom it posts: the same again, several at once, some left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo import settings
from reconciler.demo.waiting import NotYetError
from tests.acceptance.sender import Alert
from tests.acceptance.servers import PATIENCE
from tests.acceptance.site import BRANCH, Site, site

NOW = datetime.now(UTC).replace(microsecond=250_000)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path, {"stage.yaml": "mode: shadow\n", "carts/service.yaml": "labels: {team: shop}\n"}) as made:
        made.configure()
        made.generate()
        yield made


def fires(name: str, start: datetime = NOW, end: datetime | None = None, **labels: str) -> dict[str, Any]:
    """Return what Prometheus says of an alert; those of one problem are one group."""
    known = {"alertname": name, "problem": "Slow", "project": settings.PROJECT, "stage": BRANCH, "service": "carts"}
    return Alert({**known, **labels}, start, end).told(datetime.now(UTC))


def start(place: Site, **changes: Any) -> None:
    """Start it all; ``changes`` are made to what was generated, at the route or at the webhook."""
    place.change_routing(changes)
    place.alertmanager.start()
    place.daemon.start()


def until(place: Site, what: str, met: Callable[[], bool]) -> None:
    def look() -> None:
        if not met():
            raise NotYetError(f"{place.problems()}; {place.daemon.told()}")

    PATIENCE.until(what, look, alive=place.check_alive)


def posts(place: Site) -> int:
    """Return how many notifications Alertmanager has got rid of."""
    return metric(place, "total") - metric(place, "failed_total")


def metric(place: Site, name: str) -> int:
    """Return what Alertmanager counts of its webhooks."""
    kind = "notification_requests" if name.startswith("requests_") else "notifications"
    wanted = f'alertmanager_{kind}_{name.removeprefix("requests_")}{{integration="webhook"}} '
    _, text = place.alertmanager.ask("GET", "/metrics")
    return next(int(line.split()[-1]) for line in text.decode().splitlines() if line.startswith(wanted))


def states(place: Site) -> dict[str, str]:
    """Return what the problems' files say, by the alerts' names."""
    return {each.file["labels"]["alertname"]: each.file["state"] for each in place.problems()}


def test_trap_4_the_same_again_is_nothing_new(place: Site) -> None:
    start(place, repeat_interval="1s")
    place.alertmanager.post([fires("slow")])
    until(place, "a problem", lambda: states(place) == {"slow": "open"})
    until(place, "a step", lambda: place.events() == ["unmatched"])
    told = posts(place)
    tip = place.remote.tip(BRANCH)
    until(place, "three more posts", lambda: posts(place) >= told + 3)
    place.daemon.kill()
    place.daemon.start()
    told = posts(place)
    until(place, "another one", lambda: posts(place) > told)
    assert place.remote.tip(BRANCH) == tip
    place.remote.check(BRANCH)


def test_trap_4_what_fires_again_is_another_problem(place: Site) -> None:
    start(place)
    place.alertmanager.post([fires("slow", NOW - timedelta(minutes=9))])
    until(place, "a problem", lambda: states(place) == {"slow": "open"})
    place.alertmanager.post([fires("slow", NOW - timedelta(minutes=9), NOW - timedelta(minutes=1))])
    until(place, "its end", lambda: states(place) == {"slow": "resolved"})
    place.alertmanager.post([fires("slow")])
    until(place, "the next one", lambda: len(place.problems()) == 2)
    first, second = sorted(place.problems(), key=lambda each: each.id)
    assert first.id.rpartition("-")[0] == second.id.rpartition("-")[0]
    assert (first.file["state"], second.file["state"]) == ("resolved", "open")


def test_trap_4_an_answer_that_comes_too_late_changes_nothing(place: Site) -> None:
    """The daemon stands still for longer than Alertmanager waits, which then says the same again."""
    start(place)
    place.alertmanager.post([fires("early")])
    until(place, "a problem", lambda: states(place) == {"early": "open"})
    with place.daemon.stopped():
        place.alertmanager.post([fires("slow", problem="Slower")])

        def given_up() -> None:
            if metric(place, "requests_failed_total") < 1:
                raise NotYetError(place.alertmanager.told())

        PATIENCE.until("an answer that was not waited for", given_up, alive=place.alertmanager.check_alive)
    until(place, "both", lambda: states(place) == {"early": "open", "slow": "open"})
    until(place, "thanks", lambda: posts(place) >= 2)
    assert len(place.problems()) == 2
    assert [commit.author for commit in place.commits()].count("alertmanager") == 2
    place.remote.check(BRANCH)


def test_trap_5_in_one_group_each_alert_has_its_own_state(place: Site) -> None:
    start(place)
    place.alertmanager.post([fires("slow"), fires("slower"), fires("slowest")])
    until(place, "three problems", lambda: set(states(place).values()) == {"open"} and len(states(place)) == 3)
    place.alertmanager.post([fires("slower", end=datetime.now(UTC) - timedelta(seconds=1))])
    until(place, "one end", lambda: states(place) == {"slow": "open", "slower": "resolved", "slowest": "open"})


def test_trap_5_alerts_that_were_left_out_are_asked_for(place: Site) -> None:
    start(place, max_alerts=1)
    names = [f"slow-{number}" for number in range(5)]
    place.alertmanager.post([fires(name) for name in names])
    until(place, "five problems", lambda: states(place) == dict.fromkeys(names, "open"))


def test_what_nobody_takes_is_kept_until_somebody_does(place: Site) -> None:
    """The daemon is away when an alert begins, and when another ends."""
    start(place)
    place.alertmanager.post([fires("slow")])
    until(place, "a problem", lambda: states(place) == {"slow": "open"})
    place.daemon.kill()
    place.alertmanager.post([fires("slow", end=datetime.now(UTC)), fires("late"), fires("lost", service="nobody")])
    until_refused(place, place.alertmanager.check_alive)
    place.daemon.start()
    until(place, "both", lambda: states(place) == {"slow": "resolved", "late": "open"})


def test_what_cannot_be_pushed_is_not_thanked_for(place: Site) -> None:
    """The repository is away for a while: Alertmanager is told to come again, and its alert is in Git once."""
    start(place)
    remote, away = place.places.remote, place.places.folder / "away.git"
    remote.rename(away)
    place.alertmanager.post([fires("slow")])
    until_refused(place, place.check_alive)
    away.rename(remote)
    until(place, "the problem", lambda: states(place) == {"slow": "open"})
    until(place, "thanks", lambda: posts(place) == 1)
    assert [commit.author for commit in place.commits()].count("alertmanager") == 1


def until_refused(place: Site, alive: Callable[[], None]) -> None:
    def look() -> None:
        if metric(place, "requests_failed_total") < 2:
            raise NotYetError(place.daemon.told())

    PATIENCE.until("two attempts that failed", look, alive=alive)
