"""An action of another maker: installed it is one like ours, and a bad one is refused with its maker's name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

from reconciler.daemon.plugins import GROUP, maker, registered
from reconciler.decide.actions.contributed import ContributedAction
from reconciler.decide.actions.registry import parse_action, unregister
from reconciler.model.errors import ConfigError, Place, UserError
from reconciler.model.nodes import Scalar
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.world import World

PLAYBOOK = "remediations:\n- name: Payment is down\n  actions:\n  - action: breaker\n    value: {value}\n"
HERE = Place("carts/remediation.yaml", 5, 12)


def reconciler(*words: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1"} | ({"PYTHONPATH": str(path)} if path is not None else {})
    return subprocess.run(
        [sys.executable, "-m", "reconciler", *words], env=environment, capture_output=True, text=True, check=False
    )


def points(folder: Path) -> list[EntryPoint]:
    return [
        point for found in distributions(path=[str(folder)]) for point in found.entry_points if point.group == GROUP
    ]


def package(folder: Path, name: str, where: str, entry_point: str = "breaker") -> Path:
    """Write what an installed package leaves for others to find, by hand."""
    about = folder / f"{name.replace('-', '_')}-2.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.1\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\n{entry_point} = {where}\n")
    return folder


@pytest.fixture
def breaker(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ContributedAction, ...]]:
    """The example's action, registered in this process for one test."""
    monkeypatch.syspath_prepend(str(installed))
    actions = registered(points(installed))
    yield actions
    unregister(actions)
    monkeypatch.delitem(sys.modules, "reconciler_breaker")


# On the command line


def test_validate_takes_it_where_it_is_installed_and_nowhere_else(installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "remediation.yaml"
    file.write_text(PLAYBOOK.replace("{value}", "payment"))
    without = reconciler("validate", str(file))
    assert without.returncode == 1
    assert "unknown action 'breaker'" in without.stdout
    assert "install the package that brings it" in without.stdout
    assert reconciler("validate", str(file), path=installed).returncode == 0
    file.write_text(PLAYBOOK.replace("{value}", "[payment]"))
    wrong = reconciler("validate", str(file), path=installed)
    assert wrong.returncode == 1
    assert f"{file.name}:5:12" in wrong.stdout
    assert "breaker needs the name of a dependency" in wrong.stdout


def test_version_names_it_and_its_maker(installed: Path) -> None:
    done = reconciler("version", "-o", "json", path=installed)
    assert {"name": "breaker", "from": "reconciler-breaker 1.0"} in json.loads(done.stdout)["actions"]


@pytest.mark.parametrize("words", [("validate", "{file}"), ("reconcile", "-c", "{config}"), ("plan", "-c", "{config}")])
def test_a_broken_one_is_refused_with_its_makers_name(tmp_path: Path, words: tuple[str, ...]) -> None:
    file, config = tmp_path / "remediation.yaml", tmp_path / "reconciler.yaml"
    file.write_text("remediations: []\n")
    config.write_text("projects: {sockshop: {repository: {url: remote.git}}}\n")
    site = package(tmp_path / "site", "reconciler-rival", "reconciler_rival_is_gone:action")
    done = reconciler(*(word.format(file=file, config=config) for word in words), path=site)
    assert done.returncode == 2
    assert "the action `breaker` of reconciler-rival 2.1 cannot be loaded: ModuleNotFoundError" in done.stderr
    assert "uninstall it" in done.stderr


def test_help_and_version_work_with_a_broken_one(tmp_path: Path) -> None:
    site = package(tmp_path / "site", "reconciler-rival", "reconciler_rival_is_gone:action")
    assert reconciler("--help", path=site).returncode == 0
    assert "reconciler-rival 2.1" in reconciler("version", "-o", "json", path=site).stdout


# Loading


def test_two_packages_with_one_name_are_refused_and_both_are_named(installed: Path, tmp_path: Path) -> None:
    site = package(tmp_path / "site", "reconciler-rival", "reconciler_breaker:action")
    done = reconciler("validate", str(tmp_path), path=Path(f"{installed}:{site}"))
    assert done.returncode == 2
    assert "reconciler-rival 2.1 brings an action called 'breaker', and so does reconciler-breaker 1.0" in done.stderr


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise SystemExit(7)", "SystemExit: 7"),
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
        ("", "AttributeError"),
        ("class action: names = ('rival',)", "class action"),
        ("action = 7", "without `names`"),
        (
            "class A:\n    names = ('scaling',)\n    def parse(self, value, place): ...\naction = A()",
            "reconciler itself",
        ),
    ],
)
def test_whatever_is_wrong_with_one_is_an_error_with_its_makers_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, told: str
) -> None:
    site = package(tmp_path / "site", "reconciler-rival", "reconciler_rival:action", "rival")
    (site / "reconciler_rival.py").write_text(source)
    monkeypatch.syspath_prepend(str(site))
    try:
        with pytest.raises(ConfigError) as caught:
            registered(points(site))
    finally:
        sys.modules.pop("reconciler_rival", None)
    assert "reconciler-rival 2.1" in str(caught.value)
    assert told in str(caught.value)
    assert caught.value.hint
    with pytest.raises(UserError):
        parse_action("rival", None, HERE)


def test_a_maker_is_a_distribution_with_its_version(installed: Path) -> None:
    (point,) = points(installed)
    assert maker(point) == "reconciler-breaker 1.0"
    assert "without a name" in maker(EntryPoint("x", "y:z", GROUP))


# Deciding


def test_it_is_parsed_as_it_says(breaker: tuple[ContributedAction, ...]) -> None:
    assert [each.names for each in breaker] == [("breaker",)]
    assert parse_action("breaker", Scalar("payment", False, HERE), HERE).written == "breaker payment"
    with pytest.raises(UserError, match="name of a dependency") as caught:
        parse_action("breaker", Scalar("Payment!", False, HERE), HERE)
    assert caught.value.place == HERE


@pytest.mark.usefixtures("breaker")
def test_it_is_decided_and_applied_like_one_of_ours() -> None:
    world = World(playbook(entry("Payment is down", "breaker payment")))
    world.around.flags["breaker-payment"] = Flag()
    world.open("p1", "Payment is down")
    world.tick()
    assert world.events("p1")[:3] == ["opened", "decided", "applied"]
    assert world.flag("breaker-payment")
    assert world.last("p1").subject
    decided = next(step for step in world.steps if step.event == "decided")
    assert decided.subject == "carts: open the breaker to payment (Payment is down)"
    assert decided.data["action"] == "breaker payment"


@pytest.mark.usefixtures("breaker")
def test_it_fails_like_one_of_ours() -> None:
    world = World(playbook(entry("Payment is down", "breaker payment")))
    world.open("p1", "Payment is down")
    world.tick()
    failed = next(step for step in world.steps if step.event == "failed")
    assert "breaker-payment" in failed.body


def test_one_that_was_uninstalled_meanwhile_fails_and_the_loop_goes_on(breaker: tuple[ContributedAction, ...]) -> None:
    world = World(playbook(entry("Payment is down", "breaker payment")))
    world.around.flags["breaker-payment"] = Flag()
    world.stage_yaml("approval: required\n")
    world.open("p1", "Payment is down")
    world.tick()
    assert world.events("p1") == ["opened", "held"]
    unregister(breaker)
    world.stage_yaml(None)
    world.tick()
    failed = next(step for step in world.steps if step.event == "failed")
    assert "unknown action 'breaker'" in failed.body
    assert world.remediation("p1").ended
    assert not world.flag("breaker-payment")
