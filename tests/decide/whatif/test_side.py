"""What one side's files say about a service: how far its guards look, whom they mind, and which action is in hand."""

from __future__ import annotations

import pytest

from reconciler.decide.remediation import Remediation
from reconciler.decide.whatif.difference import Deed
from reconciler.decide.whatif.recorded import RecordedFacts
from reconciler.decide.whatif.side import Side, written_of
from reconciler.model.names import RemediationId, ServicePath
from tests.decide.whatif.past import Past
from tests.decide.world import World

CARTS = ServicePath("carts")
MINUTELY = {"action": "scaling", "value": "+1", "options": {"wait": 60}}


def side(world: World, stage: str) -> Side:
    return Past(world).side({"stage.yaml": stage})


@pytest.mark.parametrize(
    ("stage", "minds"),
    [
        ("", False), ("budgets: {actionsPerHour: 1}\n", False), ("budgets: {servicesAtOnce: 1}\n", True),
        ("budgets: {servicesPerHour: 1}\n", True), ("budgets: [\n", False),
    ],
)  # fmt: skip
def test_other_services_matter_where_a_budget_is_shared(world: World, stage: str, minds: bool) -> None:
    assert side(world, stage).minds_others is minds


@pytest.mark.parametrize(
    ("stage", "looks"),
    [
        ("cooldown: 0s\nloopGuard: {times: 2, within: 2h}\n", (7200, False)),
        ("cooldown: 3h\nloopGuard: {times: 2, within: 2h}\n", (10_800, True)),
        ("cooldown: 0s\nloopGuard: {times: 2, within: 2h}\nbudgets: {servicesAtOnce: 1}\n", (7200, True)),
    ],
)
def test_a_side_looks_back_as_far_as_any_of_its_guards(world: World, stage: str, looks: tuple[int, bool]) -> None:
    assert side(world, stage).looks_back(CARTS) == looks


def test_an_action_is_judged_by_its_own_options_while_it_is_in_hand(world: World) -> None:
    found = side(world, "wait: 5m\n")
    state = Remediation(RemediationId("p1"), actions=(MINUTELY,))
    after = Remediation(RemediationId("p1"), actions=(MINUTELY,), index=1)
    assert (found.timing(CARTS, state).wait, found.timing(CARTS, after).wait) == (60, 300)


@pytest.mark.parametrize(("actions", "why"), [((MINUTELY,), "there is no action left"), ((), "nothing is done")])
def test_without_an_action_in_hand_nothing_is_done(
    world: World, actions: tuple[dict[str, object], ...], why: str
) -> None:
    state = Remediation(RemediationId("p1"), actions=actions, index=len(actions))
    assert side(world, "").deed(CARTS, state, world.now, RecordedFacts(None), {}) == Deed("nothing", "", why)


def test_the_action_in_hand_is_told_as_playbooks_write_it() -> None:
    def written(index: int) -> str:
        actions = (MINUTELY, {"action": "unheard of", "value": "x"})
        return written_of(Remediation(RemediationId("p1"), actions=actions, index=index))

    assert [written(index) for index in range(3)] == ["scaling +1", "unheard of", ""]
