"""The last that an action may be: texts, lists and answers as long as they may be, and one more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.decide.actions.contributed import ContributedAction, ContributedSpec, checked_action
from reconciler.decide.actions.escalate import LONGEST as LONGEST_TEXT
from reconciler.decide.actions.protocol import Failure, Once, Plan, Wait
from reconciler.decide.actions.registry import pin, register, unpin, unregister
from reconciler.decide.actions.webhook import FIELDS, LONGEST
from reconciler.model import canonical
from reconciler.model.errors import UserError
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar
from reconciler.model.targets import CallFact, Fact, Want, WantCall
from tests.decide.actions.acting import context, entry, spec
from tests.decide.test_action_plugins import CALLED, HERE, KEY, RUNBOOKS, SCALED, Page


def planned(answer: Any) -> Any:
    return ContributedSpec(Page(answer=answer), "page", "pager 1.0").plan(context(not_called))


def not_called(want: Want) -> Fact:
    assert isinstance(want, WantCall)
    return CallFact(RUNBOOKS, want.key, answered=False)


@pytest.fixture
def page() -> Iterator[Page]:
    """An action of another maker, which was registered."""
    page = Page()
    action = checked_action(page, "pager 1.0")
    register([action])
    yield page
    unregister([action])


# another maker's answers


def test_reasons_and_hints_are_cut_at_three_hundred_characters() -> None:
    failure, wait = planned(Failure("x" * 400, "y" * 400)), planned(Wait("budget", "x" * 400, "morning"))
    assert [len(text) for text in (failure.reason, failure.hint, wait.reason)] == [300, 300, 300]
    raised = ContributedSpec(Page(error=ValueError("x" * 400)), "page", "pager 1.0").plan(context(not_called))
    assert isinstance(raised, Failure)
    assert len(raised.reason) == 300


@pytest.mark.parametrize("plan", [
    Plan((SCALED,), "both", "", (7,)), Plan((7,), "both", "", (CALLED,)), Plan((7,), "both", "", (7,)),  # type: ignore[arg-type]  # wrong
])  # fmt: skip
def test_what_is_wished_for_and_what_is_done_once_are_told_apart(plan: Plan) -> None:
    assert planned(plan).reason.endswith("`wishes` holds Wish and `once` holds Once objects only")


def test_a_plan_may_be_as_large_as_is_read_and_no_larger() -> None:
    def sized(count: int) -> Plan:
        return Plan((), "call", "", (Once(RUNBOOKS, "call", KEY, {"a": "x" * count}),))

    (call,) = sized(0).once
    told = [{"target": str(call.target), "value": call.value, "payload": call.payload}]
    room = 65_536 - len(canonical.emit({"changes": told}))
    assert isinstance(planned(sized(room)), Plan)
    assert "takes more than 65536 bytes" in planned(sized(room + 1)).reason


@pytest.mark.parametrize("error", [UserError("no such rota", place=HERE), UserError("no such rota", hint="ask")])
def test_its_own_refusal_is_passed_on_as_it_is(error: UserError) -> None:
    with pytest.raises(UserError) as caught:
        ContributedAction(Page(parsing=error), "pager 1.0").parse(None, HERE)
    assert caught.value is error


def shape(node: Node | None) -> Any:
    """Return what a value holds, with whether each text is taken as it is written."""
    match node:
        case Scalar():
            return (node.raw, node.quoted)
        case ListNode():
            return [shape(item) for item in node.items]
        case MapNode():
            return {key.raw: shape(value) for key, value in node.entries}
    return None


def test_a_value_of_any_shape_is_the_same_after_it_was_pinned(page: Page) -> None:
    one = entry("page", '{who: ["ann", +1, {deep: [x, ""]}], how: loud}')
    assert pin(one)["value"] == {"who": ["ann", "+1", {"deep": ["x", ""]}], "how": "loud"}
    unpin(pin(one), "carts/remediation.yaml")
    (pinned,) = page.told
    assert shape(pinned) == {
        "who": [("ann", True), ("+1", True), {"deep": [("x", True), ("", True)]}], "how": ("loud", True),
    }  # fmt: skip
    assert isinstance(pinned, MapNode)
    assert all(key.quoted for key, _ in pinned.entries)


# our own


def test_a_persons_text_may_be_five_hundred_characters_long() -> None:
    assert spec("escalate", "x" * LONGEST_TEXT) is not None
    with pytest.raises(UserError, match="501 characters"):
        spec("escalate", "x" * (LONGEST_TEXT + 1))


def test_what_an_endpoint_is_told_may_be_so_much() -> None:
    assert spec("webhook", "{endpoint: runbooks, data: {a: " + "x" * LONGEST + "}}") is not None
    many = ", ".join(f"k{number}: v" for number in range(FIELDS))
    assert spec("webhook", f"{{endpoint: runbooks, data: {{{many}}}}}") is not None


@pytest.mark.parametrize(("count", "told"), [(0, False), (1, False), (3, False), (4, True)])
def test_of_more_than_three_texts_the_step_has_all(count: int, told: bool) -> None:
    data = ", ".join(f"k{number}: v" for number in range(count))
    plan = spec("webhook", f"{{endpoint: runbooks, data: {{{data}}}}}").plan(context(not_called))
    assert isinstance(plan, Plan)
    assert ("The step's file has all of it." in plan.body) is told
    assert (" with k0: v" in plan.body) is bool(count)


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("abort", "{status: 503}"), ("abort", "{status: 503, percent: 50}"), ("slowdown", "{delay: 5s}"),
        ("abort", "{status: 503, percent: 50, client: 10.0.0.1, virtualService: carts}"),
        ("slowdown", "{delay: 5s, client: 10.0.0.1}"), ("slowdown", "{delay: 5s, percent: 12.5, virtualService: x}"),
    ],
)  # fmt: skip
def test_a_fault_is_told_as_it_is_written(action: str, value: str) -> None:
    assert spec(action, value).written == f"{action} {value}"


def test_whose_an_action_is() -> None:
    assert context(not_called).owner == "sockshop/production/carts"
