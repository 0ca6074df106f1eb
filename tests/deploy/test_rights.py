"""The Roles grant what is called and nothing else, as an API server saw it that enforces them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from reconciler.daemon.clock import SystemClock
from reconciler.daemon.leases.election import Election, Terms
from reconciler.daemon.leases.keeper import Keeper
from reconciler.daemon.leases.shelf import Shelf
from reconciler.embedded.cluster import EmbeddedCluster, Failing, Immediate
from reconciler.embedded.cluster.answers import ApiError
from reconciler.embedded.cluster.kinds import SCALED_OBJECTS, VIRTUAL_SERVICES, Kind, ScalePaths
from reconciler.embedded.cluster.requests import Request, route
from reconciler.embedded.cluster.users import Rule, User, verb
from reconciler.model.errors import TerminalError
from reconciler.model.names import ProjectName, StageName
from reconciler.model.targets import Effect, Fact, Field, Mark, NoFact, Target, WantRoute, WantTemplate, WantWorkload
from reconciler.targets.kubernetes import KubernetesServer, TokenFile
from tests.deploy.cases import FULL, MINIMAL
from tests.deploy.rendering import Item, helm, kustomize, rules
from tests.embedded.sandbox import autoscaler, workload
from tests.targets.kubernetes.istio import PLAIN, virtual_service

OWNER, COMMIT, TOKEN = "sockshop/production/carts", "0123456789abcdef" * 2 + "01234567", "of-the-pod"
SPACE = "shop-production"
ROLLOUTS = Kind("argoproj.io", "v1alpha1", "rollouts", "Rollout", scale=ScalePaths(selector=("status", "selector")))
Grant = tuple[str, str]
"""A resource (`deployments.apps/scale`) and a verb."""


class Clock:
    """Seconds that pass when somebody waits."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Place:
    """A cluster whose users may do what the Roles of a rendering say, and the target as one of them."""

    def __init__(self, cluster: EmbeddedCluster, items: list[Item], folder: Path) -> None:
        self.cluster = cluster
        self.clock = Clock()
        self.granted = grants(items, SPACE)
        allowed = tuple(Rule((verb,), (resource,), (SPACE,)) for resource, verb in sorted(self.granted))
        cluster.users[TOKEN] = User("reconciler", allowed)
        (folder / "token").write_text(TOKEN, "ascii")
        access = TokenFile(cluster.url, token=str(folder / "token"))
        self.server = KubernetesServer(
            access, deadline=120.0, call_timeout=60.0, clock=self.clock, sleep=self.clock.sleep, random=lambda: 0.5
        )
        self.sequence = 1

    def put(self, item: Item) -> None:
        item["metadata"]["namespace"] = SPACE
        self.cluster.create(item)
        self.settle()

    def settle(self) -> None:
        self.cluster.idle(60.0)
        self.clock.now += 400  # whatever is remembered is looked up again

    def see(self, kind: str, *names: str) -> Fact:
        fact = self.server.observe(WantWorkload("kubernetes", SPACE, kind, names or ("carts",)))
        self.settle()
        return fact

    def template(self, kind: str, name: str = "carts") -> Fact:
        fact = self.server.observe(WantTemplate("kubernetes", SPACE, kind, (name,)))
        self.settle()
        return fact

    def apply(self, kind: str, field: Field, value: Any, name: str = "carts") -> None:
        self.sequence += 1
        mark = Mark(OWNER, self.sequence, COMMIT)
        self.server.apply(Effect(Target("kubernetes", SPACE, kind, name), field, value, mark))
        self.settle()

    def called(self) -> set[Grant]:
        """Return what was asked in the namespace; discovery is for everybody who has logged in."""
        found = set()
        for entry in self.cluster.journal.entries():
            try:
                wanted = route(entry.path)
            except ApiError:
                continue
            request = Request(entry.method, entry.path, entry.query, entry.headers, b"")
            assert wanted.namespace == SPACE
            found.add((wanted.resource, verb(request, wanted)))
        return found

    def refused(self) -> list[str]:
        return [f"{entry.method} {entry.path}" for entry in self.cluster.journal.entries() if entry.status == 403]


def grants(items: list[Item], namespace: str) -> set[Grant]:
    """Return what the Roles in a namespace grant, resources written as the API server names them."""
    found = set()
    for where, group, resource, allowed in rules(items):
        plural, slash, below = resource.partition("/")
        if where == namespace:
            found.add(((f"{plural}.{group}" if group else plural) + slash + below, allowed))
    return found


@contextmanager
def placed(items: list[Item], folder: Path) -> Iterator[Place]:
    with EmbeddedCluster(kinds=(SCALED_OBJECTS, VIRTUAL_SERVICES, ROLLOUTS)) as cluster:
        cluster.namespace(SPACE)
        place = Place(cluster, items, folder)
        yield place
        place.server.close()


# What the daemon does with each kind

Play = Callable[[Place], None]


def good(fact: Fact) -> None:
    assert not isinstance(fact, NoFact), fact


def near(fact: Fact) -> None:
    assert isinstance(fact, NoFact)
    assert fact.near == ("carts",), "what is alike is named"


def scaled(kind: str) -> Play:
    def play(place: Place) -> None:
        good(place.see(kind))
        near(place.see(kind, "cart"))
        place.apply(kind, "replicas", 2)
        place.cluster.rollout = Failing("ImagePullBackOff", "no such image", healthy=0)
        place.cluster.patch(kind.partition(".")[0], SPACE, "carts", {"spec": {"replicas": 3}})
        place.settle()
        good(place.see(kind))  # why a pod does not start is looked up

    return play


def templated(kind: str) -> Play:
    def play(place: Place) -> None:
        near(place.template(kind, "cart"))
        good(place.template(kind))
        place.apply(kind, "restartedAt", "2026-11-21T10:00:03Z")
        place.cluster.rollout = Failing("ImagePullBackOff", "no such image", healthy=0)
        template = {"metadata": {"annotations": {"version": "2"}}}
        place.cluster.patch(kind, SPACE, "carts", {"spec": {"template": template}})
        place.settle()
        good(place.template(kind))

    return play


def hpa(kind: str) -> Play:
    def play(place: Place) -> None:
        place.put(autoscaler("carts", "carts", 1, 5, kind))
        for _ in range(2):  # the second look reads the one that was found
            good(place.server.observe(WantWorkload("kubernetes", SPACE, kind, ("carts",))))
        place.apply("HorizontalPodAutoscaler", "minReplicas", 2)
        place.cluster.delete("HorizontalPodAutoscaler", SPACE, "carts")
        place.settle()

    return play


def keda(place: Place) -> None:
    spec = {"scaleTargetRef": {"name": "carts"}, "minReplicaCount": 1, "maxReplicaCount": 5}
    place.put({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "carts"}, "spec": spec})
    for _ in range(2):
        good(place.server.observe(WantWorkload("kubernetes", SPACE, "Deployment", ("carts",))))
    place.apply("ScaledObject.keda.sh", "minReplicaCount", 2)
    place.cluster.delete("ScaledObject", SPACE, "carts")
    place.settle()


def istio(place: Place) -> None:
    place.put(virtual_service(PLAIN))
    good(place.server.observe(WantRoute("kubernetes", SPACE, ("carts",))))
    near(place.server.observe(WantRoute("kubernetes", SPACE, ("cart",))))
    place.apply(ROUTE, "delay", "5s 100%")


ROLLOUT, ROUTE = "Rollout.argoproj.io", "VirtualService.networking.istio.io"
PLAYS: dict[str, list[Play]] = {
    "Deployment": [hpa("Deployment"), templated("Deployment"), scaled("Deployment")],
    "StatefulSet": [hpa("StatefulSet"), templated("StatefulSet"), scaled("StatefulSet")],
    "ReplicaSet": [hpa("ReplicaSet"), scaled("ReplicaSet")],
    "DaemonSet": [templated("DaemonSet")],
    ROLLOUT: [scaled(ROLLOUT)],
    ROUTE: [istio],
}
KEDA = ("scaledobjects.keda.sh", "list")
"""Asked for everywhere; where that is refused, there is no KEDA as far as the daemon is concerned."""


def perform(place: Place, kinds: Iterable[str]) -> None:
    for kind in kinds:
        place.cluster.rollout = Immediate()
        if kind == ROLLOUT:
            body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "carts"}}
            place.put({**body, "spec": workload("Deployment", "carts")["spec"]})
        elif kind != ROUTE:
            place.put(workload(kind, "carts"))
        for play in PLAYS[kind]:
            play(place)
        place.cluster.delete(kind.partition(".")[0], SPACE, "carts")
        place.settle()


def target(*kinds: str, **values: Any) -> list[Item]:
    scalable = [{"group": "argoproj.io", "resource": "rollouts"}] if ROLLOUT in kinds else []
    own = {"namespace": SPACE, "kinds": [kind for kind in kinds if kind != ROLLOUT], "scalable": scalable, **values}
    return helm({**MINIMAL, "targets": [own]})


def test_everything_that_is_called_is_granted_and_everything_that_is_granted_is_called(tmp_path: Path) -> None:
    with placed(helm(FULL), tmp_path) as place:
        perform(place, PLAYS)
        place.put(workload("Deployment", "carts"))
        keda(place)
        assert place.refused() == []
        assert place.called() == place.granted


def test_the_default_is_for_deployments_and_stateful_sets(tmp_path: Path) -> None:
    with placed(helm(MINIMAL), tmp_path) as place:
        perform(place, ["Deployment", "StatefulSet"])
        assert place.called() - {KEDA} == place.granted
        assert {each.rpartition("/")[2] for each in place.refused()} == {"scaledobjects"}


@pytest.mark.parametrize("kind", PLAYS)
def test_a_kind_alone_has_what_it_needs(kind: str, tmp_path: Path) -> None:
    with placed(target(kind), tmp_path) as place:
        perform(place, [kind])
        assert {each.rpartition("/")[2] for each in place.refused()} <= {"scaledobjects"}
        called = place.called() - {KEDA}
        assert called <= place.granted
        # No autoscaler stands beside what the scenario of these does.
        spared = {each for each in place.granted - called if each[0].startswith("horizontalpodautoscalers")}
        more = {("pods", "list")} if kind == ROUTE else set()
        assert place.granted - called == spared | more
        assert not spared or kind in ("DaemonSet", ROLLOUT, ROUTE)


def test_the_scenario_notices_a_right_that_is_missing(tmp_path: Path) -> None:
    """Without it the first test could not fail."""
    items = helm(FULL)
    for role in items:
        for rule in role.get("rules", []):
            if "deployments" in rule["resources"]:
                rule["verbs"].remove("patch")
    with placed(items, tmp_path) as place, pytest.raises(TerminalError):
        perform(place, ["Deployment"])


def test_nothing_is_granted_elsewhere() -> None:
    items = helm(FULL)
    assert {where for where, *_ in rules(items)} == {SPACE, "ops"}
    assert grants(items, "ops") == {("leases.coordination.k8s.io", verb) for verb in ("list", "create", "update")}
    assert not any(grants(helm({**MINIMAL, "leases": {"enabled": False}}), "ops"))
    assert not any(rules(helm({**MINIMAL, "rbac": {"create": False}})))


def test_leases_are_kept_with_what_is_granted_and_need_all_of_it(tmp_path: Path) -> None:
    granted = grants(helm(MINIMAL), "ops")
    with EmbeddedCluster() as cluster:
        cluster.namespace("ops")
        cluster.users[TOKEN] = User(
            "reconciler", tuple(Rule((verb,), (resource,), ("ops",)) for resource, verb in sorted(granted))
        )
        (tmp_path / "token").write_text(TOKEN, "ascii")
        clock = SystemClock()
        shelf = Shelf(TokenFile(cluster.url, token=str(tmp_path / "token")), "ops", 60.0, clock.monotonic)
        keeper = Keeper(shelf, Election(Terms("one", 3600.0, 0.0), clock, 0), clock, structlog.get_logger(), 0.0)
        leases = keeper.of(ProjectName("shop"))
        leases.want([StageName("production")])
        for _ in range(2):  # the second look renews
            keeper.look()
        assert leases.holds(StageName("production"))
        leases.end([])
        keeper.look()
        shelf.close()
        called = set()
        for entry in cluster.journal.entries():
            wanted = route(entry.path)
            assert wanted.namespace == "ops"
            called.add(
                (wanted.resource, verb(Request(entry.method, entry.path, entry.query, entry.headers, b""), wanted))
            )
    assert keeper.trouble == ""
    assert called == granted


def test_no_right_is_for_anything() -> None:
    assert not any("*" in each for each in rules(helm(FULL)))


def test_kustomize_grants_the_same() -> None:
    ours = kustomize("overlays/example")
    assert grants(ours, SPACE) == grants(helm(MINIMAL), SPACE)
    assert grants(ours, "reconciler") == grants(helm(MINIMAL), "ops")
