"""Faults of an API server and of what it answers: rows K1 and K2, through the whole loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest

from reconciler.daemon.agenda import HELD
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.cluster import (
    Before,
    Cut,
    Drop,
    Hang,
    Refuse,
    Reset,
    matching,
)
from tests.daemon.site import Site, deployment, until
from tests.faults.invariants import TITLE, Scene
from tests.targets.dripping import dripping

OBJECT: Final = matching("GET", "deployments/carts-primary")
WRITE: Final = matching("PATCH", "deployments/carts-primary")
LIST: Final = matching("GET", "horizontalpodautoscalers")
QUICK: Final = "deadline: 1s"
"""Of a server that does not answer: no test waits for ten."""
OTHER: Final = "Failure rate increase"
BOTH: Final = {"p1": TITLE, "p2": OTHER}
TWICE: Final = f"""\
remediations:
- {{name: {TITLE}, actions: [{{action: scaling, value: +1}}]}}
- {{name: {OTHER}, actions: [{{action: scaling, value: +1}}]}}
"""


def connect(site: Site, settings: str) -> None:
    """Reach the cluster otherwise than by the site's kubeconfig."""
    text = site.config.read_text()
    begin = text.index("kubernetes: {")
    end = text.index("}", begin) + 1
    site.config.write_text(f"{text[:begin]}kubernetes: {{{settings}}}{text[end:]}")


def patches(site: Site) -> list[int]:
    """Return how each of our writes was answered."""
    return [entry.status for entry in site.cluster.journal.entries("PATCH") if entry.manager == "reconciler"]


def goes_on(scene: Scene, loop: ProjectLoop) -> None:
    """See that a problem of somebody else, in the same stage, is dealt with."""
    scene.site.cluster.create(deployment("orders"))
    playbook = scene.site.file("carts/remediation.yaml")
    scene.person({"orders/remediation.yaml": playbook}, "a second service")
    scene.problem("other", service="orders")
    until(loop, lambda: scene.site.replicas("orders") == 2, "the other service is scaled")


def last(scene: Scene, event: str) -> Callable[[], bool]:
    return lambda: scene.site.events()[-1:] == [event]


# K1


def test_k1_409_is_read_again_and_written_on_what_is_there_then(scene: Scene) -> None:
    site = scene.site
    label = {"metadata": {"labels": {"by": "somebody"}}}
    somebody = partial(site.cluster.patch, "Deployment", "sockshop-production", "carts-primary", label)
    scene.problem()
    with site.loop() as loop:
        site.cluster.faults.add(Before(somebody), when=WRITE)
        scene.applied(loop)
    assert patches(site) == [409, 200]
    assert site.events() == ["opened", "decided", "applied"]
    assert site.cluster.get("Deployment", "sockshop-production", "carts-primary")["metadata"]["labels"] == {
        "by": "somebody"
    }


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        (422, "spec.replicas is invalid", "does not take this value"),
        (403, "bot cannot patch deployments", "give the Role in namespace sockshop-production the verb"),
        (403, "admission webhook no.example.com denied the request", "an admission rule of the cluster forbids it"),
        (404, "deployments.apps not found", "create it, or name another workload"),
    ],
)
def test_k1_what_is_refused_for_good_is_told_to_a_person_and_not_tried_again(
    scene: Scene, code: int, message: str, hint: str
) -> None:
    site = scene.site
    site.cluster.faults.add(Refuse(code, message), when=WRITE, times=None)
    scene.problem()
    with site.loop() as loop:
        until(loop, last(scene, "escalated"), "told")
        loop.look_at_everything()
        assert loop.tick() == ()
        assert patches(site) == [code]
        goes_on(scene, loop)
    assert site.events()[:4] == ["opened", "decided", "failed", "escalated"]
    failed = site.file("ops/production/carts/remediations/p1/03-failed.yaml") or ""
    assert message in failed
    assert hint in failed
    assert site.replicas() == 1


def test_k1_410_is_listed_again(scene: Scene) -> None:
    site = scene.site
    site.cluster.faults.add(Refuse(410, "too old resource version"), when=LIST, times=2)
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
    assert len(site.cluster.journal.entries("GET", "horizontalpodautoscalers")) >= 3
    assert site.events() == ["opened", "decided", "applied"]


# K2


@pytest.mark.parametrize(
    "fault",
    [*map(Refuse, (429, 500, 502, 503, 504)), Reset(), Cut()],
    ids=["429", "500", "502", "503", "504", "reset", "reset mid-body"],
)
def test_k2_what_passes_is_tried_again_and_takes_effect_once(scene: Scene, fault: Any) -> None:
    """Once while it is looked at, and once when it is written; a cut answer's write is there all the same."""
    site = scene.site
    site.cluster.faults.add(fault, when=OBJECT)
    site.cluster.faults.add(fault, when=WRITE)
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
    assert site.events() == ["opened", "decided", "applied"]
    assert site.replicas() == 2
    assert len(patches(site)) == (1 if isinstance(fault, Cut) else 2)


def test_k2_a_server_that_asks_to_be_left_alone_is(scene: Scene) -> None:
    site = scene.site
    site.cluster.faults.add(Refuse(429, "too many requests", retry_after=120), when=WRITE)
    scene.problem()
    with site.loop() as loop:
        until(loop, lambda: patches(site) == [429], "asked to be left alone")
        until(loop, lambda: "production/unseen" in loop.conditions, "said")
        asked = len(site.cluster.journal.entries())
        with scene.blind(loop, "429", "too many requests"):
            for _ in range(5):
                site.later(HELD)
                loop.look_at_everything()
                loop.tick()
        assert len(site.cluster.journal.entries()) == asked
    with site.loop() as loop:  # another process has heard nothing of it
        scene.applied(loop)


def test_k2_a_hang_costs_the_deadline_and_the_world_goes_on(scene: Scene) -> None:
    site = scene.site
    connect(site, f"kubeconfig: kubeconfig, {QUICK}")
    site.cluster.faults.add(Hang(), when=OBJECT, times=None)
    scene.problem()
    with site.loop() as loop:
        until(loop, last(scene, "held"), "held while blind")
        held = site.file("ops/production/carts/remediations/p1/02-held.yaml") or ""
        assert "no answer in time" in held
        with scene.blind(loop):
            site.later(HELD)
            loop.tick()
        goes_on(scene, loop)
        site.cluster.faults.clear()
        site.later(HELD)
        until(loop, lambda: site.replicas() == 2, "goes on")
        scene.applied(loop)


def test_k2_a_drip_costs_the_deadline(scene: Scene) -> None:
    site = scene.site
    scene.problem()
    with dripping("headers") as url:
        (site.folder / "drip").write_text("token")
        connect(site, f"server: '{url}', tokenFile: drip, {QUICK}")
        with site.loop() as loop:
            until(loop, last(scene, "held"), "held while blind")
        assert "no answer in time" in (site.file("ops/production/carts/remediations/p1/02-held.yaml") or "")
    connect(site, "kubeconfig: kubeconfig")
    with site.loop() as loop:
        scene.applied(loop)


def test_k2_an_answer_that_is_lost_is_read_back(scene: Scene) -> None:
    site = scene.site
    site.cluster.faults.add(Drop(), when=WRITE)
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
    assert patches(site) == [0], "what had been done was not done again"
