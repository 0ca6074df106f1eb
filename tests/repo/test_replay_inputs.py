"""What a replay cannot find, as docs/replay.md says: facts and people's files are what it begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.repo.replaying import Written, errors, made, replayed, rewritten, shown
from tests.repo.tampering import ANN, Change, brought_otherwise, story, with_facts


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    return made(tmp_path_factory.mktemp("past") / "past.git", story)


def by_another(commits: list[Written]) -> list[Written]:
    """Who wrote the playbook is said to be somebody else."""
    first = next(each for each in commits if "carts/remediation.yaml" in each.files)
    return [replace(each, author=ANN, committer=ANN) if each is first else each for each in commits]


def with_more(commits: list[Written]) -> list[Written]:
    """The playbook came with a file that no step used."""
    first = next(each for each in commits if "carts/remediation.yaml" in each.files)
    more = replace(first, files={**first.files, "payment/slo.yaml": b"objectives: []\n"})
    return [more if each is first else each for each in commits]


@pytest.mark.parametrize(
    "change",
    [with_facts(2, 'manager: "helm"', 'manager: "argo"'), by_another, with_more, lambda commits: commits[:-3]],
    ids=["a fact of which the same follows", "a person's name", "a file that no step used", "the end cut off"],
)
def test_a_history_of_other_inputs_is_as_true_as_any(change: Change, history: list[Written], tmp_path: Path) -> None:
    rewritten(tmp_path / "past.git", history, change)
    found = replayed(tmp_path / "past.git")
    assert not errors(found), shown(found)
    assert found.exact == found.steps


@pytest.mark.parametrize(
    ("change", "sequence"),
    [
        (with_facts(2, "replicas: 1", "replicas: 2"), 2),
        (with_facts(2, "settled: true", "settled: false"), 2),
        (brought_otherwise("ops/production/orders/problems/p3.yaml", "title:", "details: {host: a}\ntitle:"), 11),
        (brought_otherwise("orders/remediation.yaml", "actions:", "actions:  # two"), 11),
    ],
    ids=["another number", "another state", "a problem's details", "a remark in a playbook"],
)
def test_what_a_step_used_cannot_be_another(
    change: Change, sequence: int, history: list[Written], tmp_path: Path
) -> None:
    """Files are pinned by what they held, so every byte counts."""
    rewritten(tmp_path / "past.git", history, change)
    assert errors(replayed(tmp_path / "past.git"))[0].sequence == sequence
