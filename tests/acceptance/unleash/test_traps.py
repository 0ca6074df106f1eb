"""What surprises whoever trusts Unleash too much: "on" that is off for its users, and a server without its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.demo.waiting import NotYetError
from reconciler.model.errors import BlindError
from reconciler.model.targets import FlagFact
from tests.acceptance.servers import PATIENCE
from tests.acceptance.unleash.processes import Postgres, Sdk, Unleash
from tests.targets.unleash.site import Site, effect, seen, unseen, want

NEVER = 3600.0
"""Seconds between two questions of an SDK that is not to ask again."""

_LIVES = 3
"""Times that Unleash is started again where it ends by itself when its database goes away."""


def test_trap_6_a_service_has_old_flags_until_its_sdk_asks_again(real: Site, unleash: Unleash, tmp_path: Path) -> None:
    flag = real.hands.create()
    with (
        Sdk(tmp_path / "slow", unleash, tmp_path / "slow.json", flag, refresh=NEVER) as slow,
        Sdk(tmp_path / "quick", unleash, tmp_path / "quick.json", flag) as quick,
    ):
        assert not slow.enabled(flag)
        assert not quick.enabled(flag)
        assert seen(real.server().apply(effect(flag, True, 1))).enabled
        quick.until(flag, on=True)
        assert not slow.enabled(flag)
        slow.check_alive()


def test_trap_6_a_flag_whose_parent_is_off_is_off_for_the_sdk(real: Site, unleash: Unleash, tmp_path: Path) -> None:
    parent, child, other = (real.hands.create(like) for like in ("Parent", "Child", "Other"))
    server = real.server()
    real.hands.call("POST", f"{real.hands.features(child)}/dependencies", {"feature": parent})
    fact = seen(server.apply(effect(child, True, 1)))
    assert (fact.enabled, parent in fact.caveat) == (True, True)
    with Sdk(tmp_path / "sdk", unleash, tmp_path / "flags.json", child, other) as sdk:
        real.hands.switch(other, on=True)
        sdk.until(other, on=True)
        assert not sdk.enabled(child)
        real.hands.switch(parent, on=True)
        sdk.until(child, on=True)
        assert seen(server.observe(want(child))).caveat == ""


@pytest.mark.parametrize("how", ["gone", "stuck"])
def test_trap_10_without_its_database_it_says_that_it_is_well(
    real: Site, unleash: Unleash, postgres: Postgres, how: str
) -> None:  # fmt: skip
    flag, server = real.hands.create(), real.server(call_seconds=1.0, deadline=2.0)
    for _ in range(_LIVES):
        with away(postgres) if how == "gone" else postgres.stuck():
            assert unseen(server.observe(want(flag))).trouble == "blind"
            with pytest.raises(BlindError):
                server.apply(effect(flag, True, 1))
            said = _health(unleash)
        if said is not None:
            break
        unleash.stop()
        unleash.start()
    assert said == {"health": "GOOD"}

    def back() -> None:
        fact = real.server().observe(want(flag))
        if not isinstance(fact, FlagFact):
            raise NotYetError(str(fact))

    PATIENCE.until("Unleash to have its database again", back, alive=unleash.check_alive)
    assert seen(real.server().apply(effect(flag, True, 1))).enabled


def _health(unleash: Unleash) -> object:
    """Return what it says of itself; None where the loss has ended its process, which happens once in a while."""
    try:
        return unleash.get("/health")
    except NotYetError:
        return None


@contextmanager
def away(postgres: Postgres) -> Iterator[None]:
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()
