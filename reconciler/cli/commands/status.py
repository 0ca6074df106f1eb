"""`reconciler status`: what is going on, read from Git alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.messages import say
from reconciler.cli.options import fetch_option, repo_options, service_option, stages_option
from reconciler.cli.output import Format, output_option, table, write

if TYPE_CHECKING:
    from reconciler.cli.workspace import OpenStage
    from reconciler.decide.remediation import Remediation
    from reconciler.decide.snapshot import ServiceView
    from reconciler.model.desired import Held

_BLANK = " "
_HEADINGS = ("STAGE", "SERVICE", "MODE", "OPEN PROBLEMS", "REMEDIATION", "PHASE", "DESIRED")


@click.command("status")
@repo_options
@stages_option
@service_option(required=False)
@click.option("--all", "everything", is_flag=True, help="Services that nothing is going on in too, and what has ended.")
@fetch_option
@output_option
def command(
    repo: Path,
    project: str | None,
    stage: str | None,
    service: str | None,
    form: Format,
    *,
    everything: bool,
    fetch: bool,
) -> None:
    """Show open problems, remediations and desired values.

    Without --stage all stages are shown. Nothing but Git is asked: the newest commits say what was decided, and
    whether it has taken effect.
    """
    from reconciler.cli.workspace import open_workspace

    with open_workspace(repo, project, fetch=fetch) as workspace:
        stages = [workspace.stage(stage)] if stage else [*workspace.stages()]
        found = [_stage(here, service, everything=everything) for here in stages]
        data = {"project": str(workspace.project.name), "stages": found}
    rows = [row for here in found for row in _rows(here)]
    write(form, data, lambda: table(_HEADINGS, rows))
    if form == "table" and not rows:
        say(f"nothing is going on in {', '.join(str(here['name']) for here in found) or data['project']}")


def _stage(here: OpenStage, service: str | None, *, everything: bool) -> dict[str, Any]:
    if service:
        views = [here.service(service)]
    elif everything:
        views = [here.snapshot.services[path] for path in sorted(here.snapshot.services)]
    else:
        views = [*here.busy()]
    services = [_service(here, view, everything=everything) for view in views]
    wanted = [each for each in services if everything or service or _is_busy(each)]
    return {
        "name": str(here.name),
        "commit": str(here.tips.ops),
        "sequence": here.snapshot.stage.sequence,
        "services": wanted,
    }


def _is_busy(service: Mapping[str, Any]) -> bool:
    return bool(service["problems"] or service["remediations"] or service["desired"])


def _service(here: OpenStage, view: ServiceView, *, everything: bool) -> dict[str, Any]:
    from reconciler.decide.policy import effective
    from reconciler.model.errors import UserError

    files = sorted(view.problems.values(), key=lambda each: each.file.path)
    problems = [
        {"id": str(file.id), "title": file.problem.title, "state": file.problem.state}
        for file in files
        if not isinstance(file.problem, UserError) and (everything or file.problem.state == "open")
    ]
    refused = [str(error) for error in (view.config, view.playbook) if isinstance(error, UserError)]
    refused += [str(file.problem) for file in files if isinstance(file.problem, UserError)]
    remediations = sorted(view.remediations.values(), key=lambda each: each.opened_by)
    return {
        "name": str(view.name),
        "path": str(view.path),
        "mode": effective(here.snapshot.stage, view).mode,
        "problems": problems,
        "remediations": [_remediation(each) for each in remediations if everything or not each.ended],
        "desired": [_held(f"{target}", field, held) for (target, field), held in sorted(view.desired.items(), key=str)],
        "errors": refused,
    }


def _remediation(each: Remediation) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": str(each.id),
        "entry": each.entry,
        "phase": each.phase,
        "step": each.number,
        "problems": [str(problem.id) for problem in each.problems],
    }
    if each.actions:
        data["action"] = f"{min(each.index + 1, len(each.actions))}/{len(each.actions)}"
    if each.outcome:
        data["outcome"] = each.outcome
    if each.hold:
        data["held"] = {"condition": each.hold.condition, "reason": each.hold.reason}
    return data


def _held(target: str, field: str, held: Held) -> dict[str, Any]:
    claims = [
        {"remediation": str(claim.remediation), **({"by": claim.by} if claim.by is not None else {"set": claim.set})}
        for claim in held.claims
    ]
    return {"target": target, "field": field, "value": held.value, "base": held.base, "claims": claims}


def _rows(here: Mapping[str, Any]) -> Iterator[list[str]]:
    for service in here["services"]:
        problems = [problem["title"] for problem in service["problems"]] + [f"! {error}" for error in service["errors"]]
        remediations = [each["id"] for each in service["remediations"]]
        phases = [_phase(each) for each in service["remediations"]]
        desired = [_wish(each) for each in service["desired"]]
        columns = [problems, remediations, phases, desired]
        for line in range(max(1, *(len(column) for column in columns))):
            none = "" if line == 0 else _BLANK
            first = [here["name"], service["path"], service["mode"]] if line == 0 else [_BLANK] * 3
            yield [*first, *(column[line] if line < len(column) else none for column in columns)]


def _phase(each: Mapping[str, Any]) -> str:
    said = each["outcome"] if "outcome" in each else each["phase"]
    return f"{said}: {each['held']['condition']}" if "held" in each else str(said)


def _wish(each: Mapping[str, Any]) -> str:
    name = each["target"].rpartition("/")[2]
    value = each["value"] if not isinstance(each["value"], bool) else "on" if each["value"] else "off"
    by = ", ".join(f"{claim['by']:+d}" for claim in each["claims"] if "by" in claim)
    why = f" ({each['base']} {by})" if by else "" if each["claims"] else " (given back)"
    return f"{name} {each['field']}={value}{why}"
