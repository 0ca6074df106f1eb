"""`reconciler validate`: whether files, a work tree or branches can be used, before anybody has to rely on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.messages import complain, render, say
from reconciler.cli.output import write

if TYPE_CHECKING:
    from reconciler.cli.validation import Kind
    from reconciler.model.errors import UserError
    from reconciler.repo.local import LocalRepository


@dataclass(frozen=True)
class _Part:
    """What was checked together: ``label`` goes before its paths, ``checked`` counts files."""

    label: str
    checked: int
    findings: Sequence[UserError]


@click.command("validate")
@click.argument("path", type=click.Path(path_type=Path, exists=True), default=".")
@click.option("--ref", "refs", multiple=True, metavar="REF", help="Check this branch or commit, not the files on disk.")
@click.option(
    "--as", "kind", metavar="KIND", help="What PATH is, where its name does not say so (remediation, slo, ...)."
)
@click.option(
    "-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    envvar="RECONCILER_VALIDATE_OUTPUT", show_envvar=True, help="The form in which findings are written to stdout.",
)  # fmt: skip
def command(path: Path, refs: tuple[str, ...], kind: str | None, form: str) -> int:
    """Check files, a work tree or a bare repository.

    PATH is a file, a folder, a work tree, or a bare repository (then all its branches are checked). A file's kind
    is known by its name. All findings are shown, with their place and how to write it right. Exit code 0: all
    valid; 1: something is not; 2: it could not be checked.
    """
    parts = [_as_kind(path, kind)] if kind else _parts(path, refs)
    findings = [(part.label, finding) for part in parts for finding in part.findings]
    checked = sum(part.checked for part in parts)
    if form == "json":
        data = [_plain(label, finding) for label, finding in findings]
        write("json", {"valid": not findings, "checked": checked, "findings": data}, lambda: "")
    else:
        for label, finding in findings:
            click.echo(label + render(finding))
    if not checked:
        complain(
            f"error: nothing in {path} is a file of a configuration repository\n"
            "    hint: name its folder, a file in it, or what the file is with --as"
        )
        return COULD_NOT
    invalid = len({(label, finding.place.path if finding.place else "") for label, finding in findings})
    say(f"{checked} file{'' if checked == 1 else 's'} checked, {f'{invalid} invalid' if invalid else 'all valid'}")
    return NO if findings else OK


def _as_kind(path: Path, kind: str) -> _Part:
    from reconciler.cli.sources import read
    from reconciler.cli.validation import KINDS, check_file

    known: Kind | None = next((known for known in KINDS if known == kind), None)
    if known is None:
        raise click.BadParameter(f"{kind!r} is not one of {', '.join(KINDS)}.", param_hint="--as")
    if path.is_dir():
        raise click.UsageError("--as is for a file; PATH is a folder.", click.get_current_context())
    data = read(path, str(path))
    return _Part("", 1, check_file(data, str(path), known) if isinstance(data, bytes) else [data])


def _parts(path: Path, refs: Sequence[str]) -> list[_Part]:
    from reconciler.cli.sources import root_of
    from reconciler.repo.local import LocalRepository

    if refs:
        with LocalRepository.open(path if path.is_dir() else path.parent) as repository:
            return [_at_ref(repository, ref) for ref in refs]
    if path.is_dir() and _is_bare(path):
        with LocalRepository.open(path) as repository:
            branches = repository.branches()
            parts = [_at_ref(repository, branch) for branch in sorted(branches)]
            return [*parts, *_promised(repository, set(branches))]
    return [_on_disk(path, root_of(path))]


def _is_bare(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir()


def _at_ref(repository: LocalRepository, ref: str) -> _Part:
    from reconciler.cli.sources import at_commit
    from reconciler.cli.validation import check_tree

    files = at_commit(repository, repository.resolve(ref))
    return _Part(f"{ref}:", len(files), check_tree(files))


def _promised(repository: LocalRepository, branches: set[str]) -> Iterator[_Part]:
    """Look whether the stages of `project.yaml` are there; where a shipyard names them, Keptn made them."""
    from reconciler.model.errors import Place, UserError
    from reconciler.model.project import load_project

    head = repository.head()
    if head not in branches:
        return
    found = repository.reader.blob_at(repository.resolve(head), "project.yaml")
    try:
        stages = load_project(found[1], "project.yaml").stages if found else ()
    except UserError:
        return  # told already, by the check of that branch
    for stage in stages:
        if stage.name not in branches:
            missing = UserError(
                f"the stage `{stage.name}` has no branch",
                place=Place("project.yaml"),
                expected="a branch for every stage",
                hint=f"push a branch `{stage.name}`, or take the stage out",
            )
            yield _Part(f"{head}:", 0, [missing])


def _on_disk(path: Path, root: Path) -> _Part:
    from reconciler.cli.sources import on_disk, read
    from reconciler.cli.validation import check_file, check_tree, kind_of

    here = path.resolve()
    label = "" if root == Path.cwd() else f"{_seen_from_here(root)}/"
    if path.is_dir():
        files = on_disk(here, root)
        return _Part(label, len(files), check_tree(files))
    name = here.relative_to(root).as_posix()
    kind = kind_of(name) or kind_of(f"service/{here.name}") or kind_of(here.name)
    if kind is None:
        return _Part(label, 0, [])
    data = read(path, name)
    return _Part(label, 1, check_file(data, name, kind) if isinstance(data, bytes) else [data])


def _seen_from_here(root: Path) -> str:
    import os.path

    relative = os.path.relpath(root)
    return str(root) if relative.startswith("../../..") else relative


def _plain(label: str, finding: UserError) -> dict[str, Any]:
    place = finding.place
    return {
        "path": label + place.path if place else label,
        "line": place.line if place else 0,
        "column": place.column if place else 0,
        "message": finding.message,
        "expected": finding.expected,
        "hint": finding.hint,
    }
