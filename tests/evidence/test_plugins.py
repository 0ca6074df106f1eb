"""A provider of somebody else's package, found by its entry point."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.evidence.plugins import load_plugin
from reconciler.evidence.providers import Providers
from reconciler.model.errors import ConfigError
from reconciler.model.measures import Measure, MeasuresFact, Query
from tests.evidence.wanting import want

CODE = """
from pathlib import Path
from reconciler.evidence.protocol import Asked
from reconciler.model.errors import ConfigError
from reconciler.model.measures import Measure

class Constant:
    def __init__(self, name, value):
        self.name, self.value = name, value
    def knows(self, sli):
        return False
    def measure(self, asked):
        return Measure(asked.sli, self.value * len(asked.query))
    def close(self):
        return None

def provider(settings, folder):
    if "file" not in settings:
        raise ConfigError("`constant` needs `file`")
    return Constant("constant", float((folder / settings["file"]).read_text()))

def broken(settings, folder):
    return settings['url']

def liar(settings, folder):
    return Constant("another", 1.0)
"""
Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """`install("name = module:object")` puts a distribution with this entry point on the path."""

    def distribution(line: str) -> None:
        name = line.partition(" ")[0]
        info = tmp_path / f"reconciler_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: reconciler-{name}\nVersion: 1.0\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[reconciler.evidence]\n{line}\n", "utf-8")

    (tmp_path / "constant_provider.py").write_text(CODE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "constant_provider", raising=False)
    return distribution


def test_an_installed_provider_measures(install: Install, tmp_path: Path) -> None:
    install("constant = constant_provider:provider")
    (tmp_path / "value.txt").write_text("2.5", "utf-8")
    evidence = Providers([load_plugin("constant", {"file": "value.txt"}, tmp_path)])
    fact = evidence.measure(want(Query("x", (("constant", "four"),))))
    evidence.close()
    assert fact == MeasuresFact((Measure("x", 10.0, provider="constant"),))


def test_wrong_settings_are_the_plugins_to_refuse(install: Install, tmp_path: Path) -> None:
    install("constant = constant_provider:provider")
    with pytest.raises(ConfigError, match="needs `file`"):
        load_plugin("constant", {}, tmp_path)


def test_one_that_is_not_installed_is_told_with_those_that_are(install: Install, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no SLI provider `influx` is installed \(install a package"):
        load_plugin("influx", {}, tmp_path)
    install("constant = constant_provider:provider")
    with pytest.raises(ConfigError, match=r"no SLI provider `influx` is installed \(installed are: constant\)"):
        load_plugin("influx", {}, tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "constant = no_such_module:provider",
        "constant = constant_provider:nothing",
        "constant = constant_provider:broken",
    ],
)
def test_one_that_cannot_be_loaded_is_told(install: Install, tmp_path: Path, line: str) -> None:
    install(line)
    with pytest.raises(ConfigError, match="the SLI provider `constant` cannot be made"):
        load_plugin("constant", {}, tmp_path)


def test_one_with_another_name_is_refused(install: Install, tmp_path: Path) -> None:
    install("constant = constant_provider:liar")
    with pytest.raises(ConfigError, match="calls itself `another`"):
        load_plugin("constant", {}, tmp_path)
