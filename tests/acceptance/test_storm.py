"""Many alerts at once, while everybody in between is stopped, killed and started again: nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.demo import settings
from reconciler.demo.waiting import NotYetError, Patience
from tests.acceptance.sender import Alert, Sender
from tests.acceptance.servers import PATIENCE
from tests.acceptance.site import BRANCH, Site, site

SERVICES: Final = 200
OBJECTIVES: Final = ("response_time_p90", "response_time_p50", "error_rate", "throughput", "saturation")
WAVES: Final = 8


def service(number: int) -> str:
    return f"service-{number:03d}"


def alerts() -> list[Alert]:
    """Return an alert for each objective of each service; they began at different times, some at the same one."""
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    return [
        Alert(
            {
                "alertname": f"{service(number)}_{sli}",
                "problem": f"{sli} is missed",
                "project": settings.PROJECT,
                "service": service(number),
                "stage": BRANCH,
                "severity": "critical",
            },
            begun + timedelta(milliseconds=250 * number),
            annotations={"summary": f"{sli} of {service(number)}"},
        )
        for sli in OBJECTIVES
        for number in range(SERVICES)
    ]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    files = {f"{service(number)}/service.yaml": "labels: {team: shop}\n" for number in range(SERVICES)}
    with site(tmp_path, {"stage.yaml": "mode: shadow\n", **files}) as made:
        made.configure()
        made.generate()
        made.alertmanager.start()
        made.daemon.start()
        yield made


def test_every_alert_is_one_problem_whatever_is_killed_meanwhile(place: Site) -> None:
    sent = alerts()
    waves = [sent[first::WAVES] for first in range(WAVES)]
    disturb = cycle([place.daemon.kill, place.alertmanager.stop, place.daemon.kill, place.alertmanager.kill])
    restart = cycle([place.daemon, place.alertmanager])
    with Sender(place.alertmanager) as sender:
        for wave in waves:
            before = place.remote.tip(BRANCH)
            sender.add(wave)
            moved(place, before)
            next(disturb)()
            next(restart).start(wait=False)
        complete(place, len(sent))
        known = all_known(place, len(sent))

    expected = Counter(
        (alert["labels"]["service"], f"alertmanager-{alert['fingerprint']}-{in_a_name(alert['startsAt'])}")
        for alert in known
    )
    assert len(expected) == expected.total() == len(sent)
    problems = place.problems()
    assert Counter((each.service, each.id) for each in problems) == expected
    told = {(each.service, each.file["title"], each.file["state"]) for each in problems}
    assert told == {(one.labels["service"], one.labels["problem"], "open") for one in sent}
    taken_up = Counter(commit.remediation for commit in place.commits() if commit.event)
    assert taken_up == Counter(identity for _, identity in expected)
    assert place.daemon.stop() == 0
    place.remote.check(BRANCH)


def moved(place: Site, before: str) -> None:
    """Wait until something of a wave has landed, so that the rest of it is under way."""

    def look() -> None:
        if place.remote.tip(BRANCH) == before:
            raise NotYetError(f"{before}; {place.daemon.told()}")

    PATIENCE.until("the branch to move", look)


def complete(place: Site, count: int) -> None:
    """Wait until there is a problem for each alert, and a step for each problem."""

    def look() -> None:
        found = (len(place.remote.problem_paths(BRANCH)), len(place.events()))
        if min(found) < count:
            raise NotYetError(f"{found[0]} problems and {found[1]} steps; {place.daemon.told()}")

    Patience(90.0, between=0.5).until(f"{count} problems", look, alive=place.check_alive)


def all_known(place: Site, count: int) -> list[dict[str, Any]]:
    """Return the alerts as Alertmanager has them, once it has been told again of those that it forgot."""

    def look() -> list[dict[str, Any]]:
        known = place.alertmanager.alerts()
        if len(known) < count:
            raise NotYetError(f"{len(known)} alerts")
        return known

    return PATIENCE.until(f"{count} alerts", look, alive=place.check_alive)


def in_a_name(moment: str) -> str:
    """Return a moment as names of files have it, of the form in which Alertmanager's API tells it."""
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y%m%dT%H%M%S}.{moment[20:23]}Z"
