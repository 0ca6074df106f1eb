"""Faults of an Unleash server: rows U1 to U4, through the whole loop."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from reconciler.daemon.agenda import HELD
from reconciler.embedded.unleash import ADMIN_TOKEN, Account, Fault, UnleashDouble
from reconciler.embedded.unleash.world import ADMIN
from tests.daemon.site import until
from tests.faults.effects import ROBOT
from tests.faults.invariants import Scene
from tests.targets.dripping import dripping

TOKEN = "tok-4711-of-flags"
CACHE, PROMOTION = "EnableItemsCache", "EnablePromotion"
TITLE = {CACHE: "Items are slow", PROMOTION: "Promotions fail"}


def playbook(flag: str, state: str = "on") -> str:
    return f'remediations:\n- {{name: {TITLE[flag]}, actions: [{{action: featuretoggle, value: "{flag}:{state}"}}]}}\n'


@dataclass
class Flags:
    """A flag server with two flags that are off, and the services `carts` and `orders`, which each turn one on."""

    scene: Scene
    double: UnleashDouble

    def enabled(self, flag: str) -> bool:
        with self.double.world.lock:
            return self.double.world.flags[flag].places["production"].enabled

    def by_hand(self, flag: str, *, on: bool) -> None:
        with self.double.world.lock:
            self.double.world.switch(ADMIN, self.double.world.flags[flag], "production", on)

    def switches(self, flag: str) -> list[str]:
        """Return what was asked to be switched, done or not."""
        asked = [exchange.target for exchange in list(self.double.journal) if exchange.method == "POST"]
        return [target.rpartition("/")[2] for target in asked if f"/features/{flag}/environments/" in target]

    def reach(self, url: str, more: str = "") -> None:
        """Reach the flag server here."""
        config = self.scene.site.config
        text = config.read_text()
        begin = text.index("flags: {")
        end = text.index("}", begin) + 1
        config.write_text(f"{text[:begin]}flags: {{kind: unleash, url: '{url}', tokenFile: flags{more}}}{text[end:]}")

    def problem(self, flag: str) -> None:
        self.scene.problem(flag.lower(), TITLE[flag], "carts" if flag == CACHE else "orders")

    def told(self, flag: str, name: str) -> str:
        """Return a file of the remediation for this flag, on one line."""
        service = "carts" if flag == CACHE else "orders"
        return " ".join(
            (self.scene.site.file(f"ops/production/{service}/remediations/{flag.lower()}/{name}") or "").split()
        )

    def last(self, event: str) -> Callable[[], bool]:
        return lambda: self.scene.site.events()[-1:] == [event]


@pytest.fixture
def flags(scene: Scene) -> Iterator[Flags]:
    with UnleashDouble("modern") as double:
        double.world.accounts[TOKEN] = Account(7, ROBOT)
        for name in (CACHE, PROMOTION):
            double.world.create(ADMIN, "default", name, "release", None)
        scene.watch_flags(double)
        scene.servers.know("Unleash", lambda: double.journal)
        scene.plant(TOKEN, "Unleash")
        scene.plant(ADMIN_TOKEN)
        (scene.site.folder / "flags").write_text(TOKEN)
        made = Flags(scene, double)
        made.reach(double.url)
        scene.person({"carts/remediation.yaml": playbook(CACHE), "orders/remediation.yaml": playbook(PROMOTION)})
        yield made


def others_go_on(flags: Flags) -> None:
    """See that the flag which is not concerned has been turned on, once."""
    assert flags.enabled(PROMOTION)
    assert flags.switches(PROMOTION) == ["on"]


# U1


CHANGE_REQUEST = (
    '{"name":"PermissionError","message":"You need to create a change request in order to update this flag"}'
)
ARCHIVED = '{"name":"ArchivedFeatureError","message":"Cannot perform this operation on archived features"}'


@pytest.mark.parametrize(
    ("status", "body", "reason", "hint"),
    [
        (403, CHANGE_REQUEST, "is not allowed (403", "the environment wants change requests"),
        (409, ARCHIVED, "archived features", "revive the flag in Unleash"),
        (400, "{}", "was refused (400", "look at the flag in Unleash"),
    ],
    ids=["403 change request needed", "409 archived", "400"],
)
def test_u1_what_is_refused_is_told_of_that_flag_and_not_tried_again(
    flags: Flags, status: int, body: str, reason: str, hint: str
) -> None:
    flags.double.faults.append(
        Fault("status", method="POST", part=f"/{CACHE}/environments", times=None, status=status, body=body)
    )
    flags.problem(CACHE)
    flags.problem(PROMOTION)
    with flags.scene.site.loop() as loop:
        until(loop, lambda: {"escalated", "applied"} <= set(flags.scene.site.events()), "both are dealt with")
        loop.look_at_everything()
        assert loop.tick() == ()
    failed = flags.told(CACHE, "03-failed.yaml")
    assert reason in failed
    assert hint in failed
    assert flags.switches(CACHE) == ["on"]
    assert not flags.enabled(CACHE)
    others_go_on(flags)


@pytest.mark.parametrize(
    ("settings", "action", "reason"),
    [
        ("", "EnableItemCache", f'hint: "did you mean {CACHE}?'),
        ("flags: {environment: productoin}\n", CACHE, "has no environment 'productoin'"),
        ("flags: {project: defualt}\n", CACHE, "no project defualt on"),
    ],
    ids=["flag", "environment", "project"],
)
def test_u1_404_says_what_is_not_there(flags: Flags, settings: str, action: str, reason: str) -> None:
    scene = flags.scene
    config = scene.site.config
    allowed = "{flagProjects: [default, defualt], flagEnvironments: [production, productoin]}"
    config.write_text(f"{config.read_text()}        allow: {allowed}\n")
    files: dict[str, str | None] = {"carts/remediation.yaml": playbook(CACHE).replace(CACHE, action)}
    scene.person({**files, "carts/service.yaml": settings} if settings else files)
    flags.problem(CACHE)
    flags.problem(PROMOTION)
    with scene.site.loop() as loop:
        until(loop, lambda: {"escalated", "applied"} <= set(scene.site.events()), "both are dealt with")
    assert reason in flags.told(CACHE, "02-failed.yaml")
    assert flags.switches(CACHE) == []
    others_go_on(flags)


def test_u1_401_is_told_and_a_new_token_is_read_by_itself(flags: Flags) -> None:
    scene = flags.scene
    del flags.double.world.accounts[TOKEN]
    flags.problem(CACHE)
    with scene.site.loop() as loop:
        until(loop, flags.last("escalated"), "a person is told")
        assert "does not accept the credentials (401)" in flags.told(CACHE, "02-failed.yaml")
        assert flags.double.writes() == []
        scene.plant("tok-4712-of-flags", "Unleash")
        flags.double.world.accounts["tok-4712-of-flags"] = Account(7, ROBOT)
        (scene.site.folder / "flags").write_text("tok-4712-of-flags")
        flags.problem(PROMOTION)
        until(loop, flags.last("applied"), "applied with the new token")
    others_go_on(flags)


def test_u1_a_server_that_is_down_is_blind_and_the_cluster_goes_on(flags: Flags) -> None:
    scene = flags.scene
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        flags.reach(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        flags.problem(CACHE)
        with scene.site.loop() as loop:
            until(loop, flags.last("held"), "held while blind")
            assert "cannot be reached" in flags.told(CACHE, "02-held.yaml")
            with scene.blind(loop, "cannot be reached"):
                scene.site.later(HELD)
                loop.tick()
            scale = "remediations:\n- {name: Too many orders, actions: [{action: scaling, value: +1}]}\n"
            scene.person({"carts/remediation.yaml": playbook(CACHE) + scale.partition("\n")[2]})
            scene.problem("many", "Too many orders")
            until(loop, lambda: scene.site.replicas() == 2, "scaled")
    flags.reach(flags.double.url)
    with scene.site.loop() as loop:
        until(loop, lambda: flags.enabled(CACHE), "goes on when it is back")
        until(loop, lambda: scene.site.events().count("applied") == 2, "recorded")
    assert flags.switches(CACHE) == ["on"]


@pytest.mark.parametrize("kind", ["hang", "drip", "503"])
def test_u1_a_flag_that_is_slow_or_broken_holds_no_other(flags: Flags, kind: str) -> None:
    scene = flags.scene
    flags.reach(flags.double.url, ", deadline: 1s")
    faults = {"hang": Fault("hang", times=None), "drip": Fault("drip", times=None)}
    fault = faults.get(kind, Fault("status", times=None))
    fault.part = f"/features/{CACHE}"
    flags.double.faults.append(fault)
    flags.problem(CACHE)
    flags.problem(PROMOTION)
    with scene.site.loop() as loop:
        until(loop, lambda: {"held", "applied"} <= set(scene.site.events()), "the one is held, the other goes on")
        others_go_on(flags)
        assert flags.switches(CACHE) == []
        assert 'condition: "blind"' in flags.told(CACHE, "02-held.yaml")
        flags.double.faults.clear()
        scene.site.later(HELD)
        until(loop, lambda: scene.site.events().count("applied") == 2, "goes on")
    assert flags.switches(CACHE) == ["on"]


def test_u1_a_server_whose_headers_drip_is_blind(flags: Flags) -> None:
    scene = flags.scene
    flags.problem(CACHE)
    with dripping("headers") as url:
        flags.reach(url, ", deadline: 1s")
        with scene.site.loop() as loop:
            until(loop, flags.last("held"), "held while blind")
        assert "did not answer within" in flags.told(CACHE, "02-held.yaml")
    flags.reach(flags.double.url)
    with scene.site.loop() as loop:
        until(loop, flags.last("applied"), "applied")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_u1_429_is_obeyed(flags: Flags, method: str) -> None:
    scene = flags.scene
    flags.double.faults.append(
        Fault("status", method=method, part=f"/{CACHE}", status=429, headers={"Retry-After": "120"}, body="slow down")
    )
    flags.problem(CACHE)
    with scene.site.loop() as loop:
        until(loop, lambda: "production/unseen" in loop.conditions, "told to slow down")
        assert any(exchange.status == 429 for exchange in list(flags.double.journal))
        asked = len(flags.double.journal)
        with scene.blind(loop, "asked to be left alone"):
            for _ in range(5):
                scene.site.later(HELD)
                loop.look_at_everything()
                loop.tick()
        assert len(flags.double.journal) == asked
    with scene.site.loop() as loop:  # another process has heard nothing of it
        loop.tick()
        scene.site.later(HELD)
        until(loop, flags.last("applied"), "applied")
    assert flags.switches(CACHE) == (["on"] if method == "GET" else ["on", "on"])


# U2


@pytest.mark.parametrize(
    ("policy", "event", "on"), [("", "held", False), ("adopt", "drift", False), ("repair", "applied", True)]
)
def test_u2_a_flag_that_is_flipped_by_hand_follows_the_policy_and_is_recorded(
    flags: Flags, policy: str, event: str, on: bool
) -> None:
    scene = flags.scene
    if policy:
        scene.person({"stage.yaml": f"drift: {{person: {policy}}}\n"}, "how drift is dealt with")
    flags.problem(CACHE)
    with scene.site.loop() as loop:
        until(loop, flags.last("applied"), "applied")
        flags.by_hand(CACHE, on=False)
        loop.look_at_everything()
        until(loop, lambda: len(scene.site.events()) > 3 and scene.site.events()[-1] == event, f"ends as {event}")
        loop.look_at_everything()
        assert loop.tick() == ()
    assert flags.enabled(CACHE) == on
    assert flags.switches(CACHE) == (["on", "on"] if on else ["on"])
    said = flags.told(CACHE, f"04-{'held' if event == 'held' else 'drift'}.yaml")
    assert 'manager: "admin"' in said


# U3


def test_u3_of_two_that_want_opposite_values_the_earlier_stands(flags: Flags) -> None:
    scene = flags.scene
    scene.person({"orders/remediation.yaml": playbook(PROMOTION).replace(f"{PROMOTION}:on", f"{CACHE}:off")})
    flags.problem(CACHE)
    with scene.site.loop() as loop:
        until(loop, flags.last("applied"), "the earlier one took effect")
        flags.problem(PROMOTION)
        until(loop, flags.last("held"), "the later one is held")
        held = flags.told(PROMOTION, "02-held.yaml")
        assert 'condition: "conflict"' in held
        assert f"flag {CACHE} is claimed by carts" in held
        loop.look_at_everything()
        assert loop.tick() == ()
    assert flags.enabled(CACHE)
    assert flags.switches(CACHE) == ["on"]


def test_u3_in_one_service_too(flags: Flags) -> None:
    scene = flags.scene
    off = playbook(PROMOTION).replace(f"{PROMOTION}:on", f"{CACHE}:off").partition("\n")[2]
    scene.person({"carts/remediation.yaml": playbook(CACHE) + off})
    flags.problem(CACHE)
    scene.problem("later", TITLE[PROMOTION])
    with scene.site.loop() as loop:
        until(loop, lambda: {"applied", "held"} <= set(scene.site.events()), "the later one is held")
        loop.look_at_everything()
        assert loop.tick() == ()
    assert flags.enabled(CACHE)
    assert flags.switches(CACHE) == ["on"]


# U4


def test_u4_an_answer_that_is_lost_is_read_back(flags: Flags) -> None:
    flags.double.faults.append(Fault("lost", method="POST", part="/on"))
    flags.problem(CACHE)
    with flags.scene.site.loop() as loop:
        until(loop, flags.last("applied"), "applied")
    assert flags.switches(CACHE) == ["on"]
    assert flags.scene.site.events() == ["opened", "decided", "applied"]


def test_u4_where_it_cannot_be_read_back_nothing_is_sent_until_it_can(flags: Flags) -> None:
    """The switch is done, its answer is lost, and then the server is away; another process finds what was done."""
    scene, faults = flags.scene, flags.double.faults

    def away() -> None:
        faults.append(Fault("reset", times=None))

    faults.append(Fault("lost", method="POST", part="/on"))
    noted = flags.double._note

    def note(request: object, status: int) -> None:
        noted(request, status)  # type: ignore[arg-type]
        if flags.switches(CACHE) and len(faults) == 1:
            away()

    setattr(flags.double, "_note", note)  # noqa: B010 - the double knows of no listeners
    flags.problem(CACHE)
    with scene.site.loop() as loop:
        until(loop, lambda: flags.switches(CACHE) == ["on"] and "production/unseen" in loop.conditions, "blind")
        with scene.blind(loop, "broke off"):
            for _ in range(3):
                scene.site.later(HELD)
                loop.tick()
        assert flags.switches(CACHE) == ["on"]
    faults.clear()
    with scene.site.loop() as loop:
        until(loop, flags.last("applied"), "applied")
    assert flags.switches(CACHE) == ["on"]
