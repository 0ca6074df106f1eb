"""`reconciler status`: what is going on and what needs a person, read from Git alone."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.messages import say, visible
from reconciler.cli.options import fetch_option, repo_options, service_option, stages_option
from reconciler.cli.output import Format, output_option, table, terminal_columns, write
from reconciler.model.instant import format_instant

if TYPE_CHECKING:
    from reconciler.cli.workspace import OpenStage, Workspace

_BLANK: Final = " "
_HEADINGS: Final = ("STAGE", "SERVICE", "MODE", "OPEN PROBLEMS", "REMEDIATION", "PHASE", "DESIRED")
_WIDTH: Final = 120
_COMMAND: Final = re.compile(r"`[^`]+`")
_GLUE: Final = "\0"
"""Stands for a blank at which no line ends; no text that is shown has one."""
_PLACE = re.compile(r"(?P<place>\S+?(?::\d+(?::\d+)?)?): ")


@click.command("status")
@repo_options
@stages_option
@service_option(required=False)
@click.option("--all", "everything", is_flag=True, help="Services that nothing is going on in too, and what has ended.")
@click.option("--at", "moment", metavar="TIME|COMMIT", help="As it stood then: 2026-11-21T10:00:03Z, 3h, a commit.")
@click.option(
    "--daemon",
    metavar="URL",
    help="Ask the daemon, too: what stands in its way, and what is not in Git yet. Its `server.status`.",
)
@fetch_option
@output_option
def command(
    repo: Path,
    project: str | None,
    stage: str | None,
    service: str | None,
    moment: str | None,
    daemon: str | None,
    form: Format,
    *,
    everything: bool,
    fetch: bool,
) -> None:
    """Show open problems, remediations and desired values, and what needs a person.

    Nothing but Git is asked: the newest commits say what was decided, and whether it has taken effect. What has ended
    while its problem is open is shown too, with what can be done about it. With --at it is shown as it was: by the
    newest step that was made by then, and the commits that had come by then. While the forge is away, what a stage with
    `forgeOutage: proceed` did is in the daemon's mirror only: --daemon shows how much, and since when.
    """
    from reconciler.cli.conditions import conditions
    from reconciler.cli.standing import stage_data
    from reconciler.cli.workspace import open_workspace

    if daemon is not None and moment is not None:
        raise click.UsageError("--at and --daemon exclude each other: the daemon says how it is now")
    with open_workspace(repo, project, fetch=fetch) as workspace:
        if moment is not None:
            found = _of_then(workspace, stage, service, moment, everything=everything)
        else:
            stages = [workspace.stage(stage)] if stage else [*workspace.stages()]
            found = [stage_data(here, service, everything=everything) for here in stages]
            _tell_doubts(workspace, stages)
            if stage is None:
                _tell_missing(workspace, stages)
        data: dict[str, Any] = {"project": str(workspace.project.name), "stages": found}
        if daemon is not None:
            # Without a stage all of them were asked about, those whose branch is gone before all.
            others = {str(each.name) for each in workspace.project.stages if stage} - {stage}
            told = conditions(daemon, str(workspace.project.name))
            data["conditions"] = {name: text for name, text in told.items() if not _is_of(name, others)}
    rows = [row for here in found for each in here["services"] for row in _rows(here["name"], each)]
    notes = [_wrapped(f"! {name}: {text}") for name, text in data.get("conditions", {}).items()]
    notes += [note for here in found for note in _notes(here)]
    write(form, data, lambda: "\n\n".join(part for part in (table(_HEADINGS, rows), "\n".join(notes)) if part))
    if form == "table" and not rows and not data.get("conditions"):
        say(f"nothing is going on in {', '.join(str(here['name']) for here in found) or data['project']}")


def _is_of(condition: str, stages: Collection[str]) -> bool:
    """Tell whether a condition is of one of these stages: its name is the stage's, or begins or ends with it."""
    return condition.partition("/")[0] in stages or condition.removeprefix("proposals of ") in stages


def _tell_doubts(workspace: Workspace, stages: Iterable[OpenStage]) -> None:
    """Say on stderr which steps do not count, and what others changed of ours that no step has answered."""
    from reconciler.repo.uncounted import uncounted

    for here in stages:
        foreign = (each for view in here.busy() for each in view.foreign)
        every = (*here.snapshot.stage.foreign, *foreign)
        doubt = uncounted(workspace.view, here.name, here.tips.ops, here.newest, every)
        if doubt is not None:
            say(f"{here.name}: {doubt.told}")


def _tell_missing(workspace: Workspace, stages: Iterable[OpenStage]) -> None:
    """Say on stderr which stages of the project have no branch: nothing is decided about them."""
    there = {here.name for here in stages}
    for each in workspace.project.stages:
        if each.name not in there:
            branch = each.config.removeprefix("refs/heads/")
            say(f"{each.name}: the branch {branch} is not there; what runs is left as it is")


def _of_then(
    workspace: Workspace, stage: str | None, service: str | None, moment: str, *, everything: bool
) -> list[dict[str, Any]]:
    """Return stages as they stood; of what a person could have done then nothing is told."""
    from reconciler.cli.chronicles import pasts
    from reconciler.cli.past_stages import stood
    from reconciler.cli.standing import stage_data

    found: list[dict[str, Any]] = []
    with pasts(workspace, stage) as known:
        for then in stood(workspace, known, moment):
            data = stage_data(then.here, service, everything=everything)
            for each in (remediation for about in data["services"] for remediation in about["remediations"]):
                each.pop("next", None)
            found.append({**data, **({"now": format_instant(then.step.now)} if then.step is not None else {})})
            say(then.told)
    return found


def _rows(stage: str, service: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield the rows of a service: each remediation with its problems and what it holds, then what is left."""
    lines = [*_lines(service)] or [["", "", "", ""]]
    for number, line in enumerate(lines):
        first = [stage, service["path"], service["mode"]] if number == 0 else [_BLANK] * 3
        yield [*first, *((cell or _BLANK) if number else cell for cell in line)]


def _lines(service: Mapping[str, Any]) -> Iterator[list[str]]:
    is_open = [problem for problem in service["problems"] if problem["state"] == "open"]
    wishes = [(_first_claim(each), _wish(each)) for each in service["desired"]]
    shown = [each["id"] for each in service["remediations"]]
    for each in service["remediations"]:
        problems = [problem["title"] for problem in is_open if problem.get("remediation") == each["id"]]
        held = [text for owner, text in wishes if owner == each["id"]]
        yield from _beside(problems or ["-"], [each["id"]], [each["standing"]], held)
    alone = [problem["title"] for problem in is_open if problem.get("remediation") not in shown]
    alone += [f"! {_place_of(error)}" for error in service["errors"]]
    yield from _beside(alone, ["-"] * len(alone), ["-"] * len(alone), [])
    yield from _beside([], [], [], [text for owner, text in wishes if owner not in shown])


def _beside(*columns: list[str]) -> Iterator[list[str]]:
    for line in range(max(map(len, columns))):
        yield [column[line] if line < len(column) else "" for column in columns]


def _first_claim(each: Mapping[str, Any]) -> str:
    return str(each["claims"][0]["remediation"]) if each["claims"] else ""


def _wish(each: Mapping[str, Any]) -> str:
    name = each["target"].rpartition("/")[2]
    value = each["value"] if not isinstance(each["value"], bool) else "on" if each["value"] else "off"
    by = ", ".join(f"{claim['by']:+d}" for claim in each["claims"] if "by" in claim)
    why = f" ({each['base']} {by})" if by else "" if each["claims"] else " (given back)"
    return f"{name} {each['field']}={value}{why}"


def _place_of(error: str) -> str:
    """Return the file, line and column that an error begins with; without one its beginning."""
    found = _PLACE.match(error)
    return found["place"] if found else textwrap.shorten(error, 40, placeholder=" ...")


def _notes(here: Mapping[str, Any]) -> Iterator[str]:
    """Yield what does not fit into a table: who suspended what, errors in full, and what a person can do next."""
    name, whole = here["name"], here.get("suspended", "")
    if whole:
        yield _wrapped(f"{name} is {whole}")
    if here.get("unsigned"):
        yield _wrapped(f"! {name}: {here['unsigned']}")
    yield from (_wrapped(f"! {error}") for error in here["errors"])
    for service in here["services"]:
        label = f"{name}/{service['path']}"
        if service.get("suspended", whole) != whole:
            yield _wrapped(f"{label} is {service['suspended']}")
        yield from (_wrapped(f"! {label}: {error}") for error in service["errors"])
        for each in service["remediations"]:
            if "next" in each:
                yield _wrapped(f"{label}: {each['id']} is {each['standing']}: {each['next']}")


def _wrapped(text: str) -> str:
    """Return a text in lines that fit a terminal, with no word or command broken; where there is none, as one line."""
    line = " ".join(visible(text).split())
    columns = terminal_columns()
    if not columns:
        return line
    whole = _COMMAND.sub(lambda found: found[0].replace(" ", _GLUE), line)
    lines = textwrap.fill(
        whole, min(columns, _WIDTH), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return lines.replace(_GLUE, " ")
