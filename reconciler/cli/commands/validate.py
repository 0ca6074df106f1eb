"""`reconciler validate`: whether files, a work tree or branches can be used, before anybody has to rely on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.messages import complain, render, say
from reconciler.cli.output import write

if TYPE_CHECKING:
    from reconciler.cli.doubts import Surroundings
    from reconciler.cli.validation import Kind
    from reconciler.model.errors import UserError
    from reconciler.repo.local import LocalRepository


@dataclass(frozen=True)
class _Part:
    """What was checked together: ``label`` goes before its paths, ``checked`` counts files, ``where`` names a part."""

    label: str
    checked: int
    findings: Sequence[UserError]
    doubts: Sequence[UserError] = ()
    where: str = ""


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
    is known by its name. All findings are shown, with their place and how to write it right. Of a folder in a work
    tree its files are checked, together with the stage's `stage.yaml`. The daemon's own configuration is checked where
    PATH is that file. A warning tells what is valid and unlikely to be meant. Exit code 0: all valid; 1: something is
    not; 2: it could not be checked.
    """
    from reconciler.daemon.plugins import load_actions

    load_actions()
    parts = [_as_kind(path, kind)] if kind else _parts(path, refs)
    findings = [(part.label, finding) for part in parts for finding in part.findings]
    doubts = [(part.label, doubt) for part in parts for doubt in part.doubts]
    checked = sum(part.checked for part in parts)
    if form == "json":
        data = [_plain(label, finding) for label, finding in findings]
        unsure = [_plain(label, doubt) for label, doubt in doubts]
        result = {"valid": not findings, "checked": checked, "findings": data, "warnings": unsure}
        write("json", result, lambda: "")
    else:
        for label, finding in findings:
            click.echo(label + render(finding))
        for label, doubt in doubts:
            click.echo(label + render(doubt, "warning"))
    if not checked:
        complain(
            f"error: nothing in {path} is a file of a configuration repository\n"
            "    hint: name its folder, a file in it, or what the file is with --as"
        )
        return COULD_NOT
    invalid = len({(label, finding.place.path if finding.place else "") for label, finding in findings})
    where = "".join(f" ({part.where})" for part in parts if part.where)
    unsure_of = f", {len(doubts)} warning{'' if len(doubts) == 1 else 's'}" if doubts else ""
    told = f"{invalid} invalid" if invalid else "all valid"
    say(f"{checked} file{'' if checked == 1 else 's'} checked{where}, {told}{unsure_of}")
    return NO if findings else OK


def _as_kind(path: Path, kind: str) -> _Part:
    from reconciler.cli.doubts import about_playbook
    from reconciler.cli.sources import read
    from reconciler.cli.validation import KINDS, check_file

    known: Kind | None = next((known for known in KINDS if known == kind), None)
    if known is None:
        raise click.BadParameter(f"{kind!r} is not one of {', '.join(KINDS)}.", param_hint="--as")
    if path.is_dir():
        raise click.UsageError("--as is for a file; PATH is a folder.", click.get_current_context())
    data = read(path, str(path))
    if not isinstance(data, bytes):
        return _Part("", 1, [data])
    doubts = [*about_playbook(data, str(path))] if known == "remediation" else []
    return _Part("", 1, check_file(data, str(path), known), doubts)


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
    from reconciler.cli.doubts import Surroundings, doubts
    from reconciler.cli.sources import at_commit, project_of, slis_of, unread_at
    from reconciler.cli.validation import check_tree

    commit = repository.resolve(ref)
    files, unread = at_commit(repository, commit), unread_at(repository, commit)
    around = Surroundings(ref, project_of(repository), files, frozenset(files), slis_of(repository), unread)
    return _Part(f"{ref}:", len(files), check_tree(files), doubts(files, around))


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
    from reconciler.cli.doubts import doubts
    from reconciler.cli.sources import is_daemon_config, on_disk, read, unread_below
    from reconciler.cli.validation import check_file, check_tree, kind_of

    here = path.resolve()
    label = "" if root == Path.cwd() else f"{_seen_from_here(root)}/"
    if path.is_dir():
        files = on_disk(here, root)
        where = ""
        if here != root and files:
            where = f"{here.relative_to(root).as_posix()}/"
            if (root / "stage.yaml").is_file():
                where += " and stage.yaml"
                files["stage.yaml"] = read(root / "stage.yaml", "stage.yaml")
        around = replace(_around(root, files, whole=True), unread=unread_below(here, root))
        return _Part(label, len(files), check_tree(files, around.paths), doubts(files, around), where)
    # A link may lead out of the work tree.
    name = (here.relative_to(root) if here.is_relative_to(root) else path).as_posix()
    kind = kind_of(name) or kind_of(f"service/{here.name}") or kind_of(here.name)
    if kind is None and is_daemon_config(path):
        # It may be a link, as all that Kubernetes mounts is; in a configuration repository no file may.
        given = read(here, str(path))
        return _Part("", 1, check_file(given, str(path), "reconciler") if isinstance(given, bytes) else [given])
    if kind is None:
        return _Part(label, 0, [])
    data = read(path, name)
    if not isinstance(data, bytes):
        return _Part(label, 1, [data])
    around = _around(root, {name: data}, whole=kind == "problem")
    return _Part(label, 1, check_file(data, name, kind), doubts({name: data}, around))


def _around(root: Path, files: Mapping[str, bytes | UserError], *, whole: bool) -> Surroundings:
    """Return what lies around files of a work tree: the stage's file, the services' own, and what the project says.

    ``whole`` lists all paths of the tree too.
    """
    from reconciler.cli.doubts import Surroundings
    from reconciler.cli.sources import paths_of, project_of, read, slis_of
    from reconciler.model.errors import ConfigError
    from reconciler.repo.layout import SERVICE_FILES, STAGE_FILES, config_place
    from reconciler.repo.local import LocalRepository

    near = dict(files)
    # Outside of Git the root is a service's own directory, where there is no other.
    places = ((config_place(path) or ("", path)) for path in files if not path.startswith("ops/"))
    folders = {folder and f"{folder}/" for folder, _ in places}
    for name in {*STAGE_FILES, *(folder + name for folder in folders for name in SERVICE_FILES)} - near.keys():
        if (root / name).is_file():
            near[name] = read(root / name, name)
    try:
        with LocalRepository.open(root) as repository:
            paths = paths_of(root) if whole else frozenset[str]()
            return Surroundings(repository.head() or "", project_of(repository), near, paths, slis_of(repository))
    except ConfigError:
        return Surroundings(near=near, paths=frozenset(files))


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
