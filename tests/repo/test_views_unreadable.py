"""What we wrote ourselves and cannot read back holds its service, and no other."""

from __future__ import annotations

import pytest

from reconciler.model import canonical
from reconciler.model.errors import BugError, UserError
from reconciler.model.names import ProblemId, RemediationId, ServicePath
from reconciler.model.step import render_file
from tests.repo.branch import CARTS, DESIRED, SETTINGS, TARGET, Branch, a_step, desired, stage_repo
from tests.repo.conftest import Hub, OpenMirror

ORDERS = ServicePath("orders")
FIRST = a_step(1)


@pytest.fixture
def branch(hub: Hub, open_mirror: OpenMirror) -> Branch:
    mirror = open_mirror()
    branch = Branch(hub, mirror, stage_repo(mirror))
    hub.land({"carts/service.yaml": b"", "orders/service.yaml": b""})
    branch.follow()
    branch.land(a_step(1))
    branch.land(a_step(2, "decided", files={DESIRED: desired(sequence=2)}))
    branch.follow()
    return branch


BAD = desired(sequence=2).replace
UNREADABLE = {
    "a step that is not canonical": {FIRST.path: render_file(FIRST) + b"# by hand\n"},
    "a step that is too large": {FIRST.path: b"x" * ((4 << 20) + 1)},
    "a step of another name": {FIRST.path.replace("opened", "held"): render_file(FIRST)},
    "a file that is no step": {"ops/production/carts/remediations/p1/notes.yaml": b"{}\n"},
    "a step in no folder": {"ops/production/carts/remediations/01-opened.yaml": render_file(FIRST)},
    "a step too deep": {"ops/production/carts/remediations/p1/x/01-opened.yaml": render_file(FIRST)},
    "steps that make no remediation": {
        FIRST.path: canonical.emit({**canonical.read(render_file(FIRST), ""), "problem": 7})
    },
    "a state that is not canonical": {DESIRED: b"garbage\n"},
    "a state that is too large": {DESIRED: b"x" * ((4 << 20) + 1)},
    "a state with a text for a number": {DESIRED: BAD(b'"sequence": 2', b'"sequence": "2"')},
    "a state with claims that are none": {DESIRED: BAD(b'{"remediation": "p1"', b'{"remedy": "p1"')},
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_trusted_and_unreadable_is_a_bug_and_never_skipped(branch: Branch, name: str) -> None:
    """A step forged whole brings it in, or a fault of our own; the service's numbers are not given out again."""
    branch.land(a_step(3, "held", service="orders", number=1, files=UNREADABLE[name]))
    for repo in branch.both():
        with pytest.raises(BugError, match="carts"):
            repo.view(CARTS)
        snapshot = repo.snapshot(SETTINGS)
        assert snapshot.stage.sequence == 3
        with pytest.raises(BugError):
            snapshot.services[CARTS]
        assert snapshot.services[ORDERS].remediations.keys() == {"p1"}
        assert CARTS not in repo.holding() | snapshot.acting | snapshot.claimants((TARGET, "replicas"))
        assert CARTS in repo.services()


def test_a_service_counts_again_when_its_files_can_be_read_again(branch: Branch) -> None:
    branch.land(a_step(3, "held", service="orders", number=1, files={DESIRED: b"garbage\n"}))
    assert not branch.follow().holding()
    branch.land(a_step(4, "released", service="orders", number=2, files={DESIRED: desired(sequence=2)}))
    for repo in branch.both():
        assert repo.holding() == {CARTS}
        assert repo.snapshot(SETTINGS).claimants((TARGET, "replicas")) == {CARTS}


def test_a_file_that_somebody_else_put_there_is_not_read_at_all(branch: Branch) -> None:
    branch.hub.land({"ops/production/carts/remediations/p1/notes.yaml": b"x\n", DESIRED: b"garbage\n"})
    for repo in branch.both():
        assert [change.path for change in repo.view(CARTS).foreign] == [
            "ops/production/carts/remediations/p1/notes.yaml",
            DESIRED,
        ]


def test_our_own_files_may_be_larger_than_those_of_people(branch: Branch) -> None:
    """More than a problem may have; what is put back too."""
    step = a_step(3, "held", number=3)
    large = canonical.emit({**canonical.read(render_file(step), ""), "facts": {"x": {"y": "z" * (1 << 20)}}})
    branch.forge(step, {step.path: large})
    problem = b"title: t\nstate: open\ndetails: " + b"z" * (1 << 20)
    branch.hub.land({"ops/production/carts/problems/p2.yaml": problem})
    for repo in branch.both():
        view = repo.view(CARTS)
        assert view.remediations[RemediationId("p1")].number == 3
        assert isinstance(view.problems[ProblemId("p2")].problem, UserError)
    branch.hub.land({step.path: b"by hand\n"})
    for repo in branch.both():
        assert [change.ours for change in repo.view(CARTS).foreign] == [large]


def test_a_problem_with_the_bytes_of_a_large_step_is_refused_all_the_same(branch: Branch) -> None:
    step = a_step(3, "held", number=3)
    large = canonical.emit({**canonical.read(render_file(step), ""), "facts": {"x": {"y": "z" * (1 << 19)}}})
    branch.forge(step, {step.path: large})
    branch.hub.land({"ops/production/carts/problems/p2.yaml": large})
    for repo in branch.both():
        refused = repo.view(CARTS).problems[ProblemId("p2")].problem
        assert isinstance(refused, UserError)
        assert "at most 262144" in str(refused)
