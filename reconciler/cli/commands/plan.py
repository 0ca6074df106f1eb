"""`reconciler plan`: what the next pass would commit, or what a merge would change, without changing anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

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
from reconciler.cli.output import Format, table, terminal_columns, write

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from reconciler.cli.merge.planned import MergePlan
    from reconciler.model.daemon_config import DaemonConfig
    from reconciler.model.instant import Instant

_EPILOG = """\
--ref without -c: nothing is asked of anybody, not of the remote either (`git fetch` first). What no server was asked
about is as steps recorded it last, or said to be unknown; a reconciler.yaml that happens to lie there is not used.
"""


@click.command("plan", epilog=_EPILOG)
@click.option("--ref", metavar="REF", help="Show what merging this branch or commit would change in desired state now.")
@click.option("--into", metavar="BRANCH", help="The branch it would be merged into; without it, the one checked out.")
@click.option(
    "--repo", type=click.Path(path_type=Path, exists=True, file_okay=False), default=".", show_default=True,
    envvar="RECONCILER_REPO", show_envvar=True, help="The clone in which --ref is looked for where there is no -c.",
)  # fmt: skip
@config_option
@log_options
@click.option(
    "-o", "--output", "form", type=click.Choice(["table", "json", "yaml", "markdown"]), default="table",
    show_default=True, envvar="RECONCILER_OUTPUT", show_envvar=True,
    help="The form in which data is written to stdout; Markdown is for --ref.",
)  # fmt: skip
def command(
    ref: str | None, into: str | None, repo: Path, file: Path, log_format: LogFormat | None,
    log_level: LogLevel | None, form: str,
) -> int:  # fmt: skip
    """Show what the next pass would do, or with --ref what a merge would change; nothing is written.

    The cluster and the flag server are looked at, so that the values are those of now. Exit code 0: nothing; 1: there
    is something to do; 2: it could not be found out, or not all of it. What remediations wait for is told on stderr.
    """
    from reconciler.model.daemon_config import LogConfig
    from reconciler.model.errors import UserError

    context = click.get_current_context()
    if ref is None and (into is not None or form == "markdown"):
        raise click.UsageError("--into and -o markdown go with --ref.", context)
    named = context.get_parameter_source("file") is not ParameterSource.DEFAULT
    try:
        if ref is not None and not named:
            return _of_clone(repo, ref, into, form)
        config, log = configured(file, log_format, log_level, default=LogConfig("console", "error"))
        if ref is not None:
            return _of_remote(config, log, ref, into, form)
        return _next_pass(config, log, form)
    except UserError as error:
        # 1 says that there is something to do; a file that cannot be read says nothing of the kind.
        complain(render(error))
        return COULD_NOT


def _next_pass(config: DaemonConfig, log: FilteringBoundLogger, form: str) -> int:
    from reconciler.cli.previewing import previews

    found = previews(config, log)
    steps = [step_data(name, step) for name, result in found.items() for step in result.steps]
    conditions = {str(name): dict(result.conditions) for name, result in found.items() if result.conditions}
    headings = ("PROJECT", "STAGE", "EVENT", "SUBJECT", "WHY")
    waits = [each for result in found.values() for each in result.waits]
    write(
        _plain(form),
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


def _of_clone(repo: Path, ref: str, into: str | None, form: str) -> int:
    from reconciler.cli.merge.opening import in_clone
    from reconciler.cli.merge.planned import planned

    with in_clone(repo, ref) as opened:
        plan = planned(opened, ref, into, _now(), None)
    return _told(plan, form)


def _of_remote(config: DaemonConfig, log: FilteringBoundLogger, ref: str, into: str | None, form: str) -> int:
    from reconciler.cli.merge.opening import configured as configured_project
    from reconciler.cli.merge.planned import Online, planned

    with configured_project(config, ref) as opened:
        name = opened.project.name
        plan = planned(opened, ref, into, _now(), Online(config.projects[name], log))
    code = _told(plan, form)
    complain_of(config, {str(name): plan.conditions})
    return COULD_NOT if plan.conditions else code


def _told(plan: MergePlan, form: str) -> int:
    from reconciler.cli.merge.report import as_markdown, as_table, headline, remarks

    if form == "markdown":
        click.echo(as_markdown(plan), nl=False)
    else:
        write(_plain(form), plan.data(), lambda: as_table(plan, terminal_columns()))
    say(headline(plan))
    if form == "table":
        for each in remarks(plan):
            say(each)
    return NO if plan else OK


def _plain(form: str) -> Format:
    return "json" if form == "json" else "yaml" if form == "yaml" else "table"


def _now() -> Instant:
    from reconciler.cli.context import now
    from reconciler.model.instant import Instant

    return Instant(int(now().timestamp()))
