"""When a project is looked at without a wake-up."""

from __future__ import annotations

from reconciler.daemon.project_loop import FALLBACK_POLL, JITTER
from tests.daemon.site import Site, git


def test_polls_come_with_jitter_and_never_far_off(site: Site) -> None:
    with site.loop() as loop:
        loop.tick()
        pauses = {loop.pause() for _ in range(50)}
    assert len(pauses) > 10
    assert all(FALLBACK_POLL * (1 - JITTER) <= pause <= FALLBACK_POLL * (1 + JITTER) for pause in pauses)


def test_a_project_that_cannot_be_opened_is_tried_again_later_and_never_spins(site: Site) -> None:
    site.config.write_text(site.config.read_text().replace("remote.git", "not-there.git"))
    with site.loop() as loop:
        assert loop.tick() == ()
        assert "not-there.git" in loop.conditions["project"]
        assert loop.pause() > 0.5
        assert loop.tick() == ()


def test_a_legacy_flag_server_is_refused_for_more_than_one_stage(site: Site) -> None:
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    site.write("project.yaml", "name: sockshop\nstages: [staging, production]\n")
    git(site.clone, "commit", "-qam", "two stages")
    git(site.clone, "push", "-q", "origin", "main")
    site.config.write_text(
        "stateDir: state\nprojects:\n  sockshop:\n    repository: {url: remote.git}\n    stages:\n      '*':\n"
        "        flags: {kind: unleash-legacy, url: 'http://127.0.0.1:1', username: u, passwordEnv: NOBODY}\n"
    )
    with site.loop() as loop:
        assert loop.tick() == ()
        assert "staging, production share the legacy flag server" in loop.conditions["project"]
