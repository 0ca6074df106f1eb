"""`reconciler replay`: does every step of a stage come out again, byte for byte, from what was there before it?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.messages import complain, render, say, visible
from reconciler.cli.options import repo_options, stages_option
from reconciler.cli.output import Format, output_option, table, write

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
HEADINGS: Final = ("STAGE", "COMMIT", "STEP", "", "WHAT", "WHERE", "EXPECTED", "THERE", "DO")


@click.command("replay")
@click.argument("span", metavar="[RANGE]", required=False)
@repo_options
@stages_option
@click.option(
    "--processes", type=click.IntRange(1, 64), default=None,
    help="So many at once where the history is long; without it, one a processor.",
)  # fmt: skip
@click.option(
    "--allowed-signers", "allowed", type=_FILE,
    help="Believe only steps that are signed for reconciler@localhost, in the form of ssh's allowed signers.",
)  # fmt: skip
@click.option("--revoked-keys", "revoked", type=_FILE, help="Public keys that count no more, one a line.")
@click.option(
    "--signed-since", "since", multiple=True, metavar="COMMIT",
    help="Believe what this commit holds, signed or not; one of each branch.",
)  # fmt: skip
@click.option("--progress/--no-progress", default=None, help="Tell how far it is; by default on a terminal only.")
@output_option
def command(
    span: str | None, repo: Path, project: str | None, stage: str | None, processes: int | None,
    allowed: Path | None, revoked: Path | None, since: tuple[str, ...], form: Format, *, progress: bool | None,
) -> int:  # fmt: skip
    """Decide every step of a stage again, and compare it with what is there.

    Each step has to come out of the branch before it and of the facts that it records: its file, what else it changes,
    and its message, byte for byte. What somebody else changed among reconciler's files is told too, and is an error
    unless a step took it as an undo or put it back. RANGE is A..B on the branch of the steps; what it begins with is
    taken as it is. With --allowed-signers a step that reconciler did not sign is somebody else's change, however well
    it replays, as it is for a daemon with `allowedSigners` and a key.

    Nothing is fetched and nothing is written; branches are looked at as the clone fetched them last. Exit code 0: all
    is as it had to come; 1: something was found; 2: it could not be found out.
    """
    from reconciler.cli.progress import Meter
    from reconciler.cli.replaying import WORTH_TELLING, data, rows, summary
    from reconciler.cli.verifying import believed_by, wishes
    from reconciler.daemon.plugins import load_actions
    from reconciler.model.errors import UserError
    from reconciler.model.names import ProjectName
    from reconciler.repo.local import LocalRepository
    from reconciler.repo.offline import whole
    from reconciler.repo.replay_chunks import Wish, replay

    if allowed is None and (revoked is not None or since):
        raise click.UsageError("--revoked-keys and --signed-since need --allowed-signers.")
    name = ProjectName(project) if project else None
    try:
        load_actions()
        with LocalRepository.open(repo) as repository, whole(repository) as offline:
            believed = believed_by(allowed, revoked, since, repository) if allowed is not None else None
            asked = [
                Wish(each.stage, each.tip, each.project, each.since, each.config, name, believed)
                for each in wishes(repository, stage, span)
            ]
            found = []
            for wish in asked:
                with Meter("commits replayed", WORTH_TELLING, shown=progress, before=f"{wish.stage}: ") as meter:
                    count = processes or len(os.sched_getaffinity(0))
                    done = replay(repository, offline, wish, processes=count, tell=meter.tell, prepare=load_actions)
                found.append(done)
    except UserError as error:
        # 1 says that something was found; a file that cannot be read says nothing of the kind.
        complain(render(error))
        return COULD_NOT
    stages = [data(each) for each in found]
    exact = not any(finding.error for each in found for finding in each.findings)
    write(form, {"exact": exact, "stages": stages}, lambda: table(HEADINGS, list(rows(stages))))
    for each in found:
        say(visible(summary(each)))
    return OK if exact else NO
