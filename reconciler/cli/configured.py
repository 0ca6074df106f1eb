"""What the verbs that use the daemon's own configuration have in common: the file, the log, and steps as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

import click

from reconciler.cli.messages import complain, visible

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from reconciler.model.daemon_config import DaemonConfig, LogConfig
    from reconciler.model.step import Event, Step

LogFormat: TypeAlias = Literal["json", "console"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
_IDLE: Final[frozenset[Event]] = frozenset({"unmatched", "escalated", "unverified", "orphaned"})
"""Events after which nothing is done, whose reason stands in their text only."""
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
        **({"reason": why} if (why := _why(step)) else {}),
    }


def step_rows(steps: Sequence[Mapping[str, Any]], headings: Sequence[str]) -> list[list[Any]]:
    """Return the rows of a table of steps; the column WHY tells why nothing is done, and what would change that."""
    keys = ["reason" if name == "WHY" else name.lower() for name in headings]
    return [[step.get(key, "") for key in keys] for step in steps]


def complain_of(config: DaemonConfig, conditions: Mapping[str, Mapping[str, str]]) -> None:
    """Tell on stderr, project by project, what stood in the way; of what was not seen, by which servers."""
    for name, held in conditions.items():
        for what, why in held.items():
            stage, _, kind = what.partition("/")
            asked = f"\n    hint: asked were {_servers(config, name, stage)}" if kind == "unseen" else ""
            complain(visible(f"error: {name}, {what}: {why}{asked}"))


def _servers(config: DaemonConfig, project: str, stage: str) -> str:
    """Return where the configuration says that a stage's servers are."""
    from reconciler.model.names import ProjectName, StageName

    reach = config.projects[ProjectName(project)].reach(StageName(stage))
    found: list[str] = []
    if (cluster := reach.kubernetes) is not None:
        context = f", context {cluster.context}" if cluster.context else ""
        by_file = f"kubeconfig {cluster.kubeconfig or '$KUBECONFIG or ~/.kube/config'}{context}"
        found.append(f"kubernetes: {'in the cluster' if cluster.in_cluster else cluster.server or by_file}")
    if reach.flags is not None:
        found.append(f"flags: {reach.flags.url or reach.flags.file}")
    if reach.evidence is not None:
        found.append(f"evidence: {', '.join(reach.evidence.providers)}")
    return "; ".join(found) or "none, none is configured"


def _why(step: Step) -> str:
    """Return why a step does nothing: the reason of a hold or failure, or the place and error of a refusal."""
    said = {key: str(step.data.get(key) or "") for key in ("at", "error", "reason", "expected", "hint", "lifts")}
    main = f"{said['at']}: {said['error']}" if said["at"] and said["error"] else said["error"] or said["reason"]
    if not main:
        return step.body.partition("\n")[0] if step.event in _IDLE else ""
    expected = f"expected {said['expected']}" if said["expected"] else ""
    lifts = f"lifted by {said['lifts']}" if said["lifts"] else ""
    return "; ".join(part for part in (main, expected, said["hint"].partition("\n")[0], lifts) if part)
