"""Folders that the daemon's user may not enter: it is said what is closed, the rest goes on, and nobody dies of it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from reconciler.daemon.service import preview, read_config, reconcile_once
from reconciler.daemon.shortage import as_ours
from reconciler.model.errors import BlindError, ConfigError
from reconciler.model.names import ProjectName
from reconciler.repo import upkeep, watch
from reconciler.repo.directory import Directory
from reconciler.repo.engine import Engine
from reconciler.repo.folders import closed as why_closed
from reconciler.repo.folders import is_folder
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.mirror import Mirror
from reconciler.repo.origin import LocalOrigin
from reconciler.repo.watch import FAST, Watcher
from tests.closed import closed, open_to_all
from tests.daemon.site import eventually

LOG = structlog.get_logger()


@pytest.fixture
def place() -> Iterator[Path]:
    with open_to_all() as folder:
        yield folder


@pytest.fixture
def hidden(place: Path) -> Path:
    (place / "hidden").mkdir()
    subprocess.run(["git", "init", "-q", "--bare", place / "hidden" / "x.git"], check=True, timeout=60)
    return place / "hidden" / "x.git"


def test_what_is_there_and_what_is_closed(place: Path, hidden: Path) -> None:
    (place / "file").touch()
    assert is_folder(hidden)
    assert [why_closed(each) for each in (hidden, place / "none", place / "file")] == ["", "", ""]
    with closed(hidden.parent):
        assert not is_folder(hidden)
        assert why_closed(hidden) == "permission denied"


def test_a_project_whose_repository_is_closed_is_held_and_says_so(place: Path, hidden: Path) -> None:
    file = place / "reconciler.yaml"
    file.write_text(
        f"stateDir: {place}/state\nprojects:\n  other: {{repository: {{url: {hidden}}}, stages: {{a: {{}}}}}}\n"
    )
    file.chmod(0o644)
    config = read_config(file)
    with closed(hidden.parent):
        found = reconcile_once(config, LOG)[ProjectName("other")]
        assert found.conditions["project"].startswith(f"{hidden} cannot be looked into: permission denied")
        with pytest.raises(BlindError, match="permission denied"):
            preview(config, LOG)
    with closed(hidden), pytest.raises(BlindError, match="permission denied"):
        Mirror.open(place / "m", str(hidden))


def test_a_state_folder_that_is_closed(place: Path, hidden: Path) -> None:
    (place / "state").mkdir()
    with closed(place / "state"), pytest.raises(ConfigError, match="state/m cannot be looked into") as told:
        upkeep.is_ours(place / "state" / "m")
    assert "stateDir" in told.value.hint


def test_a_repository_that_is_closed_while_it_is_used(place: Path, hidden: Path) -> None:
    with Mirror.open(place / "m", str(hidden)) as mirror:
        (place / "m").chmod(0o755)
        with closed(hidden.parent):
            with pytest.raises(BlindError, match="cannot be read"):
                mirror.heads()
            with pytest.raises(BlindError, match="cannot be read"):
                LocalRefs(hidden).below("refs/heads/")
        engine: Engine = mirror._engine
        directory = Directory(place / "m", engine, LocalOrigin(hidden))
        with closed(hidden.parent), pytest.raises(BlindError, match="cannot be looked into: permission denied"):
            directory.remake("broken")


def test_the_watch_of_a_folder_that_is_closed_goes_on_and_finds_it_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_REARM_SECONDS", 0.2)
    (place / "hidden" / "watched").mkdir(parents=True)
    woken = threading.Event()
    with Watcher([place / "hidden" / "watched"], woken.set, pace=FAST) as watcher:
        assert watcher.wait_until_armed(60.0)
        with closed(place / "hidden"):
            eventually(lambda: not watcher.wait_until_armed(0.0), "the watch ends")
        assert watcher.wait_until_armed(60.0)
        woken.clear()
        (place / "hidden" / "watched" / "new").touch()
        assert woken.wait(60.0)


def test_what_else_is_closed_is_no_shortage() -> None:
    told = as_ours(PermissionError(13, "Permission denied", "/x/y"))
    assert told.message == "/x/y is closed to the daemon's user: permission denied"
    assert "into it" in told.hint
