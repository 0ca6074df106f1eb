"""What is read otherwise than it looks is told as a notice."""

from __future__ import annotations

import pytest

from reconciler.cli.playbook_doubts import about_playbook
from reconciler.model.errors import UserError
from reconciler.model.meant import action_meant
from reconciler.model.policy import load_stage
from tests.cli.test_validate_mistakes import found

BOOK = "remediations:\n- name: %s\n  actions:\n  - %s\n"


def told(name: str, action: str) -> list[tuple[str, str, str]]:
    found = about_playbook((BOOK % (name, action)).encode())
    return [(each.check, each.severity, f"{each.place.line}:{each.place.column}") for each in found]


@pytest.mark.parametrize(
    ("name", "action", "check", "place"),
    [
        ("Failure #1", "action: restart", "cut-name", "2:17"),
        ("x", "{action: scaling, value: 3}", "step-or-number", "4:30"),
        ("x", "{action: scaling, value: '3'}", "step-or-number", "4:30"),
        ("x", "{action: escalate, approval: required}", "idle-option", "4:5"),
        ("x", "{action: escalate, wait: 5m, retries: 2}", "idle-option", "4:5"),
    ],
)
def test_it_is_told(name: str, action: str, check: str, place: str) -> None:
    assert told(name, action) == [(check, "notice", place)]


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("Failure # a comment", "action: restart"),
        ("'Failure #1'", "action: restart"),
        ("C#2", "action: restart"),
        ("x", "{action: scaling, value: 1}"),
        ("x", "{action: scaling, value: +3}"),
        ("x", "{action: scaling, value: {replicas: 3}}"),
        ("x", "{action: escalate, name: call somebody}"),
    ],
)
def test_what_looks_as_it_is_read(name: str, action: str) -> None:
    assert told(name, action) == []


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("wait: 10\n", "write `wait: 10m` for minutes, `wait: 10s` for seconds"),
        ("retention: 30\n", "write `retention: 30d` for days, `retention: 30h` for hours"),
        ("name: production\n", "delete it: a stage is called as its branch, and a service as its folder"),
    ],
)
def test_hints_that_would_do_harm_are_not_given(text: str, hint: str) -> None:
    with pytest.raises(UserError) as refused:
        load_stage(text.encode(), "stage.yaml")
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    ("said", "meant"), [("reboot", "restart"), ("Roll-out restart", "restart"), ("undo", "rollback")]
)
def test_other_words_for_actions(said: str, meant: str) -> None:
    assert action_meant(said, ["restart", "rollback", "webhook", "scaling"]) == meant
    assert action_meant(said, ["webhook"]) != meant


@pytest.mark.parametrize(
    ("path", "text", "place", "hint"),
    [
        ("a/remediation.yaml", BOOK % ("x", "{action: scaling, value: +01}"), "4:30", "write `value: +1`"),
        ("a/remediation.yaml", BOOK % ("x", '{action: scaling, value: "01"}'), "4:30", "write `value: 1`"),
        ("a/remediation.yaml", BOOK % ("x", "{action: scaling, value: {replicas: 06}}"), "4:41", "write `replicas: 6`"),
        ("stage.yaml", "bounds:\n  replicas:\n    max: 010 # ten\n", "3:10", "write `max: 10`"),
        ("stage.yaml", "retries: 02", "1:10", "write `retries: 2`"),
    ],
)
def test_a_zero_in_front_of_a_number_is_told(path: str, text: str, place: str, hint: str) -> None:
    (only,) = [each for each in found({path: text}) if each.check == "leading-zero"]
    assert (str(only.place), only.severity, only.error.hint) == (f"{path}:{place}", "notice", hint)


@pytest.mark.parametrize("text", ["labels: {team: 007}\n", "labels: {max_age: x}\nwait: 10m\n"])
def test_other_zeros_are_none_of_our_business(text: str) -> None:
    assert found({"a/service.yaml": text}) == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Failure.*", "write `Failure`, which is for every title that begins so"),
        ("Failure*", "write `Failure`, which is for every title that begins so"),
        ("^Failure", "write `Failure`, which is for every title that begins so"),
        ("/Failure/", "write `Failure`, which is for every title that begins so"),
        ("'*'", "write `default`, for whatever else there is"),
        ("'.*'", "write `default`, for whatever else there is"),
    ],
)
def test_a_name_is_no_pattern(name: str, hint: str) -> None:
    (only,) = found({"a/remediation.yaml": BOOK % (name, "action: restart")})
    assert (only.severity, only.check, only.error.hint) == ("warning", "unreachable-entry", hint)


@pytest.mark.parametrize("name", ["a/b", "CPU > 90%", "what?", "C++ crash", "in/out", "50$ left"])
def test_signs_in_a_name_make_no_pattern(name: str) -> None:
    assert found({"a/remediation.yaml": BOOK % (name, "action: restart")}) == []
