"""The template's commented keys: what a person gets who takes the `#` away is valid, and means something."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.playbook import load_playbook
from reconciler.model.policy import ServiceConfig, StageConfig, load_service, load_stage
from reconciler.model.project import load_project

TEMPLATE = Path(__file__).parents[2] / "config-repo-template"
_KEY = re.compile(r"^( *)# ?( *(?:- )?\w+:(?: .*)?)$", re.MULTILINE)
LOADERS: dict[str, Callable[[bytes, str], object]] = {
    "stage.yaml": load_stage, "service.yaml": load_service, "project.yaml": load_project,
    "remediation.yaml": load_playbook,
}  # fmt: skip
FILES = sorted(path for path in TEMPLATE.rglob("*.yaml") if path.name in LOADERS)


def bared(path: Path) -> bytes:
    return _KEY.sub(r"\1\2", path.read_text("utf-8")).encode()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TEMPLATE)))
def test_it_is_valid_as_it_is_and_with_every_key(path: Path) -> None:
    load = LOADERS[path.name]
    as_it_is, whole = load(path.read_bytes(), path.name), load(bared(path), path.name)
    assert (as_it_is != whole) == bool(_KEY.search(path.read_text("utf-8")))


def test_an_automated_stage_shows_every_key_that_a_person_would_look_for() -> None:
    whole = load_stage(bared(TEMPLATE / "modes" / "automated" / "stage.yaml"), "stage.yaml")
    plain = StageConfig()
    unsaid = {name for name in StageConfig.__dataclass_fields__ if getattr(whole, name) == getattr(plain, name)}
    assert unsaid == {"drift", "flags", "namespace", "rollout", "retention", "approval"}


def test_a_service_and_an_action_show_theirs() -> None:
    carts = TEMPLATE / "stage" / "carts"
    service = load_service(bared(carts / "service.yaml"), "service.yaml")
    assert isinstance(service, ServiceConfig)
    assert None not in (service.wait, service.window, service.settle)
    (entry,) = load_playbook(bared(carts / "remediation.yaml"), "remediation.yaml").entries
    assert {key for key, _ in entry.actions[0].options} == {
        "wait", "window", "settle", "retries", "onFail", "onWarning", "onResolve", "approval",
    }  # fmt: skip


def test_every_yaml_file_begins_with_its_schema() -> None:
    files = [path for path in TEMPLATE.rglob("*") if path.suffix in (".yaml", ".yml")]
    assert len(files) >= 9
    without = [path for path in files if not path.read_text("utf-8").startswith("# yaml-language-server: $schema=")]
    assert without == []


def test_what_is_generated_is_marked_and_what_people_put_beside_it_is_not(tmp_path: Path) -> None:
    """Asked of git itself, from which forges have it."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitattributes").write_bytes((TEMPLATE / "shared" / ".gitattributes").read_bytes())

    def attribute(name: str, path: str) -> str:
        words = ["git", "-C", str(tmp_path), "check-attr", name, "--", path]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.rsplit(": ", 1)[1].strip()

    ops = "ops/production/shop/carts"
    for path in (f"{ops}/remediations/p1/01-opened.yaml", f"{ops}/state/desired.yaml", ".schemas/slo.schema.json"):
        assert attribute("linguist-generated", path) == "set", path
    for path in (f"{ops}/problems/2026-11-21/p1.yaml", f"{ops}/commands/1-approve.yaml", "carts/slo.yaml"):
        assert attribute("linguist-generated", path) in ("unset", "unspecified"), path
    assert attribute("eol", "carts/slo.yaml") == attribute("eol", "ci/check.sh") == "lf"
