"""What a person reads on stderr: errors with their place, what was expected and what to do, and what was done.

Data goes to stdout through `output`; nothing else does.
"""

from __future__ import annotations

import os
import unicodedata

import click

from reconciler.model.errors import ReconcilerError, UserError

_ALLOWED = frozenset("\n\t")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    """Escape what a terminal would act on or hide; line ends and tabs stay."""
    return "".join(
        character
        if character in _ALLOWED or unicodedata.category(character) not in _HIDDEN
        else character.encode("unicode_escape").decode()
        for character in text
    )


def use_color() -> bool | None:
    """Return False where `NO_COLOR` is set to anything, else None: colours on a terminal only."""
    return False if os.environ.get("NO_COLOR") else None


def complain(text: str) -> None:
    """Write a message to stderr; `error:` and `hint:` stand out where the terminal has colours."""
    styled = text.replace("error:", click.style("error:", fg="red", bold=True), 1)
    styled = styled.replace("    hint:", f"    {click.style('hint:', fg='cyan')}")
    click.echo(styled, err=True, color=use_color())


def say(text: str) -> None:
    """Tell on stderr what was done or is going on."""
    click.echo(visible(text), err=True, color=use_color())


def render(error: ReconcilerError, label: str = "error") -> str:
    """Return all that an error knows: `place: error: message`, then what was expected and the hint, a line each.

    The first line has the form that editors and CI systems jump to. An error that collects findings shows them all.
    ``label`` stands for what it is called (`warning`).
    """
    findings = getattr(error, "errors", None) or (error,)
    return "\n".join(_render_one(finding, label) for finding in findings)


def _render_one(error: ReconcilerError, label: str) -> str:
    place = f"{error.place}: " if isinstance(error, UserError) and error.place else ""
    lines = [f"{place}{label}: {error.message}"]
    if isinstance(error, UserError) and error.expected:
        lines.append(_indented("expected", error.expected))
    if error.hint:
        lines.append(_indented("hint", error.hint))
    return visible("\n".join(lines))


def _indented(label: str, text: str) -> str:
    return f"    {label}: " + text.rstrip("\n").replace("\n", "\n        ")
