"""What "on" means: for everybody, for some, for nobody."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.errors import BlindError
from reconciler.targets.unleash import meaning

FULL = {
    "name": "flexibleRollout",
    "parameters": {"rollout": "100"},
    "constraints": [],
    "segments": [],
    "disabled": False,
}


@pytest.mark.parametrize(
    ("strategies", "told"),
    [
        pytest.param([], "", id="none: the SDKs say on"),
        pytest.param([FULL], "", id="everybody"),
        pytest.param([{"name": "default"}], "", id="default"),
        pytest.param([{"name": "gradualRolloutUserId", "parameters": {"percentage": "100"}}], "", id="old 100 %"),
        pytest.param([{"name": "gradualRolloutUserId", "parameters": {"percentage": "5"}}], "5 %", id="old 5 %"),
        pytest.param([{**FULL, "parameters": {"rollout": "30"}}], "flexibleRollout 30 %", id="30 %"),
        pytest.param([{**FULL, "parameters": {"rollout": "0"}}], "0 %", id="0 %"),
        pytest.param([{**FULL, "parameters": {"rollout": "all"}}], "flexibleRollout", id="a rollout that is no number"),
        pytest.param([{**FULL, "constraints": [{}]}], "with constraints", id="constraints"),
        pytest.param([{**FULL, "segments": [1]}], "with constraints", id="segments"),
        pytest.param([{"name": "userWithId", "parameters": {"userIds": "7"}}], "userWithId", id="for one user"),
        pytest.param([{**FULL, "parameters": {"rollout": "30"}}, FULL], "", id="one for everybody is enough"),
        pytest.param([{**FULL, "disabled": True}], "disabled", id="all disabled"),
        pytest.param(
            [{**FULL, "disabled": True}, {**FULL, "parameters": {"rollout": "1"}}], "1 %", id="disabled is none"
        ),
    ],
)
def test_caveat(strategies: list[dict[str, Any]], told: str) -> None:
    text = meaning.caveat(meaning.strategies(strategies))
    assert (told in text) if told else (text == "")
    assert not text or text.endswith(".")


@pytest.mark.parametrize("data", [None, {}, "x", ["x"], [None]])
def test_unreadable_strategies_are_not_everybody(data: object) -> None:
    with pytest.raises(BlindError):
        meaning.strategies(data)


def test_parents() -> None:
    data = [{"feature": "A"}, {"feature": "B", "enabled": False, "variants": []}, {"x": 1}, "y"]
    assert meaning.parents(data) == (meaning.Parent("A", True), meaning.Parent("B", False))
    assert meaning.parents(None) == ()
