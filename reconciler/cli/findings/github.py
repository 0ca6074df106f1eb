"""Findings as GitHub's workflow commands, which become annotations on the lines of a pull request.

The escaping is that of GitHub's own toolkit (actions/toolkit, `command.ts`): a message may hold no line end, a property
no `:` and no `,` either. So nothing that stands in a file or is its name can end a command or begin another one.
Forgejo and Gitea run the same commands.
"""

from __future__ import annotations

from reconciler.cli.findings.finding import Finding
from reconciler.cli.findings.report import Report
from reconciler.cli.messages import visible


def commands(report: Report) -> str:
    """Return one command a line; errors come first, for GitHub shows ten of each kind."""
    rank = {"error": 0, "warning": 1, "notice": 2}
    return "".join(f"{_command(each)}\n" for each in sorted(report.findings, key=lambda each: rank[each.severity]))


def _command(each: Finding) -> str:
    place = each.place
    properties = {"file": place.path, "line": str(place.line or 1)} if place.path else {}
    if place.path and place.column:
        properties["col"] = str(place.column)
    branch = f" ({each.branch})" if each.branch else ""
    properties["title"] = f"{each.check}{branch}"
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{each.severity} {written}::{_data(each.text)}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
