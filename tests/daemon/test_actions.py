"""Actions on templates and routes, through the whole loop: decided, pushed, written, seen, and given back."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.embedded.cluster import VIRTUAL_SERVICES
from tests.daemon.site import Site, git, until

TITLE = "Response time degradation"
SPACE = "sockshop-production"
RESTARTED = "kubectl.kubernetes.io/restartedAt"
PLAIN: dict[str, Any] = {"route": [{"destination": {"host": "carts"}}]}


@pytest.fixture
def site(site: Site) -> Site:
    """The site, where Istio is installed and its routes are allowed."""
    site.cluster.declare(VIRTUAL_SERVICES)
    head = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService"}
    metadata = {"name": "carts", "namespace": SPACE}
    site.cluster.create({**head, "metadata": metadata, "spec": {"hosts": ["carts"], "http": [PLAIN]}})
    kinds = "[Deployment, VirtualService.networking.istio.io]"
    site.config.write_text(f"{site.config.read_text()}        allow: {{kinds: {kinds}}}\n")
    return site


def play(site: Site, *actions: str) -> None:
    lines = "".join(f"  - {{{each}}}\n" for each in actions)
    site.push({"carts/remediation.yaml": f"remediations:\n- name: {TITLE}\n  actions:\n{lines}"})


def template(site: Site) -> dict[str, Any]:
    found = site.cluster.get("Deployment", SPACE, "carts-primary")["spec"]["template"]
    assert isinstance(found, dict)
    return found


def image(site: Site) -> str:
    return str(template(site)["spec"]["containers"][0]["image"])


def routes(site: Site) -> list[dict[str, Any]]:
    found = site.cluster.get("VirtualService", SPACE, "carts")["spec"]["http"]
    assert isinstance(found, list)
    return found


def deploy(site: Site, version: int, manager: str = "kubectl-set") -> None:
    site.cluster.idle()
    container = {**template(site)["spec"]["containers"][0], "image": f"carts:{version}"}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    site.cluster.patch("Deployment", SPACE, "carts-primary", patch, manager=manager)
    site.cluster.idle()


def restart(site: Site, moment: str | None) -> None:
    """Restart the workload as a person does, or take the annotation out that says so."""
    note = {"metadata": {"annotations": {RESTARTED: moment}}}
    site.cluster.patch("Deployment", SPACE, "carts-primary", {"spec": {"template": note}}, manager="kubectl-rollout")


def writes(site: Site, path: str) -> int:
    return sum(path in each.path for each in site.cluster.journal.writes() if each.manager == "reconciler")


def test_a_restart_is_done_once_and_never_again(site: Site) -> None:
    play(site, "action: restart")
    pods = {pod["metadata"]["uid"] for pod in site.cluster.items("Pod", SPACE)}
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "the restart taking effect")
        assert "carts: restart carts-primary (Response time degradation)" in site.subjects()
        moment = template(site)["metadata"]["annotations"][RESTARTED]
        assert pods.isdisjoint(pod["metadata"]["uid"] for pod in site.cluster.items("Pod", SPACE))
        # Somebody takes the annotation out again; what was done is done.
        restart(site, None)
        for _ in range(3):
            loop.tick()
            site.later(60)
    assert site.events()[:3] == ["opened", "decided", "applied"]
    assert writes(site, "deployments/carts-primary") == 1
    assert moment.endswith("Z")
    with site.loop() as loop:
        loop.tick()
    assert writes(site, "deployments/carts-primary") == 1


def test_a_rollback_brings_the_version_before_back(site: Site) -> None:
    deploy(site, 2)
    play(site, "action: rollback")
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "the rollback taking effect")
        assert image(site) == "carts:1"
        deploy(site, 3)
        for _ in range(3):
            loop.tick()
            site.later(60)
    # A later deployment is nobody's drift: a rollback is not held.
    assert image(site) == "carts:3"
    assert "drift" not in site.events()


def test_restarted_in_vain_it_is_rolled_back_beyond_the_restart(site: Site) -> None:
    deploy(site, 2)
    play(site, "action: rollback")
    restart(site, "2026-11-21T10:00:00Z")
    site.cluster.idle()
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "the rollback taking effect")
    assert image(site) == "carts:1"


def test_what_argo_deploys_is_not_rolled_back(site: Site) -> None:
    deploy(site, 2, manager="argocd-controller")
    play(site, "action: rollback", "action: scaling, value: +1")
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: site.replicas() == 2, "the next action")
    failed = next(each for each in site.subjects() if "failed" in each)
    assert failed == "carts: rollback failed (Response time degradation)"
    assert image(site) == "carts:2"


def test_requests_are_delayed_until_the_problem_is_over(site: Site) -> None:
    play(site, "action: slowdown, value: {delay: 5s, percent: 50}")
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "the delay being there")
        assert routes(site)[0]["fault"] == {"delay": {"fixedDelay": "5s", "percentage": {"value": 50}}}
        assert "carts: delay requests by 5s (50 %) (Response time degradation)" in site.subjects()
        site.problem("p1", TITLE, "resolved")
        site.later()
        until(loop, lambda: routes(site) == [PLAIN], "the delay being gone")
        until(loop, lambda: site.file("ops/production/carts/state/desired.yaml") is None, "nothing being held")
    assert "carts delay 5s 50% → none, as it was before." in git(site.remote, "log", "--format=%b", "production")
    notes = site.cluster.get("VirtualService", SPACE, "carts")["metadata"]["annotations"]
    assert notes["reconciler.dev/owner"] == "sockshop/production"
    assert "reconciler.dev/faults" not in notes


def test_kept_it_stays(site: Site) -> None:
    play(site, "action: abort, value: 503, onResolve: keep")
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "the failures being there")
        site.problem("p1", TITLE, "resolved")
        site.later()
        until(loop, lambda: site.file("ops/production/carts/state/desired.yaml") is None, "nothing being held")
    assert routes(site)[0]["fault"] == {"abort": {"httpStatus": 503, "percentage": {"value": 100}}}


def test_a_route_that_is_not_allowed_is_not_looked_at(site: Site) -> None:
    site.config.write_text(site.config.read_text().replace(", VirtualService.networking.istio.io", ""))
    play(site, "action: slowdown, value: 5s")
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "escalated" in site.events(), "a person being called")
    assert not [each for each in site.cluster.journal.entries() if "istio" in each.path]
    assert routes(site) == [PLAIN]
