"""The hook for pre-commit: when it runs, and that what it runs stops a commit that cannot be used."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.template_clone import Clone, laid_out

FILE = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"


@pytest.fixture
def hook() -> dict[str, Any]:
    (found,) = YAML(typ="safe").load(FILE.read_text("utf-8"))
    return dict(found)


@pytest.mark.parametrize(
    ("path", "runs"),
    [
        ("stage.yaml", True), ("carts/prometheus/sli.yaml", True), ("carts/slo.yml", True), ("Project.yaml", True),
        ("carts/slo.yaml.orig", True), ("carts/slo.yaml~", True), ("README.md", False), ("ci/check.sh", False),
    ],
)  # fmt: skip
def test_it_runs_where_a_file_may_be_ours(hook: dict[str, Any], path: str, runs: bool) -> None:
    assert bool(re.search(hook["files"], path)) is runs


def test_it_stops_what_cannot_be_used_as_pre_commit_runs_it(hook: dict[str, Any], tmp_path: Path) -> None:
    clone: Clone = laid_out(tmp_path)
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    words = [*shlex.split(hook["entry"]), *hook.get("args", [])]
    around = {"GIT_INDEX_FILE": str(clone.folder / ".git" / "index"), "GIT_DIR": ".git", "PRE_COMMIT": "1"}
    assert clone.run(*words, **around).code == 0
    (clone.folder / "carts" / "service.yaml").write_text("bounds: {replicas: {max: many}}\n", "utf-8")
    done = clone.run(*words, **around)
    assert done.code == 1
    assert "carts/service.yaml:1:26: error: `max` is `many`" in done.out
