"""Keys of ours on a wrong level or in a wrong file, and criteria that would let everything pass: all refused."""

from __future__ import annotations

import pytest

from reconciler.model.invalid import InvalidFile
from reconciler.model.misplaced import ACTION_OPTIONS
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import load_service, load_stage
from reconciler.model.slo import load_slo
from tests.cli.test_validate_mistakes import found

FIRST = "%sremediations:\n- name: x\n%s  actions:\n  - action: restart\n%s"
SECOND = (
    "apiVersion: spec.keptn.sh/0.1.4\nkind: Remediation\n%smetadata:\n  name: x\n%sspec:\n%s  remediations:\n"
    "  - problemType: x\n%s    actionsOnOpen:\n    - action: restart\n%s"
)
VALUES = {"wait": "5m", "window": "5m", "settle": "5m", "retries": "1", "approval": "required", "onWarning": "next"}
SLO = "objectives: [{sli: error_rate, pass: [{criteria: ['<5']}]%s}]\ntotal_score: {pass: %s}\n"


def refusal(text: str) -> str:
    with pytest.raises(InvalidFile) as refused:
        load_playbook(text.encode(), "a/remediation.yaml")
    return str(refused.value)


@pytest.mark.parametrize("option", sorted(ACTION_OPTIONS))
def test_an_actions_key_one_level_too_high_is_never_ignored(option: str) -> None:
    written = f"{option}: {VALUES.get(option, 'revert')}\n"
    loaded = load_playbook((FIRST % ("", "", f"    {written}")).encode(), "")
    assert option in dict(loaded.entries[0].actions[0].options)
    for text in (
        FIRST % (written, "", ""),
        FIRST % ("", f"  {written}", ""),
        SECOND % (written, "", "", "", ""),
        SECOND % ("", f"  {written}", "", "", ""),
        SECOND % ("", "", f"  {written}", "", ""),
        SECOND % ("", "", "", f"    {written}", ""),
    ):
        assert "where it would count for nothing" in refusal(text)
        assert f"`{option}` in an action: it belongs to each `- action:`" in refusal(text)


def test_what_to_write_and_where_is_said_of_an_approval() -> None:
    (only,) = found({"a/remediation.yaml": SECOND % ("", "", "", "    approval: required\n", "")})
    assert (str(only.place), only.check) == ("a/remediation.yaml:8:5", "invalid-remediation")
    assert "write `approval: required` beside `action:`" in only.error.hint


def test_neither_is_a_slip_of_such_a_key() -> None:
    assert "`aproval` stands directly in the entry" in refusal(FIRST % ("", "  aproval: required\n", ""))


def test_an_action_that_is_indented_too_little_is_still_shown_mended() -> None:
    assert "    approval: required" in refusal(FIRST % ("", "", "  approval: required\n"))


@pytest.mark.parametrize("key", ["bounds", "mode", "freeze", "budgets", "cooldown", "workload", "opsBranch"])
def test_keys_of_other_files_are_not_ignored_in_a_playbook(key: str) -> None:
    for text in (
        FIRST % (f"{key}: x\n", "", ""),
        FIRST % ("", f"  {key}: x\n", ""),
        FIRST % ("", "", f"    {key}: x\n"),
    ):
        assert f"`{key}` belongs to " in refusal(text)


def test_keys_that_are_none_of_ours_are_tolerated_as_keptn_did() -> None:
    text = SECOND % ("note: x\n", "  labels: {a: b}\n", "  owner: me\n", "    comment: x\n", "      timeout: 5m\n")
    assert load_playbook(text.encode(), "").entries[0].actions[0].options == ()


@pytest.mark.parametrize("criteria", ["criteria: []", "criteria: ", "criteria: null", ""])
@pytest.mark.parametrize("which", ["pass", "warning"])
def test_criteria_that_anything_fulfils_are_refused(which: str, criteria: str) -> None:
    text = f"objectives:\n- sli: error_rate\n  {which}:\n  - {{{criteria}}}\ntotal_score: {{pass: 90%}}\n"
    with pytest.raises(InvalidFile, match="one criterion or more") as refused:
        load_slo(text.encode(), "slo.yaml")
    assert refused.value.hint


@pytest.mark.parametrize(("total", "said"), [("190%", "reach"), ("-5%", "miss"), ("101", "reach")])
def test_a_total_beyond_the_whole_is_refused(total: str, said: str) -> None:
    (only,) = found({"a/slo.yaml": SLO % ("", total)})
    assert (str(only.place), only.check) == ("a/slo.yaml:2:21", "invalid-slo")
    assert f"which no total can {said}" in only.error.message
    assert only.error.expected.startswith("a percentage from 0 to 100")


@pytest.mark.parametrize("total", ["100%", "0.5%", "2", "99.5"])
def test_every_other_total_may_be_meant(total: str) -> None:
    assert found({"a/slo.yaml": SLO % ("", total)}) == []


def test_a_share_is_probably_a_percentage() -> None:
    (only,) = found({"a/slo.yaml": SLO % ("", "0.9")})
    assert (str(only.place), only.severity, only.check) == ("a/slo.yaml:2:21", "warning", "share-for-percentage")
    assert only.error.hint == 'did you mean `"90%"`?'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("approval: x\n", "`approval` belongs to an action in remediation.yaml, or to stage.yaml for all of them"),
        ("mode: shadow\n", "`mode` belongs to stage.yaml"),
        ("namespace: x\n", "put it under `workload`"),
        ("replicas: {min: 1}\n", "put it under `bounds`"),
        ("bounds: {min: 1}\n", "put it under `replicas`"),
        ("budgets: {actionsPerHour: 1}\n", "`budgets` belongs to stage.yaml"),
    ],
)  # fmt: skip
def test_a_service_says_where_a_key_belongs(text: str, said: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        load_service(text.encode(), "a/service.yaml")
    assert refused.value.errors[0].hint == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("actionsPerHour: 1\n", "put it under `budgets`"),
        ("workload: {}\n", "`workload` belongs to service.yaml"),
        ("opsBranch: x\n", "`opsBranch` belongs to project.yaml, on the default branch"),
        ("moode: x\n", "did you mean `mode`?"),
    ],
)
def test_a_stage_says_where_a_key_belongs(text: str, said: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        load_stage(text.encode(), "stage.yaml")
    assert refused.value.errors[0].hint == said
