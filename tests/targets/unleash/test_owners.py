"""Whose a flag is: taken over within a stage, given back, taken by another stage, and never by an older step."""

from __future__ import annotations

import pytest

from reconciler.model.targets import Effect, Mark, Target
from reconciler.targets.unleash import marks
from reconciler.targets.unleash.marks import Record
from tests.targets.unleash.site import COMMIT, OWNER, Site, effect, seen, want

ORDERS, STAGE, STAGING = "sockshop/production/orders", "sockshop/production", "sockshop/staging/carts"


def marked(owner: str, sequence: int) -> Mark:
    return Mark(owner, sequence, COMMIT[:12])


def tags(site: Site, flag: str) -> set[str]:
    """Our tags, without the environment that they begin with."""
    return {value.partition("#")[2] for kind, value in site.hands.tags(flag) if kind == "reconciler"}


def test_another_service_of_the_stage_takes_a_flag_over_by_a_later_step(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    server.apply(effect(flag, True, 128))
    fact = seen(server.apply(effect(flag, False, 129, owner=ORDERS, note="orders-1")))
    assert (fact.enabled, fact.mark, fact.ours) == (False, marked(ORDERS, 129), True)
    # Nothing of the former owner is left, so no reader can take it for the owner.
    assert tags(site, flag) == {f"129:off={COMMIT[:12]}", f"129:by={ORDERS}", "129:for=orders-1"}
    assert seen(server.apply(effect(flag, True, 128))).mark == marked(ORDERS, 129)
    assert not site.hands.enabled(flag)


def test_taken_over_with_the_value_that_it_has_it_changes_only_hands(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    server.apply(effect(flag, True, 128))
    switched = [event["id"] for event in site.hands.events(flag) if "tag" not in event["type"]]
    assert seen(server.apply(effect(flag, True, 130, owner=ORDERS))).mark == marked(ORDERS, 130)
    assert [event["id"] for event in site.hands.events(flag) if "tag" not in event["type"]] == switched
    assert len(tags(site, flag)) == 3


def test_given_back_it_carries_the_stage_alone_and_still_fences_older_steps(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    server.apply(effect(flag, True, 128))
    fact = seen(server.apply(effect(flag, False, 140, owner=STAGE)))
    assert (fact.enabled, fact.mark) == (False, marked(STAGE, 140))
    for older in (effect(flag, True, 128), effect(flag, True, 139), effect(flag, True, 139, owner=ORDERS)):
        assert seen(server.apply(older)).mark == marked(STAGE, 140)
    assert not site.hands.enabled(flag)
    assert seen(server.apply(effect(flag, True, 141))).mark == marked(OWNER, 141)


def test_given_back_another_stage_may_take_it_with_a_lower_number(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    server.apply(effect(flag, True, 900))
    assert seen(server.apply(effect(flag, False, 3, owner=STAGING))).mark == marked(OWNER, 900)
    server.apply(effect(flag, False, 901, owner=STAGE))
    fact = seen(server.apply(effect(flag, True, 3, owner=STAGING)))
    assert (fact.enabled, fact.mark, fact.ours) == (True, marked(STAGING, 3), True)
    assert {tag.partition(":")[0] for tag in tags(site, flag)} == {"3"}
    # The stage that gave it back is now the other one, whatever its numbers.
    assert seen(server.apply(effect(flag, False, 950))).mark == marked(STAGING, 3)
    assert seen(site.server().observe(want(flag))).mark == marked(STAGING, 3)


@pytest.mark.parametrize("left", [OWNER, STAGE])
def test_a_crash_between_adding_and_removing_is_got_over(site: Site, left: str) -> None:
    flag, server = site.hands.create(), site.server()
    server.apply(effect(flag, True, 900, owner=left))
    owner = ORDERS if left == OWNER else STAGING
    sequence = 901 if left == OWNER else 3
    key = "production" if site.generation == "modern" else "all"
    for tag in marks.encode(key, Record(Mark(owner, sequence, COMMIT), False, "x-1")):
        site.hands.tag(flag, marks.TAG_TYPE, tag)
    # Whatever is read meanwhile, the step behind it is taken up again and comes through.
    fact = seen(server.apply(effect(flag, False, sequence, owner=owner, note="x-1")))
    assert (fact.enabled, fact.mark) == (False, marked(owner, sequence))
    assert len(tags(site, flag)) == 3


def test_names_as_long_as_they_may_be_come_back_whole(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    stage = "s" * 63
    for owner, sequence in (
        (f"{'p' * 63}/{stage}/{'c' * 63}", 999_999_999_999),
        (f"{'p' * 63}/{stage}", 1_000_000_000_000),
    ):
        one = effect(flag, True, sequence, owner=owner, note="n" * 200)
        assert seen(server.apply(one)).mark == marked(owner, sequence)
        before = [event["id"] for event in site.hands.events(flag)]
        assert seen(server.apply(one)).ours
        assert [event["id"] for event in site.hands.events(flag)] == before


def test_what_a_team_tagged_by_hand_is_not_taken(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    key = "production" if site.generation == "modern" else "all"
    server.apply(effect(flag, False, 1))
    for kind, tag in site.hands.tags(flag):
        if kind == "reconciler":
            site.hands.call(
                "DELETE", f"/api/admin/features/{flag}/tags/{kind}/{tag.replace('/', '%2F').replace('#', '%23')}"
            )
    for tag in marks.encode(key, Record(Mark("team-payments", 5, COMMIT), False)):
        site.hands.tag(flag, marks.TAG_TYPE, tag)
    assert seen(server.apply(effect(flag, True, 900))).mark == marked("team-payments", 5)
    assert not site.hands.enabled(flag)


def test_a_flag_is_one_target_for_all_that_write_it(site: Site) -> None:
    flag = site.hands.create()
    target = Target("flags", "default/production", "Flag", flag)
    one = Effect(target, "enabled", True, Mark(OWNER, 5, COMMIT), "")
    assert seen(site.server().apply(one)).mark == marked(OWNER, 5)
    assert not any(":for" in tag for tag in tags(site, flag))
