"""`reconciler what-if`: what proposed files would have made of every past problem of a stage, from Git alone."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.messages import complain, render, say
from reconciler.cli.options import repo_options
from reconciler.cli.output import write


@click.command("what-if")
@repo_options
@click.option("--stage", required=True, envvar="RECONCILER_STAGE", show_envvar=True, help="The stage.")
@click.option("--base", required=True, metavar="REF", help="The branch or commit as it is, whose history is the past.")
@click.option("--head", required=True, metavar="REF", help="The branch or commit that proposes other files.")
@click.option("--history", metavar="REF", help="Where the steps are, where `opsBranch` keeps them on another branch.")
@click.option(
    "--since", metavar="DURATION", help="How far back, as `90d`, from the newest step on; without it, all there is."
)
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=20_000, show_default=True,
    help="How many problems are looked at, the newest first.",
)  # fmt: skip
@click.option(
    "--fail-if", "rules", multiple=True, metavar="RULE",
    help="Exit with 1 where this holds, as `differ > 10%` or `replicas > +3`; several may be given.",
)  # fmt: skip
@click.option(
    "-o", "--output", "form", type=click.Choice(["table", "json", "yaml", "markdown"]), default="table",
    show_default=True, envvar="RECONCILER_OUTPUT", show_envvar=True,
    help="The form in which data is written to stdout.",
)  # fmt: skip
def command(
    repo: Path, project: str | None, stage: str, base: str, head: str, history: str | None, since: str | None,
    limit: int, rules: tuple[str, ...], form: str,
) -> int:  # fmt: skip
    """Tell what other files would have made of every past problem of a stage.

    The remediation.yaml, slo.yaml, sli.yaml, service.yaml and stage.yaml of both commits are asked about every problem
    that was ever recorded, with the facts recorded then: which entry matches, which action is taken, to which value,
    and how the recorded values are judged. Where the head leads to something that nobody did then, it is unknown what
    would have come of it, and that is said. Nothing is written, and nothing but the repository is looked at.

    Exit code 0: it was found out; 1: a rule of --fail-if is met; 2: it could not be found out.
    """
    from reconciler.cli.comparison import Wish, compare
    from reconciler.cli.what_if_report import report
    from reconciler.cli.what_if_text import markdown, text
    from reconciler.daemon.plugins import load_actions
    from reconciler.decide.whatif.rules import parse_rule
    from reconciler.model.errors import UserError

    understood = [parse_rule(rule) for rule in rules]
    wish = Wish(repo, project, stage, base, head, history, _seconds(since), limit)
    load_actions()
    try:
        compared = compare(wish)
    except UserError as error:
        # 1 says that a rule is met; a file that cannot be read says nothing of the kind.
        complain(render(error))
        return COULD_NOT
    data = report(wish, compared, understood)
    match form:
        case "json" | "yaml":
            write(form, data, lambda: "")
        case "markdown":
            click.echo(markdown(data))
        case _:
            click.echo(text(data))
    if compared.newest is None:
        say(
            f"there is no step of {stage} in the history of {history or base}; where project.yaml has `opsBranch`, "
            "name that branch with --history"
        )
    met = [each["rule"] for each in data["rules"] if each["met"]]
    for rule in met:
        complain(f"error: {data['summary']}: that meets `{rule}`")
    return NO if met else OK


def _seconds(text: str | None) -> int | None:
    from reconciler.model.duration import seconds

    if text is None:
        return None
    found = seconds(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no duration; write for example `90d` or `12h`.", param_hint="'--since'")
    return found
