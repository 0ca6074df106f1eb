"""What the options and the daemon's configuration say together about monitoring, checked before anything is done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from reconciler.cli.monitoring_hook import hook_of, secret_of
from reconciler.cli.monitoring_labels import label_names
from reconciler.model.connections import KubernetesConnection
from reconciler.model.duration import go_seconds
from reconciler.model.names import ProjectName, StageName
from reconciler.model.webhooks import Belonging
from reconciler.monitoring.alertmanager import PACES, Hook, Pace, Secret
from reconciler.monitoring.alerts import PROMETHEUS
from reconciler.monitoring.names import part
from reconciler.monitoring.rules import LabelNames, Style

if TYPE_CHECKING:
    from reconciler.cli.monitoring import Wish
    from reconciler.model.daemon_config import DaemonConfig

_LASTING, _LASTING_FAST = 60.0, 1.0
_INTERVAL_FAST = 0.25
_LABEL = re.compile(r"(?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?\Z")


@dataclass(frozen=True)
class Settings:
    """All of it. ``secret`` and ``hook`` are meant only where Alertmanager's side is asked for.

    ``belonging`` is what the daemon's configuration says of where alerts belong; None where it says nothing.
    """

    project: ProjectName
    stage: StageName
    style: Style
    pace: Pace
    window: int | None
    providers: tuple[str, ...]
    hook: Hook
    secret: Secret | None
    namespace: str
    labels: dict[str, str]
    kubernetes: KubernetesConnection
    belonging: Belonging | None

    @property
    def whose(self) -> str:
        """Whose rule files are: the stage's."""
        return f"{self.project}/{self.stage}"


def settle(wish: Wish, project: ProjectName, stage: StageName) -> Settings:
    """Return the settings.

    Raises:
        click.UsageError: an option that cannot be read, or means nothing beside the others.
        ConfigError: the configuration cannot be read, or lacks what no option says.
    """
    _check(wish)
    config = _config(wish)
    lasting = _seconds("--for", wish.lasting)
    interval = _seconds("--interval", wish.interval)
    window = _seconds("--window", wish.window)
    if wish.fast:
        lasting, interval = (_LASTING_FAST if lasting is None else lasting), interval or _INTERVAL_FAST
    if interval == 0 or (window is not None and window < 1):
        raise click.UsageError("--interval must be above 0, and --window at least 1s")
    belonging = _belonging(config)
    names = label_names(belonging, operated=wish.crd) if belonging is not None else LabelNames()
    return Settings(
        project=project,
        stage=stage,
        style=Style(_LASTING if lasting is None else lasting, interval, wish.severity, wish.runbooks, names=names),
        pace=PACES["fast" if wish.fast else "production"],
        window=None if window is None else int(window),
        providers=_providers(config, project, stage),
        hook=hook_of(wish, config) if wish.alertmanager else Hook(""),
        secret=secret_of(wish),
        namespace=wish.namespace or part(f"{project}-{stage}"),
        labels=dict(_label(text) for text in wish.labels),
        kubernetes=_kubernetes(wish, config, project, stage),
        belonging=belonging,
    )


def _check(wish: Wish) -> None:
    """Refuse options that mean nothing beside the others."""
    beside = (
        ("--to", wish.folder, "--apply", wish.applies),
        ("--reload", wish.reload, "--to", wish.folder),
        ("--context", wish.context, "--apply", wish.applies),
        ("--url", wish.url, "--alertmanager", wish.alertmanager),
        ("--token-file", wish.token_file, "--alertmanager", wish.alertmanager),
        ("--token-secret", wish.token_secret, "--alertmanager --format crd", wish.alertmanager and wish.crd),
        ("--namespace", wish.namespace, "--format crd", wish.crd),
        ("--label", wish.labels, "--format crd", wish.crd),
    )
    for option, given, needed, there in beside:
        if given and not there:
            raise click.UsageError(f"{option} means nothing without {needed}.")
    if wish.crd and wish.folder is not None:
        raise click.UsageError("--to is for files: leave --format crd out, or apply to the cluster.")
    if wish.applies and not wish.crd and wish.folder is None:
        raise click.UsageError("--apply needs a place: --to FOLDER, or --format crd for the cluster.")
    if wish.crd and wish.token_file:
        raise click.UsageError("--token-file is for files: name a Secret of the cluster with --token-secret NAME/KEY.")
    if wish.namespace is not None and part(wish.namespace) != wish.namespace:
        raise click.UsageError(f"--namespace {wish.namespace!r}: write a namespace's name, such as shop-production.")
    if wish.services and wish.alertmanager:
        raise click.UsageError("--service means nothing with --alertmanager: one route is for all of them.")


def _config(wish: Wish) -> DaemonConfig | None:
    if wish.config is None:
        return None
    from reconciler.daemon.service import read_config

    return read_config(wish.config)


def _belonging(config: DaemonConfig | None) -> Belonging | None:
    """Return where the daemon takes alerts to belong; None where it has no such webhook."""
    hook = config.webhooks.alertmanager if config is not None else None
    return hook.belonging if hook is not None else None


def _providers(config: DaemonConfig | None, project: ProjectName, stage: StageName) -> tuple[str, ...]:
    """Return whom evaluations ask, in their order; without a configuration that says, Prometheus."""
    if config is None or project not in config.projects:
        return (PROMETHEUS,)
    evidence = config.projects[project].reach(stage).evidence
    return tuple(evidence.providers) if evidence is not None else (PROMETHEUS,)


def _kubernetes(
    wish: Wish, config: DaemonConfig | None, project: ProjectName, stage: StageName
) -> KubernetesConnection:  # fmt: skip
    """Return how the cluster is reached: by a context of the kubeconfig, as configured, or as kubectl would."""
    if wish.context is None and config is not None and project in config.projects:
        found = config.projects[project].reach(stage).kubernetes
        if found is not None:
            return found
    return KubernetesConnection(context=wish.context or "")


def _label(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not _LABEL.match(key) or not _LABEL_VALUE.match(value):
        raise click.UsageError(f"--label {text!r}: write KEY=VALUE, such as release=prometheus")
    return key, value


def _seconds(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    length = go_seconds(text)
    if length is None:
        raise click.UsageError(f"{option} {text!r}: write a duration such as 30s, 5m or 250ms")
    return length
