"""What every action keeps to, whoever made it: read twice it is the same, its plan is pure and total, nonsense is told.

A new action gets a line in ``GOOD`` and one in ``BAD``, or these tests say that it has none.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.decide.actions import registry
from reconciler.decide.actions.protocol import Context, Escalation, Failure, Plan, Wait
from reconciler.model import canonical
from reconciler.model.errors import UserError
from reconciler.model.facts import fact_data, fact_from_data
from reconciler.model.instant import Instant
from reconciler.model.targets import Fact, Want
from tests.decide.actions.acting import FACTS, NOW, context, entry, spec

GOOD: dict[str, tuple[str | None, ...]] = {
    "scaling": ("+1", "1", '"1"', "-2", "{replicas: 4}"),
    "featuretoggle": ("EnablePromotion:off", "{A: on, B: false}", '{A: "on"}'),
    "togglefeature": ("A:on",),
    "toggle-feature": ("A:on",),
    "restart": (None, "null", "~", '""'),
    "rollback": (None, "null"),
    "slowdown": (
        "5s", '"5s"', "500ms", "1.5s", "{delay: 5s}", "{delay: 1m, percent: 12.5, client: 10.0.0.1}",
        "{delay: 5s, percent: 50%, virtualService: carts-vs}", "{delay: 5s, client: '2001:DB8::1'}",
    ),
    "abort": (None, "503", '"503"', "{status: 429, percent: 50}", "{status: 500, client: 10.0.0.1}"),
    "escalate": (None, "ask the database team", '"a: b # c"'),
    "webhook": ("runbooks", "{endpoint: runbooks, data: {kind: flush, times: 2}}"),
}  # fmt: skip
BAD: dict[str, tuple[str | None, ...]] = {
    "scaling": (None, "0", "+x", "1.5", "{replicas: x}", "{replicas: 1, more: 2}", "[1]", "99999999"),
    "featuretoggle": (None, "A", "A:maybe", "{}", "{A: [on]}", '"a b:on"', "[A]"),
    "togglefeature": (None,),
    "toggle-feature": (None,),
    "restart": ("carts", "5", "{workload: carts}", "[a]"),
    "rollback": ("1", "{revision: 3}", "[a]"),
    "slowdown": (
        None, "5", "soon", "0s", "2h", "-5s", "0.0001s", "[5s]", "{percent: 50}", "{delay: 5s, percent: 0}",
        "{delay: 5s, percent: 101}", "{delay: 5s, client: everybody}", "{delay: 5s, client: [10.0.0.1]}",
        "{delay: [5s]}", "{delay: 5s, virtualService: ../carts}", "{delay: 5s, clients: 10.0.0.1}",
        "{delay: 5s, client: 'fe80::1%eth0'}", "{}",
    ),
    "abort": (
        "200", "404x", "600", "-503", "[503]", "{percent: 50}", "{status: 302}", "{status: 503, percent: many}",
        "{status: 503, client: carts}", "{status: [503]}", "{}",
    ),
    "escalate": ("[a]", "{a: b}"),
    "webhook": (None, "https://hooks.example.com/x", "[a]", "{data: {a: b}}", "{endpoint: a, more: b}"),
}  # fmt: skip

SPELLED = [pytest.param(name, value, id=f"{name} {value}") for name, values in GOOD.items() for value in values]
REFUSED = [pytest.param(name, value, id=f"{name} {value}") for name, values in BAD.items() for value in values]


def names() -> set[str]:
    return {name for action in registry._ACTIONS for name in action.names}


def same(fact: Fact) -> Context:
    """A context in which every want is answered by one fact."""
    return context(lambda _: fact)


def test_every_action_is_here() -> None:
    assert names() == GOOD.keys() == BAD.keys()


@pytest.mark.parametrize(("name", "value"), SPELLED)
def test_what_a_step_pins_means_what_the_playbook_said(name: str, value: str | None) -> None:
    made = spec(name, value)
    assert spec(name, value) == made
    # Whoever has it cannot make it mean something else.
    assert hash(made) == hash(spec(name, value))


@pytest.mark.parametrize(("name", "value"), SPELLED)
def test_it_is_told_in_one_short_line(name: str, value: str | None) -> None:
    written = spec(name, value).written
    assert written.startswith(next(action.names[0] for action in registry._ACTIONS if name in action.names))
    assert written == written.strip()
    assert "\n" not in written
    assert len(written) <= 200


@pytest.mark.parametrize(("name", "value"), SPELLED)
def test_its_plan_is_total_and_the_same_twice(name: str, value: str | None) -> None:
    one = spec(name, value)
    for fact in FACTS:
        answer = one.plan(same(fact))
        assert one.plan(same(fact)) == answer
        assert one.plan(same(fact_from_data(fact_data(fact)))) == answer  # with the facts as a step records them
        match answer:
            case Plan():
                told: tuple[str, ...] = (answer.subject,)
                assert answer.wishes or answer.once
            case Failure() | Escalation():
                told = (answer.reason,)
            case Wait():
                told = (answer.condition, answer.reason, answer.lifts)
        assert all(told), (fact, answer)
        assert all("\n" not in text for text in told), (fact, answer)


@pytest.mark.parametrize(("name", "value"), SPELLED)
def test_blind_waits_and_what_is_not_there_fails(name: str, value: str | None) -> None:
    for fact in FACTS:
        if fact.kind == "none":
            answer = spec(name, value).plan(same(fact))
            if isinstance(answer, Escalation):
                continue  # it looks at nothing
            if isinstance(answer, Failure) and name == "abort" and value is None:
                continue  # it asks the problem first
            assert isinstance(answer, Wait if fact.trouble == "blind" else Failure), (fact, answer)


@pytest.mark.parametrize(("name", "value"), SPELLED)
def test_what_is_decided_is_absolute_and_can_be_written_down(name: str, value: str | None) -> None:
    plans = [answer for fact in FACTS if isinstance(answer := spec(name, value).plan(same(fact)), Plan)]
    assert plans or name in ("escalate", "abort")
    for plan in plans:
        for once in plan.once:
            # However the world looks by then, the decision says the same: nothing in it counts from what is there.
            assert str(once.value)
            assert not str(once.value).startswith(("+", "-"))
            canonical.emit({"value": once.value, "payload": dict(once.payload), "target": str(once.target)})
        for wish in plan.wishes:
            assert (wish.by is None) != (wish.set is None)
            assert type(wish.base) is type(wish.before)
            canonical.emit({"base": wish.base, "before": wish.before, "set": wish.set})


@pytest.mark.parametrize(("name", "value"), SPELLED)
def test_it_asks_for_the_same_whenever_it_is_asked(name: str, value: str | None) -> None:
    asked: list[Want] = []

    def answer(want: Want) -> Fact:
        asked.append(want)
        return FACTS[-1]

    one = spec(name, value)
    one.plan(context(answer))
    first, asked[:] = list(asked), []
    one.plan(replace(context(answer), now=Instant(NOW + 60)))
    assert asked == first
    assert len(set(map(str, first))) == len(first)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_nonsense_is_refused_with_its_place_and_what_to_write(name: str, value: str | None) -> None:
    written = entry(name, value)
    with pytest.raises(UserError) as refused:
        registry.parse_action(written.action, written.value, written.place)
    error = refused.value
    assert error.place is not None
    assert (error.place.path, error.place.line) == ("carts/remediation.yaml", 4 if value is None else 5)
    assert error.place.column > 0
    assert error.message
    assert error.expected
    assert error.hint or name == "webhook"


@pytest.mark.parametrize("name", sorted(GOOD))
@settings(max_examples=30)
@given(value=st.text(st.characters(codec="ascii", exclude_characters="\n\r"), max_size=20))
def test_whatever_is_written_it_is_read_or_refused(name: str, value: str) -> None:
    quoted = "'" + "".join(each for each in value if each.isprintable()).replace("'", "''") + "'"
    written = entry(name, quoted)
    try:
        made = registry.parse_action(written.action, written.value, written.place)
    except UserError:
        return
    assert "\n" not in made.written
