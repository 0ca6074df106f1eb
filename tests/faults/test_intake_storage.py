"""Faults of intake: row W7, nothing can be stored; the sender must keep what it has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from reconciler.daemon.web import attaching
from reconciler.daemon.web.limits import Limits
from reconciler.daemon.web.webhooks import Around
from reconciler.embedded.git_http import GitFault, GitHttpServer
from tests.daemon.site import eventually
from tests.faults.invariants import Scene
from tests.faults.receiving import alert, group, metric, once, post, receiving, reported
from tests.faults.test_git import hook
from tests.faults.test_git_content import cut_packs, empty_objects, lose_head, mirror_of
from tests.security.running import KNOWN, Running


def declined(scene: Scene, _server: GitHttpServer | None) -> Callable[[], object]:
    return hook(scene.site, "pre-receive", "echo no space left on device >&2\nexit 1").unlink


def moved_away(scene: Scene, _server: GitHttpServer | None) -> Callable[[], object]:
    kept = scene.site.folder / "kept.git"
    scene.site.remote.rename(kept)
    return lambda: kept.rename(scene.site.remote)


def full(scene: Scene, _server: GitHttpServer | None) -> Callable[[], object]:
    """Neither side can write an object any more, as on a full disk."""
    objects = [scene.site.remote / "objects", *(scene.site.folder / "state").glob("**/objects")]
    for each in objects:
        each.rename(each.with_name("kept"))
        each.write_text("")

    def free() -> None:
        for each in objects:
            each.unlink()
            each.with_name("kept").rename(each)

    return free


def lose_refs(mirror: Path) -> int:
    """Let what the clone says of the remote's branches name what is not there."""
    refs = [*mirror.glob("refs/reconciler/remote/*")]
    for ref in refs:
        ref.write_text("1" * 40 + "\n")
    return len(refs)


def faulty(kind: str) -> Callable[[Scene, GitHttpServer], Callable[[], object]]:
    def begin(_scene: Scene, server: GitHttpServer) -> Callable[[], object]:
        server.faults.append(GitFault(kind, times=None))  # type: ignore[arg-type]  # one of them
        return server.faults.clear

    return begin


AWAY = {"declined": declined, "moved away": moved_away, "a full disk": full}


@pytest.mark.parametrize("away", AWAY)
def test_w7_without_storage_the_sender_keeps_its_alert(scene: Scene, away: str) -> None:
    keeps(scene, AWAY[away])


@pytest.mark.parametrize("kind", ["status", "reset", "hang"])
def test_w7_without_the_remotes_answer_the_sender_keeps_its_alert(
    scene: Scene, server: GitHttpServer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attaching, "Around", partial(Around, limits=Limits(answer=1.0)))
    keeps(scene, faulty(kind), server)


def keeps(scene: Scene, away: Callable[..., Callable[[], object]], server: GitHttpServer | None = None) -> None:
    with receiving(scene) as daemon:
        back = away(scene, server)
        for _ in range(3):
            answer = daemon.hooks.post("/webhooks/alertmanager", json=group(alert()), headers=KNOWN)
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) >= 1
            assert daemon.status.get("/healthz").status_code == 200
        assert metric(daemon, "reconciler_webhook_requests_total", source="alertmanager", code=503) == 3
        back()
        if server is not None:
            server.release()
        eventually(lambda: taken(scene, daemon), "it is taken when storage is back")
        eventually(lambda: "applied" in scene.site.events(), "it took effect")
    assert reported(scene) == 1
    once(scene)


@pytest.mark.parametrize("damage", [cut_packs, empty_objects, lose_head, lose_refs])
@pytest.mark.parametrize("away", [False, True], ids=["repaired at once", "not to be repaired"])
def test_w7_with_a_damaged_clone_what_is_not_on_the_remote_is_not_acknowledged(
    scene: Scene, server: GitHttpServer, damage: Callable[[Path], int], *, away: bool
) -> None:
    """The damage is done (G8) while the daemon is up, and the next that it hears of is a report."""
    site = scene.site
    with receiving(scene) as daemon:
        mirror = mirror_of(site)
        assert damage(mirror) > 0
        codes = []

        def sent() -> bool:
            answer = post(scene, daemon.hooks, group(alert()))
            codes.append(answer.status_code)
            if answer.status_code == 200:
                assert reported(scene) == 1, "it is told to be safe, and is not there"
                return True
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) >= 1
            return False

        if away:
            # A clone is made anew of what the remote gives.
            server.faults.append(GitFault("status", times=None))
            assert not any(sent() for _ in range(3)), codes
            assert reported(scene) == 0
            server.faults.clear()
        eventually(sent, "it is taken when the clone is whole again")
        eventually(lambda: "applied" in site.events(), "it took effect")
    with site.loop() as loop:
        for _ in range(4):
            loop.tick()
            site.later(60)
        assert not loop.conditions, "what a ref names shows when it is fetched, and the clone is made anew then"
    assert mirror.with_name(f"{mirror.name}.damaged").is_dir(), "it was found, and set aside"
    assert reported(scene) == 1
    once(scene)


def taken(scene: Scene, daemon: Running) -> bool:
    """Send it as Alertmanager does, again and again until it is acknowledged."""
    answer = post(scene, daemon.hooks, group(alert()))
    assert answer.status_code in (200, 503), answer.text
    return answer.status_code == 200
