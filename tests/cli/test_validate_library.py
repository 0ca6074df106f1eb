"""The playbooks that services copy theirs from, in `playbooks/`, are checked as what they become."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git

BOOK = "remediations:\n- name: x\n  actions: [{action: %s}]\n"
ANSIBLE = "- hosts: all\n  tasks: []\n"


def told(reconciler: Reconciler, *arguments: str) -> tuple[int, list[tuple[str, str, str]]]:
    result = reconciler("validate", "-o", "json", *arguments)
    data = json.loads(result.out)
    every = [*data["findings"], *data["warnings"], *data["notices"]]
    found = [(each["path"].rpartition(":")[2], each["check"], each["hint"]) for each in every]
    return result.code, [each for each in found if each[0].startswith("playbooks/")]


def commit(clone: Path, name: str, text: str) -> None:
    (clone / "playbooks").mkdir(exist_ok=True)
    (clone / "playbooks" / name).write_text(text, "utf-8")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "Add to the library")


def test_a_mistake_in_it_is_told_on_every_route(clone: Path, reconciler: Reconciler) -> None:
    commit(clone, "flags.yaml", BOOK % "scalling")
    expected = [("playbooks/flags.yaml", "invalid-remediation", "did you mean scaling?")]
    for arguments in (
        [], ["--ref", "HEAD"], ["--diff", "HEAD~1..HEAD"], ["playbooks"], ["playbooks/flags.yaml"]
    ):  # fmt: skip
        assert told(reconciler, *arguments) == (1, expected), arguments
    commit(clone, "flags.yaml", BOOK % "scaling, value: +1")
    assert told(reconciler)[1] == []


@pytest.mark.parametrize("name", ["site.yaml", "deep/site.yml"])
def test_other_tools_playbooks_are_not_told(clone: Path, reconciler: Reconciler, name: str) -> None:
    (clone / "playbooks" / "deep").mkdir(parents=True)
    commit(clone, name, ANSIBLE)
    assert told(reconciler) == (0, [])
    assert told(reconciler, "--diff", "HEAD~1..HEAD") == (0, [])


def test_one_that_makes_a_service_is_told(clone: Path, reconciler: Reconciler) -> None:
    commit(clone, "remediation.yaml", BOOK % "restart")
    hint = "rename it, for example to `playbooks/default.yaml`"
    expected = [("playbooks/remediation.yaml", "library-service", hint)]
    assert told(reconciler)[1] == expected
    assert told(reconciler, "--diff", "HEAD~1..HEAD")[1] == expected
    git(clone, "mv", "playbooks/remediation.yaml", "playbooks/default.yaml")
    assert told(reconciler)[1] == []
