"""`reconciler problem open`: what monitoring does by itself, done by a person."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.context import now
from reconciler.cli.daemon_options import daemon_options, find_daemon
from reconciler.cli.messages import complain, render
from reconciler.cli.options import repo_options, service_option, stage_option
from reconciler.cli.output import Format, output_option
from reconciler.model.errors import ConfigError, ReconcilerError, UserError

if TYPE_CHECKING:
    from reconciler.decide.snapshot import ServiceView


@click.command("open")
@repo_options
@stage_option
@service_option(required=True)
@click.option("--title", required=True, help="What is wrong; the playbook's entry is found by it.")
@click.option("--id", "identity", help="The problem's id and file name; without it, made of title and time.")
@click.option("--root-cause", default="", help="The cause, where it is known; it goes before the title.")
@click.option("--source", default="", help="Who says so.")
@click.option("--url", default="", help="Where to read more.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label; can be given again.")
@daemon_options
@output_option
def command(
    repo: Path,
    project: str | None,
    stage: str | None,
    service: str,
    title: str,
    identity: str | None,
    root_cause: str,
    source: str,
    url: str,
    labels: tuple[str, ...],
    daemon: str | None,
    config: Path | None,
    token_file: Path | None,
    ca_file: Path | None,
    form: Format,
) -> int:
    """Open a problem: commit its file and push it, or have the daemon do so (--daemon), which needs no clone.

    What is done about it can then be followed by `git pull` and `reconciler status`.
    """
    from reconciler.cli.problem_files import new_id, new_problem, slug
    from reconciler.cli.pushing import push_files
    from reconciler.cli.validation import check_file
    from reconciler.cli.workspace import open_workspace
    from reconciler.model.names import ProblemId

    name = identity if identity is not None else new_id(title, now())
    if not _is_id(name):
        raise ConfigError(
            f"`{name}` cannot be an id",
            hint="use up to 200 letters, digits and `. _ + = , -`, not `.` or `-` first, no `..`, and last neither `.` "
            f"nor `.lock` nor `+` and a number; for example {slug(name) or 'slow-carts'}",
        )
    pairs = dict(_pair(label) for label in labels)
    more = {"rootCause": root_cause, "source": source, "url": url, "labels": pairs}
    if (found := find_daemon("problem", daemon, config, token_file, ca_file)) is not None:
        from reconciler.cli.problem_reports import belongs, send_report

        started = f"{now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        report = {"id": name, "title": title, "state": "open", "startedAt": started, **more}
        return send_report(found, {**belongs(repo, project, stage, service), **report}, form)
    data = new_problem(title, now(), more)
    with open_workspace(repo, project) as workspace:
        here = workspace.stage(stage)
        view = here.service(service)
        if not view.exists:
            raise ConfigError(
                f"there is no service at {view.path}/ in {here.name}",
                hint=f"add {view.path}/remediation.yaml there, or name another service",
            )
        known = view.problems.get(ProblemId(name))
        path = known.file.path if known else f"{view.ops(here.name)}/problems/{name}.yaml"
        if known and not isinstance(known.problem, UserError) and known.problem.state == "open":
            raise UserError(f"the problem {name} is open already", hint=f"see {path}; name another with --id")
        wrong = check_file(data, path, "problem")
        if wrong:
            raise ConfigError(wrong[0].message, hint=f"expected {wrong[0].expected}")
        _warn_of_slips(title, root_cause, view)
        body = f"Reported by hand as {name}."
        push_files(workspace, here, {path: data}, f"{view.name}: problem open: {title}", body, form)
    return 0


def _warn_of_slips(title: str, root_cause: str, view: ServiceView) -> None:
    """Say that the problem misses an entry by a slip; it is opened all the same, since that may be meant."""
    from reconciler.cli.problem_names import nearly
    from reconciler.model.playbook import Playbook

    near = nearly(title, root_cause, view.playbook) if isinstance(view.playbook, Playbook) else None
    if near is not None:
        warning = ReconcilerError(
            f"{near.told}, and so {near.instead}", hint=f"if that is meant, resolve this one and open `{near.entry}`"
        )
        complain(render(warning, "warning"))


def _is_id(name: str) -> bool:
    from reconciler.model.problem_ids import problem_id

    try:
        return problem_id(name) == name
    except UserError:
        return False


def _pair(label: str) -> tuple[str, str]:
    key, equals, value = label.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{label!r} is not of the form KEY=VALUE.", param_hint="--label")
    return key, value
