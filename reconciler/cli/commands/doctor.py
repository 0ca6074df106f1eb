"""`reconciler doctor`: is everything there that the daemon needs, and what is to be done about what is not?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from reconciler.cli.configured import config_option
from reconciler.cli.context import Frame
from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.messages import say
from reconciler.cli.output import Format, output_option, terminal_columns, write

_EPILOG = """\
Nothing is written anywhere: pushes are tried without sending anything, ports are taken for a moment, servers are only
asked. Exit code 0: no problem, warnings and things that could not be found out among it; 1: there are problems; 2: the
configuration cannot be used, or nothing at all could be found out.
"""


@click.command("doctor", epilog=_EPILOG)
@config_option
@click.option(
    "--deadline", "seconds", type=click.FloatRange(min=1.0), default=60.0, show_default=True, metavar="SECONDS",
    help="How long each repository and each server may take in all.",
)  # fmt: skip
@click.option("--progress/--no-progress", default=None, help="Tell how far it is; without it, on a terminal only.")
@output_option
@click.pass_context
def command(context: click.Context, file: Path, seconds: float, progress: bool | None, form: Format) -> int:
    """Check Git, clusters, flag servers, providers and permissions.

    Reads the daemon's configuration and environment, so run it where the daemon runs, as its user. Each problem comes
    with what it means and what to do.
    """
    from reconciler.cli.doctor.examination import doctor
    from reconciler.cli.doctor.report import as_data, as_text, counted
    from reconciler.cli.progress import Meter
    from reconciler.daemon.service import read_config

    config = read_config(file)
    with Meter("looked at", 1, shown=progress) as meter:
        findings = doctor(config, context.ensure_object(Frame).clock, seconds, meter.tell)
    write(form, as_data(findings), lambda: as_text(findings, terminal_columns()))
    count = counted(findings)
    told = [f"{count['ok']} well"]
    told += [f"{count[each]} {word}" for each, word in _words(count).items() if count[each]]
    say(", ".join(told))
    if count["problem"]:
        return NO
    return COULD_NOT if findings and count["unknown"] == len(findings) else OK


def _words(count: Mapping[str, int]) -> dict[str, str]:
    counted = {each: f"{each}{'' if count[each] == 1 else 's'}" for each in ("problem", "warning")}
    return {"problem": counted["problem"], "unknown": "not found out", "warning": counted["warning"]}
