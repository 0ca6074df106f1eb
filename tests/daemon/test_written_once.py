"""A decision is carried out once, and not fought for; what never had its value, or was made anew, gets it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
import structlog

from reconciler.daemon.clock import SystemClock
from reconciler.daemon.dispatch import Allowed, Dispatch, Servers
from reconciler.decide.effects import Due
from reconciler.model.errors import BlindError
from reconciler.model.names import RemediationId
from reconciler.model.targets import Effect, Fact, Mark, Target, WantWorkload, WorkloadFact
from reconciler.targets.protocol import KubernetesWant

TARGET = Target("kubernetes", "shop", "Deployment", "carts")
WANT = WantWorkload("kubernetes", "shop", "Deployment", ("carts",))
OWNER = "sockshop/production/carts"
DUE = Due((TARGET, "replicas"), 2, 7, OWNER, WANT, RemediationId("p1"))
ALLOWED = Allowed(frozenset({"shop"}), frozenset({"Deployment"}), frozenset(), frozenset())


@dataclass
class Cluster:
    """A workload that has what was written last, until a test says otherwise; ``lost`` loses the next answer."""

    seen: WorkloadFact = WorkloadFact(TARGET, 1, 1, settled=False)
    written: list[object] = field(default_factory=list)
    lost: bool = False

    def observe(self, want: KubernetesWant) -> Fact:
        return self.seen

    def apply(self, effect: Effect) -> Fact:
        self.written.append(effect.value)
        if self.lost:
            self.lost = False
            raise BlindError("the answer was lost")
        assert isinstance(effect.value, int)
        self.seen = replace(self.seen, replicas=effect.value, mark=effect.mark)
        return self.seen

    def close(self) -> None:
        """Hold nothing."""


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def dispatch(cluster: Cluster) -> Iterator[Dispatch]:
    made = Dispatch(Servers(cluster, None, ALLOWED), SystemClock(), structlog.get_logger(), lambda: None, 60.0)
    yield made
    made.close()


def apply(dispatch: Dispatch, due: Due = DUE, commit: str = "c0ffee") -> Fact:
    return dispatch.apply([(due, commit)])[due.want]


def test_what_somebody_changed_under_our_mark_is_looked_at(dispatch: Dispatch, cluster: Cluster) -> None:
    apply(dispatch)
    cluster.seen = replace(cluster.seen, replicas=5)
    assert apply(dispatch) == cluster.seen
    assert cluster.written == [2]


def test_the_next_step_writes_again(dispatch: Dispatch, cluster: Cluster) -> None:
    apply(dispatch)
    cluster.seen = replace(cluster.seen, replicas=5)
    apply(dispatch, replace(DUE, sequence=8))
    apply(dispatch, replace(DUE, sequence=8), commit="of another branch")
    assert cluster.written == [2, 2, 2]


@pytest.mark.parametrize("mark", [None, Mark(OWNER, 6, "c0ffee")])
def test_what_was_made_anew_is_written_again(dispatch: Dispatch, cluster: Cluster, mark: Mark | None) -> None:
    apply(dispatch)
    cluster.seen = replace(cluster.seen, replicas=1, mark=mark)
    apply(dispatch)
    assert cluster.written == [2, 2]


def test_what_is_not_known_to_have_been_written_is_tried_again(dispatch: Dispatch, cluster: Cluster) -> None:
    cluster.lost = True
    apply(dispatch)
    apply(dispatch)
    apply(dispatch)
    assert cluster.written == [2, 2]


def test_only_so_many_writes_are_remembered(
    dispatch: Dispatch, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.daemon.dispatch._REMEMBERED", 2)
    for sequence in (7, 8, 9):
        apply(dispatch, replace(DUE, sequence=sequence))
    cluster.seen = replace(cluster.seen, replicas=5)
    assert apply(dispatch, replace(DUE, sequence=9)) == cluster.seen
    assert cluster.written == [2, 2, 2]
    assert len(dispatch._written) == 2
