"""`reconciler version`: which version this is, and what it runs on."""

from __future__ import annotations

import platform

import click

from reconciler import __version__
from reconciler.cli.output import Format, output_option, write


@click.command("version")
@output_option
def command(form: Format) -> None:
    """Print the version."""
    data = {"version": __version__, "python": platform.python_version(), "platform": platform.platform()}
    write(form, data, lambda: f"reconciler {__version__}")
