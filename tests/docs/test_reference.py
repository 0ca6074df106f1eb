"""docs/reference has every command with every option, and every key of every file, as they are now."""

from __future__ import annotations

import re

import pytest

from reconciler.cli.main import cli
from reconciler.model.schema import load_schema
from tests.docs.guide import ROOT
from tests.docs.reference import FILES, PAGES, commands, keys_page, options, options_page

AGAIN = "write it anew: python -m tests.docs.reference"


def test_the_options_are_those_of_the_command_line() -> None:
    assert (PAGES / "options.md").read_text("utf-8") == options_page(), AGAIN


def test_the_keys_are_those_of_the_schemas() -> None:
    assert (PAGES / "keys.md").read_text("utf-8") == keys_page(), AGAIN


def test_every_command_is_there_and_says_what_each_option_is() -> None:
    page = options_page()
    known = dict(commands(cli))
    assert len(known) > 30
    assert [words for words in known if f"\n## reconciler {words}\n" not in page] == []
    silent = [
        f"{words} {name}"
        for words, command in known.items()
        for name, says, _ in options(command)
        if name.startswith("-") and not says
    ]
    assert silent == []


@pytest.mark.parametrize("kind", FILES)
def test_every_key_of_a_schemas_first_level_is_there(kind: str) -> None:
    section = keys_page().split(f"\n## {FILES[kind]}\n")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `([^`.\[]+)", section, re.MULTILINE))
    assert set(load_schema(kind).get("properties", {})) <= named
    assert named


def test_the_pages_about_commands_and_keys_are_the_ones_that_it_points_to() -> None:
    for page in PAGES.glob("*.md"):
        assert all((ROOT / "docs" / name).exists() for name in re.findall(r"\]\(\.\./(\S+)\)", page.read_text("utf-8")))
