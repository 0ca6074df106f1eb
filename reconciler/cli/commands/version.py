"""`reconciler version`: which version this is, and what it runs on."""

from __future__ import annotations

import platform

import click

from reconciler import __version__
from reconciler.cli.output import Format, output_option, write


@click.command("version")
@output_option
def command(form: Format) -> None:
    """Print the version; as data also the installed actions of other makers, which are not loaded for it."""
    data = {"version": __version__, "python": platform.python_version(), "platform": platform.platform()}
    write(form, data | {"actions": [] if form == "table" else _actions()}, lambda: f"reconciler {__version__}")


def _actions() -> list[dict[str, str]]:
    from reconciler.daemon.plugins import installed, maker

    return [{"name": point.name, "from": maker(point)} for point in installed()]
