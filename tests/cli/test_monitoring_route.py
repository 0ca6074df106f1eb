"""`reconciler monitoring prometheus --alertmanager`: the address, the token's file, and whose the folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Reconciler, Result
from tests.cli.test_monitoring import CONFIG, read

URL = "http://127.0.0.1:8080/webhooks/alertmanager"


@pytest.fixture
def route(reconciler: Reconciler, clone: Path) -> Any:
    where = ("--repo", clone, "--stage", "production")
    return lambda *more: reconciler("monitoring", "prometheus", *where, "--alertmanager", *more)


def hook(result: Result) -> Any:
    return read(result)["receivers"][1]["webhook_configs"][0]


def test_the_tokens_file_is_named_as_another_program_finds_it(
    route: Any, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clone.parent / "reconciler.yaml").write_text(CONFIG.format(listen="127.0.0.1:8080"), "utf-8")
    monkeypatch.chdir(clone)
    found = hook(route("-c", "../reconciler.yaml"))["http_config"]["authorization"]["credentials_file"]
    assert found == str(clone.parent / "token")


def test_a_link_in_the_way_to_the_tokens_file_is_followed_before_dots_are(
    route: Any, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = clone.parent / "deep" / "elsewhere"
    elsewhere.mkdir(parents=True)
    (clone.parent / "deep" / "reconciler.yaml").write_text(CONFIG.format(listen="127.0.0.1:8080"), "utf-8")
    (clone.parent / "link").symlink_to(elsewhere)
    found = hook(route("-c", clone.parent / "link" / ".." / "reconciler.yaml"))
    assert found["http_config"]["authorization"]["credentials_file"] == str(clone.parent / "deep" / "token")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", URL])
def test_a_path_that_was_forgotten_is_added(route: Any, url: str) -> None:
    result = route("--url", url)
    assert (hook(result)["url"], result.err) == (URL, "")


def test_another_path_is_a_proxys_and_is_told(route: Any) -> None:
    result = route("--url", "http://127.0.0.1:8080/hooks")
    assert hook(result)["url"] == "http://127.0.0.1:8080/hooks"
    assert "warning: the daemon serves /webhooks/alertmanager, and --url names /hooks" in result.err
    assert route("--url", "http://127.0.0.1/reconciler/webhooks/alertmanager").err == ""


def test_a_folder_of_another_project_is_said_to_be_its_own(route: Any, tmp_path: Path) -> None:
    assert route("--url", URL, "--apply", "--to", tmp_path).code == 0
    file = tmp_path / "alertmanager.yml"
    file.write_text(file.read_text("utf-8").replace("for shop.", "for books."), "utf-8")
    result = route("--url", URL, "--apply", "--to", tmp_path)
    assert result.code == 2
    assert f"{file} is that of books, so it is not overwritten" in result.err
    assert "each needs a folder of its own, by `--to`" in result.err
