"""`reconciler add-resource`: put a file into a service's directory, with the flags that Keptn's command had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.context import now
from reconciler.cli.messages import say
from reconciler.cli.options import repo_options, stage_option
from reconciler.cli.output import Format, output_option
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.invalid import InvalidFile

if TYPE_CHECKING:
    from reconciler.cli.workspace import Workspace
    from reconciler.model.names import CommitId


@dataclass(frozen=True)
class _Place:
    """Where the file goes; ``tip`` is where the branch was when that was decided."""

    branch: str
    path: str
    tip: CommitId


@click.command("add-resource")
@repo_options
@stage_option
@click.option("--service", help="The service; without it the file is the stage's own.")
@click.option("--all-stages", is_flag=True, help="Do it in every stage.")
@click.option(
    "--resource", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The file to add."
)
@click.option("--resourceUri", "uri", help="Its path there; without it, the file's name.")
@output_option
def command(
    repo: Path,
    project: str | None,
    stage: str | None,
    service: str | None,
    resource: Path,
    uri: str | None,
    form: Format,
    *,
    all_stages: bool,
) -> None:
    """Put a file into a service's directory and push it.

    It is committed on the branch of the stage. Before that it is validated, by what its path says that it is; a file
    that cannot be used is not pushed.
    """
    from reconciler.cli.pushing import message, tell_pushed
    from reconciler.cli.workspace import open_workspace

    if all_stages and stage:
        raise click.UsageError("--stage and --all-stages exclude each other.", click.get_current_context())
    data = resource.read_bytes()
    with open_workspace(repo, project) as workspace:
        names = [str(each.name) for each in workspace.project.stages] if all_stages else [stage]
        places = [_place(workspace, name, service, uri or resource.name) for name in names]
        _check(places, data)
        for place in places:
            there = workspace.view.blob_at(place.tip, place.path)
            if there is not None and there[1] == data:
                say(f"{place.branch} has {place.path} already, just so")
                continue
            subject = f"{service or place.branch}: {'change' if there else 'add'} {place.path}"
            commit = workspace.clone.commit_and_push(
                place.branch, {place.path: data}, message(subject), when=now(), based_on=place.tip
            )
            tell_pushed(form, commit, place.branch, [place.path], remote=workspace.clone.url)


def _place(workspace: Workspace, stage: str | None, service: str | None, uri: str) -> _Place:
    from reconciler.model.checks import service_path
    from reconciler.repo.names import tree_path

    here = workspace.stage(stage)
    folder = ""
    if service is not None:
        known = [path for path in here.snapshot.services if service in (path, path.rpartition("/")[2])]
        folder = f"{known[0] if len(known) == 1 else _checked(lambda: service_path(service))}/"
    path = folder + uri
    _checked(lambda: tree_path(path))
    if path.startswith("ops/"):
        raise ConfigError("ops/ holds no configuration", hint="see `reconciler problem open` and `reconciler undo`")
    return _Place(str(here.name), path, here.tips.config)


def _checked(check: object) -> str:
    try:
        return str(check()) if callable(check) else ""
    except UserError as error:
        raise ConfigError(error.message, hint=f"use {error.expected}" if error.expected else error.hint) from error


def _check(places: Sequence[_Place], data: bytes) -> None:
    from reconciler.cli.validation import check_file, kind_of

    for path in dict.fromkeys(place.path for place in places):
        kind = kind_of(path)
        wrong = check_file(data, path, kind) if kind else []
        if wrong:
            raise InvalidFile(wrong)
        if kind is None:
            say(f"{path} is no file that reconciler reads; it is added as it is")
