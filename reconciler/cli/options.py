"""Options that several verbs have in common, each also to be given by the environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _all(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def repo_options(command: _Command) -> _Command:
    """Add where the configuration repository is, and which project it is of."""
    return _all(
        click.option(
            "--repo", type=click.Path(path_type=Path, exists=True, file_okay=False), default=".",
            envvar="RECONCILER_REPO", show_envvar=True,
            help="A clone of the configuration repository; without it, the one you are in.",
        ),
        click.option(
            "--project", envvar="RECONCILER_PROJECT", show_envvar=True,
            help="The project's name; without it, what project.yaml says.",
        ),
    )(command)  # fmt: skip


def stage_option(command: _Command) -> _Command:
    """Add which stage; where it is left out, the one that is checked out is meant, or the only one."""
    return click.option(
        "--stage", envvar="RECONCILER_STAGE", show_envvar=True, help="The stage; without it, the one checked out."
    )(command)


def stages_option(command: _Command) -> _Command:
    """Add which stage, for what shows all of them where it is left out."""
    return click.option("--stage", envvar="RECONCILER_STAGE", show_envvar=True, help="The stage; without it, all.")(
        command
    )


def service_option(*, required: bool) -> Callable[[_Command], _Command]:
    """Add which service, by name or path."""
    return click.option(
        "--service", required=required, envvar="RECONCILER_SERVICE", show_envvar=True, help="The service."
    )


def remediation_option(command: _Command) -> _Command:
    """Add which remediation: its id, said plainly or by `--remediation`; `remediation` is None where neither is."""

    def named(context: click.Context, _parameter: click.Parameter, option: str | None) -> str | None:
        plain: str | None = context.params.pop("named", None)
        if plain is not None and option is not None and plain != option:
            raise click.UsageError(f"{plain!r} and --remediation {option!r} are two remediations.", context)
        return plain if option is None else option

    return _all(
        click.argument("named", metavar="[REMEDIATION]", required=False, is_eager=True),
        click.option(
            "--remediation", callback=named,
            help="The remediation's id; without one, the only one of the service that is meant.",
        ),
    )(command)  # fmt: skip


def reason_option(command: _Command) -> _Command:
    """Add why, for those who read the history."""
    return click.option("-m", "--reason", default="", help="Why, for those who read the history.")(command)


def fetch_option(command: _Command) -> _Command:
    """Add `--no-fetch`, to look at what was fetched last."""
    return click.option("--fetch/--no-fetch", default=True, help="Fetch first, or take what the clone fetched last.")(
        command
    )
