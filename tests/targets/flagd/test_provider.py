"""The real OpenFeature flagd provider reads the file that we write: what applications see."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.contrib.provider import flagd
from openfeature.contrib.provider.flagd import config

from reconciler.model.targets import Effect, Mark, Target
from reconciler.targets.flagd import FlagdFile

FLAG = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    other = {**FLAG, "defaultVariant": "on", "metadata": {"owner": "orders"}}
    path.write_text(json.dumps({"flags": {"EnableItemsCache": FLAG, "EnablePromotion": other}}, indent=2), "utf-8")
    return path


@pytest.fixture
def client(file: Path) -> Iterator[Any]:
    provider = flagd.FlagdProvider(
        resolver_type=config.ResolverType.FILE, offline_flag_source_path=str(file), deadline_ms=10
    )
    api.set_provider_and_wait(provider)
    yield api.get_client()
    api.shutdown()
    for thread in threading.enumerate():
        if thread.name == "FlagdFileWatcherWorkerThread":
            thread.join(10)


def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, for 10 s at most."""
    never = threading.Event()
    return any(condition() or never.wait(0.005) for _ in range(2000))


def sees(client: Any, value: bool) -> Callable[[], bool]:
    return lambda: client.get_boolean_value("EnableItemsCache", not value) is value


def apply(file: Path, value: bool, sequence: int) -> None:
    target = Target("flags", "default/production", "Flag", "EnableItemsCache")
    mark = Mark("sockshop/production/carts", sequence, "3f2c9d1a5b6c")
    FlagdFile(file).apply(Effect(target, "enabled", value, mark, "carts-4711"))


def test_applications_see_on_and_off_and_why(file: Path, client: Any) -> None:
    assert client.get_boolean_value("EnableItemsCache", True) is False
    for sequence, value in enumerate((True, False, True), 128):
        apply(file, value, sequence)
        assert until(sees(client, value))
    details = client.get_boolean_details("EnableItemsCache", False)
    assert details.variant == "on"
    assert details.flag_metadata == {
        "reconciler.owner": "sockshop/production/carts",
        "reconciler.step": "130:3f2c9d1a5b6c",
        "reconciler.value": True,
        "reason": "carts-4711",
    }


def test_other_flags_are_what_they_were(file: Path, client: Any) -> None:
    before = client.get_boolean_details("EnablePromotion", False)
    apply(file, True, 1)
    assert until(sees(client, True))
    after = client.get_boolean_details("EnablePromotion", False)
    assert (after.value, after.variant, after.flag_metadata) == (before.value, before.variant, before.flag_metadata)
    assert after.value is True
