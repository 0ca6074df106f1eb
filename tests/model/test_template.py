"""The template's commented keys: what a person gets who takes the `#` away is valid, and means something."""

from __future__ import annotations

import re
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
