"""`reconciler bisect`: which config commit made a problem stop being healed."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.exits import NO, OK
from reconciler.cli.options import fetch_option, repo_options, service_option, stage_option
from reconciler.cli.output import Format, output_option, write


@click.command("bisect")
@repo_options
@stage_option
@service_option(required=True)
@click.option("--problem", required=True, help="The playbook entry, the problem's title, or an id.")
@fetch_option
@output_option
def command(
    repo: Path, project: str | None, stage: str | None, service: str, problem: str, form: Format, *, fetch: bool
) -> int:
    """Find the commit since which a problem is not healed any more.

    Past remediations say when it was healed last and when it was not first; of the commits in between those count that
    changed what the files mean for it: the entry that matches, its actions, objectives, queries and settings.

    Exit code 0: there is at least one; 1: it cannot be told, or there never was such a problem; 2: it could not be
    found out.
    """
    from reconciler.cli.bisected import as_text
    from reconciler.cli.bisecting import bisected
    from reconciler.cli.chronicles import only_past, pasts
    from reconciler.cli.workspace import open_workspace

    with (
        open_workspace(repo, project, fetch=fetch) as workspace,
        pasts(workspace, only_past(workspace, stage)) as found,
    ):
        data = bisected(found[0], workspace.project.name, service, problem)
    write(form, data, lambda: as_text(data))
    return OK if data["answer"] in ("one", "several") else NO
