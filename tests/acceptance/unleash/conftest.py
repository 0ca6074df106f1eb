"""Real flag servers, one of each generation for a file's tests, and the doubles beside them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.ports import Port
from tests.acceptance.unleash.processes import (
    ADMIN_TOKEN,
    CLIENT_TOKENS,
    LEGACY_LOGIN,
    LegacyUnleash,
    Postgres,
    Unleash,
    databases,
)
from tests.targets.unleash.conftest import double, doubled, legacy_double, legacy_doubled, no_proxy
from tests.targets.unleash.site import Generation, Site

__all__ = ["double", "doubled", "legacy_double", "legacy_doubled", "no_proxy"]

KINDS = ("double", "real")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with databases("today", "legacy") as server:
        yield server


@pytest.fixture(scope="module")
def unleash(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unleash]:
    with Port() as port, Unleash(tmp_path_factory.mktemp("unleash"), port, postgres.database("today")) as server:
        yield server


@pytest.fixture(scope="module")
def legacy_unleash(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LegacyUnleash]:
    with Port() as port, LegacyUnleash(tmp_path_factory.mktemp("legacy"), port, postgres.database("legacy")) as server:
        yield server


@pytest.fixture
def real(unleash: Unleash) -> Iterator[Site]:
    """Today's real server as a site."""
    made = Site(unleash.url, ADMIN_TOKEN, "modern", CLIENT_TOKENS["production"])
    yield made
    made.close()


@pytest.fixture
def legacy_real(legacy_unleash: LegacyUnleash) -> Iterator[Site]:
    """The real server of Keptn's time as a site."""
    made = Site(legacy_unleash.url, LEGACY_LOGIN, "legacy")
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def modern(request: pytest.FixtureRequest) -> Site:
    return _site(request, "modern", request.param)


@pytest.fixture(params=KINDS)
def legacy(request: pytest.FixtureRequest) -> Site:
    return _site(request, "legacy", request.param)


@pytest.fixture(params=[f"{generation} {kind}" for generation in ("modern", "legacy") for kind in KINDS])
def site(request: pytest.FixtureRequest) -> Site:
    generation, _, kind = request.param.partition(" ")
    return _site(request, "legacy" if generation == "legacy" else "modern", kind)


def _site(request: pytest.FixtureRequest, generation: Generation, kind: str) -> Site:
    prefix = "" if generation == "modern" else "legacy_"
    made: Site = request.getfixturevalue(f"{prefix}{'doubled' if kind == 'double' else 'real'}")
    return made
