"""What the documentation says is held against the product: commands, options, files, variables, links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from reconciler.cli.main import cli
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.schema import load_schema

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "config-repo-template").rglob("*.md")),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return [found[2] for found in BLOCK.finditer(page.read_text("utf-8")) if found[1] == language]


def parsed(words: list[str]) -> click.Context:
    """Parse a command line as far as its options go, without looking whether files are there."""
    command: click.Command = cli
    context = click.Context(cli, info_name="reconciler")
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, f"no such verb: {words[0]}"
        command, words = found, words[1:]
        context = click.Context(command, parent=context)
    if any(word in ("-h", "--help") for word in words):
        return context
    known = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
    for word in words:
        if word.startswith("-"):
            assert word.partition("=")[0] in known, f"{command.name} has no option {word}"
    return context


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_line_that_is_shown_can_be_typed(page: Path) -> None:
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            for part in line.partition(" #")[0].split("&&"):
                words = shlex.split(part)
                if words[:1] == ["reconciler"] and words[1:] != ["--help"]:
                    parsed(words[1:])


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", ["README.md", "docs/configuration.md"])
def test_the_daemons_configuration_loads_as_it_is_shown(page: str) -> None:
    shown = [block for block in blocks(ROOT / page, "yaml") if "projects:" in block]
    assert len(shown) == 1
    config = load_daemon_config(shown[0].encode(), "reconciler.yaml")
    assert list(config.projects) == ["shop"]


def test_every_verb_is_described() -> None:
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert [verb for verb in cli.list_commands(click.Context(cli)) if f"`{verb}" not in text] == []


def test_every_variable_that_an_option_takes_is_listed() -> None:
    def options(group: click.Group) -> set[str]:
        context = click.Context(group)
        found: set[str] = set()
        for verb in group.list_commands(context):
            command = group.get_command(context, verb)
            assert command is not None
            if isinstance(command, click.Group):
                found |= options(command)
            found |= {parameter.envvar for parameter in command.params if isinstance(parameter.envvar, str)}
        return found

    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert {variable for variable in options(cli) if f"`{variable}`" not in text} == set()


def test_every_key_of_a_stage_is_described_or_said_to_do_nothing_yet() -> None:
    pages = (ROOT / "docs" / "configuration.md").read_text("utf-8") + (ROOT / "docs" / "limits.md").read_text("utf-8")
    assert {key for key in load_schema("stage")["properties"] if not re.search(rf"`{key}[`.]", pages)} == set()
