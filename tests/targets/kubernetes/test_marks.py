"""Whose an object is, and which decision may write which of its fields."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.targets import Effect, Field, Mark, Target
from reconciler.targets.kubernetes.documents import mark
from reconciler.targets.kubernetes.marks import FIELDS, MOST, carries, may_write, missing, notes

CARTS, ORDERS = "sockshop/production/carts", "sockshop/production/orders"
STAGE, STAGING = "sockshop/production", "sockshop/staging/carts"
COMMIT = "0123456789abcdef"


def effect(field: Field, sequence: int, owner: str = CARTS) -> Effect:
    return Effect(Target("kubernetes", "shop", "Deployment", "carts"), field, "x", Mark(owner, sequence, COMMIT))


def written(item: dict[str, Any], *effects: Effect, held: bool = False) -> dict[str, Any]:
    """Return an object after effects, as the server applies the patch of each."""
    for one in effects:
        there = {**item.get("metadata", {}).get("annotations", {}), **missing(item, notes(item, one, held=held))}
        item = {"metadata": {"annotations": {key: value for key, value in there.items() if value is not None}}}
        assert carries(item, notes(item, one, held=held))
    return item


def fields(item: dict[str, Any]) -> str:
    return str(item["metadata"]["annotations"].get(FIELDS, ""))


def test_replicas_alone_need_no_list() -> None:
    item = written({}, effect("replicas", 5), effect("replicas", 9))
    assert item["metadata"]["annotations"] == {"reconciler.dev/owner": CARTS, "reconciler.dev/step": f"9:{COMMIT}"}
    assert not may_write(item, effect("replicas", 8))
    assert may_write(item, effect("replicas", 9))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_fields_do_not_keep_each_other_out(order: tuple[int, int]) -> None:
    both = [effect("replicas", 5), effect("restartedAt", 6)]
    first, second = (both[index] for index in order)
    item = written({}, first)
    assert may_write(item, second)
    item = written(item, second)
    assert (mark(item), fields(item)) == (Mark(CARTS, 6, COMMIT), "replicas=5 restartedAt=6")
    for one in both:
        assert may_write(item, one)
        older = effect(one.field, one.mark.sequence - 1)
        assert not may_write(item, older)
    # It goes on from there, each field by itself.
    item = written(item, effect("replicas", 9))
    assert (mark(item), fields(item)) == (Mark(CARTS, 9, COMMIT), "replicas=9 restartedAt=6")


def test_what_is_done_once_makes_nobody_an_owner() -> None:
    assert mark(written({}, effect("restartedAt", 6))) == Mark(STAGE, 6, COMMIT)
    assert mark(written({}, effect("replicas", 5), effect("restartedAt", 6))) == Mark(CARTS, 6, COMMIT)
    given_back = written({}, effect("replicas", 5), effect("restartedAt", 6), effect("replicas", 7, STAGE))
    assert mark(given_back) == Mark(STAGE, 7, COMMIT)


def test_another_service_of_the_stage_takes_over_by_a_later_step() -> None:
    item = written({}, effect("replicas", 5))
    assert not may_write(item, effect("replicas", 4, ORDERS))
    assert may_write(item, effect("replicas", 6, ORDERS))
    assert mark(written(item, effect("replicas", 6, ORDERS))) == Mark(ORDERS, 6, COMMIT)


def test_another_stage_waits_until_it_is_given_back_and_counts_anew() -> None:
    item = written({}, effect("replicas", 5), effect("restartedAt", 6))
    assert not may_write(item, effect("replicas", 900, STAGING))
    assert not may_write(item, effect("restartedAt", 900, STAGING))
    item = written(item, effect("replicas", 900, STAGE))
    # Released, and still fenced against its own stage's past.
    assert not may_write(item, effect("replicas", 899))
    assert may_write(item, effect("restartedAt", 7))
    assert may_write(item, effect("replicas", 3, STAGING))
    item = written(item, effect("replicas", 3, STAGING))
    assert (mark(item), fields(item)) == (Mark(STAGING, 3, COMMIT), "")
    assert not may_write(item, effect("restartedAt", 901))
    assert may_write(item, effect("restartedAt", 1, STAGING))


def test_giving_one_field_back_keeps_the_object_while_others_are_held() -> None:
    item = written({}, effect("delay", 5), effect("abort", 6))
    item = written(item, effect("delay", 9, STAGE), held=True)
    assert (mark(item), fields(item)) == (Mark(CARTS, 9, COMMIT), "abort=6 delay=9")
    item = written(item, effect("abort", 10, STAGE))
    assert mark(item) == Mark(STAGE, 10, COMMIT)
    # A decision that was under way meanwhile, and is not old for its field, takes it up again.
    assert mark(written(item, effect("delay@10.0.0.1", 8))) == Mark(CARTS, 10, COMMIT)


def test_an_older_step_that_comes_late_changes_no_owner() -> None:
    item = written({}, effect("abort", 8, ORDERS), effect("delay", 7, CARTS))
    assert mark(item) == Mark(ORDERS, 8, COMMIT)


def test_a_mark_that_somebody_wrote_by_hand_is_left_alone() -> None:
    for owner in ("team-payments", "a/b/c"):
        item = {"metadata": {"annotations": {"reconciler.dev/owner": owner}}}
        assert not may_write(item, effect("replicas", 900))
    unreadable = {"metadata": {"annotations": {"reconciler.dev/owner": CARTS, "reconciler.dev/step": "soon"}}}
    assert may_write(unreadable, effect("replicas", 1))


def test_of_many_fields_the_newest_are_listed_and_the_others_stay_fenced() -> None:
    clients = [effect(f"delay@10.0.0.{number}", 100 + number) for number in range(MOST + 5)]
    item = written({}, *clients)
    listed = fields(item).split()
    assert len(listed) == MOST
    assert "delay@10.0.0.4=104" not in listed
    assert not may_write(item, clients[0])
    assert not may_write(item, effect("delay@10.0.1.1", 90))
    assert may_write(item, effect("delay@10.0.1.1", 500))


def test_a_list_that_cannot_be_read_counts_as_none() -> None:
    item = written({}, effect("replicas", 5))
    item["metadata"]["annotations"][FIELDS] = "replicas restartedAt=many ="
    assert not may_write(item, effect("replicas", 4))
    assert fields(written(item, effect("restartedAt", 6))) == "replicas=5 restartedAt=6"
