"""`remediation.yaml` of both generations: what loads, what is refused, and the indentation given back."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.errors import Place
from reconciler.model.invalid import InvalidFile
from reconciler.model.nodes import MapNode, Scalar
from reconciler.model.playbook import ActionEntry, load_playbook

QUICK = settings(deadline=None, max_examples=100)

FIRST = b"""\
remediations:
- name: cpu_usage
  actions:
  - action: scaling
    value: +1
- name: "Failure rate increase"
  actions:
  - action: featuretoggle
    value: EnablePromotion:off
"""
SECOND = b"""\
apiVersion: spec.keptn.sh/0.1.4
kind: Remediation
metadata:
  name: carts
  anything: [1, {a: b}]
spec:
  remediations:
    - problemType: Response time degradation
      actionsOnOpen:
        - action: scaling
          name: Scale up
          description: Scale up by one
          value: "1"
          onResolve: revert
          onFail: keep
          onWarning: next
          wait: 1h30m
          window: 1h
          settle: 0s
          retries: 2
          approval: required
        - action: toggle-feature
          value:
            EnablePromotion: off
    - problemType: default
      actionsOnOpen:
        - action: escalate
          value:
"""


def refused(text: str | bytes) -> InvalidFile:
    data = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
    with pytest.raises(InvalidFile) as caught:
        load_playbook(data, "remediation.yaml")
    return caught.value


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


# Printed tutorials: the indentation is lost, the order of the lines is not.

DAMAGED = {
    "actions on the level of the entry, values deeper than actions": (
        """\
        remediations:
        - name: Response time degradation
        actions:
        - action: scaling
            value: +1
        - name: "Failure rate increase"
        actions:
        - action: featuretoggle
            value: EnablePromotion:off
        """,
        (3, 1, "actions"),
        """\
        remediations:
        - name: Response time degradation
          actions:
          - action: scaling
            value: +1
        - name: "Failure rate increase"
          actions:
          - action: featuretoggle
            value: EnablePromotion:off
        """,
    ),
    "one entry, valid YAML, wrong level": (
        """\
        remediations:
        - name: Response time degradation
        actions:
        - action: scaling
          value: +1
        """,
        (3, 1, "actions"),
        """\
        remediations:
        - name: Response time degradation
          actions:
          - action: scaling
            value: +1
        """,
    ),
    "tabs": (
        "remediations:\n- name: x\n\tactions:\n\t- action: scaling\n\t\tvalue: 1\n",
        (3, 2, "actions"),
        "remediations:\n- name: x\n  actions:\n  - action: scaling\n    value: 1\n",
    ),
    "no indentation at all, with comments": (
        """\
        # what to do
        remediations:
        - name: x
        # first
        actions:
        - action: scaling   # more
        value: +1
        """,
        (5, 1, "actions"),
        """\
        # what to do
        remediations:
        - name: x
          # first
          actions:
          - action: scaling   # more
            value: +1
        """,
    ),
    "the second generation, everything at the left": (
        """\
        apiVersion: spec.keptn.sh/0.1.4
        kind: Remediation
        metadata:
        name: carts-remediation
        spec:
        remediations:
        - problemType: Response time degradation
        actionsOnOpen:
        - action: scaling
        name: scaling
        value: "1"
        - name: Toggle
        action: toggle-feature
        description: Toggle EnablePromotion
        value:
        EnablePromotion: "off"
        """,
        (4, 1, "name"),
        """\
        apiVersion: spec.keptn.sh/0.1.4
        kind: Remediation
        metadata:
          name: carts-remediation
        spec:
          remediations:
          - problemType: Response time degradation
            actionsOnOpen:
            - action: scaling
              name: scaling
              value: "1"
            - name: Toggle
              action: toggle-feature
              description: Toggle EnablePromotion
              value:
                EnablePromotion: "off"
        """,
    ),
    "the second generation, actionsOnOpen on the level of the entry": (
        """\
        ---
        apiVersion: spec.keptn.sh/0.1.4
        kind: Remediation
        spec:
          remediations:
          - problemType: Response time degradation
          actionsOnOpen:
          - action: scaling
              value: "1"
        """,
        (7, 3, "actionsOnOpen"),
        """\
        ---
        apiVersion: spec.keptn.sh/0.1.4
        kind: Remediation
        spec:
          remediations:
          - problemType: Response time degradation
            actionsOnOpen:
            - action: scaling
              value: "1"
        """,
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_f1_lost_indentation_is_refused_with_the_corrected_file(name: str) -> None:
    damaged, (line, column, key), corrected = DAMAGED[name]
    error = refused(damaged)
    assert error.place == Place("remediation.yaml", line, column)
    assert error.message == f"`{key}` is indented wrongly"
    offered = error.hint.partition("\n\n")[2]
    assert offered == textwrap.dedent(corrected)
    assert load_playbook(offered.encode(), "remediation.yaml").entries


TEMPLATE = Path(__file__).parents[2] / "config-repo-template" / "stage"
SHIPPED = [TEMPLATE / "carts" / "remediation.yaml", TEMPLATE / "playbooks" / "feature-flags.yaml"]
FOUR = b"""\
apiVersion: spec.keptn.sh/0.1.4
kind: Remediation
spec:
    remediations:
        - problemType: x
          actionsOnOpen:
              - action: scaling
                value: 1
"""


def moved(text: bytes) -> Iterator[tuple[int, int, InvalidFile]]:
    """Yield line and right column of each line that is out of place by up to three columns, and the refusal of that."""
    lines = text.decode().splitlines()
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        for by in (-3, -2, -1, 1, 2, 3):
            if indent + by < 0 or line.lstrip().startswith("#"):
                continue
            other = [*lines[:number], " " * (indent + by) + line.lstrip(), *lines[number + 1 :]]
            try:
                load_playbook("\n".join(other).encode(), "remediation.yaml")
            except InvalidFile as error:
                yield number + 1, indent + 1, error


@pytest.mark.parametrize("text", [FIRST, FOUR, *(path.read_bytes() for path in SHIPPED)])
def test_f1_one_line_out_of_place_is_the_one_that_is_named(text: bytes) -> None:
    found = [*moved(text)]
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(b"#")]
    assert len(found) > 3 * len(lines)
    for line, _, error in found:
        place = error.errors[0].place
        assert place is not None
        assert abs(place.line - line) <= 1, str(error)
    offers = [each for each in found if "write the file so" in each[2].hint]
    assert len(offers) > 2 * len(lines)
    keys = "`actionsOnOpen` under its `- problemType`" if b"problemType" in text else "`actions` under its `- name`"
    for line, column, error in offers:
        assert error.place is not None
        assert error.place.line == line
        assert error.hint.startswith(f"start it in column {column}; ")
        assert error.hint.partition("\n\n")[2].splitlines() == text.decode().splitlines()
        assert error.expected.startswith(keys)


@pytest.mark.parametrize(
    "text",
    [
        "remediations:\n- name: x\nactions:\n- action: scaling\n    wert: +1\n",
        "remediations:\n- name: x\nactions:\n- action: scaling\n    value: |\n     a\n",
        "remediations:\n- name: x\nactions:\n- action: scaling\n    value: &a 1\n",
        "remediations:\n- name: x\nactions:\n- action: scaling\n- name: x\nactions:\n- action: scaling\n",
        "remediations:\n- actions:\n- action: scaling\n",
        "remediations\n- name: x\n",
        "<<<<<<< HEAD\nremediations:\n- name: x\nactions:\n- action: scaling\n",
    ],
)
def test_f1_nothing_is_offered_that_would_not_load(text: str) -> None:
    assert "write the file so" not in refused(text).hint


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("remediations:\n- name: x\n  actions: []\nactions:\n- action: scaling\n", (4, 1)),
        ("remediations:\n- name: x\n  action: scaling\n  value: 1\n", (3, 3)),
    ],
)
def test_f1_actions_on_the_wrong_level_are_named(text: str, place: tuple[int, int]) -> None:
    error = refused(text)
    assert error.place == Place("remediation.yaml", *place)
    assert "stands directly in" in error.message
    assert "indent it" in error.hint


@QUICK
@given(
    st.lists(st.integers(0, 5), min_size=9, max_size=9),
    st.sampled_from([FIRST, b"\n".join(SECOND.splitlines()[:2] + SECOND.splitlines()[5:13]) + b"\n"]),
)
def test_f1_any_lost_indentation_is_repaired_or_another_file(indents: list[int], whole: bytes) -> None:
    lines = [b" " * indent + line.strip() for indent, line in zip([*indents, 0, 0], whole.splitlines(), strict=False)]
    good = load_playbook(whole, "r.yaml")
    try:
        found = load_playbook(b"\n".join(lines) + b"\n", "r.yaml")
    except InvalidFile as error:
        found = load_playbook(error.hint.partition("\n\n")[2].encode(), "r.yaml")
    assert [(e.name, [(a.action, a.name) for a in e.actions]) for e in found.entries] == [
        (e.name, [(a.action, a.name) for a in e.actions]) for e in good.entries
    ]
