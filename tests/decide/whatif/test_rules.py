"""Rules of policy: a small closed language, and a clear answer to everything that is not in it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.decide.whatif.difference import KINDS
from reconciler.decide.whatif.result import Totals
from reconciler.decide.whatif.rules import NAMES, parse_rule
from reconciler.model.errors import ConfigError

TOTALS = Totals(problems=200, differ=20, unknown=4, unhealed=1, healed=2, replicas_most=3, replicas_least=-2)


def met(text: str, totals: Totals = TOTALS) -> bool:
    return parse_rule(text).met(totals, findings=1, cut=7, unreadable=2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("differ > 10%", False), ("differ >= 10%", True), ("differ>9.99%", True), ("differ > 19", True),
        ("differ = 20", True), ("differ == 20", True), ("differ != 20", False), ("differ < 21", True),
        ("unhealed > 0", True), ("unhealed > 0.5%", False), ("unhealed >= 0.5%", True), ("healed <= 2", True),
        ("replicas > +3", False), ("replicas > +2", True), ("replicas < -1", True), ("replicas < -2", False),
        ("findings > 0", True), ("cut > 7", False), ("unknown = 4", True), ("entry > 0", False),
        ("unreadable > 1", True), (" Differ  >  0 ", True),
    ],
)  # fmt: skip
def test_a_rule_is_met_or_not(text: str, expected: bool) -> None:
    assert met(text) is expected


def test_a_share_of_nothing_is_nothing() -> None:
    assert not met("differ > 0%", Totals())


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_asked(name: str) -> None:
    assert met(f"{name} > 1000", Totals(kinds=dict.fromkeys(KINDS, 1))) is False


@pytest.mark.parametrize("text", ["", "differ", "differ >", "> 10", "differ => 1", "differ > ten", "differ > 1 and 2"])
def test_what_is_no_rule_is_told_what_one_looks_like(text: str) -> None:
    with pytest.raises(ConfigError, match="is no rule") as told:
        parse_rule(text)
    assert "differ > 10%" in told.value.hint
    assert "unhealed" in told.value.hint


def test_a_name_that_does_not_exist_is_told_what_does() -> None:
    with pytest.raises(ConfigError, match="`unheald` is nothing") as told:
        parse_rule("unheald > 0")
    assert "did you mean `unhealed`" in told.value.hint
    with pytest.raises(ConfigError, match="`replicas` has no percentage"):
        parse_rule("replicas > 10%")


@given(st.text(max_size=60))
def test_no_text_is_more_than_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_rule(text)
