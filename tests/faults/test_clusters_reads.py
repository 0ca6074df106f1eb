"""Stale reads of an API server: row K7, through the whole loop."""

from __future__ import annotations

from reconciler.daemon.agenda import HELD
from reconciler.embedded.cluster import Stale
from tests.daemon.site import Site, until
from tests.faults.invariants import TITLE, Scene
from tests.faults.test_clusters import BOTH, OBJECT, OTHER, TWICE, last, patches


def test_k7_what_was_read_before_a_decision_is_not_added_to_twice(scene: Scene) -> None:
    """Both decisions are made of one look, which shows 1: the second adds to what the first decided."""
    site = scene.site
    folder = "ops/production/carts/problems"
    problems = {f"{folder}/{name}.yaml": f"title: {title}\nstate: open\n" for name, title in BOTH.items()}
    scene.person({**problems, "carts/remediation.yaml": TWICE}, "two at once")
    scene.accepted |= BOTH.keys()
    with site.loop() as loop:
        until(loop, lambda: site.events().count("applied") == 2, "both took effect")
    assert site.subjects()[2:4] == [f"carts: scale 1 → 2 ({TITLE})", f"carts: scale 2 → 3 ({OTHER})"]
    assert values(site)[-1] == 3


def test_k7_what_is_read_stale_adds_nothing_twice(scene: Scene) -> None:
    """It looks as if somebody had undone what we did; that is held, and nothing is written until it looks otherwise."""
    site = scene.site
    scene.person({"carts/remediation.yaml": TWICE})
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        site.cluster.idle()
        site.cluster.faults.add(Stale(_versions_since(site, 1)), when=OBJECT, times=None)
        scene.problem("p2", OTHER)
        until(loop, last(scene, "held"), "held")
        with scene.blind(loop):
            site.later(HELD)
            loop.tick()
        site.cluster.faults.clear()
        loop.look_at_everything()
        until(loop, lambda: site.events().count("applied") == 2, "applied too")
    assert values(site) == [2, 3]


def test_k7_a_write_founded_on_a_stale_read_is_refused_and_read_again(scene: Scene) -> None:
    site = scene.site
    scene.problem()
    label = {"metadata": {"labels": {"by": "somebody"}}}
    site.cluster.patch("Deployment", "sockshop-production", "carts-primary", label)
    site.cluster.idle()
    site.cluster.faults.add(Stale(1), when=OBJECT)
    with site.loop() as loop:
        scene.applied(loop)
    assert patches(site) == [409, 200]
    assert values(site) == [2]


def values(site: Site) -> list[int]:
    """Return the replicas that our writes which the cluster took made."""
    return [
        entry.body["spec"]["replicas"]
        for entry in site.cluster.journal.entries("PATCH")
        if entry.manager == "reconciler" and entry.status in (0, 200)
    ]


def _versions_since(site: Site, replicas: int) -> int:
    """Return how many versions ago the workload had so many replicas."""
    kind = next(kind for kind in site.cluster._api.kinds.values() if kind.kind == "Deployment")
    versions = site.cluster.store.versions(kind, "sockshop-production", "carts-primary")
    return next(age for age, item in enumerate(versions) if item and item["spec"]["replicas"] == replicas)
