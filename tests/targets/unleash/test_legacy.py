"""What only Unleash of Keptn's time has: one state for all environments, and calls that refuse repetition."""

from __future__ import annotations

import pytest

from reconciler.embedded.unleash import Fault, UnleashDouble
from reconciler.model.errors import TerminalError
from reconciler.model.targets import Mark
from tests.targets.unleash.site import COMMIT, OWNER, Site, effect, seen, unseen, want


def test_a_second_stage_on_the_same_server_is_another_owner(legacy: Site) -> None:
    flag, server = legacy.hands.create(), legacy.server()
    server.apply(effect(flag, True, 128, environment="production"))
    staging = effect(flag, False, 3, owner="sockshop/staging/carts", environment="staging")
    fact = seen(server.apply(staging))
    assert (fact.enabled, fact.mark) == (True, Mark(OWNER, 128, COMMIT[:12]))
    assert legacy.hands.enabled(flag)


def test_a_flag_that_is_in_another_project_is_said_to_be_there(legacy: Site) -> None:
    flag = legacy.hands.create()
    fact = unseen(legacy.server().observe(want(flag, project="shop")))
    assert (fact.trouble, "in project default" in fact.message) == ("missing", True)


def test_trap_12_every_write_has_the_content_type_without_which_it_is_415(legacy: Site) -> None:
    flag, switch = legacy.hands.create(), "/api/admin/features/{}/toggle/on"
    assert legacy.hands.client.post(switch.format(flag)).status_code == 415
    assert not legacy.hands.enabled(flag)
    assert seen(legacy.server().apply(effect(flag, True, 1))).enabled
    answer = legacy.hands.client.post(switch.format(flag), json={})
    assert (answer.status_code, answer.json()["name"], answer.json()["enabled"]) == (200, flag, True)


def test_a_tag_that_somebody_set_in_between_is_fine(legacy_doubled: Site, legacy_double: UnleashDouble) -> None:
    flag = legacy_doubled.hands.create()

    def quicker() -> None:
        legacy_doubled.hands.tag(flag, "reconciler", f"all#1:by={OWNER}")

    legacy_double.faults.append(Fault("meddle", method="POST", part=f"{flag}/tags", action=quicker))
    fact = seen(legacy_doubled.server().apply(effect(flag, True, 1)))
    assert (fact.mark, fact.caveat) == (Mark(OWNER, 1, COMMIT[:12]), "")


def test_a_server_without_tags_is_switched_with_a_caveat(legacy_doubled: Site, legacy_double: UnleashDouble) -> None:
    flag = legacy_doubled.hands.create()
    for part in ("/tags", "/tag-types"):
        legacy_double.faults.append(Fault("status", part=part, status=404, times=None))
    fact = seen(legacy_doubled.server().apply(effect(flag, True, 1)))
    assert (fact.enabled, fact.mark, "no mark" in fact.caveat) == (True, None, True)


def test_u4_a_lost_answer_is_settled_by_reading(legacy_doubled: Site, legacy_double: UnleashDouble) -> None:
    flag = legacy_doubled.hands.create()
    legacy_double.faults.append(Fault("lost", method="POST", part="/toggle/"))
    assert seen(legacy_doubled.server().apply(effect(flag, True, 1))).enabled
    assert len([exchange for exchange in legacy_double.journal if "/toggle/" in exchange.target]) == 1


def test_a_flag_that_vanished_in_between_is_told(legacy_doubled: Site, legacy_double: UnleashDouble) -> None:
    flag = legacy_doubled.hands.create()
    archive = Fault("meddle", method="POST", part="/toggle/", action=lambda: legacy_doubled.hands.archive(flag))
    legacy_double.faults.append(archive)
    with pytest.raises(TerminalError, match="404"):
        legacy_doubled.server().apply(effect(flag, True, 1))
