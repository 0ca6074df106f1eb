"""`reconciler validate`: whether files, a work tree or branches can be used, before anybody has to rely on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.configured import config_option
from reconciler.cli.context import now
from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.findings.report import FORMS, Form, Report, rendered
from reconciler.cli.messages import complain, say

if TYPE_CHECKING:
    from reconciler.cli.checking import Part
    from reconciler.cli.validation import Kind

_WORTH_TELLING = 1000
"""Files below which nobody is told how far it is."""
_EPILOG = """\
An error is what the engine refuses, a warning what it takes and does not do as it says, a notice what may be meant.
Exit code 0: no errors (with --strict: no warnings either); 1: there are some; 2: it could not be checked.
"""


@click.command("validate", epilog=_EPILOG)
@click.argument("path", type=click.Path(path_type=Path, exists=True), default=".")
@click.option("--ref", "refs", multiple=True, metavar="REF", help="Check this branch or commit, not the files on disk.")
@click.option("--all-stages", is_flag=True, help="Check the default branch and every stage's, not the files on disk.")
@click.option(
    "--diff", "span", metavar="BASE..HEAD",
    help="Check what changed between two commits, and what that affects; BASE...HEAD: since they parted.",
)  # fmt: skip
@click.option(
    "--as", "kind", metavar="KIND", help="What PATH is, where its name does not say so (remediation, slo, ...)."
)
@click.option("--acted-on", metavar="REF", hidden=True, help="Print the branches that the project there acts on.")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--online", is_flag=True, help="Ask the servers too: do workload, flag, environment and query exist?")
@config_option
@click.option("--stage", help="The stage whose servers --online asks; without it, the branch's.")
@click.option("--progress/--no-progress", default=None, help="Tell how far it is; without it, on a terminal only.")
@click.option(
    "-o", "--output", "form", type=click.Choice(list(FORMS)), default="text", show_default=True,
    envvar="RECONCILER_VALIDATE_OUTPUT", show_envvar=True, help="The form in which findings are written to stdout.",
)  # fmt: skip
def command(
    path: Path, refs: tuple[str, ...], all_stages: bool, span: str | None, kind: str | None,
    acted_on: str | None, strict: bool, online: bool, file: Path, stage: str | None, progress: bool | None, form: Form,
) -> int:  # fmt: skip
    """Check files, a work tree or a bare repository.

    PATH is a file, a folder, a work tree, or a bare repository (then all its branches are checked). A file's kind
    is known by its name. All findings are shown, with their place and how to write it right. Of a folder in a work
    tree its files are checked, together with the stage's `stage.yaml`. The daemon's own configuration is checked where
    PATH is that file.
    """
    from reconciler.cli.checking import check
    from reconciler.cli.progress import Meter
    from reconciler.daemon.plugins import load_actions

    if acted_on is not None:
        return _tell_acted_on(path, acted_on)
    if sum(map(bool, (refs, all_stages, span, kind))) > 1:
        raise click.UsageError("--ref, --all-stages, --diff and --as exclude each other.", click.get_current_context())
    load_actions()
    moment = now()
    parts = [
        replace(part, around=replace(part.around, now=moment))
        for part in _parts(path, refs, span, kind, all_stages=all_stages)
    ]
    checked = sum(part.count for part in parts)
    with Meter("files checked", _WORTH_TELLING, shown=progress) as meter:
        findings = [each for part in parts for each in check(part, meter.of(checked))]
    if online:
        from reconciler.cli.online import ask

        findings += [each for part in parts for each in ask(part, file, stage)]
    report = Report(findings, checked, strict)
    click.echo(rendered(report, form), nl=False)
    if not checked and not findings and span is None:
        complain(
            f"error: nothing in {path} is a file of a configuration repository\n"
            "    hint: name its folder, a file in it, or what the file is with --as"
        )
        return COULD_NOT
    say(_summary(report, [part.where for part in parts if part.where]))
    return OK if report.valid else NO


def _parts(path: Path, refs: Sequence[str], span: str | None, kind: str | None, *, all_stages: bool) -> list[Part]:
    from reconciler.cli import parts
    from reconciler.repo.local import LocalRepository

    if kind is not None:
        return [parts.as_kind(path, _known(path, kind))]
    bare = path.is_dir() and parts.is_bare(path)
    if not (refs or span or all_stages or bare):
        return [parts.in_work_tree(path)]
    with LocalRepository.open(path if path.is_dir() else path.parent) as repository:
        if span is not None:
            from reconciler.cli.changed import changed
            from reconciler.cli.ranges import read_range

            return [changed(repository, read_range(repository, span))]
        if refs:
            return [parts.at_ref(repository, ref) for ref in refs]
        return list(parts.stages(repository) if all_stages else parts.branches(repository))


def _tell_acted_on(path: Path, ref: str) -> int:
    from reconciler.cli import acted_on
    from reconciler.repo.local import LocalRepository

    with LocalRepository.open(path) as repository:
        for branch in acted_on.acted_on(repository, ref):
            click.echo(branch)
    return OK


def _known(path: Path, kind: str) -> Kind:
    from reconciler.cli.validation import KINDS

    known: Kind | None = next((known for known in KINDS if known == kind), None)
    if known is None:
        raise click.BadParameter(f"{kind!r} is not one of {', '.join(KINDS)}.", param_hint="--as")
    if path.is_dir():
        raise click.UsageError("--as is for a file; PATH is a folder.", click.get_current_context())
    return known


def _summary(report: Report, places: Sequence[str]) -> str:
    where = "".join(f" ({place})" for place in places)
    told = f"{report.invalid_files} invalid" if report.invalid_files else "all valid"
    for word in ("warning", "notice"):
        if number := report.count(word):
            told += f", {number} {word}{'' if number == 1 else 's'}"
    return f"{report.files} file{'' if report.files == 1 else 's'} checked{where}, {told}"
