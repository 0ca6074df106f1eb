"""Several providers as one: who measures what, all at the same time, and nobody waits for one that hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from reconciler.evidence.protocol import Asked, Evidence, Provider
from reconciler.evidence.providers import AT_ONCE, THREADS, Providers
from reconciler.model.errors import BlindError, BugError, TerminalError
from reconciler.model.measures import Measure, MeasuresFact, Query, WantMeasures
from reconciler.model.targets import NoFact
from tests.evidence.wanting import want

Answer = Callable[[Asked], Measure]
UNCONFIGURED = (
    "only dynatrace/sli.yaml says how to measure it, which is not configured for this stage (add `evidence.dynatrace`"
    " to the daemon's configuration, or the indicator to a/sli.yaml or b/sli.yaml)"
)


@dataclass
class Speaking:
    """A provider that answers with what ``answer`` makes of the question, and keeps what it was asked."""

    name: str
    answer: Answer
    known: frozenset[str] = frozenset()
    asked: list[Asked] = field(default_factory=list)
    closed: bool = False

    def knows(self, sli: str) -> bool:
        return sli in self.known

    def measure(self, asked: Asked) -> Measure:
        self.asked.append(asked)
        return self.answer(asked)

    def close(self) -> None:
        self.closed = True


def number(value: float) -> Answer:
    return lambda asked: Measure(asked.sli, value)


def failing(error: Exception) -> Answer:
    def answer(_: Asked) -> Measure:
        raise error

    return answer


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Set when the test is over, for what hangs."""
    event = threading.Event()
    yield event
    event.set()


def hanging(stop: threading.Event) -> Answer:
    def answer(asked: Asked) -> Measure:
        stop.wait()
        return Measure(asked.sli, 0.0)

    return answer


def measured(evidence: Evidence, wanted: WantMeasures) -> tuple[Measure, ...]:
    fact = evidence.measure(wanted)
    assert isinstance(fact, MeasuresFact)
    return fact.measures


# Who measures


def test_the_first_configured_provider_that_has_a_query_measures() -> None:
    both = (("dynatrace", "D"), ("prometheus", "P"))
    for order in (("prometheus", "dynatrace"), ("dynatrace", "prometheus")):
        providers = {name: Speaking(name, number(1.0)) for name in order}
        evidence: Evidence = Providers(providers.values())
        assert measured(evidence, want(Query("p90", both))) == (Measure("p90", 1.0, provider=order[0]),)
        assert [asked.query for asked in providers[order[0]].asked] == [order[0][0].upper()]
        assert providers[order[1]].asked == []
        evidence.close()


def test_a_query_goes_before_a_default_and_a_default_before_nothing() -> None:
    first, second = Speaking("first", number(1.0), frozenset({"p90"})), Speaking("second", number(2.0))
    evidence = Providers([first, second])
    wanted = want(Query("p90", (("second", "q"),)), Query("p90"), Query("p95"))
    assert [(each.value, each.provider) for each in measured(evidence, wanted)] == [
        (2.0, "second"),
        (1.0, "first"),
        (None, ""),
    ]
    assert [asked.query for asked in first.asked] == [None]
    evidence.close()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query("x"), "nothing says how to measure it (add it to a/sli.yaml or b/sli.yaml)"),
        (Query("x", (("dynatrace", "q"),)), UNCONFIGURED),
    ],
)
def test_without_a_query_the_key_to_add_is_named(query: Query, message: str) -> None:
    evidence = Providers([Speaking("a", number(1.0)), Speaking("b", number(1.0))])
    assert measured(evidence, want(query)) == (Measure("x", None, message),)
    evidence.close()


def test_without_any_provider_there_is_no_fact() -> None:
    assert isinstance(Providers([]).measure(want(Query("x"))), NoFact)


def test_nothing_wanted_is_answered_with_nothing() -> None:
    evidence = Providers([Speaking("a", number(1.0))])
    assert measured(evidence, want()) == ()
    evidence.close()


def test_answers_come_in_the_order_of_the_queries() -> None:
    turns = [threading.Event() for _ in range(5)]

    def answer(asked: Asked) -> Measure:
        place = int(asked.sli)
        if place + 1 < AT_ONCE:
            turns[place + 1].wait()
        turns[place].set()
        return Measure(asked.sli, float(place))

    evidence = Providers([Speaking("a", answer)])
    queries = [Query(str(place), (("a", "q"),)) for place in range(5)]
    assert [each.value for each in measured(evidence, want(*queries))] == [0.0, 1.0, 2.0, 3.0, 4.0]
    evidence.close()


# What goes wrong stays where it is


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (failing(BlindError("down", hint="look")), "down (look)"),
        (failing(TerminalError("no")), "no"),
        (failing(BugError("oops")), "oops"),
        (number(float("nan")), "the value is nan, which is no number to compare"),
        (number(float("-inf")), "the value is -inf, which is no number to compare"),
        (lambda asked: Measure(asked.sli, None), "bad has no value and does not say why"),
        (lambda asked: Measure(asked.sli, None, "because"), "because"),
    ],
)
def test_one_that_fails_fails_alone(answer: Answer, message: str) -> None:
    evidence = Providers([Speaking("bad", answer), Speaking("good", number(1.0))])
    wanted = want(Query("a", (("bad", "q"),)), Query("b", (("good", "q"),)))
    assert measured(evidence, wanted) == (Measure("a", None, message, "bad"), Measure("b", 1.0, provider="good"))
    evidence.close()


def test_a_bug_of_a_provider_is_told_with_its_place_and_no_value() -> None:
    nothing: dict[str | None, Measure] = {}
    evidence = Providers([Speaking("bad", lambda asked: nothing[asked.query])])
    (measure,) = measured(evidence, want(Query("a", (("bad", "a secret"),))))
    assert measure.value is None
    assert measure.message.startswith("a bug in the provider bad: KeyError at test_providers.py:")
    evidence.close()


def test_a_provider_cannot_answer_for_another_indicator_or_provider() -> None:
    evidence = Providers([Speaking("a", lambda _: Measure("other", 1.0, provider="other"))])
    assert measured(evidence, want(Query("x", (("a", "q"),)))) == (Measure("x", 1.0, provider="a"),)
    evidence.close()


# Nobody waits


def test_s1_what_hangs_is_late_and_the_rest_is_there(stop: threading.Event) -> None:
    slow = Speaking("slow", hanging(stop))
    evidence = Providers([slow, Speaking("fast", number(1.0))], deadline=0.1)
    queries = [Query(f"{name}{place}", ((name, "q"),)) for place in range(10) for name in ("slow", "fast")]
    found = measured(evidence, want(*queries))
    assert found[0] == Measure("slow0", None, "not measured within 0.1 s", "slow")
    assert [each.value for each in found] == [None, 1.0] * 10
    assert len(slow.asked) == AT_ONCE
    evidence.close()


def test_one_service_that_hangs_leaves_room_for_others(stop: threading.Event) -> None:
    def answer(asked: Asked) -> Measure:
        return hanging(stop)(asked) if asked.query == "hang" else Measure(asked.sli, 1.0)

    evidence = Providers([Speaking("a", answer)], deadline=60)
    slow = want(*(Query(str(place), (("a", "hang"),)) for place in range(THREADS * 2)))
    waiting = threading.Thread(target=evidence.measure, args=(slow,))
    waiting.start()
    assert [each.value for each in measured(evidence, want(Query("x", (("a", "q"),))))] == [1.0]
    stop.set()
    waiting.join()
    evidence.close()


def test_a_provider_whose_threads_all_hang_does_not_delay_another(stop: threading.Event) -> None:
    evidence = Providers([Speaking("slow", hanging(stop)), Speaking("fast", number(1.0))], deadline=0.05)
    for _ in range(THREADS // AT_ONCE + 1):
        measured(evidence, want(*(Query(str(place), (("slow", "q"),)) for place in range(AT_ONCE))))
    both = want(Query("a", (("slow", "q"),)), Query("b", (("fast", "q"),)))
    assert [each.value for each in measured(evidence, both)] == [None, 1.0]
    evidence.close()


def test_closing_closes_the_providers_and_ends_what_waits(stop: threading.Event) -> None:
    provider: Provider = Speaking("a", hanging(stop))
    evidence = Providers([provider])
    evidence.close()
    assert isinstance(provider, Speaking)
    assert provider.closed
    with pytest.raises(BugError, match="after it was closed"):
        evidence.measure(want(Query("x", (("a", "q"),))))


def test_a_service_that_is_acted_upon_is_looked_at_by_those_who_must() -> None:
    @dataclass
    class Looking(Speaking):
        watched: list[str] = field(default_factory=list)

        def watch(self, service: str) -> None:
            self.watched.append(service)
            if service == "unknown":
                raise BlindError("no address")

    looking = Looking("a", number(1.0))
    evidence: Evidence = Providers([Speaking("b", number(1.0)), looking])
    evidence.watch("unknown")
    evidence.watch("carts")
    evidence.close()
    assert looking.watched == ["unknown", "carts"]
