"""`reconciler explain`: from a value back to the alert that led to it, and to whoever wrote the line that said so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import NO, OK
from reconciler.cli.messages import complain
from reconciler.cli.options import fetch_option, repo_options, service_option, stages_option
from reconciler.cli.output import Format, output_option, write

if TYPE_CHECKING:
    from reconciler.cli.chronicles import StagePast
    from reconciler.cli.workspace import OpenStage


@click.command("explain")
@click.argument("what", metavar="KIND/NAME")
@repo_options
@stages_option
@service_option(required=False)
@click.option(
    "-c", "--config", "file", type=click.Path(path_type=Path, dir_okay=False), envvar="RECONCILER_CONFIG",
    show_envvar=True, help="The daemon's own configuration: its servers are asked for the live value.",
)  # fmt: skip
@fetch_option
@output_option
def command(
    what: str, repo: Path, project: str | None, stage: str | None, service: str | None, file: Path | None,
    form: Format, *, fetch: bool,
) -> int:  # fmt: skip
    """Explain a value: who wishes for it, what decided so, which line of which playbook, whose, and what for.

    KIND/NAME is `deployment/carts` (or another kind of workload), `flag/EnablePromotion`, `problem/ID` or
    `remediation/ID`. Only Git is asked, unless -c names servers.

    Exit code 0: it is explained; 1: nobody knows anything of that name; 2: it could not be found out.
    """
    from reconciler.cli.chronicles import pasts
    from reconciler.cli.explained import as_text
    from reconciler.cli.unheard import unheard
    from reconciler.cli.workspace import open_workspace
    from reconciler.model.errors import UserError

    kind, slash, name = what.partition("/")
    if not slash or not kind or not name:
        raise click.UsageError("write KIND/NAME, as in deployment/carts or flag/EnablePromotion or problem/ID")
    with open_workspace(repo, project, fetch=fetch) as workspace, pasts(workspace, stage) as found:
        if kind in ("problem", "remediation"):
            told = [each for here in found for each in _remediations(here, kind, service or "", name)]
            if not told:
                where = ", ".join(str(here.name) for here in found)
                hint = "see `reconciler history --text WORD`, or `reconciler problem list` for those not taken up yet"
                raise UserError(f"nothing was ever done about a {kind} `{name}` in {where}", hint=hint)
            data: dict[str, Any] = {"remediations": told}
            pairs: list[tuple[StagePast, OpenStage]] = []
        else:
            pairs = [(here, workspace.stage(here.name)) for here in found]
            data = _values(pairs, kind, name, service, file)
        strange = "" if data.get("values") or kind in ("problem", "remediation") else unheard(data, pairs, kind, name)
    write(form, data, lambda: as_text(data))
    if strange:
        complain(f"error: {strange}")
    return NO if strange else OK


def _remediations(here: StagePast, kind: str, service: str, name: str) -> list[dict[str, Any]]:
    from reconciler.cli.explaining import Explainer, problem_name

    explainer = Explainer(here)
    if kind == "problem":
        about = explainer.about_problem(problem_name(name))
        return [explainer.remediation(each) for each in about if service in ("", each.service)]
    found = here.chronicle.remediation(service, name)
    return [explainer.remediation(found)] if found is not None else []


def _values(
    pairs: list[tuple[StagePast, OpenStage]], kind: str, name: str, service: str | None, file: Path | None
) -> dict[str, Any]:
    from reconciler.cli.explaining import Explainer, held_values, kind_of

    values: list[dict[str, Any]] = []
    nobodys: list[dict[str, Any]] = []
    for past, here in pairs:
        views = iter([here.service(service)]) if service else here.busy()
        held = list(held_values(views, kind_of(kind), name))
        live = _live(file, past, here) if file is not None else None
        for view, key, each in held:
            data = Explainer(past).value(view, key, each)
            values.append({**data, "live": live.held(key, each)} if live is not None else data)
        if not held:
            nobodys.append(_nobodys(past, here, kind_of(kind), name, live))
    # Where one stage holds it, that another has nothing to do with it says nothing.
    known = [each for each in nobodys if "last" in each or "live" in each] if values else nobodys
    return {"values": values, "nobodys": known}


def _nobodys(past: StagePast, here: OpenStage, kind: str, name: str, live: Any) -> dict[str, Any]:
    from reconciler.cli.explaining import Explainer

    explainer = Explainer(past)
    names = (name,) if kind == "flag" else (name, f"{name}-primary")
    changes = [found for each in names if (found := explainer.last_change(f"{kind}/{each}")) is not None]
    data: dict[str, Any] = {"stage": str(past.name), "name": f"{kind}/{name}"}
    if changes:
        data["last"] = max(changes, key=lambda each: int(each["step"]["sequence"]))
    if live is not None and (seen := live.unheld(here, kind, name)) is not None:
        data["live"] = seen
    return data


def _live(file: Path, past: StagePast, here: OpenStage) -> Any:
    from reconciler.cli.live_values import LiveValues

    return LiveValues.of(file, here.snapshot.stage.project, past.name)
