"""`-o yaml`: block style that any parser reads back as the same data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.cli.block_yaml import block_yaml

TEXT = st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF), max_size=12)
PARTS = st.sampled_from(
    ["on", "+1", "1", "null", "a: b", "x #y", "- a", "a\nb", "\n", " ", "é", "~", "0x1", "=", "1_0"]
)
LEAVES = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXT | st.lists(PARTS, max_size=3).map("".join)
DATA = st.dictionaries(
    TEXT | PARTS,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | PARTS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@settings(deadline=None, max_examples=150)
@given(data=DATA)
def test_any_parser_reads_it_back(version: str, data: dict[str, Any]) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    assert yaml.load(block_yaml(data)) == data


def test_it_reads_well() -> None:
    step = {"event": "held", "subject": "carts: held: blind", "body": "one\n\ntwo", "sequence": 3, "on": "off"}
    assert block_yaml({"steps": [step, {"paths": ["a/b.yaml"], "none": []}]}) == (
        "steps:\n"
        "  - event: held\n"
        '    subject: "carts: held: blind"\n'
        "    body: |-\n"
        "      one\n"
        "\n"
        "      two\n"
        "    sequence: 3\n"
        '    "on": "off"\n'
        "  - paths:\n"
        "      - a/b.yaml\n"
        "    none: []\n"
    )


def test_nothing_in_it_drives_a_terminal() -> None:
    assert block_yaml({"a": "x\n\x1b[2J", "b": "\u202e"}) == 'a: "x\\n\\u001b[2J"\nb: "\\u202e"\n'
