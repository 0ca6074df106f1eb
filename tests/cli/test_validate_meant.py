"""What a value says in other words is told as it is written here, and not by an example of something else."""

from __future__ import annotations

import pytest

from tests.cli.test_validate_mistakes import found

BOOK = "remediations:\n- name: cpu\n  actions:\n  - action: {}\n    value: {}\n"
OBJECTIVE = "objectives: [{{sli: a, pass: [{{criteria: [{}]}}]}}]\ntotal_score: {{pass: 90%}}\n"


@pytest.mark.parametrize(
    ("action", "value", "hint", "column"),
    [
        ("scaling", "replicas=3", "write `value: {replicas: 3}`", 12),
        ("scaling", "'replicas: 3'", "write `value: {replicas: 3}`", 12),
        ("scaling", "3 replicas", "write `value: {replicas: 3}`", 12),
        ("scaling", "to 3", "write `value: {replicas: 3}`", 12),
        ("scaling", "+2 replicas", "write `value: +2`", 12),
        ("scaling", "by 2", "write `value: +2`", 12),
        ("scaling", "up", "write `value: +1`", 12),
        ("featuretoggle", "{name: X, state: off}", "write `value: X:off`", 13),
        ("featuretoggle", "{flag: X, enabled: true}", "write `value: X:on`", 13),
        ("featuretoggle", "{state: disabled, toggle: X}", "write `value: X:off`", 13),
        ("featuretoggle", "{X: disabled}", "write `value: X:off`", 16),
        ("featuretoggle", '"X":"off"', "write `value: X:off`, or `value: {X: off}`", 12),
        ("featuretoggle", "'X': off", "write `value: X:off`, or `value: {X: off}`", 12),
    ],
)
def test_an_actions_value_in_other_words(action: str, value: str, hint: str, column: int) -> None:
    (only,) = found({"a/remediation.yaml": BOOK.format(action, value)})
    assert (only.severity, only.error.hint) == ("error", hint)
    assert (only.place.line, only.place.column) == (5, column)


@pytest.mark.parametrize(
    "text",
    [
        "100-1000",
        "100 - 1000",
        "100..1000",
        "between 100 and 1000",
        "from 100 to 1000",
        '">=100 <=1000"',
        "'[100, 1000]'",
    ],
)
def test_a_range_is_two_criteria(text: str) -> None:
    (only,) = [each for each in found({"a/slo.yaml": OBJECTIVE.format(text)}) if each.severity == "error"]
    assert only.error.hint == 'write two criteria: `">=100"`, `"<=1000"`'


def test_the_example_is_of_the_key_itself() -> None:
    book = "remediations:\n- name: cpu\n  actions: [{action: restart, name: [a], description: {b: c}}]\n"
    hints = [each.error.hint for each in found({"a/remediation.yaml": book})]
    assert hints == ["write for example `name: scaling`", "write for example `description: Scale up by one`"]
