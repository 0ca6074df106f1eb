"""`reconciler schemas`: what editors know, listed, printed, and written where they find it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.model.published_schema import PUBLISHED, published
from reconciler.model.schema import load_catalog
from tests.cli.conftest import Reconciler, git


def test_each_schema_is_listed_with_its_files(reconciler: Reconciler) -> None:
    result = reconciler("schemas")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["SCHEMA", "FILES"]
    assert [line.split()[0] for line in lines[1:]] == list(PUBLISHED)
    assert any(line.split() == ["service", "**/service.yaml"] for line in lines)


def test_the_list_as_data(reconciler: Reconciler) -> None:
    listed = json.loads(reconciler("schemas", "-o", "json").out)["schemas"]
    assert [one["name"] for one in listed] == list(PUBLISHED)
    assert listed[0]["id"] == published("command")["$id"]
    assert listed[0]["files"] == ["ops/*/**/commands/*.yaml"]


def test_one_schema_is_printed(reconciler: Reconciler) -> None:
    result = reconciler("schemas", "slo")
    assert (result.code, json.loads(result.out)) == (0, published("slo"))


def test_all_are_written_with_settings_for_the_folder_that_is_open(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reconciler("schemas", "--to", "of/editors").code == 0
    written = {path.name: json.loads(path.read_text("utf-8")) for path in (tmp_path / "of" / "editors").iterdir()}
    settings = written.pop("vscode-settings.json")["yaml.schemas"]
    assert settings["./of/editors/stage.schema.json"] == ["stage.yaml"]
    assert all((tmp_path / path).is_file() for path in settings)
    assert written.pop("catalog.json") == load_catalog()
    assert written == {f"{name}.schema.json": published(name) for name in PUBLISHED}


def test_a_folder_elsewhere_is_named_by_its_address(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert reconciler("schemas", "--to", tmp_path / "there").code == 0
    settings = json.loads((tmp_path / "there" / "vscode-settings.json").read_text("utf-8"))
    assert f"{(tmp_path / 'there').as_uri()}/slo.schema.json" in settings["yaml.schemas"]


def test_writing_again_brings_what_is_new(reconciler: Reconciler, tmp_path: Path) -> None:
    (tmp_path / "stage.schema.json").write_text("{}", "utf-8")
    assert reconciler("schemas", "--to", tmp_path).code == 0
    assert json.loads((tmp_path / "stage.schema.json").read_text("utf-8")) == published("stage")


def test_a_new_repository_has_them_already(reconciler: Reconciler, tmp_path: Path) -> None:
    reconciler("init", tmp_path / "w")
    for branch in ("main", "production"):
        assert json.loads(git(tmp_path / "w", "show", f"{branch}:.schemas/slo.schema.json")) == published("slo")


def test_what_cannot_be_is_told(reconciler: Reconciler, tmp_path: Path) -> None:
    assert reconciler("schemas", "slo", "--to", tmp_path).code == 2
    slip = reconciler("schemas", "stages")
    assert (slip.code, "did you mean `stage`?" in slip.err) == (2, True)
    assert "there are command, problem, " in reconciler("schemas", "nothing").err
    (tmp_path / "file").touch()
    result = reconciler("schemas", "--to", tmp_path / "file" / "inside")
    assert result.code == 2
    assert "cannot be written to" in result.err
    assert "--to" in result.err
