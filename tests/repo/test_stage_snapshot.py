"""What a snapshot says besides steps: pinned files, arrivals, evaluations, and what the project implies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.snapshot import FileRef
from reconciler.model.errors import BugError
from reconciler.model.evaluations import Evaluation, render_evaluations
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, ProblemId, RemediationId, ServicePath
from reconciler.repo.stage import StageRepo
from tests.repo.branch import CARTS, NOW, SETTINGS, Branch, a_step, stage_repo
from tests.repo.conftest import Hub, OpenMirror

EVALUATIONS = "ops/production/carts/state/evaluations.yaml"
PROBLEM = "ops/production/carts/problems/p1.yaml"


@pytest.fixture
def branch(hub: Hub, open_mirror: OpenMirror) -> Branch:
    mirror = open_mirror()
    branch = Branch(hub, mirror, stage_repo(mirror))
    hub.land({"carts/service.yaml": b"", PROBLEM: b"title: t\nstate: open\n"})
    branch.land(a_step(1))
    branch.follow()
    return branch


def test_the_last_evaluations_are_part_of_a_service(branch: Branch) -> None:
    passed = Evaluation(RemediationId("p1"), 2, Instant(NOW), Instant(NOW + 60), "pass", 100.0, {"p90": 80.5})
    branch.land(a_step(2, "held", files={EVALUATIONS: render_evaluations([passed])}))
    for repo in branch.both():
        assert repo.view(CARTS).evaluations == (passed,)


def test_evaluations_that_cannot_be_read_hold_the_service(branch: Branch) -> None:
    branch.land(a_step(2, "held", files={EVALUATIONS: b"by hand\n"}))
    for repo in branch.both():
        with pytest.raises(BugError, match=r"evaluations\.yaml"):
            repo.view(CARTS)


def test_what_counts_for_a_service_is_pinned_the_most_general_first(branch: Branch) -> None:
    """The project's files, the stage's and the service's own; those of the stage make no services."""
    settings = replace(SETTINGS, slis=(FileRef("prometheus/sli.yaml", BlobId("f" * 40)),))
    for repo in branch.both():
        assert repo.snapshot(SETTINGS).services[CARTS].pinned == ()
    branch.hub.land({
        "http/sli.yaml": b"h", "scrape/sli.yaml": b"s", "prometheus/sli.yaml": b"p", "slo.yaml": b"no stage has one",
        "carts/slo.yaml": b"slo", "carts/dynatrace/sli.yaml": b"d", "carts/scrape/sli.yaml": b"own",
        "loki/sli.yaml": b"x",
    })  # fmt: skip
    for repo in branch.both():
        snapshot = repo.snapshot(settings)
        assert [ref.path for ref in snapshot.services[CARTS].pinned] == [
            "prometheus/sli.yaml", "prometheus/sli.yaml", "http/sli.yaml", "scrape/sli.yaml",
            "carts/slo.yaml", "carts/dynatrace/sli.yaml", "carts/scrape/sli.yaml",
        ]  # fmt: skip
        assert snapshot.services[CARTS].pinned[0].blob == "f" * 40
        assert list(snapshot.services) == [CARTS]
    branch.hub.land({"http/sli.yaml": None, "prometheus/sli.yaml": b"another"})
    warm, cold = (repo.snapshot(SETTINGS).services[CARTS].pinned for repo in branch.both())
    assert warm == cold
    assert [ref.path for ref in warm][:2] == ["prometheus/sli.yaml", "scrape/sli.yaml"]


def test_pinned_files_are_read_by_the_references_of_the_steps(branch: Branch) -> None:
    branch.hub.land({"carts/prometheus/sli.yaml": b"indicators: {a: query}\n"})
    for repo in branch.both():
        snapshot = repo.snapshot(SETTINGS)
        refs = tuple(str(ref) for ref in snapshot.services[CARTS].pinned)
        assert snapshot.pins(refs).indicators["prometheus"]["a"].query == "query"


def test_a_problem_arrived_when_it_was_committed(branch: Branch) -> None:
    """It is told the same at the tip that brought it, later, and from between the steps of one push."""
    hub = branch.hub
    tree = hub.git("rev-parse", f"{hub.land({PROBLEM: b'title: t', 'x': b''})}^{{tree}}")
    hub.point(hub.commit_tree(tree, f"{hub.tip()}^", dates="1800000123 +0000"))
    told = [moment(repo) for repo in branch.both()]
    branch.land(a_step(2, "held"))
    hub.land({"README.md": b"x"})
    assert [*told, *(moment(repo) for repo in branch.both())] == [Instant(1_800_000_123)] * 4


def moment(repo: StageRepo) -> Instant:
    snapshot = repo.snapshot(SETTINGS)
    return snapshot.arrived(snapshot.services[CARTS].problems[ProblemId("p1")].file)


def test_the_moments_of_all_actions_are_counted_service_by_service(branch: Branch) -> None:
    changes = {"changes": [{"target": "x"}]}
    branch.hub.land({"orders/service.yaml": b""})
    branch.land(a_step(2, "decided", now=NOW + 5, data=changes))
    branch.land(a_step(3, "decided", now=NOW + 9, service="orders", number=1, data=changes))
    branch.land(a_step(4, "decided", now=NOW + 7, remediation="p2", number=1, data=changes))
    branch.land(a_step(5, "held", number=3, remediation="p3", service="shop"))
    for repo in branch.both():
        acted = repo.snapshot(SETTINGS).acted
        assert acted == {CARTS: (NOW + 5, NOW + 7), ServicePath("orders"): (NOW + 9,)}


def test_what_the_shipyard_implies_reaches_the_stage(branch: Branch) -> None:
    stage = branch.warm.snapshot(replace(SETTINGS, implied_mode="shadow", implied_wait=600, implied_window=300)).stage
    assert (stage.implied_mode, stage.implied_wait, stage.implied_window) == ("shadow", 600, 300)
    bare = branch.warm.snapshot(SETTINGS).stage
    assert (bare.implied_mode, bare.implied_wait, bare.implied_window) == (None, None, None)
