"""What could not be looked at stays said until it is seen, whatever else is looked at meanwhile."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.daemon.unseen import Unseen, unseen
from reconciler.embedded.cluster import Refuse, matching
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, MeasuresFact, WantMeasures
from reconciler.model.targets import Fact, NoFact, Want, WantFlag
from tests.daemon.site import Later, Site, until

BLIND = NoFact("blind", "it does not answer", "start it")
NOTHING: Mapping[Want, Fact] = {}


def _flag(name: str) -> WantFlag:
    return WantFlag("flags", "default", "production", name)


def _measures(start: int, attempt: int = 1) -> WantMeasures:
    return WantMeasures("shop", "production", "carts", Instant(start), Instant(start + 60), (), attempt=attempt)


def _values(*values: float | None) -> MeasuresFact:
    return MeasuresFact(tuple(Measure("response_time", each, "" if each else "refused") for each in values))


def test_what_was_not_seen_stays_said_while_other_things_are_looked_at() -> None:
    told = Unseen(Later())
    words = told.note((), {_flag("cache"): BLIND})
    assert words == "flags/default/production/Flag/cache could not be looked at: it does not answer (start it)"
    assert told.note((), NOTHING) == words
    assert told.note((), {_flag("promotion"): NoFact("missing", "there is none")}) == words


def test_it_goes_away_when_that_very_thing_is_seen() -> None:
    told = Unseen(Later())
    told.note((), {_flag("cache"): BLIND, _flag("promotion"): BLIND})
    assert told.note((), {_flag("cache"): NoFact("missing", "there is none")}).startswith(
        "flags/default/production/Flag/promotion could"
    )
    assert not told.note((), {_flag("promotion"): NoFact("missing", "there is none")})


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    clock = Later()
    told = Unseen(clock)
    told.note((), {_flag("cache"): BLIND})
    clock.pass_by(89)
    assert told.note((), NOTHING)
    clock.pass_by(2)
    assert not told.note((), NOTHING)


def test_what_takes_long_is_told_while_it_does() -> None:
    told = Unseen(Later())
    assert "no answer in time" in told.note([_flag("cache")], NOTHING)
    assert "no answer in time" in unseen([_flag("cache")], NOTHING)
    assert not told.note((), NOTHING)


def test_what_was_not_seen_does_not_become_seen_by_taking_long() -> None:
    told = Unseen(Later())
    words = told.note((), {_flag("cache"): BLIND})
    assert told.note([_flag("cache")], NOTHING) == words
    assert told.note((), NOTHING) == words


def test_indicators_are_one_thing_in_every_window() -> None:
    told = Unseen(Later())
    assert "no indicator has a value: response_time: refused" in told.note((), {_measures(0): _values(None, None)})
    assert "2 more" not in told.note((), {_measures(0, attempt=2): _values(None)})
    assert not told.note((), {_measures(60): _values(None, 7.0)})


def test_a_server_that_is_away_is_said_between_the_looks_too(site: Site) -> None:
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        site.cluster.faults.add(Refuse(503, "away"), when=matching("GET", "deployments/carts-primary"), times=None)
        site.clock.pass_by(60)
        until(loop, lambda: "production/unseen" in loop.conditions, "said")
        for _ in range(3):
            loop.tick()
            assert "away" in loop.conditions["production/unseen"]
        site.cluster.faults.clear()
        site.clock.pass_by(60)
        until(loop, lambda: "production/unseen" not in loop.conditions, "seen")
