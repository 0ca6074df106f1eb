"""The lines that are behind a difference: of those added, changed, taken away, and of those made a comment."""

from __future__ import annotations

import pytest

from reconciler.cli.merge.causes import changed_lines

STAGE = ["# people agree", "approval: required", "wait: 5m"]


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (["# people agree", "approval: none", "wait: 5m"], ["stage.yaml:2: approval: none"]),
        (["# people agree", "wait: 5m"], ["stage.yaml:2: without approval: required"]),
        (["# people agree", "# approval: required", "wait: 5m"], ["stage.yaml:2: without approval: required"]),
        (["# people agree", "", "wait: 5m"], ["stage.yaml:2: without approval: required"]),
        ([*STAGE, "# and so on"], []),
        (["# people agree", "approval: required", "wait: 9m", "mode: shadow"],
         ["stage.yaml:3: wait: 9m", "stage.yaml:4: mode: shadow"]),
    ],
    ids=["changed", "gone", "a comment", "blank", "only a comment", "more"],
)  # fmt: skip
def test_each_change_names_its_line(after: list[str], told: list[str]) -> None:
    assert [str(each) for each in changed_lines("stage.yaml", STAGE, after)] == told
