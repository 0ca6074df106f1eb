"""`reconciler init`: a new configuration repository, ready to be cloned, edited and pushed to."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from reconciler.cli.context import now
from reconciler.cli.messages import say
from reconciler.model.errors import ConfigError, UserError


@click.command("init")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--bare", is_flag=True, help="Make a bare repository, to be the remote that everybody pushes to.")
@click.option("--project", help="The project's name; without it, the directory's.")
@click.option("--stages", default="dev,staging,production", show_default=True, help="The stages, in order, by commas.")
@click.option("--branch", default="main", show_default=True, help="The branch of what holds for the whole project.")
def command(directory: Path, project: str | None, stages: str, branch: str, *, bare: bool) -> None:
    """Lay out a configuration repository in DIRECTORY.

    It has a branch for the project and one for each stage, with `carts` as the example service. The last stage is
    `automated`, those before it are `shadow`. DIRECTORY is made; one that holds anything is refused.
    """
    from reconciler.cli.template import branches
    from reconciler.model.checks import branch_name, project_name, stage_name
    from reconciler.repo.create import create_repository

    names = [name.strip() for name in stages.split(",")]
    try:
        named = project_name(project or _from_directory(directory))
        content = branches(named, [stage_name(name) for name in names], branch_name(branch))
    except UserError as error:
        raise ConfigError(error.message, hint=f"use {error.expected}" if error.expected else error.hint) from error
    if len({name.casefold() for name in [*names, branch]}) <= len(names):
        raise ConfigError(
            "two of the branches have one name", hint="name every stage once, and not as the project's branch"
        )
    create_repository(directory, content, bare=bare, when=now())
    kind = "bare repository" if bare else "repository"
    say(f"{kind} for {named} in {directory}, branches {', '.join([branch, *names])}")
    quoted = shlex.quote(str(directory))  # the line is there to be copied
    say(f"next: git clone {quoted} my-{named}" if bare else f"next: cd {quoted} && git switch {names[-1]}")


def _from_directory(directory: Path) -> str:
    stem = directory.absolute().name.removesuffix(".git")
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:63].strip("-")
