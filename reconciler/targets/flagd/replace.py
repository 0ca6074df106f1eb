"""Reading a small file whole, and replacing it in one piece.

A reader sees the old file or the new one, never a part. flagd's provider notices a change by a modification time that
is greater than the last one, so the new file's is made greater even where the old one lies in the future or the file
system keeps whole seconds.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.errors import BlindError, TerminalError, TransientError

MAX_FILE = 8 * 1024 * 1024
_STEPS = (0, 1_000_000, 1_000_000_000, 2_000_000_000)
"""Nanoseconds by which the new time may have to be ahead: 1 ms (readers compare floats), 1 s, 2 s (FAT)."""


@dataclass(frozen=True)
class Content:
    """A file's bytes, and what it was when they were read. ``path`` is the file itself, symbolic links resolved."""

    path: Path
    data: bytes
    status: os.stat_result


def read(path: Path) -> Content:
    """Read a file. Raises BlindError where it can't be read or is larger than `MAX_FILE` bytes."""
    try:
        real = path.resolve(strict=True)
        with real.open("rb") as file:
            data = file.read(MAX_FILE + 1)
            status = os.fstat(file.fileno())
    except OSError as error:
        raise BlindError(f"{path.name} cannot be read: {error.strerror}", hint="check the flag file's path") from error
    if len(data) > MAX_FILE:
        raise BlindError(f"{path.name} is larger than {MAX_FILE >> 20} MiB")
    return Content(real, data, status)


def replace(old: Content, data: bytes) -> None:
    """Put ``data`` in the file's place, durably, with the old mode and owner.

    Raises TransientError where the file is no longer what was read (nobody else's change is written over; the moment
    between this look and the rename is as small as a file system without compare-and-set allows), TerminalError where
    the folder or the owner does not permit it.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{old.path.name}.", suffix=".tmp", dir=old.path.parent)
    except OSError as error:
        raise TerminalError(
            f"no file can be written beside {old.path.name}: {error.strerror}",
            hint="let the reconciler's user write to the flag file's folder",
        ) from error
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            _keep(file.fileno(), old.status)
            os.fsync(file.fileno())
        _make_newer(fresh, old.status.st_mtime_ns)
        if read(old.path).data != old.data:
            raise TransientError(f"{old.path.name} was changed by somebody else meanwhile")
        fresh.replace(old.path)
        _sync_folder(old.path.parent)
    except OSError as error:
        raise TerminalError(f"{old.path.name} cannot be replaced: {error.strerror}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()


def _keep(handle: int, status: os.stat_result) -> None:
    mine = os.fstat(handle)
    if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
        os.fchown(handle, status.st_uid, status.st_gid)
    os.fchmod(handle, status.st_mode & 0o7777)


def _make_newer(path: Path, than: int) -> None:
    for step in _STEPS:
        status = path.stat()
        if status.st_mtime_ns >= than + _STEPS[1]:
            return
        os.utime(path, ns=(status.st_atime_ns, than + step))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
