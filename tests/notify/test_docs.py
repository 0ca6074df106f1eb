"""What docs/notifications.md and docs/extending.md show is what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.names import ProjectName
from reconciler.model.notifications import FOR_PEOPLE, FOR_THE_PROBLEM
from reconciler.model.playbook import load_playbook
from reconciler.model.schema import load_schema
from tests.notify.making import HELD

ROOT = Path(__file__).parents[2]
TOLD = (ROOT / "docs" / "notifications.md").read_text("utf-8")
EXTENDING = (ROOT / "docs" / "extending.md").read_text("utf-8")
EXAMPLE = ROOT / "tests" / "plugins" / "example_action"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_configuration_loads_as_it_is_shown() -> None:
    (shown,) = (block for block in blocks(TOLD, "yaml") if "projects:" in block)
    found = load_daemon_config(shown.encode(), "reconciler.yaml").projects[ProjectName("shop")].notifications
    assert [(each.name, each.kind) for each in found] == [
        ("on-call", "webhook"), ("chat", "slack"), ("dynatrace", "dynatrace"),
    ]  # fmt: skip


def test_the_allowed_endpoint_loads_as_it_is_shown() -> None:
    (shown,) = (block for block in blocks(TOLD, "yaml") if block.startswith("allow:"))
    inner = "".join(f"        {line}\n" for line in shown.splitlines())
    head = "projects:\n  shop:\n    repository: {url: x}\n    stages:\n      production:\n"
    reach = load_daemon_config(f"{head}{inner}".encode(), "reconciler.yaml").projects[ProjectName("shop")]
    assert list(reach.stages["production"].allow.endpoints if reach.stages["production"].allow else ()) == ["runbooks"]


def test_the_playbook_is_valid_as_it_is_shown() -> None:
    from reconciler.decide.actions.registry import check_playbook

    (shown,) = (block for block in blocks(TOLD, "yaml") if block.startswith("remediations:"))
    assert check_playbook(load_playbook(shown.encode(), "remediation.yaml")) == []


def test_the_document_has_the_keys_that_are_shown() -> None:
    (shown,) = blocks(TOLD, "json")
    assert list(json.loads(shown)) == list(HELD.document())


def test_every_key_and_every_default_is_described() -> None:
    project = load_schema("reconciler")["properties"]["projects"]["additionalProperties"]["properties"]
    keys = project["notifications"]["items"]["properties"]
    assert [key for key in keys if f"`{key}`" not in TOLD] == []
    assert [event for event in FOR_PEOPLE | (FOR_THE_PROBLEM & {"opened", "decided"}) if f"`{event}`" not in TOLD] == []


@pytest.mark.parametrize("file", ["pyproject.toml", "reconciler_breaker/__init__.py"])
def test_what_is_shown_of_the_example_is_in_it(file: str) -> None:
    text = (EXAMPLE / file).read_text("utf-8")
    shown = blocks(EXTENDING, "toml")[:1] if file.endswith(".toml") else blocks(EXTENDING, "python")
    assert shown
    for part in (part for block in shown for part in block.strip("\n").split("\n\n")):
        assert part in text
