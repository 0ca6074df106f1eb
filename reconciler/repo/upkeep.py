"""The mirror's directory: made, claimed, swept after a crash, examined for damage, set aside, kept small.

A mirror is a cache of the remote: whatever is wrong with it, making it anew is always right, so nothing here tries to
repair. Only directories that carry our mark are ever swept or moved, and none is deleted that has what no remote has.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from reconciler.model.errors import BlindError, ConfigError
from reconciler.repo.away import rows_of
from reconciler.repo.folders import is_folder

MARK: Final = "reconciler-mirror"
"""A file that says that the directory is ours; it holds the remote's address and is locked while in use."""
PROJECT: Final = "reconciler-project"
"""A file that says whose mirror it is: what is kept under one address may have to go to another one of the project."""
SALVAGED: Final = "reconciler-salvaged"
"""A file that names the refs of which all is elsewhere too."""

_LEFTOVERS: Final = (
    # What killed git processes leave behind, below the git directory.
    "*.lock",
    "fast_import_crash_*",
    "reconciler-signed",
    "refs/**/*.lock",
    "objects/*.lock",
    "objects/info/*.lock",
    "objects/info/commit-graphs/*.lock",
    "objects/info/commit-graphs/tmp_graph_*",
    "objects/pack/*.lock",
    "objects/pack/tmp_*",
    "objects/pack/.tmp-*",
    "objects/pack/*.keep",
    "objects/??/tmp_obj_*",
    "objects/incoming-*",
    "objects/tmp_objdir-*",
)
_PACK_TRAILER: Final = 20


class Claim:
    """The right of this process to a mirror: a lock on its mark. Two processes would sweep each other's work."""

    def __init__(self, git_dir: Path) -> None:
        self._file = (git_dir / MARK).open("r+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise ConfigError(
                f"the mirror {git_dir} is in use by another process",
                hint="stop the other daemon, or give this one a folder of its own: `stateDir`",
            ) from error

    def release(self) -> None:
        """Let another process have it."""
        self._file.close()


def is_ours(git_dir: Path) -> bool:
    """Tell whether the directory is a mirror of ours.

    Raises:
        ConfigError: something else is there, or it is closed to us.
    """
    try:
        if (git_dir / MARK).is_file():
            return True
        taken = git_dir.exists() and (not git_dir.is_dir() or any(git_dir.iterdir()))
    except OSError as error:
        raise ConfigError(
            f"{git_dir} cannot be looked into: {(error.strerror or type(error).__name__).lower()}",
            hint="let the daemon's user into it and into the folders above it, or set `stateDir` to another folder",
        ) from error
    near = next(each for each in (git_dir, *git_dir.parents) if each.exists())
    if near != git_dir and not near.is_dir():
        raise ConfigError(
            f"{near} is a file, so {git_dir} cannot be made in it",
            hint="`stateDir` must be a directory: name another, or remove that file",
        )
    if taken:
        raise ConfigError(
            f"{git_dir} exists and is no mirror of reconciler",
            hint="name a directory that does not exist or is empty; what is there was left alone",
        )
    return False


def begin(git_dir: Path, url: str) -> Path:
    """Return an empty directory beside the mirror, marked for this address, to make the mirror in.

    The finished one is renamed into place, so that a killed daemon leaves either a whole mirror or none.
    """
    new = git_dir.with_name(f"{git_dir.name}.new")
    if (new / MARK).is_file():
        remove(new)
    with suppress(OSError):
        new.rmdir()  # whoever was killed before the mark was written has left it empty
    try:
        new.mkdir(parents=True)
        (new / MARK).write_text(f"{url}\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the mirror {git_dir} cannot be made: {error.strerror}",
            hint="let the daemon's user write to the directory that the mirror is in; it needs nothing else there",
        ) from error
    return new


def remove(git_dir: Path) -> None:
    """Delete a directory of ours, its mark last: killed on the way, what is left is still known to be ours."""
    for entry in git_dir.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != MARK:
            entry.unlink()
    (git_dir / MARK).unlink()
    git_dir.rmdir()


def marked_url(git_dir: Path) -> str:
    """Return the address that the mirror was made for."""
    return (git_dir / MARK).read_text(encoding="utf-8").strip()


def share_objects(git_dir: Path, objects: Path) -> None:
    """Let a repository read the objects of another one on this machine too."""
    info = git_dir / "objects" / "info"
    info.mkdir(parents=True, exist_ok=True)
    with (info / "alternates").open("a", encoding="utf-8") as alternates:
        alternates.write(f"{objects}\n")


def shared_with(git_dir: Path) -> str:
    """Return the object directory that the mirror reads besides its own, or an empty text."""
    try:
        return (git_dir / "objects" / "info" / "alternates").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def sweep(git_dir: Path) -> list[str]:
    """Remove what killed processes of ours left behind and return it, relative to the mirror. Only under a `Claim`."""
    removed: list[str] = []
    for leftover in _leftovers(git_dir):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            with suppress(FileNotFoundError):
                leftover.unlink()
        removed.append(str(leftover.relative_to(git_dir)))
    return removed


def _leftovers(git_dir: Path) -> Iterator[Path]:
    for pattern in _LEFTOVERS:
        yield from git_dir.glob(pattern)
    index = git_dir / "index"
    if index.exists():
        # A bare repository has no index; an empty one, as GitPython leaves it, makes gc fail.
        yield index


def damage(git_dir: Path) -> str:
    """Return what is visibly wrong with the mirror, or an empty text. Costs two small reads a pack, no walk.

    Seen are missing files, packs cut short or without index, empty loose objects, and a lost alternate; anything
    subtler shows when it is read.
    """
    for name in ("HEAD", "config", "objects", "refs"):
        if not (git_dir / name).exists():
            return f"{name} is missing"
    alternate = shared_with(git_dir)
    if alternate and not is_folder(Path(alternate)):
        return f"the shared objects {alternate} are missing"
    for pack in (git_dir / "objects" / "pack").glob("pack-*.pack"):
        if not _pack_is_whole(pack):
            return f"{pack.name} is cut short or has no index"
    for loose in (git_dir / "objects").glob("??/*"):
        if not loose.stat().st_size:
            return f"the object {loose.parent.name}{loose.name} is empty"
    for ref in (git_dir / "refs").rglob("*"):
        if ref.is_file() and not ref.stat().st_size:
            return f"the ref {ref.name} is empty"
    return ""


def _pack_is_whole(pack: Path) -> bool:
    """Compare the checksum at the pack's end with the one that its index recorded."""
    try:
        with pack.open("rb") as data, pack.with_suffix(".idx").open("rb") as index:
            data.seek(-_PACK_TRAILER, os.SEEK_END)
            index.seek(-2 * _PACK_TRAILER, os.SEEK_END)
            return data.read(_PACK_TRAILER) == index.read(_PACK_TRAILER)
    except OSError:
        return False


def set_aside(git_dir: Path) -> Path:
    """Move a damaged mirror out of the way and return where it is now.

    An older damaged one is removed, if nothing is kept in it that was not salvaged.
    """
    name, number = f"{git_dir.name}.damaged", 1
    target = git_dir.with_name(name)
    while has_rows(target):
        number += 1
        target = git_dir.with_name(f"{name}-{number}")
    if (target / MARK).is_file():
        remove(target)
    git_dir.rename(target)
    return target


def has_rows(git_dir: Path) -> bool:
    """Tell whether a folder of ours has commits that are kept and were not salvaged."""
    return (git_dir / MARK).is_file() and bool(rows_left(git_dir))


def rows_left(git_dir: Path) -> frozenset[str]:
    """Return the refs of a folder by which such commits are kept. Raises BlindError: it cannot be read."""
    with suppress(FileNotFoundError):
        return rows_of(git_dir).difference((git_dir / SALVAGED).read_text(encoding="utf-8").splitlines())
    return rows_of(git_dir)


def with_rows(git_dir: Path) -> list[Path]:
    """Return the folders beside a mirror with such commits: itself as it was set aside, and the project's others."""
    project, aside = _project(git_dir), f"{git_dir.name}.damaged"
    try:
        beside = sorted(each for each in git_dir.parent.iterdir() if each != git_dir)
        ours = [each for each in beside if each.name.startswith(aside) or (project and _project(each) == project)]
        return [each for each in ours if has_rows(each)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BlindError(
            f"nobody can say whether anything is kept beside {git_dir}: {error.strerror}",
            hint="let the daemon's user look into the folder",
        ) from error


def mark_salvaged(git_dir: Path, row: str) -> None:
    """Say that a ref of a folder need not be looked at again."""
    with (git_dir / SALVAGED).open("a", encoding="utf-8") as salvaged:
        salvaged.write(f"{row}\n")


def take_up(git_dir: Path, project: str) -> None:
    """Say whose mirror it is; what is kept in it from now on is nowhere else."""
    if project and _project(git_dir) != project:
        (git_dir / PROJECT).write_text(f"{project}\n", encoding="utf-8")
    (git_dir / SALVAGED).unlink(missing_ok=True)


def _project(git_dir: Path) -> str:
    with suppress(OSError):
        return (git_dir / PROJECT).read_text(encoding="utf-8", errors="replace").strip()
    return ""


def clutter(git_dir: Path) -> int:
    """Return how many packs the mirror has of its own; each slows every new process. 0 where they cannot be seen."""
    with suppress(OSError):
        return sum(1 for _ in (git_dir / "objects" / "pack").glob("pack-*.pack"))
    return 0
