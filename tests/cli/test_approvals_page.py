"""The command files that docs/approvals.md shows: by their name and content just what the command line would write."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from reconciler.model.command import Command, check_command_name, command_name, load_command, render_command

PAGE = (Path(__file__).parents[2] / "docs" / "approvals.md").read_text("utf-8")
EXAMPLE = re.compile(r"^```yaml\n# (ops/\S+/commands/\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_example_is_what_the_command_line_writes() -> None:
    ((path, shown),) = EXAMPLE.findall(PAGE)
    content = re.sub(r" +#.*", "", shown).encode()
    command = load_command(content, path)
    now = datetime(2026, 11, 21, 10, 0, 0, 123_000, UTC)
    assert path.rpartition("/")[2] == command_name(now, command.verb, command.remediation, command.step)
    assert render_command(command) == content


def test_the_rule_is_that_of_the_loader() -> None:
    assert "`<time>-<verb>[-<remediation>-<nn>].yaml`" in PAGE
    (whole,) = re.findall(r"`(\d{8}T\d{6}Z-suspend\.yaml)`", PAGE)
    check_command_name(f"ops/production/commands/{whole}", Command("suspend"))
