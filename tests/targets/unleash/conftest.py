"""The sites that the tests of the Unleash target run against: doubles always, real servers where there are some."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from reconciler.embedded.unleash import ADMIN_TOKEN, CLIENT_TOKEN, LEGACY_LOGIN, UnleashDouble
from tests.targets.unleash.site import Generation, Site

_VARIABLES: dict[Generation, tuple[str, str]] = {
    "modern": ("RECONCILER_UNLEASH_URL", "RECONCILER_UNLEASH_TOKEN"),
    "legacy": ("RECONCILER_UNLEASH_LEGACY_URL", "RECONCILER_UNLEASH_LEGACY_LOGIN"),
}


def _kinds(generation: Generation) -> list[str]:
    """Return which servers of a generation there are: the double, and a real one where the environment names it."""
    return ["double", "real"] if all(os.environ.get(name) for name in _VARIABLES[generation]) else ["double"]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is reached directly, whatever the machine's settings are."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def double() -> Iterator[UnleashDouble]:
    with UnleashDouble("modern") as made:
        yield made


@pytest.fixture
def legacy_double() -> Iterator[UnleashDouble]:
    with UnleashDouble("legacy") as made:
        yield made


@pytest.fixture
def doubled(double: UnleashDouble) -> Iterator[Site]:
    """Today's double as a site."""
    yield from _open(Site(double.url, ADMIN_TOKEN, "modern", CLIENT_TOKEN))


@pytest.fixture
def legacy_doubled(legacy_double: UnleashDouble) -> Iterator[Site]:
    """The double of Keptn's time as a site."""
    yield from _open(Site(legacy_double.url, LEGACY_LOGIN, "legacy"))


@pytest.fixture(params=_kinds("modern"))
def modern(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Today's Unleash."""
    yield from _either(request, request.param, "modern")


@pytest.fixture(params=_kinds("legacy"))
def legacy(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Unleash of Keptn's time."""
    yield from _either(request, request.param, "legacy")


@pytest.fixture(params=[f"{generation} {kind}" for generation in _VARIABLES for kind in _kinds(generation)])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Any of them."""
    generation, _, kind = request.param.partition(" ")
    yield from _either(request, kind, "modern" if generation == "modern" else "legacy")


def _either(request: pytest.FixtureRequest, kind: str, generation: Generation) -> Iterator[Site]:
    if kind == "double":
        yield request.getfixturevalue("doubled" if generation == "modern" else "legacy_doubled")
        return
    url, secret = (os.environ[name] for name in _VARIABLES[generation])
    yield from _open(Site(url, secret, generation, os.environ.get("RECONCILER_UNLEASH_CLIENT_TOKEN", "")))


def _open(made: Site) -> Iterator[Site]:
    yield made
    made.close()
