"""`remediation.yaml` as printed tutorials show it: the indentation is lost, the order of the lines is not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.errors import Place
from reconciler.model.invalid import InvalidFile
from reconciler.model.playbook import load_playbook
from tests.model.playbooks import FIRST, SECOND, refused

QUICK = settings(deadline=None, max_examples=100)

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
