"""The same files make the same of every past: nothing differs that nobody changed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decide.files import entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.test_golden import STORIES
from tests.decide.whatif.past import Past
from tests.decide.world import World

TITLES = ("Response time degradation", "other", "third", "nothing like it")
THREE = playbook(
    entry(TITLES[0], "scaling +1", "featuretoggle {EnablePromotion: off}"), entry("other", "scaling +2"),
    entry("third", "escalate"),
)  # fmt: skip
ACTS = st.one_of(
    st.tuples(st.just("open"), st.sampled_from(TITLES)),
    st.tuples(st.just("over"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from([60, 600, 4000])),
    st.tuples(st.just("value"), st.sampled_from([20.0, 150.0, 900.0])),
)


@pytest.mark.parametrize("story", STORIES)
def test_no_golden_history_would_differ_by_its_own_files(story: str) -> None:
    world = World()
    STORIES[story](world)
    result = Past(world).result({})
    assert result.totals.problems > 0
    assert (result.totals.differ, result.groups, result.totals.unknown) == (0, (), 0)
    assert result.totals.strayed == 0, [case for case in Past(world).comparison({}).cases.values() if case.strayed]
    assert result.summary.startswith(f"0 of {result.totals.problems} ")


@settings(max_examples=12, deadline=None)
@given(
    acts=st.lists(ACTS, min_size=1, max_size=8),
    stage=st.sampled_from([None, "mode: shadow\n", "approval: required\n", "onFail: revert\nretries: 1\n"]),
)
def test_no_generated_history_would_differ_by_its_own_files(
    acts: list[tuple[str, object]], stage: str | None
) -> None:  # fmt: skip
    world = World(THREE)
    world.stage_yaml(stage)
    world.objectives()
    world.around.flags["EnablePromotion"] = Flag(enabled=True)
    world.around.values["response_time_p90"] = 50.0
    opened: list[tuple[str, str]] = []
    for act, value in acts:
        if act == "open":
            opened.append((f"p{len(opened)}", str(value)))
            world.open(*opened[-1])
        elif act == "over" and opened:
            world.resolve(*opened[int(str(value)) % len(opened)])
        elif act == "wait":
            world.later(int(str(value)))
        elif act == "value":
            world.around.values["response_time_p90"] = float(str(value))
        world.tick()
    result = Past(world).result({})
    assert (result.totals.differ, result.groups) == (0, ())
    assert result.totals.strayed == 0, [case for case in Past(world).comparison({}).cases.values() if case.strayed]
    assert result.totals.problems >= len({name for name, _ in opened}) - 1
