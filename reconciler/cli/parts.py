"""What `validate` is asked to look at, as parts to be checked: a work tree, a folder or file of it, a branch."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from reconciler.cli import promised
from reconciler.cli.answered import answers_to
from reconciler.cli.checking import Part
from reconciler.cli.daemon_doubts import about_daemon
from reconciler.cli.findings.finding import Finding, located, refused
from reconciler.cli.name_doubts import may_be_meant
from reconciler.cli.playbook_doubts import about_playbook
from reconciler.cli.sources import (
    at_commit,
    is_daemon_config,
    on_disk,
    paths_of,
    project_of,
    read,
    root_of,
    services_of,
    short,
    slis_of,
)
from reconciler.cli.strange_names import by_content, in_services, may_be_ours
from reconciler.cli.surroundings import Surroundings, playbooks_of
from reconciler.cli.validation import Kind, check_file, kind_of
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.names import CommitId
from reconciler.repo.layout import PROJECT_FILES, SERVICE_FILES, STAGE_FILES, USUAL_DEFAULTS, config_place
from reconciler.repo.local import LocalRepository
from reconciler.repo.names import branch_ref


def as_kind(path: Path, kind: Kind) -> Part:
    """Return a file that is said to be of a kind, which is looked at without anything around it."""
    data = read(path, str(path), kind)
    if not isinstance(data, bytes):
        return Part({}, Surroundings(), told=(refused(data, "unreadable"),), looked_at=1)
    found = [refused(error, f"invalid-{kind}") for error in check_file(data, str(path), kind)]
    if kind == "remediation":
        found += located(about_playbook(data), str(path))
    return Part({}, Surroundings(), told=tuple(found), looked_at=1)


def is_bare(path: Path) -> bool:
    """Whether a folder is a bare repository itself, as git sees it: a work tree may hold files of any name."""
    if not (path / "HEAD").exists():
        return False
    try:
        with LocalRepository.open(path) as repository:
            return repository.root is None
    except ConfigError:
        return False


def branches(repository: LocalRepository) -> Iterator[Part]:
    """Yield all branches of a bare repository, with the stages that should have one."""
    there = set(repository.branches())
    yield from (at_ref(repository, f"refs/heads/{branch}") for branch in sorted(there))


def stages(repository: LocalRepository) -> Iterator[Part]:
    """Yield the default branch and every stage's, local or as the clone fetched it.

    Raises:
        ConfigError: nothing names the stages.
    """
    project = project_of(repository)
    if not project.stages:
        raise ConfigError("nothing names the project's stages", hint="name branches with --ref, or add project.yaml")
    for ref in dict.fromkeys((_default(repository), *(_known(repository, stage.name) for stage in project.stages))):
        yield at_ref(repository, ref)


def _known(repository: LocalRepository, name: str) -> str:
    for ref in (f"refs/heads/{name}", f"refs/remotes/origin/{name}"):
        try:
            repository.resolve(ref)
        except ConfigError:
            continue
        return ref
    raise ConfigError(f"the stage `{name}` has no branch here", hint=f"fetch it, or push a branch `{name}`")


def _default(repository: LocalRepository) -> str:
    for ref in ("refs/remotes/origin/HEAD", *map(branch_ref, USUAL_DEFAULTS)):
        try:
            repository.resolve(ref)
        except ConfigError:
            continue
        return ref
    return repository.head() or "HEAD"


def at_ref(repository: LocalRepository, ref: str) -> Part:
    """Return all files of a commit. The work tree is not looked at."""
    commit = repository.resolve(ref)
    found = at_commit(repository, commit)
    branch = (repository.head() or ref) if ref == "HEAD" else ref
    own = promised.is_default(repository, branch)
    around = Surroundings(short(branch), project_of(repository), found.files, slis_of(repository), own=own)
    around = around.among(found.files)
    told = _of_stages(repository, commit, around)
    # A file that is missing was looked for, also where there is no other.
    missing = int(bool(told) and not found.files)
    return Part(
        found.files, around, f"{short(ref)}:", short(ref), paths=frozenset(found.files), odd=found.odd,
        strange=found.strange, whole=True, told=told, looked_at=missing,
    )  # fmt: skip


def _of_stages(
    repository: LocalRepository, commit: CommitId, around: Surroundings
) -> tuple[Finding, ...]:  # fmt: skip
    """Return what a branch says of the project's stages; one of a stage, which nobody asks, says nothing."""
    if around.stage:
        return ()
    if not around.own:
        return tuple(promised.about_branch(repository, commit, ())) if "project.yaml" in around.near else ()
    return tuple(promised.about_branch(repository, commit, tuple(around.stages)))


def in_work_tree(path: Path) -> Part:
    """Return a folder with the stage's file, a file, or a whole work tree."""
    root, here = root_of(path), path.resolve()
    label = "" if root == Path.cwd() else f"{_seen_from_here(root)}/"
    if path.is_dir():
        return _folder(here, root, label)
    # A link may lead out of the work tree.
    name = (here.relative_to(root) if here.is_relative_to(root) else path).as_posix()
    kind = kind_of(name) or kind_of(f"service/{name}")
    if kind is None and is_daemon_config(path):
        return _daemon_config(path)
    odd = frozenset({name} if kind_of(name) is None and may_be_meant(name) else ())
    if kind is None:
        around, paths = _around(root, {}, whole=False)
        alone = [name] if may_be_ours(name) and not odd else []
        strange = by_content({each: read(path, each) for each in in_services(alone, paths)})
        return Part({}, around, label, paths=paths, odd=odd, strange=strange)
    data = read(path, name)
    around, paths = _around(root, {name: data}, whole=kind in ("problem", "command"))
    told = _promises(root, {name: data}, around) if name in PROJECT_FILES else ()
    answers = _answered(root, {name: data})
    return Part({name: data}, around, label, paths=paths, odd=odd, told=told, answered=answers)


def _folder(here: Path, root: Path, label: str) -> Part:
    found = on_disk(here, root)
    files, where = found.files, ""
    if here != root and files:
        where = f"{here.relative_to(root).as_posix()}/"
        if (root / "stage.yaml").is_file():
            where += " and stage.yaml"
            files["stage.yaml"] = read(root / "stage.yaml", "stage.yaml")
    around, paths = _around(root, files, whole=True)
    told = _promises(root, files, around) if here == root else ()
    beside = frozenset[str]() if here == root else _answered(root, files)
    return Part(
        files, around, label, "", where, paths, found.odd, found.strange, here == root, answered=beside, told=told
    )  # fmt: skip


def _answered(root: Path, files: Mapping[str, bytes | UserError]) -> frozenset[str]:
    """Return which of the commands among some files the steps of the work tree have answered."""

    def listed(folder: str) -> list[str]:
        return [each.name for each in (root / folder).iterdir()] if (root / folder).is_dir() else []

    return answers_to(files, listed, lambda paths: {path: read(root / path, path) for path in paths})


def _promises(root: Path, files: Mapping[str, bytes | UserError], around: Surroundings) -> tuple[Finding, ...]:
    """Return what a work tree's own project file says of its stages; on a stage's branch nobody asks it."""
    name = promised.naming(files) or PROJECT_FILES[0]
    project = files.get(name)
    if around.stage or isinstance(project, UserError):
        return ()
    try:
        with LocalRepository.open(root) as repository:
            head = repository.head()
            if project is None and not (head and promised.is_default(repository, head)):
                return ()
            return tuple(promised.about_files(repository, project, tuple(around.stages), name))
    except ConfigError:
        return ()  # outside of Git there are no branches


def _daemon_config(path: Path) -> Part:
    # It may be a link, as all that Kubernetes mounts is; in a configuration repository no file may.
    data = read(path.resolve(), str(path))
    errors = check_file(data, str(path), "reconciler") if isinstance(data, bytes) else [data]
    told = [refused(error, "invalid-reconciler") for error in errors]
    told += about_daemon(data, str(path)) if isinstance(data, bytes) and not errors else ()
    return Part({}, Surroundings(), told=tuple(told), looked_at=1)


def _around(
    root: Path, files: Mapping[str, bytes | UserError], *, whole: bool
) -> tuple[Surroundings, frozenset[str]]:  # fmt: skip
    """Return what lies around files of a work tree: the stage's file, the services' own, and what the project says.

    The second result are all paths of the tree, or, unless ``whole``, those of its services and of what is near.
    """
    near = dict(files)
    # Outside of Git the root is a service's own directory, where there is no other.
    places = ((config_place(path) or ("", path)) for path in files if not path.startswith("ops/"))
    folders = {folder and f"{folder}/" for folder, _ in places}
    own = {folder + name for folder in folders for name in SERVICE_FILES}
    wide = set(() if near.keys().isdisjoint(PROJECT_FILES) else PROJECT_FILES)
    for name in (own | wide | STAGE_FILES | playbooks_of(files)) - near.keys():
        if (root / name).is_file():
            near[name] = read(root / name, name)
    try:
        with LocalRepository.open(root) as repository:
            head = repository.head() or ""
            project = bool(head) and promised.is_default(repository, head)
            around = Surroundings(head, project_of(repository), near, slis_of(repository), own=project)
            paths = paths_of(root) if whole else services_of(root) | near.keys()
    except ConfigError:
        # Outside of Git a folder may be a part of the branch.
        paths = frozenset(files)
        return replace(Surroundings(near=near).among(paths), listed=False), paths
    return around.among(paths), paths


def _seen_from_here(root: Path) -> str:
    relative = os.path.relpath(root)
    return str(root) if relative.startswith("../../..") else relative
