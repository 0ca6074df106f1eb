"""`reconciler reconcile`: one pass over all projects, for a cron job, a pipeline or a first try."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.configured import (
    LogFormat,
    LogLevel,
    complain_of,
    config_option,
    configured,
    log_options,
    step_data,
    step_rows,
)
from reconciler.cli.exits import COULD_NOT, OK
from reconciler.cli.messages import say
from reconciler.cli.output import Format, output_option, table, write


@click.command("reconcile")
@config_option
@log_options
@output_option
def command(file: Path, log_format: LogFormat | None, log_level: LogLevel | None, form: Format) -> int:
    """Make one pass over everything, then stop.

    What can be done now is decided, committed, pushed and applied. Exit code 0: done, also where there was nothing
    to do; 2: something stood in the way of a stage, which is told.
    """
    from reconciler.daemon.service import reconcile_once
    from reconciler.model.daemon_config import LogConfig

    config, log = configured(file, log_format, log_level, default=LogConfig("console", "error"))
    done = reconcile_once(config, log)
    steps = [step_data(name, step) for name, result in done.items() for step in result.steps]
    conditions = {str(name): dict(result.conditions) for name, result in done.items() if result.conditions}
    headings = ("PROJECT", "STAGE", "SEQUENCE", "EVENT", "SUBJECT", "WHY")
    write(form, {"steps": steps, "conditions": conditions}, lambda: table(headings, step_rows(steps, headings)))
    complain_of(config, conditions)
    if form == "table" and not steps and not conditions:
        say("nothing to do")
    return COULD_NOT if conditions else OK
