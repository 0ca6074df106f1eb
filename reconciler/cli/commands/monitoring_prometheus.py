"""`reconciler monitoring prometheus`: alert rules from the SLOs, and the route by which they reach us."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.exits import NO, OK
from reconciler.cli.options import fetch_option, repo_options, stage_option
from reconciler.cli.output import Format, output_option


@click.command("prometheus")
@repo_options
@stage_option
@click.option("--service", "services", multiple=True, help="Only this service; may be given several times.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["rules", "crd"]),
    default="rules",
    show_default=True,
    help="Files for Prometheus and Alertmanager, or objects for the Prometheus operator.",
)
@click.option("--alertmanager", is_flag=True, help="Alertmanager's route and receiver instead of the rules.")
@click.option(
    "--for", "lasting", metavar="DURATION", help="For how long an objective is missed before it is told; usually 1m."
)
@click.option("--window", metavar="DURATION", help="What $DURATION_SECONDS is; without it, the evaluation's window.")
@click.option("--interval", metavar="DURATION", help="Between two looks; without it, as Prometheus is configured.")
@click.option("--severity", default="critical", show_default=True, help="The label `severity` of every alert.")
@click.option("--runbook-base", default="", metavar="URL", help="Where the files of the branch can be read.")
@click.option(
    "--profile",
    type=click.Choice(["production", "fast"]),
    default="production",
    show_default=True,
    help="How soon Alertmanager tells; `fast` is for tests and demonstrations.",
)
@click.option("--url", metavar="URL", help="Our webhook as Alertmanager reaches it; without it, what -c says.")
@click.option(
    "--token-file",
    metavar="FILE",
    help="Where Alertmanager finds the bearer token; without it, what -c says.",
)
@click.option("--token-secret", metavar="NAME/KEY", help="With --format crd: the Secret that holds the bearer token.")
@click.option("--namespace", help="With --format crd: where the objects belong; without it, <project>-<stage>.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    help="With --format crd: a label that the operator selects objects by; may be given several times.",
)
@click.option("--apply", "applies", is_flag=True, help="Write it: to the cluster, or with --to into a folder.")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="With --apply: the folder that is read there.")
@click.option(
    "--reload", "reload_url", metavar="URL", help="With --to: Prometheus or Alertmanager, which reads it then."
)
@click.option("--context", help="With --apply: the kubeconfig's context; without it, what -c says.")
@click.option(
    "--check/--no-check",
    "checks",
    default=True,
    help="Have promtool judge the queries, where it is installed.",
)
@click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="RECONCILER_CONFIG",
    show_envvar=True,
    help="The daemon's own configuration.",
)
@fetch_option
@output_option
def command(
    repo: Path, project: str | None, stage: str | None, services: tuple[str, ...], kind: str, lasting: str | None,
    window: str | None, interval: str | None, severity: str, runbook_base: str, profile: str, url: str | None,
    token_file: str | None, token_secret: str | None, namespace: str | None, labels: tuple[str, ...],
    folder: Path | None, reload_url: str | None, context: str | None, file: Path | None, form: Format,
    *, alertmanager: bool, applies: bool, checks: bool, fetch: bool,
) -> int:  # fmt: skip
    """Print, or apply, an alert rule for every objective of a stage that Prometheus can tell to be missed.

    A rule holds while the SLI's own query gives a value that misses the absolute criteria of `pass`; its label
    `problem` is what the service's playbook calls such problems. What has no rule is told on stderr, with the reason.

    With --alertmanager it is the route and the receiver that post these alerts to the daemon.
    """
    from reconciler.cli.monitoring import Wish, carry_out

    wish = Wish(
        repo, project, stage, services, fetch,
        crd=kind == "crd", alertmanager=alertmanager, checks=checks, config=file,
        lasting=lasting, window=window, interval=interval, severity=severity, runbooks=runbook_base,
        fast=profile == "fast", url=url, token_file=token_file, token_secret=token_secret,
        namespace=namespace, labels=labels, applies=applies, folder=folder, reload=reload_url, context=context,
    )  # fmt: skip
    return OK if carry_out(wish, form) else NO
