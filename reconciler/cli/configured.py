"""What the verbs that use the daemon's own configuration have in common: the file, the log, and steps as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import click

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from reconciler.model.daemon_config import DaemonConfig, LogConfig
    from reconciler.model.step import Step

LogFormat: TypeAlias = Literal["json", "console"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
_Command = TypeVar("_Command", bound=Callable[..., Any])


def config_option(command: _Command) -> _Command:
    """Add `-c reconciler.yaml`."""
    return click.option(
        "-c", "--config", "file", type=click.Path(path_type=Path, dir_okay=False), default="reconciler.yaml",
        show_default=True, envvar="RECONCILER_CONFIG", show_envvar=True, help="The daemon's own configuration.",
    )(command)  # fmt: skip


def log_options(command: _Command) -> _Command:
    """Add how and how much is logged; both win over the configuration file."""
    command = click.option(
        "--log-format", type=click.Choice(["json", "console"]), envvar="RECONCILER_LOG_FORMAT", show_envvar=True,
        help="Lines for machines or for people; without it, what the configuration says.",
    )(command)  # fmt: skip
    return click.option(
        "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), envvar="RECONCILER_LOG_LEVEL",
        show_envvar=True, help="How much is logged; without it, what the configuration says.",
    )(command)  # fmt: skip


def configured(
    file: Path, log_format: LogFormat | None, log_level: LogLevel | None, *, default: LogConfig | None = None
) -> tuple[DaemonConfig, FilteringBoundLogger]:
    """Read the configuration and return it with a logger. ``default`` stands for what the file says of logs.

    Raises:
        ConfigError: the file is missing or wrong, with all findings.
    """
    from reconciler.daemon.logs import configure
    from reconciler.daemon.service import read_config

    config = read_config(file)
    log = default or config.log
    return config, configure(replace(log, format=log_format or log.format, level=log_level or log.level))


def step_data(project: str, step: Step) -> dict[str, Any]:
    """Return a step as plain data."""
    return {
        "project": project,
        "stage": str(step.stage),
        "service": str(step.service or ""),
        "remediation": str(step.remediation or ""),
        "event": step.event,
        "subject": step.subject,
        "body": step.body,
        "sequence": step.sequence,
    }
