"""`remediation.yaml` of both generations: what loads, and what is refused."""

from __future__ import annotations

import pytest

from reconciler.model.errors import Place
from reconciler.model.nodes import MapNode, Scalar
from reconciler.model.playbook import ActionEntry, load_playbook
from tests.model.playbooks import FIRST, SECOND, refused


def action(value: str) -> ActionEntry:
    text = f"remediations:\n- name: x\n  actions:\n  - action: scaling\n    value: {value}\n"
    return load_playbook(text.encode(), "remediation.yaml").entries[0].actions[0]


def test_the_first_generation() -> None:
    book = load_playbook(FIRST, "remediation.yaml")
    assert book.generation == "0.1"
    assert [(entry.name, entry.place.line) for entry in book.entries] == [
        ("cpu_usage", 2),
        ("Failure rate increase", 6),
    ]
    assert book.entries[0].actions == (
        ActionEntry(
            "scaling",
            Scalar("+1", quoted=False, place=Place("remediation.yaml", 5, 12)),
            Place("remediation.yaml", 4, 5),
        ),
    )


def test_the_second_generation_with_our_options() -> None:
    book = load_playbook(SECOND, "remediation.yaml")
    assert book.generation == "0.1.4"
    scaling, toggle = book.entries[0].actions
    assert (scaling.action, scaling.name, scaling.description) == ("scaling", "Scale up", "Scale up by one")
    words = {"onResolve": "revert", "onFail": "keep", "onWarning": "next", "approval": "required"}
    assert dict(scaling.options) == {**words, "wait": 5400, "window": 3600, "settle": 0, "retries": 2}
    assert toggle.options == ()
    assert isinstance(toggle.value, MapNode)
    assert toggle.value.get("EnablePromotion") == Scalar("off", quoted=False, place=Place("remediation.yaml", 24, 30))
    assert book.entries[1].name == "default"
    assert book.entries[1].actions[0].value is None


@pytest.mark.parametrize(
    "written",
    ["+1", '"+1"', "1", '"1"', "-3", "+0", "1.5", "+1%", "99999999999999", "99999999999999999999", "on", "Flag:on:off"],
)
def test_f2_a_value_stays_as_written(written: str) -> None:
    value = action(written).value
    assert isinstance(value, Scalar)
    assert value.raw == written.strip('"')
    assert value.quoted == written.startswith('"')


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("{replicas: 4}", {"replicas": 4}),
        ("EnablePromotion:off", "EnablePromotion:off"),
        ("{EnablePromotion: off}", {"EnablePromotion": "off"}),
        ('{EnablePromotion: "off"}', {"EnablePromotion": "off"}),
        ("{EnablePromotion: false}", {"EnablePromotion": False}),
        ("[a, b]", ["a", "b"]),
        ('":on"', ":on"),
        ('"Flag:"', "Flag:"),
    ],
)
def test_f3_a_value_of_any_shape_is_left_to_the_action(written: str, plain: object) -> None:
    value = action(written).value
    assert value is not None
    assert value.plain() == plain


def test_an_empty_name_and_an_empty_list_load() -> None:
    book = load_playbook(b'remediations:\n- name: ""\n  actions: []\n- name:\n    404\n  actions: []\n', "r.yaml")
    assert [entry.name for entry in book.entries] == ["", "404"]
    assert load_playbook(b"remediations: []\n", "r.yaml").entries == ()


def test_unknown_keys_of_keptns_files_are_tolerated_unless_near_a_known_one() -> None:
    assert load_playbook(FIRST + b"owner: somebody\n", "r.yaml").entries
    error = refused(FIRST.replace(b"value: +1", b"valeu: +1"))
    assert error.message == "unknown key `valeu` in item 1 of `actions`"
    assert error.hint == "did you mean `value`?"
    assert error.place == Place("remediation.yaml", 5, 5)


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("remediation: []\n", (1, 1), "unknown key `remediation`", "did you mean `remediations`?"),
        ("remediations: {}\n", (1, 15), "`remediations` is a mapping", ""),
        ("remediations:\n", (1, 1), "`remediations` has no value", "write a list"),
        ("remediations:\n- name: x\n  actions: scaling\n", (3, 12), "`actions` is `scaling`", "write a list"),
        ("remediations:\n- name: x\n", (2, 3), "`actions` is missing in item 1 of `remediations`", ""),
        (
            "remediations:\n- actions: []\n",
            (2, 3),
            "`name` is missing in item 1 of `remediations`",
            "write for example",
        ),
        ("remediations:\n- name: [x]\n  actions: []\n", (2, 9), "`name` is a list", ""),
        (
            "remediations:\n- name: x\n  actions:\n  - action: 1\n",
            (4, 13),
            "`action` is `1`",
            'put it in quotes: `"1"`',
        ),
        ("remediations:\n- name: x\n  actions:\n  - action: ''\n", (4, 13), "`action` is empty", "write for example"),
        (
            "remediations:\n- name: x\n  actions:\n  - action: a\n    onFail: kepp\n",
            (5, 13),
            "`onFail` is `kepp`",
            "did you mean `keep`?",
        ),
        (
            "remediations:\n- name: x\n  actions:\n  - action: a\n    wait: 10 min\n",
            (5, 11),
            "`wait` is `10 min`",
            "write `wait: 10m`",
        ),
        (
            "remediations:\n- name: x\n  actions:\n  - action: a\n    wait: 999999d\n",
            (5, 11),
            "`999999d` is no duration of at most ten years",
            "write the units",
        ),
        (
            "remediations:\n- name: x\n  actions:\n  - action: a\n    window: 0s\n",
            (5, 13),
            "`window` is no time at all",
            "write `10m`",
        ),
        (
            "remediations:\n- name: x\n  actions:\n  - action: a\n    window: 2m\n    wait: 1m\n",
            (5, 13),
            "`window` (2m) is longer than `wait` (1m)",
            "shorten",
        ),
        ("remediations:\n- name: x\n  actions:\n  - action: a\n    retries: 11\n", (5, 14), "`retries` is `11`", ""),
        (
            "remediations:\n- name: x\n  actions:\n  - action: a\n    onwarning: next\n",
            (5, 5),
            "unknown key `onwarning` in item 1 of `actions`",
            "did you mean `onWarning`?",
        ),
        (
            "remediations:\n- name: x\n  actions: []\n- name: x\n  actions: []\n",
            (4, 3),
            "a second entry `x`, the first is in line 2",
            "put the actions of both into one entry",
        ),
        ("kind: Remediation\nspec: {remediations: []}\n", (1, 1), "`apiVersion` is missing", "write for example"),
        (
            "apiVersion: spec.keptn.sh/0.2.0\nkind: Remediation\nspec: {remediations: []}\n",
            (1, 13),
            "`apiVersion` is `spec.keptn.sh/0.2.0`",
            "write for example `apiVersion: spec.keptn.sh/0.1.4`",
        ),
        ("- name: x\n", (1, 1), "the file is a list", ""),
        ("", (1, 1), "the file is empty", "write it"),
        (
            "version: 0.2.0\nkind: Remediation\nspec:\n  remediations: []\n",
            (1, 1),
            "`version:` without `apiVersion:` is a draft of the playbook that Keptn never shipped",
            "`value: +1`",
        ),
    ],
)
def test_refusals_name_place_expectation_and_what_to_write(
    text: str, place: tuple[int, int], message: str, hint: str
) -> None:
    error = refused(text)
    assert error.message == message
    assert error.place == Place("remediation.yaml", *place)
    assert error.expected
    assert hint in error.hint


def test_all_findings_come_at_once_in_file_order() -> None:
    error = refused(
        """\
        remediations:
        - name: x
          actions:
          - action: a
            onFail: never
          - acton: b
        """
    )
    assert [(e.place.line if e.place else 0, e.message) for e in error.errors] == [
        (5, "`onFail` is `never`"),
        (6, "unknown key `acton` in item 2 of `actions`"),
    ]
    assert "[and 1 more]" in str(error)
