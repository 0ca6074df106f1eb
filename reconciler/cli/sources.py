"""Where files to be validated come from: a file, a folder or work tree on disk, or a commit of a repository."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli.name_doubts import may_be_meant
from reconciler.cli.strange_names import by_content, in_services, may_be_ours
from reconciler.cli.validation import Kind, kind_of
from reconciler.model.errors import ConfigError, Place, UserError
from reconciler.model.names import BlobId, CommitId
from reconciler.model.nodes import MapNode
from reconciler.model.project import ProjectConfig
from reconciler.model.reader import CONFIG_LIMIT, PROBLEM_LIMIT, read_yaml
from reconciler.repo.layout import MAKES_A_SERVICE, PROJECT_FILES, SLI_FILES, USUAL_DEFAULTS
from reconciler.repo.local import LocalRepository
from reconciler.repo.names import branch_ref
from reconciler.repo.objects import EXECUTABLE, FILE, GITLINK, SYMLINK, Entry, Oversize
from reconciler.repo.project import config_at
from reconciler.repo.steps import MACHINE_LIMIT

_LIMITS: Final[Mapping[Kind | None, int]] = {
    "problem": PROBLEM_LIMIT, "step": MACHINE_LIMIT, "desired": MACHINE_LIMIT, "machine": MACHINE_LIMIT,
}  # fmt: skip
"""The size in bytes up to which a kind of file is read; of all others people write the whole."""
_ODD: Final = {SYMLINK: "a symbolic link", GITLINK: "a submodule"}

_YAML: Final = frozenset({".yaml", ".yml", ".json"})

Files = dict[str, bytes | UserError]


def root_of(path: Path) -> Path:
    """Return the top of the work tree that ``path`` is in; outside of Git the folder itself, or the file's."""
    folder = path if path.is_dir() else path.parent
    try:
        with LocalRepository.open(folder) as repository:
            return repository.root or folder.resolve()
    except ConfigError:
        return folder.resolve()


def short(ref: str) -> str:
    """Return a branch's name as people say it, `origin/` before one of a remote, where the ref is written in full."""
    return ref.removeprefix("refs/remotes/").removeprefix("refs/heads/")


@dataclass(frozen=True)
class Found:
    """Files that have a kind, with their content, and the paths of those without that may be meant as one.

    ``strange`` are those that are some file of ours by their content alone, with its name.
    """

    files: Files
    odd: frozenset[str]
    strange: Mapping[str, str]


def on_disk(folder: Path, root: Path) -> Found:
    """Return what lies below ``folder``, by its path from ``root``."""
    files: Files = {}
    odd: set[str] = set()
    others: list[str] = []
    for path in _walk(folder):
        name = path.relative_to(root).as_posix()
        if kind_of(name) is not None:
            files[name] = read(path, name)
        elif may_be_meant(name):
            odd.add(name)
        elif may_be_ours(name):
            others.append(name)
    strange = by_content({name: read(root / name, name) for name in in_services(others, files)})
    return Found(files, frozenset(odd), strange)


def paths_of(root: Path) -> frozenset[str]:
    """Return the paths of all files below a work tree's top that have a kind, without reading them."""
    names = (path.relative_to(root).as_posix() for path in _walk(root))
    return frozenset(name for name in names if kind_of(name) is not None)


def slis_of(repository: LocalRepository) -> Files:
    """Return the SLI files of the project, which lie on the default branch; none where there is no such branch."""
    for commit in _defaults(repository):
        found = {name: repository.reader.blob_at(commit, name) for name in (*PROJECT_FILES, *SLI_FILES)}
        if any(found[name] for name in PROJECT_FILES):
            return {name: blob[1] for name, blob in found.items() if blob and name in SLI_FILES}
    return {}


def _defaults(repository: LocalRepository) -> Iterator[CommitId]:
    """Yield the commits that may be the default branch's: the remote's, where there is a clone of one, goes first."""
    here = f"refs/heads/{head}" if (head := repository.head()) else "HEAD"
    # In a bare repository HEAD says which one it is; in a clone it is what somebody works on.
    first = [here] if repository.root is None else []
    for ref in (*first, "refs/remotes/origin/HEAD", *map(branch_ref, USUAL_DEFAULTS), here):
        try:
            commit = repository.resolve(ref)
        except ConfigError:
            continue
        yield commit


def project_of(repository: LocalRepository) -> ProjectConfig:
    """Return what the default branch says of the project; nothing where there is none, or it cannot be read.

    The default branch is the remote's, where there is a clone of one, else this repository's.
    """
    for commit in _defaults(repository):
        if any(repository.reader.blob_at(commit, name) is not None for name in PROJECT_FILES):
            try:
                return config_at(repository.reader, commit)
            except UserError:
                return ProjectConfig()
    return ProjectConfig()


def services_of(root: Path) -> frozenset[str]:
    """Return the paths of the files that make a service below a work tree's top; half the time of all paths."""
    found: set[str] = set()
    for parent, folders, names in os.walk(root):
        here = parent[len(str(root)) + 1 :]
        before = f"{here}/" if here else ""
        folders[:] = (name for name in folders if name != ".git" and (here or name != "ops"))
        found.update(f"{before}{name}" for name in MAKES_A_SERVICE.intersection(names))
    return frozenset(found)


def read(path: Path, name: str, kind: Kind | None = None) -> bytes | UserError:
    """Return a file, or why it is none that is read; a link is refused as it would be in Git.

    ``kind`` is what it is where its name does not say so.
    """
    if path.is_symlink():
        return _odd(name, SYMLINK)
    limit = _limit(name, kind)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return _too_large(name, size, limit) if size > limit else file.read(limit + 1)


def is_daemon_config(path: Path) -> bool:
    """Whether a file looks like the daemon's own configuration: by its name, or since projects are in it."""
    if path.name == "reconciler.yaml":
        return True
    try:
        node = read_yaml(path.resolve().read_bytes()[: CONFIG_LIMIT + 1], path.name) if path.suffix in _YAML else None
    except (OSError, UserError):
        return False
    return isinstance(node, MapNode) and isinstance(node.get("projects"), MapNode)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        yield from (Path(parent) / name for name in sorted(names))


def at_commit(repository: LocalRepository, commit: CommitId) -> Found:
    """Return the files of a commit."""
    kinds: dict[str, Entry] = {}
    odd: set[str] = set()
    others: dict[str, Entry] = {}
    for entry in repository.reader.entries(commit):
        name = name_of(entry)
        if kind_of(name) is not None:
            kinds[name] = entry
        elif may_be_meant(name):
            odd.add(name)
        elif may_be_ours(name):
            others[name] = entry
    strange = contents(repository, {name: others[name] for name in in_services(others, kinds)})
    return Found(contents(repository, kinds), frozenset(odd), by_content(strange))


def name_of(entry: Entry) -> str:
    """Return a file's path as it can be shown, also where it is no UTF-8."""
    return entry.path if entry.path is not None else entry.raw.decode("utf-8", "backslashreplace")


def contents(repository: LocalRepository, entries: Mapping[str, Entry]) -> Files:
    """Return the content of files of a commit, or why it is none; the same content is read once."""
    files: Files = {}
    blobs: dict[str, BlobId] = {}
    for name, entry in entries.items():
        if (refusal := _refusal(entry, name)) is not None:
            files[name] = refusal
        else:
            blobs[name] = entry.blob
    for limit in sorted({_limit(name) for name in blobs}):
        wanted = {name: blob for name, blob in blobs.items() if _limit(name) == limit}
        read_blobs = repository.reader.blobs(list(wanted.values()), limit)
        for name, blob in wanted.items():
            data = read_blobs[blob]
            files[name] = _too_large(name, data.size, limit) if isinstance(data, Oversize) else data
    return {name: files[name] for name in entries}


def _refusal(entry: Entry, name: str) -> UserError | None:
    if entry.path is None:
        return UserError("the file's name is no UTF-8", place=Place(name), hint="rename the file")
    return None if entry.mode in (FILE, EXECUTABLE) else _odd(name, entry.mode)


def _odd(name: str, mode: str) -> UserError:
    return UserError(
        f"{_ODD.get(mode, 'something else')} stands where a file is expected",
        place=Place(name),
        expected="a regular file",
        hint="put the content itself here",
    )


def _limit(name: str, kind: Kind | None = None) -> int:
    return _LIMITS.get(kind or kind_of(name), CONFIG_LIMIT)


def _too_large(name: str, size: int, limit: int) -> UserError:
    return UserError(
        f"the file has {size} bytes",
        place=Place(name),
        expected=f"at most {limit} bytes",
        hint="take out what nobody reads; long texts belong behind a link",
    )
