"""From users who wait too long to a service that is fast again, with nothing written by hand in between.

Carts is under real load, Prometheus looks at it, rules and routes are generated from carts' objectives, and what
Alertmanager posts is all that the daemon ever hears of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.decide.resolution import NOT_HEALED
from reconciler.demo import promises
from reconciler.demo.users import Demand
from reconciler.demo.waiting import NotYetError
from tests.acceptance.servers import PATIENCE
from tests.acceptance.shop import Shop, shop
from tests.acceptance.site import BRANCH, Problem

CALM = Demand(12.0)
"""Half of what one replica can do."""
BUSY = Demand(28.0)
"""More than one replica can do, and little more than half of what two can."""
FLOODED = Demand(90.0)
"""More than two replicas can do."""


@pytest.fixture
def carts(tmp_path: Path) -> Iterator[Shop]:
    # What an alert says holds for four times as long as lies between two times that Prometheus says it.
    with shop(tmp_path, "--rules.alert.resend-delay=1s") as running:
        yield running


def test_slow_carts_are_scaled_and_the_problem_is_over(carts: Shop) -> None:
    carts.users.ask(CALM)
    measured(carts)
    assert carts.prometheus.firing() == []
    assert carts.site.problems() == []

    carts.users.ask(BUSY)
    carts.site.until_event("applied")
    assert (carts.pods().wanted, carts.pods().ready, len(carts.replicas.pids())) == (2, 2, 2)
    carts.site.until_event("remediated")
    carts.until_silent()

    (problem,) = carts.site.problems()
    assert (problem.service, problem.file["title"], problem.file["state"]) == ("carts", promises.SLOW, "resolved")
    assert len(carts.replicas.pids()) == 2
    history = [(commit.author, commit.event) for commit in carts.site.commits()]
    reported = [number for number, (author, _) in enumerate(history) if author == "alertmanager"]
    assert len(reported) == 2
    assert reported[0] < history.index(("reconciler", "opened"))
    assert reported[1] < history.index(("reconciler", "remediated"))
    steps = [event for event in carts.site.events() if event != "evaluated"]
    assert steps == ["opened", "decided", "applied", "remediated"]
    assert "evaluated" in carts.site.events()
    assert {commit.remediation for commit in carts.site.commits() if commit.event} == {problem.id}
    carts.site.remote.check(BRANCH)


@pytest.mark.parametrize("gone", ["carts", "Prometheus"])
def test_trap_1_silence_is_not_health(carts: Shop, gone: str) -> None:
    """Carts is killed while its alert fires, or whoever watches it: either way the alert is over, and that is told."""
    carts.users.ask(FLOODED)
    carts.site.until_event("applied")
    carts.until_firing()
    if gone == "carts":
        carts.kill()
    else:
        carts.prometheus.kill()
    assert carts.site.alertmanager.alerts()
    carts.until_silent()
    assert resolved(carts).file["title"] == promises.SLOW
    carts.site.until_event("resolved", "unverified", "remediated")
    last = carts.site.commits()[-1]
    assert last.event in {"resolved", "unverified"}
    assert ("unverified" if last.event == "unverified" else NOT_HEALED) in last.subject
    assert "remediated" not in carts.site.events()
    carts.site.remote.check(BRANCH)


def measured(carts: Shop) -> None:
    """Wait until Prometheus can tell carts' response time, which is as promised."""

    def look() -> None:
        rules = carts.prometheus.get("/api/v1/rules")["data"]["groups"]
        health = {rule["health"] for group in rules for rule in group["rules"]}
        query = "increase(http_response_time_seconds_count[4s])"
        found = carts.prometheus.get("/api/v1/query", query=query)["data"]["result"]
        if health != {"ok"} or not found or float(found[0]["value"][1]) < 4 * CALM.rate / 2:
            raise NotYetError(f"rules are {health}, requests {found}")

    PATIENCE.until("some seconds of requests", look, alive=carts.check_alive)


def resolved(carts: Shop) -> Problem:
    """Wait until the problem's file says that it is over."""

    def look() -> Problem:
        for problem in carts.site.problems():
            if problem.file["state"] == "resolved":
                return problem
        raise NotYetError(f"{carts.site.problems()}; {carts.site.alertmanager.told()}")

    return PATIENCE.until("resolved to be reported", look, alive=carts.site.check_alive)
