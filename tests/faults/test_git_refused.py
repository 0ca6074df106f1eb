"""A forge that refuses our token, or its account: row G6, through the whole loop."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from reconciler.daemon.metrics import Metrics
from reconciler.embedded.git_http import GitFault, GitHttpServer
from tests.daemon.exposed import value
from tests.daemon.site import Site, eventually
from tests.faults.invariants import Scene
from tests.faults.showing import shown

RENEWED = "tok-4712-secret"


@dataclass(frozen=True)
class Refusal:
    """What a forge answers, and what is said of it."""

    status: int
    words: tuple[str, str]

    def begin(self, server: GitHttpServer) -> None:
        """401: the token is revoked, and another one is right. 403: the account has lost its right."""
        if self.status == 401:
            server.users = {"robot": RENEWED}
        else:
            server.faults = [GitFault("status", status=self.status, times=None)]

    def end(self, server: GitHttpServer, site: Site) -> None:
        """Renew the token in its file, or give the right back."""
        if self.status == 401:
            (site.folder / "token").write_text(RENEWED)
        server.faults = []


REFUSALS = [
    Refusal(401, ("refuses our credentials", "renew the token")),
    Refusal(403, ("does not let us in", "give the daemon's account read and write access")),
]
each_refusal = pytest.mark.parametrize("refusal", REFUSALS, ids=["401", "403"])


def refused(server: GitHttpServer, status: int) -> int:
    return sum(each.status == status for each in server.journal)


@each_refusal
def test_g6_who_is_refused_says_so_asks_seldom_and_goes_on_by_itself(
    scene: Scene, server: GitHttpServer, refusal: Refusal
) -> None:
    site, metrics = scene.site, Metrics()
    scene.plant(RENEWED, "Git")
    with site.loop(metrics=metrics) as loop:
        assert loop.tick() == ()
        scene.problem()
        before = refused(server, refusal.status)
        with scene.blind(loop, *refusal.words):
            refusal.begin(server)
            for _ in range(360):
                assert loop.tick() == ()
                site.later(5)
        asked = refused(server, refusal.status) - before
        tries = value(metrics, "git_requests_total", "sockshop", "list", "blind") or 0
        assert 20 < tries <= 60, "half an hour: pauses grow to a minute, and less than half of it is jitter"
        # Who has no token yet is asked for one first, which counts as 401 too.
        assert tries <= asked <= 2 * tries
        refusal.end(server, site)
        site.later(90)
        scene.applied(loop)
        assert not loop.conditions
    assert site.events() == ["opened", "decided", "applied"]


@each_refusal
def test_g6_who_is_refused_is_shown_wherever_people_look(scene: Scene, server: GitHttpServer, refusal: Refusal) -> None:
    site = scene.site
    site.config.write_text(site.config.read_text().replace("  sockshop:\n", "  sockshop:\n    poll: 1s\n"))
    scene.plant(RENEWED, "Git")
    with shown(site) as daemon:
        eventually(lambda: value(daemon.metrics, "last_pass_timestamp_seconds", "sockshop", "production"), "a pass")
        refusal.begin(server)
        eventually(lambda: 1 in (daemon.stands_still(), daemon.stands_still("")), "the metric says so")
        assert value(daemon.metrics, "git_requests_total", "sockshop", "list", "blind")
        assert refusal.words[0] in " ".join(daemon.conditions().values())
        scene.problem()
        refusal.end(server, site)
        eventually(lambda: site.events()[-1:] == ["applied"], "it goes on by itself")
        eventually(lambda: not daemon.stands_still() and not daemon.stands_still(""), "and says so")
