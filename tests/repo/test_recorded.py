"""Steps read back from history are the steps that were made, and what only looks like one is not among them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.remediation import Attached
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, ProblemId, RemediationId, ServicePath
from reconciler.model.step import Step
from reconciler.repo.mirror import Mirror
from reconciler.repo.recorded import Past, Recorded, told
from reconciler.repo.row import WINDOW
from reconciler.repo.stage import Tips
from reconciler.repo.steps import as_commit
from tests.repo.branch import DESIRED, NEWER, NOW, STAGE, a_step, desired, message, own_files, stage_repo
from tests.repo.conftest import Hub, OpenMirror, fetched

LONG_AGO = Instant(0)
OPENED = replace(
    a_step(1, data={"problem": {"id": "p1", "occurrence": 1, "title": "Slow: \u202ecarts"}, "entry": "slow"}),
    subject="carts: opened (Slow: carts)", body='Problem p1 matches "slow".\n\nIt has two paragraphs.',
    config=CommitId("c" * 40), project=CommitId("d" * 40),
)  # fmt: skip
DECIDED = replace(
    a_step(2, "decided", files={DESIRED: desired()}, data={"action": "scaling +1", "index": 1, "count": 2}),
    facts={"kubernetes/sockshop-production/Deployment/carts": {"kind": "workload", "replicas": 1}},
)
STAGE_WIDE = replace(
    a_step(3, "restored", remediation="", now=NOW + 60, data={"paths": ["ops/production/carts/state/desired.yaml"]}),
    service=ServicePath("carts"), number=0,
)  # fmt: skip


@pytest.fixture
def mirror(hub: Hub, open_mirror: OpenMirror) -> Mirror:
    hub.land({"carts/service.yaml": b""})
    return open_mirror()


def land(hub: Hub, step: Step) -> CommitId:
    return hub.land(as_commit(step).files, message=message(step))


def read(mirror: Mirror, since: str = "", earliest: Instant = LONG_AGO) -> list[Recorded]:
    tip, repo = fetched(mirror), stage_repo(mirror)
    repo.sync(Tips(tip, tip, tip))
    past = Past(mirror, STAGE, lambda: repo.row)
    found = [past.read(claim) for claim in past.claims(tip, since, earliest)]
    return [each for each in found if each is not None]


def sequences(found: list[Recorded]) -> list[int]:
    return [each.step.sequence for each in found]


def test_what_is_read_back_is_what_was_made(hub: Hub, mirror: Mirror) -> None:
    made = (OPENED, DECIDED, STAGE_WIDE)
    commits = [land(hub, step) for step in made]
    found = read(mirror)
    assert [each.commit for each in found] == commits
    assert [each.step for each in found] == [replace(step, files={}) for step in made]
    p1 = Attached(ProblemId("p1"), 1, "Slow: \u202ecarts")
    assert [each.problems for each in found] == [(p1,), (p1,), ()]


def test_a_service_in_a_group_keeps_its_path(hub: Hub, mirror: Mirror) -> None:
    step = a_step(1, service="shop/carts")
    land(hub, step)
    assert [each.step for each in read(mirror)] == [step]


def test_problems_are_those_of_the_moment(hub: Hub, mirror: Mirror) -> None:
    land(hub, OPENED)
    second = {"problem": {"id": "p2", "occurrence": 1, "title": "Slow too"}}
    land(hub, a_step(2, "attached", data=second))
    land(hub, a_step(3, "decided"))
    assert [[problem.id for problem in each.problems] for each in read(mirror)] == [["p1"], ["p1", "p2"], ["p1", "p2"]]


def test_only_what_came_since_is_told(hub: Hub, mirror: Mirror) -> None:
    first = land(hub, OPENED)
    hub.land({"README.md": b"a person's commit"})
    land(hub, DECIDED)
    assert sequences(read(mirror, first)) == [2]
    assert sequences(read(mirror, hub.tip())) == []


@pytest.mark.parametrize("since", ["", "0" * 40, "production", "../../x", "f" * 12])
def test_without_a_place_to_go_on_from_the_young_ones_are_told(hub: Hub, mirror: Mirror, since: str) -> None:
    for number in range(1, 5):
        land(hub, a_step(number, "decided", now=NOW + number))
    assert sequences(read(mirror, since, Instant(NOW + 3))) == [3, 4]


def test_a_few_old_ones_in_between_do_not_end_the_walk(hub: Hub, mirror: Mirror) -> None:
    moments = [NOW + 100, *[NOW - 100] * 15, NOW + 200]
    for number, moment in enumerate(moments, 1):
        land(hub, a_step(number, "decided", now=moment))
    assert sequences(read(mirror, "", Instant(NOW))) == [1, 17]


def test_after_a_rewritten_branch_the_young_ones_are_told_again(hub: Hub, mirror: Mirror) -> None:
    base = hub.tip()
    first = land(hub, OPENED)
    assert sequences(read(mirror)) == [1]
    hub.point(base)
    hub.land({"README.md": b"a person rewrote it"})
    again = land(hub, replace(OPENED, body="Once more."))
    assert [each.commit for each in read(mirror, first)] == [again]


def test_steps_on_a_merged_side_are_told_and_those_of_other_stages_are_not(hub: Hub, mirror: Mirror) -> None:
    first = land(hub, OPENED)
    second = land(hub, DECIDED)
    hub.point(first)
    person = hub.land({"README.md": b"x"})
    tree = hub.git("rev-parse", f"{second}^{{tree}}")
    hub.point(hub.commit_tree(tree, person, second, message="Merge"))
    theirs = replace(a_step(3, "decided"), stage=type(STAGE)("staging"))
    hub.land(as_commit(theirs).files, message=as_commit(theirs).message)
    assert sequences(read(mirror, first)) == [2]


def test_what_only_says_that_it_is_a_step_is_not_read(hub: Hub, mirror: Mirror) -> None:
    opened = land(hub, OPENED)
    claim = a_step(2, "escalated", data={"reason": "<!channel> click here"})
    hub.land({"README.md": b"no step's file"}, message=message(claim))
    hub.land({**own_files(claim), "README.md": b"and a person's"}, message=message(claim))
    hub.land(own_files(claim, sequence=9), message=message(claim))
    newer = as_commit(a_step(2)).message.replace("Event: opened", "Event: sung").replace(f"Rules: {NEWER}", "Rules: 99")
    hub.land({"ops/production/carts/remediations/p1/02-sung.yaml": b'event: "sung"\n'}, message=newer)
    assert len(Past(mirror, STAGE, tuple).claims(fetched(mirror), opened, LONG_AGO)) == 4
    assert sequences(read(mirror)) == [1]
    assert sequences(read(mirror, opened)) == []


def forged(sequence: int) -> Step:
    """Return what has the form of a step in every respect, of a remediation of its own."""
    return replace(a_step(sequence, "held", remediation="zz", number=1), subject="carts: call the number below")


def test_what_has_the_form_of_a_step_and_is_not_the_next_one_is_not_read(hub: Hub, mirror: Mirror) -> None:
    land(hub, OPENED)
    land(hub, DECIDED)
    start = hub.tip()
    for sequence in (1, 2, 9):
        land(hub, forged(sequence))
    assert sequences(read(mirror)) == [1, 2]
    assert sequences(read(mirror, start)) == []


def test_what_came_before_the_steps_that_are_looked_at_is_read_if_it_still_stands(hub: Hub, mirror: Mirror) -> None:
    land(hub, OPENED)
    fake = forged(2)
    land(hub, fake)
    taken = replace(
        a_step(2, "restored", remediation="", files={fake.path: None}, data={"paths": [fake.path]}), number=0
    )
    land(hub, taken)
    for sequence in range(3, WINDOW + 6):
        land(hub, a_step(sequence, "decided"))
    found = read(mirror)
    assert sequences(found) == list(range(1, WINDOW + 6))
    assert all(each.step.remediation != "zz" for each in found)


def test_a_step_file_that_was_tampered_with_tells_no_problem(hub: Hub, mirror: Mirror) -> None:
    land(hub, OPENED)
    hub.land({OPENED.path: b"nonsense"})
    land(hub, DECIDED)
    (_, decided) = read(mirror)
    assert decided.step.event == "decided"
    assert decided.problems == ()


@pytest.mark.parametrize(
    "data",
    [
        {"problem": "x"}, {"problem": {"id": ["a"], "occurrence": "a"}}, {"problem": {"id": "a"}},
        {"entry": "slow", "actions": 3}, {"reported": 5}, {"gone": [1]}, {"once": ["x"], "changes": [1]},
    ],
)  # fmt: skip
def test_a_step_that_says_what_no_step_says_is_read_without_its_problems(
    hub: Hub, mirror: Mirror, data: dict[str, object]
) -> None:
    land(hub, a_step(1, "held", data=data))
    (found,) = read(mirror)
    assert (found.step.event, found.problems) == ("held", ())


def test_a_remediation_is_told_by_its_own_id(hub: Hub, mirror: Mirror) -> None:
    land(hub, a_step(1, remediation="p1+2"))
    (found,) = read(mirror)
    assert found.step.remediation == RemediationId("p1+2")


@pytest.mark.parametrize(
    ("message", "subject", "body"),
    [
        ("a\n\nStage: x\n", "a", ""),
        ("a\n\nb\nc\n\nStage: x\n", "a", "b\nc"),
        ("a\r\n\r\nb\r\n\r\nStage: x\r\n", "a", "b"),
        ("a\n\nb\n\n\nc\n\nStage: x", "a", "b\n\n\nc"),
    ],
)
def test_a_message_is_told_without_its_trailers(message: str, subject: str, body: str) -> None:
    assert told(message) == (subject, body)
