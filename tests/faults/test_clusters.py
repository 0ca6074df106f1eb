"""Faults of an API server and of what it answers: rows K1, K2, K7 and K8, through the whole loop."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.daemon.agenda import HELD
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.cluster import (
    Before,
    Cut,
    Drop,
    EmbeddedCluster,
    Hang,
    Refuse,
    Reset,
    Stale,
    User,
    matching,
)
from tests.daemon.site import Site, deployment, until
from tests.faults.invariants import TITLE, Scene
from tests.targets.dripping import dripping
from tests.targets.kubernetes.test_access import certificate

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


def test_k2_an_authority_that_is_not_ours_is_blind(secured: Scene) -> None:
    site = secured.site
    put(site, "ca.crt", (site.folder / "new.pem").read_text())
    secured.problem()
    with site.loop() as loop:
        until(loop, last(secured, "held"), "held while blind")
        assert "TLS" in (site.file("ops/production/carts/remediations/p1/02-held.yaml") or "")
        assert site.cluster.journal.entries() == []
        put(site, "ca.crt", (site.folder / "old.pem").read_text())
        site.later(HELD)
        secured.applied(loop)


# K7


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


# K8


@pytest.fixture
def authority(tmp_path: Path) -> ssl.SSLContext:
    """The server's side of TLS, with the certificate `old.pem`; there is `new.pem` too."""
    certificate(tmp_path, "new")
    return certificate(tmp_path, "old")


@pytest.fixture
def secured(tmp_path: Path, authority: ssl.SSLContext, capfd: pytest.CaptureFixture[str]) -> Iterator[Scene]:
    """A scene whose cluster speaks TLS and wants a token; both are in files that a test exchanges."""
    with EmbeddedCluster(tls=authority) as cluster:
        cluster.users["tok-first-4711"] = User("bot")
        made = Scene(Site(tmp_path, cluster))
        made.watch()
        made.secrets += ["tok-first-4711", "tok-second-4712"]
        put(made.site, "ca.crt", (tmp_path / "old.pem").read_text())
        put(made.site, "token", "tok-first-4711")
        connect(made.site, f"server: '{cluster.url}', tokenFile: token, caFile: ca.crt")
        made.person({"carts/remediation.yaml": TWICE})
        yield made
        said = capfd.readouterr()
        made.check(said.out + said.err)


def put(site: Site, name: str, text: str) -> None:
    """Write a file as a projected volume does: at once, under a name that stays."""
    fresh = site.folder / f"{name}.next"
    fresh.write_text(text)
    fresh.rename(site.folder / name)


def test_k8_a_token_that_is_exchanged_is_picked_up(secured: Scene) -> None:
    site = secured.site
    secured.problem()
    with site.loop() as loop:
        secured.applied(loop)
        put(site, "token", "tok-second-4712")
        site.cluster.users["tok-second-4712"] = User("bot")
        del site.cluster.users["tok-first-4711"]
        secured.problem("p2", OTHER)
        until(loop, lambda: site.events().count("applied") == 2, "applied with the new token")
    assert site.events() == ["opened", "decided", "applied"] * 2
    assert site.replicas() == 3


def test_k8_an_authority_that_is_exchanged_is_picked_up(secured: Scene, authority: ssl.SSLContext) -> None:
    site = secured.site
    secured.problem()
    with site.loop() as loop:
        secured.applied(loop)
        authority.load_cert_chain(site.folder / "new.pem", site.folder / "new.key")
        put(site, "ca.crt", (site.folder / "new.pem").read_text())
        secured.problem("p2", OTHER)
        until(loop, lambda: site.events().count("applied") == 2, "applied with the new authority")
    assert site.events() == ["opened", "decided", "applied"] * 2
