"""What only today's Unleash has: environments, strategies, parents, kinds of tokens."""

from __future__ import annotations

import pytest

from reconciler.model.errors import TerminalError
from reconciler.model.targets import Mark
from tests.targets.unleash.site import COMMIT, OWNER, Site, effect, seen, unseen, want


def test_environments_are_switched_and_marked_by_themselves(modern: Site) -> None:
    flag, server = modern.hands.create(), modern.server()
    server.apply(effect(flag, True, 900, environment="production"))
    staging = "sockshop/staging/carts"
    assert seen(server.observe(want(flag, "development"))).mark is None
    fact = seen(server.apply(effect(flag, True, 3, owner=staging, environment="development")))
    assert fact.mark == Mark(staging, 3, COMMIT[:12])
    assert seen(server.observe(want(flag, "production"))).mark == Mark(OWNER, 900, COMMIT[:12])
    server.apply(effect(flag, False, 4, owner=staging, environment="development"))
    assert modern.hands.enabled(flag, "production")
    assert not modern.hands.enabled(flag, "development")


def test_an_unknown_environment_is_named_with_one_alike(modern: Site) -> None:
    flag = modern.hands.create()
    fact = unseen(modern.server().observe(want(flag, "prod")))
    assert (fact.trouble, fact.near, "environment" in fact.message) == ("missing", ("production",), True)
    with pytest.raises(TerminalError, match="environment"):
        modern.server().apply(effect(flag, True, 1, environment="prod"))


def test_an_unknown_project_is_named_with_one_alike(modern: Site) -> None:
    fact = unseen(modern.server().observe(want("Nowhere", project="defaut")))
    assert (fact.trouble, fact.near) == ("missing", ("default",))
    assert "project" in fact.message


def test_a_flag_of_another_project_is_said_to_be_there(modern: Site) -> None:
    flag = modern.hands.create()
    fact = unseen(modern.server().observe(want(flag, project="shop")))
    assert fact.trouble == "missing"
    assert "shop" in fact.message


def test_trap_6_a_rollout_of_30_percent_is_on_with_a_caveat(modern: Site) -> None:
    flag, server = modern.hands.create(), modern.server()
    modern.hands.add_strategy(flag, name="flexibleRollout", parameters={"rollout": "30", "groupId": flag})
    fact = seen(server.apply(effect(flag, True, 1)))
    assert (fact.enabled, "30 %" in fact.caveat) == (True, True)
    assert len(modern.hands.strategies(flag)) == 1
    assert seen(server.apply(effect(flag, False, 2))).caveat == ""


def test_trap_6_constraints_are_a_caveat_unless_another_strategy_is_for_everybody(modern: Site) -> None:
    flag, server = modern.hands.create(), modern.server()
    constraint = {"contextName": "userId", "operator": "IN", "values": ["7"]}
    modern.hands.add_strategy(flag, name="default", constraints=[constraint])
    assert "constraints" in seen(server.apply(effect(flag, True, 1))).caveat
    modern.hands.add_strategy(flag, name="default")
    assert seen(server.observe(want(flag))).caveat == ""


def test_trap_6_a_flag_whose_parent_is_off_is_off_for_everybody(modern: Site) -> None:
    parent, child, server = modern.hands.create("Parent"), modern.hands.create("Child"), modern.server()
    modern.hands.call("POST", f"{modern.hands.features(child)}/dependencies", {"feature": parent})
    fact = seen(server.apply(effect(child, True, 1)))
    assert (fact.enabled, parent in fact.caveat) == (True, True)
    modern.hands.switch(parent, on=True)
    assert seen(server.observe(want(child))).caveat == ""


def test_on_with_only_disabled_strategies_adds_none(modern: Site) -> None:
    flag = modern.hands.create()
    modern.hands.add_strategy(
        flag, name="flexibleRollout", parameters={"rollout": "50", "groupId": flag}, disabled=True
    )
    fact = seen(modern.server().apply(effect(flag, True, 1)))
    assert [(item["disabled"], item["parameters"]["rollout"]) for item in modern.hands.strategies(flag)] == [
        (False, "50")
    ]
    assert "50 %" in fact.caveat


def test_trap_8_on_off_on_leaves_one_strategy(modern: Site) -> None:
    flag, server = modern.hands.create(), modern.server()
    for sequence, value in enumerate((True, False, True), 1):
        server.apply(effect(flag, value, sequence))
    assert len(modern.hands.strategies(flag)) == 1


def test_trap_12_a_switch_is_answered_with_nothing(modern: Site) -> None:
    flag = modern.hands.create()
    for _ in range(2):
        answer = modern.hands.client.post(f"{modern.hands.features(flag)}/environments/production/on")
        assert (answer.status_code, answer.content) == (200, b"")


def test_removing_the_last_strategy_by_hand_is_drift(modern: Site) -> None:
    flag, server = modern.hands.create(), modern.server()
    server.apply(effect(flag, True, 1))
    strategy = modern.hands.strategies(flag)[0]["id"]
    modern.hands.call("DELETE", f"{modern.hands.features(flag)}/environments/production/strategies/{strategy}")
    fact = seen(server.observe(want(flag)))
    assert (fact.enabled, fact.ours) == (False, False)


def test_who_switched_another_environment_does_not_count(modern: Site) -> None:
    flag, server = modern.hands.create(), modern.server()
    server.apply(effect(flag, True, 1))
    modern.hands.switch(flag, on=False)
    modern.hands.switch(flag, on=True, environment="development")
    fact = seen(server.observe(want(flag)))
    assert (fact.enabled, fact.ours, bool(fact.manager)) == (False, False, True)


def test_a_client_token_is_the_wrong_kind_and_the_hint_says_so(modern: Site) -> None:
    if not modern.client_token:
        pytest.skip("RECONCILER_UNLEASH_CLIENT_TOKEN names no client token")
    flag = modern.hands.create()
    server = modern.server(lambda: modern.client_token)
    fact = unseen(server.observe(want(flag)))
    assert (fact.trouble, "admin token" in fact.hint) == ("forbidden", True)
    with pytest.raises(TerminalError, match="403"):
        server.apply(effect(flag, True, 1))


def test_the_servers_url_may_end_in_api_as_keptn_and_the_sdks_have_it(modern: Site) -> None:
    flag = modern.hands.create()
    with_api = Site(f"{modern.url}/api/", modern.secret, "modern")
    assert not seen(with_api.server().observe(want(flag))).enabled
    with_api.close()
