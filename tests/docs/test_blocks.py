"""Every code block of every page can be read as what it says it is, those in lists too; what is typed can be typed."""

from __future__ import annotations

import ast
import json
import re
import shlex
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tests.test_docs import PAGES, name, parsed

_BLOCK: Final = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_ASSIGNED: Final = re.compile(r"\w+=")
_READ: Final[dict[str, Callable[[str], Any]]] = {
    "json": json.loads,
    "yaml": lambda text: list(YAML(typ="safe").load_all(text)),
    "toml": tomllib.loads,
    "python": ast.parse,
}
_TYPED: Final = {"sh": "", "console": "$ "}
_ELSEWHERE: Final = {"dockerfile", "lisp", "lua", "mermaid"}
"""Editors' settings and diagrams, which no test reads; a Dockerfile is looked at by tests/deploy."""
_BARE: Final = re.compile(r"(?<=: )\{\w+\}")
"""What Dynatrace fills in without quotes, in a template that is JSON once it is sent."""


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield language and text of each block."""
    for found in _BLOCK.finditer(page.read_text("utf-8")):
        yield found[2], textwrap.dedent(found[3])


def typed(language: str, block: str) -> Iterator[list[str]]:
    """Yield the words of each command line of a block that a person types, without variables set before it."""
    prompt = _TYPED[language]
    lines = [line.removeprefix(prompt) for line in block.splitlines() if line.startswith(prompt)]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        for part in re.split(r"&&|\||;", line.partition(" #")[0]):
            try:
                words = shlex.split(part)
            except ValueError:  # a text that goes on over several lines
                continue
            while words and _ASSIGNED.match(words[0]):
                del words[0]
            yield words


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_is_what_it_says(page: Path) -> None:
    for language, block in blocks(page):
        assert language in {*_READ, *_TYPED, *_ELSEWHERE}
        if language in _READ:
            _READ[language](_BARE.sub("{}", block))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_line_in_lists_and_behind_prompts_can_be_typed(page: Path) -> None:
    for language, block in blocks(page):
        for words in typed(language, block) if language in _TYPED else ():
            if words[:1] == ["reconciler"] and words[1:] not in ([], ["--help"]):
                parsed(words[1:])


def test_what_is_wrong_is_found() -> None:
    text = "1. so:\n\n   ```console\n   $ A=b reconciler doctor --confg x | head\n   ```\n"
    ((_, language, block),) = _BLOCK.findall(text)
    (words, _) = typed(language, textwrap.dedent(block))
    with pytest.raises(AssertionError, match="--confg"):
        parsed(words[1:])
