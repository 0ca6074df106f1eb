"""What guards see of the past at each step: as far back as they look, and who is acting."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.decide.policy import HOUR
from reconciler.decide.remediation import Remediation
from reconciler.decide.whatif.ledger import Ledger, Looks
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.step import Event, StepFile

CARTS, ORDERS = ServicePath("carts"), ServicePath("orders")
NOW = Instant(1_795_000_000)
P1, P2 = RemediationId("p1"), RemediationId("p2")


class Told:
    """A ledger, and the steps that it takes at seconds from now."""

    def __init__(self, back: int = 0, *, at_ends: bool = False) -> None:
        self.ledger = Ledger(lambda _: Looks(back, at_ends))
        self.sequence = 0

    def take(
        self, event: Event, at: int = 0, service: ServicePath = CARTS, of: RemediationId = P1, **data: Any
    ) -> Remediation:
        self.sequence += 1
        number = self.ledger.state(service, of).number + 1
        step = StepFile(event, self.sequence, Instant(NOW + at), number, data)
        return self.ledger.take(service, of, step)

    def decided(self, at: int = 0, service: ServicePath = CARTS, of: RemediationId = P1) -> None:
        self.take("decided", at, service, of, changes=[1])

    def recent(self, at: int, service: ServicePath = CARTS) -> list[RemediationId]:
        return list(self.ledger.around(service, Instant(NOW + at)).others)

    def acted(self, at: int) -> list[ServicePath]:
        return list(self.ledger.around(CARTS, Instant(NOW + at)).acted)

    def acting(self) -> frozenset[ServicePath]:
        return self.ledger.around(CARTS, NOW).acting


def evaluation(result: str = "fail") -> dict[str, Any]:
    return {"result": result, "indicators": [{"sli": "a", "value": 1.0, "message": ""}]}


def test_what_services_did_counts_for_an_hour() -> None:
    told = Told()
    told.decided(0)
    told.decided(60, ORDERS)
    assert told.acted(HOUR - 1) == [CARTS, ORDERS]
    assert told.acted(HOUR) == [ORDERS]
    assert told.acted(HOUR + 60) == []


def test_the_newest_action_of_a_service_counts() -> None:
    told = Told()
    told.decided(0)
    told.decided(60, ORDERS)
    told.decided(120)
    told.take("applied", 130)
    assert told.acted(HOUR + 60) == [CARTS]
    assert told.ledger.around(CARTS, NOW).acted == {CARTS: (NOW + 120,)}


@pytest.mark.parametrize(("back", "seen"), [(0, HOUR), (60, HOUR), (3 * HOUR, 3 * HOUR)])
def test_the_other_remediations_of_a_service_are_seen_as_far_as_its_guards_look(back: int, seen: int) -> None:
    told = Told(back)
    told.decided(0)
    told.decided(60, of=P2)
    assert told.recent(seen) == [P1, P2]
    assert told.recent(seen + 1) == [P2]
    assert told.recent(seen + 61) == []


def test_one_that_decides_again_is_the_newest() -> None:
    told = Told()
    told.decided(0)
    told.decided(60, of=P2)
    told.decided(120)
    assert told.recent(HOUR + 100) == [P1]


def test_how_one_ended_counts_from_its_end_where_that_is_looked_at() -> None:
    told, blind = Told(at_ends=True), Told()
    for each in (told, blind):
        each.decided(0)
        assert each.take("remediated", 100) == each.ledger.state(CARTS, P1)
    assert (told.recent(HOUR + 100), told.recent(HOUR + 101)) == ([P1], [])
    assert told.acting() == frozenset()
    assert blind.acting() == {CARTS}
    assert blind.recent(HOUR + 1) == []


def test_an_end_that_says_more_is_looked_at_always() -> None:
    told = Told()
    told.decided(0)
    assert told.take("resolved", 100, resolved=["p1"]).ended
    assert told.acting() == frozenset()


def test_a_service_acts_until_all_of_its_remediations_have_ended() -> None:
    told = Told(at_ends=True)
    told.take("opened")
    assert told.acting() == frozenset()
    told.decided()
    told.decided(of=P2)
    told.take("remediated")
    assert told.acting() == {CARTS}
    told.take("remediated", of=P2)
    assert told.acting() == frozenset()


def test_an_evaluation_is_remembered_newest_first_and_goes_on_where_another_action_follows() -> None:
    told = Told()
    told.decided()
    before = told.ledger.state(CARTS, P1)
    assert told.take("evaluated", evaluation=evaluation("pass"), next="remediated") == before
    assert told.take("evaluated", evaluation=evaluation(), next="action").index == 1
    assert [each.result for each in told.ledger.earlier(CARTS)] == ["fail", "pass"]
    assert list(told.ledger.earlier(ORDERS)) == []
