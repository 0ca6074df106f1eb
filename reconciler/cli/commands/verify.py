"""`reconciler verify`: are the steps of a stage all there, in their order, and signed by whom they have to be?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from reconciler.cli.configured import config_option
from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.messages import complain, render, say, visible
from reconciler.cli.options import repo_options, stages_option
from reconciler.cli.output import Format, output_option, table, write

if TYPE_CHECKING:
    from reconciler.repo.signatures_audit import Audit
    from reconciler.repo.signatures_held import Told

_HEADINGS: Final = ("STAGE", "COMMIT", "STEP", "WHAT", "DO")
_SHOWN: Final = 3
_PROJECT: Final = "project"
"""What the default branch is called among the stages' branches."""
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("verify")
@click.argument("span", metavar="[RANGE]", required=False)
@repo_options
@stages_option
@click.option(
    "--allowed-signers", "allowed", type=_FILE,
    help="Who may sign, in the form of ssh's allowed signers; without it, what the configuration names.",
)  # fmt: skip
@click.option("--revoked-keys", "revoked", type=_FILE, help="Public keys that count no more, one a line.")
@click.option("--gpg-key", "gpg", multiple=True, metavar="FINGERPRINT", help="A GPG key by which reconciler signs.")
@click.option(
    "--allowed-gpg-key", "gpg_people", multiple=True, metavar="FINGERPRINT", help="A GPG key by which people may sign.",
)  # fmt: skip
@click.option(
    "--signed-since", "since", multiple=True, metavar="COMMIT",
    help="All that this commit holds counts, signed or not; one of each branch.",
)  # fmt: skip
@click.option("--people", is_flag=True, help="Judge people's commits too: their files and commands have to be signed.")
@config_option
@output_option
@click.pass_context
def command(
    context: click.Context, span: str | None, repo: Path, project: str | None, stage: str | None,
    allowed: Path | None, revoked: Path | None, gpg: tuple[str, ...], gpg_people: tuple[str, ...],
    since: tuple[str, ...], file: Path, form: Format, *, people: bool,
) -> int:  # fmt: skip
    """Check the chain of a stage's steps, and the signatures on it.

    Every step has the number after the one before, stands on it, and names the commits that it was decided on; no
    commit only says that it is a step. With --allowed-signers each commit of reconciler has to be signed for
    reconciler@localhost, and with --people each commit by which people's files or commands came onto the branch for
    its committer, as a daemon with these keys judges them. RANGE is A..B on the branch of the steps; what it begins
    with is taken as it is.

    Nothing is fetched and nothing is written; branches are looked at as the clone fetched them last. Exit code 0: all
    is well; 1: something was found; 2: it could not be found out.
    """
    from reconciler.cli.verifying import (
        Keys,
        begun_with,
        configured_signing,
        held_by,
        project_tip,
        signers_of,
        wishes,
    )
    from reconciler.daemon.plugins import load_actions
    from reconciler.model.errors import UserError
    from reconciler.model.signing_config import SigningConfig
    from reconciler.repo.local import LocalRepository
    from reconciler.repo.offline import whole
    from reconciler.repo.signatures_audit import Audit, audit
    from reconciler.repo.signatures_walk import reachable

    named = context.get_parameter_source("file") is not ParameterSource.DEFAULT
    keys = Keys(allowed, revoked, gpg, gpg_people, since)
    try:
        with ExitStack() as ends:
            repository = ends.enter_context(LocalRepository.open(repo))
            offline = ends.enter_context(whole(repository))
            use = named or file.is_file()
            signing = configured_signing(file, project, repository) if use else SigningConfig()
            signers = signers_of(keys, signing)
            if people and signers is None:
                raise click.UsageError("--people needs --allowed-signers, or a configuration with `signing`.", context)
            asked = list(wishes(repository, stage, span))
            begun = begun_with(keys, signing, repository)
            held = None
            if signers is not None and people:
                load_actions()
                held = ends.enter_context(held_by(repository, signers, signing, begun, project))
            judge = signers.judge_ours() if signers is not None else None
            before = reachable(offline, begun) if judge is not None else frozenset()
            found = [audit(offline, wish, judge, held, before) for wish in asked]
            if held is not None and span is None and stage is None:
                common = Audit(asked[0].stage, project_tip(repository))
                common.take(held.project())
                found.append(common)
    except UserError as error:
        # 1 says that something was found; a file that cannot be read says nothing of the kind.
        complain(render(error))
        return COULD_NOT
    names = [str(each.stage) for each in asked] + [_PROJECT] * (len(found) - len(asked))
    stages = [_data(name, each, judged=signers is not None) for name, each in zip(names, found, strict=True)]
    data = {"valid": not any(each["findings"] for each in stages), "signatures": signers is not None, "stages": stages}
    write(form, data, lambda: table(_HEADINGS, list(_rows(stages))))
    for each in stages:
        say(visible(_summary(each, people=people)))
    if signers is None:
        say("signatures were not looked at: say who may sign with --allowed-signers FILE")
    return OK if data["valid"] else NO


def _data(name: str, found: Audit, *, judged: bool) -> dict[str, Any]:
    return {
        "name": name,
        "commit": str(found.tip),
        "steps": found.steps,
        "first": found.first,
        "last": found.last,
        **({"signed": found.signed, "people": found.people} if judged else {}),
        **_in_force(found.told),
        "findings": [
            {
                "commit": str(each.commit),
                **({"step": each.sequence} if each.sequence else {}),
                "what": each.what,
                "todo": each.todo,
            }
            for each in found.findings
        ],
    }


def _in_force(told: Told | None) -> dict[str, Any]:
    if told is None:
        return {}
    return {
        "signedUpTo": told.commit and str(told.commit),
        "unsigned": list(told.paths),
        "commands": list(told.words),
        "waiting": [{"commit": str(each.commit), "by": each.who, "why": each.why} for each in told.waiting],
    }


def _rows(stages: Sequence[Mapping[str, Any]]) -> Iterator[list[object]]:
    for stage in stages:
        for each in stage["findings"]:
            yield [stage["name"], each["commit"][:12], each.get("step"), each["what"], each["todo"]]


def _summary(stage: Mapping[str, Any], *, people: bool) -> str:
    told = _count(len(stage["findings"]), "finding") if stage["findings"] else "nothing found"
    parts: list[str] = []
    if stage["name"] != _PROJECT:
        steps = f"{_count(stage['steps'], 'step')} ({stage['first']} to {stage['last']})"
        parts.append(steps if stage["steps"] else "no steps")
        if "signed" in stage:
            parts.append(f"{_count(stage['signed'], 'commit')} signed by us")
    if "signed" in stage and people:
        parts.append(f"{_count(stage['people'], 'commit')} of people's files signed")
    if stage.get("unsigned"):
        paths = stage["unsigned"]
        shown = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
        upto = f"up to {stage['signedUpTo'][:12]} only" if stage["signedUpTo"] else "at no commit"
        parts.append(f"people's files are all signed for {upto}, because of {shown}")
    return f"{stage['name']}: {', '.join(parts)}; {told}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
