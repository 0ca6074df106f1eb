"""Whose a flag of a file is: taken over within a stage, given back, taken by another stage, never by an older step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.targets import Effect, Fact, FlagFact, Mark, Target, WantFlag
from reconciler.targets.flagd import FlagdFile

COMMIT = "3f2c9d1a5b6c7d8e9f0a1b2c3d4e5f6071829304"
CARTS, ORDERS = "sockshop/production/carts", "sockshop/production/orders"
STAGE, STAGING = "sockshop/production", "sockshop/staging/carts"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    flag = {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "off",
        "metadata": {"team": "a"},
    }
    path.write_text(json.dumps({"flags": {"Flag": flag}}, indent=2))
    return path


def effect(value: bool, sequence: int, owner: str = CARTS, note: str = "carts-1") -> Effect:
    target = Target("flags", "default/production", "Flag", "Flag")
    return Effect(target, "enabled", value, Mark(owner, sequence, COMMIT), note)


def seen(fact: Fact) -> tuple[bool, Mark | None]:
    assert isinstance(fact, FlagFact), fact
    return fact.enabled, fact.mark


def metadata(file: Path) -> dict[str, Any]:
    found = json.loads(file.read_text())["flags"]["Flag"]["metadata"]
    assert isinstance(found, dict)
    return found


def test_another_service_of_the_stage_takes_a_flag_over_by_a_later_step(file: Path) -> None:
    server = FlagdFile(file)
    server.apply(effect(True, 128))
    assert seen(server.apply(effect(False, 129, ORDERS, "orders-1"))) == (False, Mark(ORDERS, 129, COMMIT))
    assert metadata(file) == {
        "team": "a",
        "reconciler.owner": ORDERS,
        "reconciler.step": f"129:{COMMIT}",
        "reconciler.value": False,
        "reason": "orders-1",
    }
    before = file.read_bytes()
    assert seen(server.apply(effect(True, 128))) == (False, Mark(ORDERS, 129, COMMIT))
    assert file.read_bytes() == before


def test_given_back_it_carries_the_stage_alone_and_still_fences_older_steps(file: Path) -> None:
    server = FlagdFile(file)
    server.apply(effect(True, 128))
    assert seen(server.apply(effect(False, 140, STAGE))) == (False, Mark(STAGE, 140, COMMIT))
    before = file.read_bytes()
    for older in (effect(True, 128), effect(True, 139), effect(True, 139, ORDERS)):
        assert seen(server.apply(older)) == (False, Mark(STAGE, 140, COMMIT))
    assert file.read_bytes() == before
    assert seen(server.apply(effect(True, 141))) == (True, Mark(CARTS, 141, COMMIT))


def test_given_back_another_stage_may_take_it_with_a_lower_number(file: Path) -> None:
    server = FlagdFile(file)
    server.apply(effect(True, 900))
    assert seen(server.apply(effect(False, 3, STAGING))) == (True, Mark(CARTS, 900, COMMIT))
    server.apply(effect(False, 901, STAGE))
    assert seen(server.apply(effect(True, 3, STAGING))) == (True, Mark(STAGING, 3, COMMIT))
    assert seen(server.apply(effect(False, 950))) == (True, Mark(STAGING, 3, COMMIT))
    want = WantFlag("flags", "default", "production", "Flag")
    assert seen(FlagdFile(file).observe(want)) == (True, Mark(STAGING, 3, COMMIT))


def test_taken_over_with_the_value_that_it_has_it_changes_only_hands(file: Path) -> None:
    server = FlagdFile(file)
    server.apply(effect(True, 128))
    assert seen(server.apply(effect(True, 130, ORDERS))) == (True, Mark(ORDERS, 130, COMMIT))
    assert json.loads(file.read_text())["flags"]["Flag"]["defaultVariant"] == "on"


def test_a_step_that_tells_no_remediation_leaves_none_of_another(file: Path) -> None:
    server = FlagdFile(file)
    server.apply(effect(True, 128))
    server.apply(effect(False, 129, ORDERS, note=""))
    assert metadata(file)["reason"] == ""
    before = file.read_bytes()
    server.apply(effect(False, 129, ORDERS, note=""))
    assert file.read_bytes() == before


def test_a_teams_own_reason_stays_until_we_give_one(file: Path) -> None:
    file.write_text(file.read_text().replace('"team": "a"', '"reason": "black friday"'))
    server = FlagdFile(file)
    server.apply(effect(True, 5, note=""))
    assert metadata(file)["reason"] == "black friday"
    server.apply(effect(True, 6))
    assert metadata(file)["reason"] == "carts-1"


def test_what_a_team_wrote_by_hand_is_not_taken(file: Path) -> None:
    server = FlagdFile(file)
    server.apply(effect(False, 5))
    file.write_text(file.read_text().replace(CARTS, "team-payments"))
    assert seen(server.apply(effect(True, 900))) == (False, Mark("team-payments", 5, COMMIT))
