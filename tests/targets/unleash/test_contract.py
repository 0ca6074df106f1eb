"""What holds on every Unleash, today's and that of Keptn's time, double or real."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reconciler.model.errors import BlindError, BugError, TerminalError
from reconciler.model.targets import Effect, Mark, Target
from reconciler.targets.unleash.flow import FlagServer
from tests.targets.unleash.site import COMMIT, OWNER, Site, effect, seen, unseen, want


def test_a_fresh_flag_is_off_and_nobodys(site: Site) -> None:
    flag = site.hands.create()
    fact = seen(site.server().observe(want(flag)))
    assert (fact.enabled, fact.mark, fact.ours, fact.manager, fact.caveat) == (False, None, False, "", "")
    assert fact.target == Target("flags", "default/production", "Flag", flag)


def test_apply_switches_marks_and_reads_back(site: Site) -> None:
    flag = site.hands.create()
    fact = seen(site.server().apply(effect(flag, True, 128)))
    assert site.hands.enabled(flag)
    assert (fact.enabled, fact.ours, fact.mark) == (True, True, Mark(OWNER, 128, COMMIT[:12]))
    # Nothing is remembered here: another process sees the same.
    assert site.server().observe(want(flag)) == fact


def test_off_on_off(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    for sequence, value in enumerate((True, False, True, False), 1):
        assert seen(server.apply(effect(flag, value, sequence))).enabled is value
        assert site.hands.enabled(flag) is value


def test_converged_means_no_write(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    first = server.apply(effect(flag, True, 128))
    recorded = [event["id"] for event in site.hands.events(flag)]
    assert server.apply(effect(flag, True, 128)) == first
    assert [event["id"] for event in site.hands.events(flag)] == recorded


def test_a_flag_that_has_the_value_already_is_only_marked(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    site.hands.switch(flag, on=True)
    switched = [event["id"] for event in site.hands.events(flag) if "tag" not in event["type"]]
    assert seen(server.apply(effect(flag, True, 5))).mark == Mark(OWNER, 5, COMMIT[:12])
    assert [event["id"] for event in site.hands.events(flag) if "tag" not in event["type"]] == switched


def test_an_older_decision_never_overwrites_a_newer_one(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    server.apply(effect(flag, True, 128))
    fact = seen(server.apply(effect(flag, False, 127)))
    assert (fact.enabled, fact.mark) == (True, Mark(OWNER, 128, COMMIT[:12]))
    assert site.hands.enabled(flag)


def test_another_owners_flag_is_left_alone(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    server.apply(effect(flag, True, 128))
    fact = seen(server.apply(effect(flag, False, 999, owner="sockshop/staging/carts")))
    assert (fact.enabled, fact.mark) == (True, Mark(OWNER, 128, COMMIT[:12]))
    assert site.hands.enabled(flag)


def test_the_mark_says_who_and_why_and_old_ones_go(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    for sequence, value in enumerate((True, False, True), 7):
        server.apply(effect(flag, value, sequence, note=f"carts-{sequence}"))
    where = "production" if site.generation == "modern" else "all"
    assert site.hands.tags(flag) == {
        ("reconciler", f"{where}#9:on={COMMIT[:12]}"),
        ("reconciler", f"{where}#9:by={OWNER}"),
        ("reconciler", f"{where}#9:for=carts-9"),
    }


def test_the_event_of_the_switch_carries_the_remediation(site: Site) -> None:
    flag = site.hands.create()
    site.server().apply(effect(flag, True, 7, note="carts-4711"))
    switched = next(event for event in site.hands.events(flag) if "tag" not in event["type"])
    assert any(tag["value"].endswith(":for=carts-4711") for tag in switched["tags"])


def test_peoples_tags_stay(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    site.hands.tag(flag, "simple", "carts")
    server.apply(effect(flag, True, 1))
    server.apply(effect(flag, False, 2))
    assert ("simple", "carts") in site.hands.tags(flag)


def test_an_owner_and_a_remediation_too_long_for_a_tag_come_back_whole(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    owner = "an-organisation-with-a-long-name/production-europe/the-recommendation-engine"
    fact = seen(server.apply(effect(flag, True, 123456, owner=owner, note="alertmanager-0ccb298e18a222fd-20261121")))
    assert fact.mark == Mark(owner, 123456, COMMIT[:12])
    assert server.apply(effect(flag, True, 123456, owner=owner)) == fact


def test_u2_a_person_who_switches_it_back_is_named(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    server.apply(effect(flag, False, 3))
    server.apply(effect(flag, True, 4))
    site.hands.switch(flag, on=False)
    fact = seen(server.observe(want(flag)))
    assert (fact.enabled, fact.ours) == (False, False)
    assert fact.manager
    assert fact.mark == Mark(OWNER, 4, COMMIT[:12])
    # The daemon decides what follows (repair, adopt, report); repairing is applying the same decision again.
    assert seen(server.apply(effect(flag, True, 4))).ours


def test_trap_9_a_misspelt_flag_is_missing_and_never_a_success(site: Site) -> None:
    flag = site.hands.create("EnableItemsCache")
    misspelt, server = flag.replace("Items", "Item"), site.server()
    fact = unseen(server.observe(want(misspelt)))
    assert (fact.trouble, fact.near[0]) == ("missing", flag)
    assert fact.hint
    with pytest.raises(TerminalError, match=misspelt):
        server.apply(effect(misspelt, True, 1))
    assert not site.hands.enabled(flag)


def test_trap_7_an_archived_flag_is_invalid_however_enabled_it_reads(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    site.hands.switch(flag, on=True)
    site.hands.archive(flag)
    fact = unseen(server.observe(want(flag)))
    assert (fact.trouble, "archived" in fact.message) == ("invalid", True)
    with pytest.raises(TerminalError, match="archived"):
        server.apply(effect(flag, False, 1))


@pytest.mark.parametrize("name", ["..", "a b", "a/b", "a?b", "a%2Fb", "", "x" * 101, "a\nb", "flag#1"])
def test_a_name_that_no_flag_can_have_reaches_no_url(site: Site, name: str) -> None:
    assert unseen(site.server().observe(want(name))).trouble == "missing"
    with pytest.raises(TerminalError):
        site.server().apply(effect(name, True, 1))


def test_another_project_is_not_touched(site: Site) -> None:
    flag = site.hands.create()
    fact = unseen(site.server().observe(want(flag, project="shop")))
    assert fact.trouble == "missing"


def test_wrong_credentials_are_forbidden_and_may_change(site: Site) -> None:
    flag = site.hands.create()
    secrets = {"now": "nobody:nothing"}
    server = site.server(lambda: secrets["now"])
    fact = unseen(server.observe(want(flag)))
    assert (fact.trouble, "secret" in fact.hint) == ("forbidden", True)
    with pytest.raises(BlindError):
        server.apply(effect(flag, True, 1))
    # The file behind it was changed: picked up without a restart, a trailing newline is no part of it.
    secrets["now"] = f"{site.secret}\n"
    assert seen(server.apply(effect(flag, True, 1))).enabled


def test_trap_8_many_writers_of_one_flag_leave_one_write(site: Site) -> None:
    flag, server = site.hands.create(), site.server()
    with ThreadPoolExecutor(8) as pool:
        facts = list(pool.map(lambda _: server.apply(effect(flag, True, 1)), range(8)))
    assert all(seen(fact).enabled for fact in facts)
    switched = [event for event in site.hands.events(flag) if event["type"].endswith(("-enabled", "-updated"))]
    assert len(switched) == 1


def test_trap_11_somebody_between_our_read_and_our_write_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    flag, server = site.hands.create(), site.server()
    assert isinstance(server, FlagServer)
    switch = server._switch

    def late(*given: Any) -> None:
        site.hands.switch(flag, on=True)
        site.hands.switch(flag, on=False)
        switch(*given)

    monkeypatch.setattr(server, "_switch", late)
    fact = seen(server.apply(effect(flag, True, 1)))
    assert (fact.enabled, fact.ours, site.hands.enabled(flag)) == (True, True, True)
    assert "switched it off at the same moment" in fact.caveat


def test_what_is_no_flags_value_is_our_mistake(site: Site) -> None:
    flag = site.hands.create()
    target = Target("flags", "default/production", "Flag", flag)
    for field, value in (("enabled", 1), ("replicas", 2)):
        with pytest.raises(BugError):
            site.server().apply(Effect(target, field, value, Mark(OWNER, 1, COMMIT)))
