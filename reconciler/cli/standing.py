"""How stages and services stand, as plain data: what `status` shows in every form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.cli.problem_names import nearly
from reconciler.decide.outlook import is_left_open, is_unhealed, newest_about, next_step, standing
from reconciler.decide.policy import effective
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ProblemFile, ServiceView, Stage
from reconciler.model.errors import UserError
from reconciler.model.instant import format_instant
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.playbook import Playbook

if TYPE_CHECKING:
    from reconciler.cli.workspace import OpenStage
    from reconciler.model.desired import Held


def stage_data(here: OpenStage, service: str | None, *, everything: bool) -> dict[str, Any]:
    """Return a stage; of its services the one that is named, or all, or those that anything is to be said about."""
    if service:
        views = [here.service(service)]
    elif everything:
        views = [here.snapshot.services[path] for path in sorted(here.snapshot.services)]
    else:
        views = [*here.busy()]
    stage = here.snapshot.stage
    services = [_service(stage, view, everything=everything) for view in views]
    suspended = _suspended(stage, ServiceView(ServicePath("")))
    return {
        "name": str(here.name),
        "commit": str(here.tips.ops),
        "sequence": stage.sequence,
        **({"suspended": suspended} if suspended else {}),
        **({"unsigned": here.unsigned} if here.unsigned else {}),
        "errors": [str(stage.config)] if isinstance(stage.config, UserError) else [],
        "services": [each for each in services if everything or service or _is_worth_showing(each, suspended)],
    }


def _suspended(stage: Stage, view: ServiceView) -> str:
    """Return who suspended it and why; empty where it is not."""
    found = effective(stage, view)
    return found.suspended if found.mode == "suspended" else ""


def _is_worth_showing(service: Mapping[str, Any], suspended: str) -> bool:
    busy = any(service[key] for key in ("problems", "remediations", "desired", "errors"))
    return busy or service.get("suspended", suspended) != suspended


def _service(stage: Stage, view: ServiceView, *, everything: bool) -> dict[str, Any]:
    files = sorted(view.problems.values(), key=lambda each: each.file.path)
    about = newest_about(view)
    problems = [
        _problem(file, about.get(file.id))
        for file in files
        if not isinstance(file.problem, UserError) and (everything or file.problem.state == "open")
    ]
    refused = [str(error) for error in (view.config, view.playbook) if isinstance(error, UserError)]
    refused += [str(file.problem) for file in files if isinstance(file.problem, UserError)]
    shown = [
        each
        for each in sorted(view.remediations.values(), key=lambda each: each.opened_by)
        if everything or not each.ended or is_left_open(view, each, about)
    ]
    suspended = _suspended(stage, view)
    return {
        "name": str(view.name),
        "path": str(view.path),
        "mode": effective(stage, view).mode,
        **({"suspended": suspended} if suspended else {}),
        "problems": problems,
        "remediations": [_remediation(stage, view, each) for each in shown],
        "desired": [_held(f"{target}", field, held) for (target, field), held in sorted(view.desired.items(), key=str)],
        "errors": refused,
    }


def _problem(file: ProblemFile, remediation: RemediationId | None) -> dict[str, Any]:
    if isinstance(file.problem, UserError):
        raise TypeError(file.file.path)
    data = {"id": str(file.id), "title": file.problem.title, "state": file.problem.state}
    return {**data, "remediation": str(remediation)} if remediation else data


def _remediation(stage: Stage, view: ServiceView, each: Remediation) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": str(each.id),
        "entry": each.entry,
        "phase": each.phase,
        "standing": standing(each),
        "step": each.number,
        "problems": [str(problem.id) for problem in each.problems],
    }
    if each.actions:
        data["action"] = f"{min(each.index + 1, len(each.actions))}/{len(each.actions)}"
    if each.waiting is not None and not each.ended:
        data["until"] = format_instant(each.waiting.until)
    if each.result:
        data["evaluated"] = each.result
    if each.outcome:
        data["outcome"] = each.outcome
    if each.reason:
        data["reason"] = each.reason
    if is_unhealed(each):
        data["unhealed"] = True
    if each.hold:
        data["held"] = {"condition": each.hold.condition, "reason": each.hold.reason}
    if todo := next_step(str(stage.name), view, each):
        data["next"] = f"{near}; {todo}" if (near := _near(view, each)) else todo
    return data


def _near(view: ServiceView, each: Remediation) -> str:
    """Return which entry an unmatched one misses by a slip: a new entry would be the wrong thing to add."""
    if each.outcome != "unmatched" or not isinstance(view.playbook, Playbook):
        return ""
    files = (view.problems.get(problem.id) for problem in each.problems)
    known = (file.problem for file in files if file is not None and not isinstance(file.problem, UserError))
    found = (nearly(problem.title, problem.root_cause, view.playbook) for problem in known)
    return next((near.told for near in found if near is not None), "")


def _held(target: str, field: str, held: Held) -> dict[str, Any]:
    claims = [
        {"remediation": str(claim.remediation), **({"by": claim.by} if claim.by is not None else {"set": claim.set})}
        for claim in held.claims
    ]
    return {"target": target, "field": field, "value": held.value, "base": held.base, "claims": claims}
