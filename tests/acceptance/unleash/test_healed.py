"""Both scenarios with nothing but real servers around the daemon; only the cluster is the embedded one.

Prometheus measures, Alertmanager reports, flags are Unleash's, carts has them from Unleash's own SDK, and Git is behind
a web server and sshd. What happened is read as an auditor does: by `git log`, from either server.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from reconciler.demo import promises
from reconciler.demo.carts import CACHE, PROMOTION
from reconciler.demo.person import Commit, Person
from reconciler.demo.users import Demand
from reconciler.demo.world import Places
from reconciler.targets.unleash import marks
from tests.acceptance.gitservers.processes import PASSWORD, PEOPLE, USER, Lighttpd, Sshd
from tests.acceptance.ports import Port
from tests.acceptance.shop import Shop, shop
from tests.acceptance.site import BRANCH
from tests.acceptance.unleash.processes import ADMIN_TOKEN, LEGACY_LOGIN, LegacyUnleash, Sdk, Unleash
from tests.targets.unleash.site import Hands

Road = Literal["http", "ssh"]
BUSY = Demand(28.0)
"""More than one replica can do, and little more than half of what two can."""
BARGAINS = Demand(8.0, "promotion")
"""A third of what one replica can do, all of it asked for with a discount."""


@dataclass(frozen=True)
class Forge:
    """The two servers before the one repository."""

    web: Lighttpd
    sshd: Sshd
    repository: Path

    def block(self, road: Road) -> Mapping[str, Any]:
        """Return the daemon's block `repository`."""
        if road == "http":
            return {"url": self.web.address(self.repository), "username": USER, "tokenFile": "git.token"}
        url = self.sshd.address(self.repository)
        return {"url": url, "sshKeyFile": str(self.sshd.key), "knownHostsFile": str(self.sshd.known_hosts)}

    def log(self, road: Road, environment: Mapping[str, str]) -> list[Commit]:
        """Return the stage's history as somebody sees it who clones it by this road, oldest first."""
        url = (self.web if road == "http" else self.sshd).address(self.repository)
        own = {**environment, **(PEOPLE if road == "http" else self.sshd.people())}
        folder = self.repository.parent / f"auditor-{road}"
        command = ["git", "clone", "--quiet", "--branch", BRANCH, url, str(folder)]
        subprocess.run(command, env=own, check=True, capture_output=True, timeout=60)
        return Person(folder, BRANCH, own).fetched()


@dataclass(frozen=True)
class Flags:
    """A flag server on which somebody has made both flags, which are off."""

    server: Unleash | LegacyUnleash
    hands: Hands

    def block(self, folder: Path) -> Mapping[str, Any]:
        """Return the daemon's block `flags`."""
        user, _, password = LEGACY_LOGIN.partition(":")
        today = self.hands.generation == "modern"
        (folder / "unleash.secret").write_text(ADMIN_TOKEN if today else password, "utf-8")
        if today:
            return {"kind": "unleash", "url": self.server.url, "tokenFile": "unleash.secret"}
        return {
            "kind": "unleash-legacy", "url": self.server.url, "username": user, "passwordFile": "unleash.secret"
        }  # fmt: skip

    def switched_off(self) -> Mapping[str, Any]:
        """Return what the server recorded of the promotion's last switch."""
        kinds = ("feature-environment-disabled", "feature-updated")
        return next(event for event in self.hands.events(PROMOTION) if event["type"] in kinds)


@pytest.fixture(params=["modern"])
def flags(request: pytest.FixtureRequest) -> Iterator[Flags]:
    today = request.param == "modern"
    server = request.getfixturevalue("unleash" if today else "legacy_unleash")
    hands = Hands(server.url, ADMIN_TOKEN if today else LEGACY_LOGIN, request.param)
    for flag in (CACHE, PROMOTION):
        made = {} if today else {"enabled": False, "strategies": [{"name": "default"}]}
        hands.call("POST", hands.features(), {"name": flag, "type": "operational", **made})
    yield Flags(server, hands)
    for flag in (CACHE, PROMOTION) if today else ():  # only today's gives a name away again
        hands.archive(flag)
        hands.call("DELETE", f"/api/admin/archive/{flag}")
    hands.client.close()


@contextmanager
def everything(folder: Path, flags: Flags, road: Road) -> Iterator[tuple[Shop, Forge, Sdk]]:
    """Run it all; the daemon reaches Git by ``road``, carts its flags by the SDK."""
    served: list[Forge] = []

    @contextmanager
    def forge(places: Places) -> Iterator[Mapping[str, Any]]:
        (folder / "git.token").write_text(PASSWORD, "utf-8")
        with (
            Port() as one,
            Port() as other,
            Lighttpd(folder / "lighttpd", folder, one) as web,
            Sshd(folder / "sshd", other) as sshd,
        ):
            served.append(Forge(web, sshd, places.remote))
            yield served[0].block(road)

    with (
        shop(folder, "--rules.alert.resend-delay=1s", forge=forge, flags=flags.block(folder)) as carts,
        Sdk(folder / "sdk", flags.server, carts.site.places.flags, CACHE, PROMOTION) as sdk,
    ):
        yield carts, served[0], sdk


def audited(carts: Shop, forge: Forge) -> list[Commit]:
    """Return what either server shows, which is the same."""
    by_http, by_ssh = (forge.log(road, carts.site.environment) for road in ("http", "ssh"))
    assert by_http == by_ssh
    carts.site.remote.check(BRANCH)
    return by_http


def check_told(carts: Shop, commits: list[Commit], title: str) -> None:
    """Check that the history has the whole story of the one problem, from Alertmanager's word to its end."""
    (problem,) = carts.site.problems()
    assert (problem.service, problem.file["title"], problem.file["state"]) == ("carts", title, "resolved")
    history = [(commit.author, commit.event) for commit in commits]
    assert history.index(("alertmanager", "")) < history.index(("reconciler", "opened"))
    steps = [commit.event for commit in commits if commit.event and commit.event != "evaluated"]
    assert steps == ["opened", "decided", "applied", "remediated"]
    assert {commit.remediation for commit in commits if commit.event} == {problem.id}


def test_slow_carts_are_scaled(tmp_path: Path, flags: Flags) -> None:
    with everything(tmp_path, flags, "ssh") as (carts, forge, _):
        carts.users.ask(BUSY)
        carts.site.until_event("applied")
        assert (carts.pods().wanted, carts.pods().ready) == (2, 2)
        carts.site.until_event("remediated")
        carts.until_silent()
        commits = audited(carts, forge)
        check_told(carts, commits, promises.SLOW)
        decided = next(commit for commit in commits if commit.event == "decided")
        assert decided.id.startswith(carts.pods().commit)
        assert not flags.hands.enabled(CACHE)


@pytest.mark.parametrize("flags", ["modern", "legacy"], indirect=True)
def test_a_promotion_that_fails_is_switched_off_in_unleash(tmp_path: Path, flags: Flags) -> None:
    flags.hands.switch(PROMOTION, on=True)
    with everything(tmp_path, flags, "http") as (carts, forge, sdk):
        sdk.until(PROMOTION, on=True)
        carts.users.ask(BARGAINS)
        carts.site.until_event("applied")
        assert not flags.hands.enabled(PROMOTION)
        carts.site.until_event("remediated")
        assert not sdk.enabled(PROMOTION)
        carts.until_silent()
        commits = audited(carts, forge)
        check_told(carts, commits, promises.FAILING)
        # Unleash says which commit switched it, and for what.
        (problem,) = carts.site.problems()
        where = "production" if flags.hands.generation == "modern" else "all"
        recorded = {(tag["type"], tag["value"]) for tag in flags.switched_off()["tags"]}
        for tags in (flags.hands.tags(PROMOTION), recorded):
            kept = marks.decode(where, [value for kind, value in tags if kind == marks.TAG_TYPE])
            assert kept is not None
            assert (kept.value, kept.note) == (False, problem.id)
            assert [each.event for each in commits if each.id.startswith(kept.mark.commit)] == ["decided"]
