"""The comparison counted: for each kind of problem, for each difference, in all, and in one line."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.decide.whatif.case import Acts, Case, PastProblem
from reconciler.decide.whatif.difference import KINDS, Deed, Difference, Effect, Kind
from reconciler.decide.whatif.result import NAMED, Result, Totals, count
from reconciler.model.names import ProblemId, RemediationId, ServicePath
from reconciler.model.targets import Target
from tests.decide.actions.acting import DEPLOYMENT

FLAG = Target("flags", "default/production", "Flag", "A")


def difference(kind: Kind, head: str = "it waits") -> Difference:
    return Difference(kind, "it acted", "it acts", head, "a freeze", head)


def case(kind: str, *problems: str, **more: Any) -> Case:
    told = [PastProblem(ProblemId(name), 1, None) for name in problems]
    return Case(ServicePath("carts"), RemediationId(problems[0]), kind, problems=told, **more)


# all in one line


@pytest.mark.parametrize(
    ("totals", "told"),
    [
        (Totals(problems=1), "0 of 1 problem would differ"),
        (Totals(problems=2, differ=1), "1 of 2 problems would differ"),
        (Totals(problems=2, replicas_most=1), "0 of 2 problems would differ; at most +1 replica"),
        (Totals(problems=2, replicas_most=3), "0 of 2 problems would differ; at most +3 replicas"),
        (Totals(problems=2, replicas_least=-1), "0 of 2 problems would differ; at most -1 replica"),
        (Totals(problems=2, replicas_least=-2), "0 of 2 problems would differ; at most -2 replicas"),
        (
            Totals(problems=2, actions={"b": (0, 1), "A off": (9, 0), "c": (2, 2), "a": (1, 0), "d": (1, 4)}),
            "0 of 2 problems would differ; A off 9 times less; a once less; b once more; d 3 times more",
        ),
        (
            Totals(problems=2, unhealed=1, unknown=3),
            "0 of 2 problems would differ; 1 would no longer count as healed; 3 unknown from there on",
        ),
        (
            Totals(problems=2, healed=2),
            "0 of 2 problems would differ; 2 would count as healed that did not",
        ),
    ],
)
def test_one_line_says_what_would_differ_and_nothing_else(totals: Totals, told: str) -> None:
    assert Result((), (), totals).summary == told


# counted


def test_each_problem_counts_once_for_each_way_in_which_it_differs() -> None:
    waits, acts = difference("held"), difference("action")
    found = count([case("slow", "p1", "p2", differences=[waits, acts, waits]), case("other", "p3")])
    assert [(row.type, row.problems, row.differ) for row in found.rows] == [("slow", 2, 2), ("other", 1, 0)]
    (slow, other) = found.rows
    assert {kind: number for kind, number in slow.kinds.items() if number} == {"held": 2, "action": 2}
    assert tuple(other.kinds) == KINDS
    assert set(other.kinds.values()) == {0}
    assert [(each.kind, each.problems, each.ids) for each in found.groups] == [
        ("action", 2, ["carts/p1", "carts/p2"]), ("held", 2, ["carts/p1", "carts/p2"]),
    ]  # fmt: skip
    assert (found.totals.problems, found.totals.differ, found.totals.unknown) == (3, 2, 0)
    assert (found.totals.kinds["held"], found.totals.kinds["entry"]) == (2, 0)


def test_what_is_of_one_problem_alone_counts_for_it_alone_and_is_unknown_from_there_on() -> None:
    one = case("slow", "p1", "p2")
    one.problems[1].own.append(difference("entry"))
    found = count([one, case("slow", "p3", departed=True)])
    (row,) = found.rows
    assert (row.problems, row.differ, row.unknown) == (3, 1, 2)
    assert (found.totals.differ, found.totals.unknown) == (1, 2)
    assert [each.ids for each in found.groups] == [["carts/p2"]]


def test_the_most_frequent_come_first_and_then_what_there_is_more_of_and_then_by_name() -> None:
    held = {"differences": [difference("held")]}
    cases = [
        case("d", "p1"), case("c", "p2"), case("c", "p3"), case("b", "p4", **held), case("a", "p5", "p6", **held),
        case("e", "p7"),
    ]  # fmt: skip
    found = count(cases)
    assert [row.type for row in found.rows] == ["a", "b", "c", "d", "e"]
    assert [(each.type, each.problems) for each in found.groups] == [("a", 2), ("b", 1)]


def test_a_group_names_its_first_problems() -> None:
    names = [f"p{number:02d}" for number in range(NAMED + 2)]
    found = count([case("slow", *names, differences=[difference("held")])])
    (group,) = found.groups
    assert group.problems == NAMED + 2
    assert group.ids == [f"carts/{name}" for name in names[:NAMED]]


@pytest.mark.parametrize(
    ("healed", "unhealed", "more"),
    [
        ((True, False), 2, 0), ((False, True), 0, 2), ((True, True), 0, 0), ((False, False), 0, 0),
        ((None, False), 0, 0), ((True, None), 0, 0), ((None, True), 0, 0), ((False, None), 0, 0),
    ],
)  # fmt: skip
def test_healed_by_one_side_and_not_by_the_other(
    healed: tuple[bool | None, bool | None], unhealed: int, more: int
) -> None:
    totals = count([case("slow", "p1", "p2", healed=healed, strayed=True)]).totals
    assert (totals.unhealed, totals.healed, totals.strayed) == (unhealed, more, 2)


def test_replicas_are_the_most_and_the_least_that_one_problem_would_change() -> None:
    def acting(base: int, head: int, *, vague: bool = False) -> Case:
        return case("slow", "p1", base_acts=Acts(replicas=base), head_acts=Acts(replicas=head, vague=vague))

    totals = count([acting(1, 3), acting(2, 1), acting(0, 1)]).totals
    assert (totals.replicas_most, totals.replicas_least, totals.vague) == (2, -1, 0)
    totals = count([acting(1, 9, vague=True), acting(1, 1)]).totals
    assert (totals.replicas_most, totals.replicas_least, totals.vague) == (0, 0, 1)
    both = case("slow", "p1", base_acts=Acts(replicas=4, vague=True), head_acts=Acts())
    assert count([both]).totals.vague == 1


def test_actions_are_added_up_for_either_side() -> None:
    one = case("slow", "p1", base_acts=Acts({"scaling": 1, "A off": 1}), head_acts=Acts({"scaling": 3}))
    two = case("slow", "p2", base_acts=Acts({"scaling": 2}), head_acts=Acts({"restart": 1}))
    assert count([one, two]).totals.actions == {"A off": (1, 0), "scaling": (3, 3), "restart": (0, 1)}


# what one side does


def test_what_was_done_counts_by_its_action_its_flags_and_its_replicas() -> None:
    acts = Acts()
    scaled = (Effect((DEPLOYMENT, "replicas"), 2, 5),)
    switched = (Effect((FLAG, "enabled"), True, False), Effect((FLAG, "enabled"), False, True))
    acts.add(Deed("acts", "scaling +3", effects=scaled), {})
    acts.add(Deed("acts", "scaling -1", effects=(Effect((DEPLOYMENT, "replicas"), 5, 4),)), {})
    acts.add(Deed("acts", "featuretoggle A:off", effects=switched), {})
    acts.add(Deed("escalates", "escalate ask"), {})
    for kind in ("fails", "waits", "nothing"):
        acts.add(Deed(kind, "scaling +9", effects=scaled), {"by": 9})
    assert acts == Acts({"scaling": 2, "A off": 1, "A on": 1, "featuretoggle": 1, "escalate": 1}, 2)


def test_what_is_no_number_before_is_no_number_of_replicas() -> None:
    acts = Acts()
    acts.add(Deed("acts", "scaling +1", effects=(Effect((DEPLOYMENT, "replicas"), "", 3),)), {})
    assert (acts.actions, acts.replicas) == ({"scaling": 1}, 0)


def test_of_what_it_would_have_come_to_as_much_as_was_asked_for_counts() -> None:
    acts = Acts()
    acts.add(Deed("unknown", "scaling +2"), {"by": 2})
    acts.add(Deed("unknown", "featuretoggle A:on"), {"A": True, "B": False})
    assert acts == Acts({"scaling": 1, "featuretoggle": 1, "A on": 1, "B off": 1}, 2)
    acts.add(Deed("unknown", "scaling {replicas: 4}"), {"replicas": 4})
    assert (acts.replicas, acts.vague) == (2, True)


def test_a_problem_is_shown_with_its_occurrence_where_that_is_not_the_first() -> None:
    assert [PastProblem(ProblemId("p1"), number, None).shown for number in (1, 2)] == ["p1", "p1+2"]


def test_from_a_difference_on_nothing_more_is_known_unless_it_is_told_to_be() -> None:
    one = case("slow", "p1")
    one.differ(difference("next"), parts=False)
    assert (one.together, one.departed, len(one.differences)) == (True, False, 1)
    one.differ(difference("held"))
    assert (one.together, one.departed, len(one.differences)) == (False, True, 2)
    assert (case("slow", "p1").strayed, case("slow", "p1").tried, case("slow", "p1").healed) == (
        False,
        False,
        (None, None),
    )
