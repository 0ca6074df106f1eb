"""The stages that `project.yaml` names beside the branches that there are: a slip in a name stops a whole stage.

A stage is a branch, so nobody but this sees that a name is misspelt: no other file says it. Branches are the local ones
and those that the clone fetched. A clone that has none of them, as one of a single branch, tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt, refused, remark
from reconciler.cli.key_places import place_of_key
from reconciler.model.errors import Place, UserError
from reconciler.model.names import CommitId
from reconciler.model.nodes import ListNode, MapNode, Scalar
from reconciler.model.project import load_project
from reconciler.model.reader import read_yaml
from reconciler.model.shipyard import load_shipyard
from reconciler.model.suggest import did_you_mean
from reconciler.repo.layout import PROJECT_FILES, USUAL_DEFAULTS
from reconciler.repo.local import LocalRepository
from reconciler.repo.project import config_at

_HEADS: Final = "refs/heads/"
_FETCHED: Final = "refs/remotes/"
_NEVER: Final = ("ops/", "proposals/")


def about_change(repository: LocalRepository, old: CommitId, new: CommitId) -> Iterator[Finding]:
    """Yield what a change of the project's own files, or their deletion, makes of its stages."""
    before, after = _named(repository, old) or (), _named(repository, new)
    if after is not None and (before or after):
        yield from _found(repository, before, after, new)


def about_branch(repository: LocalRepository, commit: CommitId, before: tuple[str, ...]) -> Iterator[Finding]:
    """Yield what a commit of the project's branch says of its stages; ``before`` are those that were known so far."""
    after = _named(repository, commit)
    if after is not None and (before or after or not _has(repository, commit, *PROJECT_FILES)):
        yield from _found(repository, before, after, commit)


def about_files(
    repository: LocalRepository, project: bytes | None, before: tuple[str, ...], name: str = PROJECT_FILES[0]
) -> Iterator[Finding]:  # fmt: skip
    """Yield what the file of a work tree says of its stages, called ``name``; None where there is none that names any.

    Nothing is refused yet, and a branch may be made before the push, so a stage without one is a warning here, the only
    finding that is another one on the way in (ADR 0233).
    """
    try:
        load = load_project if name == PROJECT_FILES[0] else load_shipyard
        after = tuple(stage.name for stage in load(project, name).stages) if project is not None else ()
    except UserError:
        return  # told of the file itself
    for each in _among(repository, before, after, (name, project) if project is not None else None):
        yield replace(each, severity="warning") if each.check == "missing-branch" else each


def is_default(repository: LocalRepository, ref: str) -> bool:
    """Whether a branch, by its name or the whole ref, is the project's own."""
    name = ref.removeprefix(_HEADS).removeprefix(_FETCHED)
    names = (*USUAL_DEFAULTS, repository.head() if repository.root is None else None)
    return name == "origin/HEAD" or name.removeprefix("origin/") in names


def _found(
    repository: LocalRepository, before: tuple[str, ...], after: tuple[str, ...], commit: CommitId
) -> Iterator[Finding]:  # fmt: skip
    found = {name: repository.reader.blob_at(commit, name) for name in PROJECT_FILES}
    files = {name: blob[1] for name, blob in found.items() if blob is not None}
    name = naming(files)
    yield from _among(repository, before, after, (name, files[name]) if name is not None else None)


def _among(
    repository: LocalRepository, before: tuple[str, ...], after: tuple[str, ...],
    own: tuple[str, bytes] | None,
) -> Iterator[Finding]:  # fmt: skip
    """``own`` is the file that names them, with its name; None where there is nothing."""
    branches = _branches(repository)
    there = frozenset(branches)
    worked_on = {name for name, tip in branches.items() if _is_worked_on(repository, name, tip)}
    gone = sorted((there & frozenset(before) | worked_on) - frozenset(after))
    place = _place_of_stages(*own) if own is not None else Place(PROJECT_FILES[0])
    if not after:
        if gone:
            yield _nothing_names(gone, place, known=bool(before))
        return
    if own is None:
        return
    if not there & {*after, *before} and repository.root is not None:
        yield remark(
            "not-looked-at",
            "no stage's branch is here, so nobody looked whether the stages are spelled as their branches",
            Place(PROJECT_FILES[0]),
            expected="a clone of all branches",
            hint="fetch them (`fetch-depth: 0` in CI)",
        )
        return
    places, others = _places(*own), sorted(there - frozenset(after))
    for name in after:
        if name not in there:
            missing = _without_branch(name, places.get(name, Place(own[0])), others)
            # Keptn made the branches that a shipyard names, so whoever comes from there may not have all of them.
            yield missing if own[0] == PROJECT_FILES[0] else replace(missing, severity="warning")
        elif name in USUAL_DEFAULTS:
            yield _the_projects_own(name, places.get(name, Place(own[0])), alone=len(after) == 1)
    yield from (_left_out(name, place) for name in gone)


def _the_projects_own(stage: str, place: Place, *, alone: bool) -> Finding:
    return (remark if alone else doubt)(
        "shadowed-name",
        f"the stage `{stage}` is the branch that this file lies on: its services are beside the project's own files",
        place,
        expected="stages with branches of their own, such as `production`",
        hint="give the stage a branch of its own, unless it is the only one",
    )


def _places(name: str, project: bytes) -> dict[str, Place]:
    """Return where a valid `project.yaml` or shipyard names each of its stages."""
    root = read_yaml(project, name)
    spec = root.get("spec") if isinstance(root, MapNode) else None
    root = spec if isinstance(spec, MapNode) else root
    listed = root.get("stages") if isinstance(root, MapNode) else None
    items = listed.items if isinstance(listed, ListNode) else ()
    names = (item.get("name") if isinstance(item, MapNode) else item for item in items)
    return {name.raw: name.place for name in names if isinstance(name, Scalar)}


def _place_of_stages(name: str, project: bytes) -> Place:
    """Return where a file says which stages there are, or where it would."""
    root = read_yaml(project, name)
    spec = root.get("spec") if isinstance(root, MapNode) else None
    found = place_of_key(project, *(["spec"] if isinstance(spec, MapNode) else []), "stages")
    return replace(found, path=name)


def _without_branch(stage: str, place: Place, others: list[str]) -> Finding:
    near = did_you_mean(stage, others)
    meant = f"{near} else " if near else ""
    return refused(
        UserError(
            f"the stage `{stage}` has no branch",
            place=place,
            expected="a branch for every stage",
            hint=f"{meant}push a branch `{stage}` before this or together with it, or take the stage out",
        ),
        "missing-branch",
    )


def _left_out(stage: str, place: Place) -> Finding:
    # Taking a stage out is how it is ended, so it must get past those who refuse warnings.
    return remark(
        "unnamed-stage",
        f"the branch `{stage}` is no stage any more: what runs there is left as it is, and nothing acts on it",
        place,
        expected="every stage that is to be looked after",
        hint=f"add `{stage}` to `stages`, or delete the branch",
    )


def _nothing_names(stages: list[str], place: Place, *, known: bool) -> Finding:
    message = f"nothing names the stages{' any more' if known else ''}: any branch with a stage.yaml counts as one"
    expected = f"`{PROJECT_FILES[0]}` with `stages: [{', '.join(stages)}]`"
    hint = "put it back, under just this name (`git log --diff-filter=D -- project.yaml` says when it went)"
    if place.line:
        hint = f"write `stages: [{', '.join(stages)}]`"
    if known:
        return refused(UserError(message, place=place, expected=expected, hint=hint), "missing-project")
    return doubt("missing-project", message, place, expected=expected, hint=hint)


def _named(repository: LocalRepository, commit: CommitId) -> tuple[str, ...] | None:
    """Return the stages that a commit names; None where what names them cannot be read, as is told of it itself."""
    try:
        return tuple(stage.name for stage in config_at(repository.reader, commit).stages)
    except UserError:
        return None


def naming(files: Mapping[str, bytes | UserError]) -> str | None:
    """Return which of the project's own files says which stages there are; None where there is neither."""
    project = files.get(PROJECT_FILES[0])
    if PROJECT_FILES[1] in files and (project is None or _names_none(project)):
        return PROJECT_FILES[1]
    return PROJECT_FILES[0] if project is not None else None


def _names_none(project: bytes | UserError) -> bool:
    try:
        return isinstance(project, bytes) and not load_project(project, PROJECT_FILES[0]).stages
    except UserError:
        return False


def _has(repository: LocalRepository, commit: CommitId, *names: str) -> bool:
    return any(repository.reader.blob_at(commit, name) is not None for name in names)


def _branches(repository: LocalRepository) -> dict[str, CommitId]:
    fetched = repository.refs.below(_FETCHED).items()
    found = {ref.removeprefix(_FETCHED).partition("/")[2]: tip for ref, tip in fetched}
    found |= {ref.removeprefix(_HEADS): tip for ref, tip in repository.refs.below(_HEADS).items()}
    return {name: tip for name, tip in found.items() if name not in ("", "HEAD") and not name.startswith(_NEVER)}


def _is_worked_on(repository: LocalRepository, name: str, tip: CommitId) -> bool:
    """Whether the branch has a record of its own; a draft has that of the stage that it came from."""
    return repository.reader.item_at(tip, f"ops/{name}") is not None
