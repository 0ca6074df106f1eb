"""`slowdown` and `abort`: for whom, of how many requests, on which routes, and what is held afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.decide.actions.protocol import Failure, Plan, Wish
from reconciler.model.desired import Claim, Held
from reconciler.model.names import RemediationId
from reconciler.model.policy import Workload
from reconciler.model.targets import Fact, RouteFact, Want, WantRoute
from tests.decide.actions.acting import MARK, SPACE, VIRTUAL_SERVICE, context, spec

QUIET = RouteFact(VIRTUAL_SERVICE, mark=MARK)


def planned(action: str, value: str | None, fact: Fact = QUIET, **more: Any) -> object:
    return spec(action, value).plan(context(lambda _: fact, **more))


def wish(action: str, value: str | None, fact: Fact = QUIET, **more: Any) -> Wish:
    plan = planned(action, value, fact, **more)
    assert isinstance(plan, Plan), plan
    (one,) = plan.wishes
    assert plan.once == ()
    return one


@pytest.mark.parametrize(
    ("action", "value", "field", "told", "subject"),
    [
        ("slowdown", "5s", "delay", "5s 100%", "delay requests by 5s"),
        ("slowdown", "250ms", "delay", "0.25s 100%", "delay requests by 0.25s"),
        ("slowdown", "{delay: 1m, percent: 12.50}", "delay", "60s 12.5%", "delay requests by 60s (12.5 %)"),
        (
            "slowdown",
            "{delay: 5s, client: 10.0.0.1}",
            "delay@10.0.0.1",
            "5s 100%",
            "delay requests by 5s from 10.0.0.1",
        ),
        ("abort", "503", "abort", "503 100%", "answer requests with 503"),
        ("abort", "{status: 429, percent: 50%}", "abort", "429 50%", "answer requests with 429 (50 %)"),
        (
            "abort",
            "{status: 500, client: '2001:0DB8::1'}",
            "abort@2001:db8::1",
            "500 100%",
            "answer requests with 500 from 2001:db8::1",
        ),
    ],
)
def test_what_is_wished_for(action: str, value: str, field: str, told: str, subject: str) -> None:
    assert wish(action, value) == Wish(VIRTUAL_SERVICE, field, "", "", set=told, mark=MARK)
    plan = planned(action, value)
    assert isinstance(plan, Plan)
    assert plan.subject == subject


@pytest.mark.parametrize(
    ("value", "workload", "names"),
    [
        ("5s", None, ("carts", "carts-primary")),
        ("5s", Workload(name="carts-v2"), ("carts", "carts-v2", "carts-primary")),
        ("5s", Workload(name="carts"), ("carts", "carts-primary")),
        ("{delay: 5s, virtualService: shop}", None, ("shop",)),
    ],
)
def test_where_the_routes_are_looked_for(value: str, workload: Workload | None, names: tuple[str, ...]) -> None:
    asked: list[Want] = []

    def answer(want: Want) -> Fact:
        asked.append(want)
        return QUIET

    spec("slowdown", value).plan(context(answer, workload=workload))
    assert asked == [WantRoute("kubernetes", SPACE, names)]


@pytest.mark.parametrize("label", ["ClientIP", "clientIp", "client_ip", "client-ip"])
def test_the_short_form_keeps_to_the_client_that_the_problem_names(label: str) -> None:
    labels = {"severity": "page", label: "10.0.0.1"}
    assert wish("slowdown", "5s", labels=labels).field == "delay@10.0.0.1"
    assert wish("abort", "503", labels=labels).field == "abort@10.0.0.1"
    # A mapping says for whom by itself.
    assert wish("slowdown", "{delay: 5s}", labels=labels).field == "delay"
    assert wish("abort", "{status: 503, client: 10.9.9.9}", labels=labels).field == "abort@10.9.9.9"


def test_without_a_value_abort_is_keptns() -> None:
    one = wish("abort", None, labels={"ClientIP": "10.0.0.1"})
    assert (one.field, one.set) == ("abort@10.0.0.1", "403 100%")
    failure = planned("abort", None)
    assert isinstance(failure, Failure)
    assert ("names no client" in failure.reason, bool(failure.hint)) == (True, True)


@pytest.mark.parametrize("action", [("slowdown", "5s"), ("abort", "503"), ("abort", None)])
def test_a_client_that_is_no_address_is_not_everybody(action: tuple[str, str | None]) -> None:
    failure = planned(*action, labels={"ClientIP": "somebody, somewhere"})
    assert isinstance(failure, Failure)
    assert "somebody, somewhere" in failure.reason


def test_a_route_with_a_fault_of_somebody_elses_is_left_alone() -> None:
    failure = planned("slowdown", "5s", RouteFact(VIRTUAL_SERVICE, foreign="delay 3s 50% on route 1"))
    assert isinstance(failure, Failure)
    assert ("delay 3s 50% on route 1" in failure.reason, bool(failure.hint)) == (True, True)


def test_a_fault_that_was_kept_is_what_is_given_back() -> None:
    kept = RouteFact(VIRTUAL_SERVICE, (("abort", "503 50%"), ("delay", "2s 100%")), MARK)
    one = wish("slowdown", "5s", kept)
    assert (one.base, one.before, one.set) == ("2s 100%", "2s 100%", "5s 100%")


def test_a_fault_that_is_held_has_the_base_that_it_had() -> None:
    claim = Claim(RemediationId("p0"), 1, 3, set="5s 100%")
    held = {(VIRTUAL_SERVICE, "delay"): Held("", "5s 100%", 3, RemediationId("p0"), (claim,))}
    one = wish("slowdown", "5s", RouteFact(VIRTUAL_SERVICE, (("delay", "5s 100%"),), MARK), held=held)
    assert (one.base, one.before, one.set) == ("", "5s 100%", "5s 100%")
