"""`reconciler plan`: what the next pass would commit, without committing or changing anything."""

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
from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.messages import complain, render, say, visible
from reconciler.cli.output import Format, output_option, table, write


@click.command("plan")
@config_option
@log_options
@output_option
def command(file: Path, log_format: LogFormat | None, log_level: LogLevel | None, form: Format) -> int:
    """Show what the next pass would do; nothing is written.

    The cluster and the flag server are looked at, so that the values are those of now. Exit code 0: nothing; 1: there
    is something to do; 2: it could not be found out, or not all of it. What remediations wait for is told on stderr.
    """
    from reconciler.cli.previewing import previews
    from reconciler.model.daemon_config import LogConfig
    from reconciler.model.errors import UserError

    config, log = configured(file, log_format, log_level, default=LogConfig("console", "error"))
    try:
        found = previews(config, log)
    except UserError as error:
        # 1 says that there is something to do; a file that cannot be read says nothing of the kind.
        complain(render(error))
        return COULD_NOT
    steps = [step_data(name, step) for name, result in found.items() for step in result.steps]
    conditions = {str(name): dict(result.conditions) for name, result in found.items() if result.conditions}
    headings = ("PROJECT", "STAGE", "EVENT", "SUBJECT", "WHY")
    waits = [each for result in found.values() for each in result.waits]
    write(
        form,
        {"steps": steps, "conditions": conditions, "waits": waits},
        lambda: table(headings, step_rows(steps, headings)),
    )
    complain_of(config, conditions)
    if form == "table" and not steps and not conditions:
        say("nothing to do")
    if form == "table":
        for each in waits:
            say(visible("{service}: {waits} ({project}/{stage}, {remediation})".format_map(each)))
    return COULD_NOT if conditions else NO if steps else OK
