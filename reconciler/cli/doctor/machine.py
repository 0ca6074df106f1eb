"""This machine: Git, the folder of clones and the space on its disk."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reconciler.cli.doctor.finding import Finding, failed, ok, problem, warning
from reconciler.daemon.plugins import installed, maker, registered
from reconciler.model.errors import ReconcilerError
from reconciler.repo.engine import Engine, Timeouts
from reconciler.repo.remote import Credentials, Remote

LITTLE: Final = 1 << 30
"""Bytes of free space below which clones may come to fill a disk."""
TOO_LITTLE: Final = 64 << 20


def git(seconds: float) -> Iterator[Finding]:
    """Look at the version of Git."""
    engine = Engine(Remote("", "file"), Credentials(), Timeouts(local=seconds), time.monotonic)
    try:
        engine.check_version()
    except ReconcilerError as error:
        yield failed("git-version", "this machine", error, "install git 2.31 or newer")
    else:
        yield ok("git-version", "this machine", "Git is new enough")
    finally:
        engine.close()


def actions() -> Iterator[Finding]:
    """Load the actions that installed packages bring; the daemon does not start with one that cannot be."""
    about = "actions of other packages"
    for point in installed():
        try:
            (action,) = registered([point])
        except ReconcilerError as error:
            yield failed("plugins", about, error, f"install {maker(point)} again, or uninstall it")
        else:
            yield ok("plugins", about, f"`{'`, `'.join(action.names)}` of {maker(point)} can be loaded")


def _refused(folder: Path) -> str:
    """Return why nothing can be made in a folder, empty where it can: rights alone do not tell, as root in /proc."""
    try:
        Path(tempfile.mkdtemp(prefix=".reconciler-doctor-", dir=folder)).rmdir()
    except OSError as error:
        return (error.strerror or type(error).__name__).lower()
    return ""


def disk(state: Path) -> Iterator[Finding]:
    """Look whether the folder of clones can be written to, or made, and at the space there. Leaves nothing behind."""
    near = state
    while not os.path.exists(near) and near != near.parent:  # noqa: PTH110  Path.exists fails in what is closed to us
        near = near.parent
    about = f"stateDir {state}"
    if not near.is_dir():
        yield problem("state-folder", about, f"{near} is no folder", "name another folder, or remove that file")
        return
    usage = shutil.disk_usage(near)
    if reason := _refused(near):
        told = f"nothing can be made in {near}: {reason}"
        if not usage.total:
            yield problem("state-folder", about, told, "set `stateDir` to a folder on a disk; this is none")
            return
        do = f"let {state} be a folder of the daemon's user, or a writable volume, or set `stateDir` to another folder"
        yield problem("state-folder", about, told, do)
    else:
        yield ok("state-folder", about, "can be written to" if near == state else f"can be made in {near}")
    free = usage.free
    told = f"{free / (1 << 30):.1f} GiB are free"
    if free < TOO_LITTLE:
        yield problem("disk-space", about, told, "make space, or set `stateDir` to another disk")
    elif free < LITTLE:
        yield warning("disk-space", about, told, "make space before clones grow: all of it may be deleted at any time")
    else:
        yield ok("disk-space", about, told)
