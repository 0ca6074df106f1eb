"""Why an evaluation ended as it did, in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.decide.evaluation.telling import reason
from tests.decide.evaluation.making import objective, objectives, of

HEAVY = objective("heavy", "<=1", warning=("<=2",), weight=9999)
LIGHT = objective("light", "<=1", displayName="Light one")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"heavy": 1.0, "light": 1.0}, "the score of 100% reaches the 90% that pass"),
        ({"heavy": 2.0, "light": 1.0}, "the score of 50.01% is below the 75% that warn"),
        ({"light": 1.0}, "no value for `heavy`; without it this cannot be judged"),
        ({}, "no value for `heavy`, `Light one`; without it this cannot be judged"),
    ],
)
def test_a_sentence(values: dict[str, float], sentence: str) -> None:
    assert reason(of(objectives(HEAVY, LIGHT), **values)) == sentence


@pytest.mark.parametrize(
    ("score", "sentence"),
    [
        ({"pass": 100}, "the score of 99.99% is below the 100% that pass"),
        ({"pass": 100, "warning": 80}, "the score of 99.99% is below the 100% that pass and enough for a warning"),
        ({"pass": 99.9901}, "the score of 99.99% is below the 99.9901% that pass"),
        ({"pass": 100, "warning": 99.99}, "the score of 99.99% is below the 100% that pass and enough for a warning"),
    ],
)
def test_a_score_that_is_not_enough_does_not_look_as_if_it_were(score: dict[str, Any], sentence: str) -> None:
    assert reason(of(objectives(HEAVY, LIGHT, score=score), heavy=1.0, light=2.0)) == sentence


def test_a_key_objective_is_named() -> None:
    found = of(objectives(HEAVY, {**LIGHT, "key_sli": True}), heavy=1.0, light=2.0)
    assert reason(found) == "`Light one` failed, and decides alone; the score of 99.99% does not count"


def test_what_is_for_information_leaves_the_score_to_the_others() -> None:
    assert reason(of(objectives(LIGHT, objective("a")), a=1.0, light=1.0)) == (
        "the score of 100% reaches the 90% that pass"
    )


def test_nothing_to_judge_is_said() -> None:
    assert reason(of(objectives())) == "there are no objectives, and an evaluation of nothing is no pass"
    sentence = "no objective has `pass` criteria, so there was nothing to miss"
    assert reason(of(objectives(objective("a")), a=1.0)) == sentence
