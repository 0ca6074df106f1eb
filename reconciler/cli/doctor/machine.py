"""This machine: Git, the folder of clones and the space on its disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reconciler.cli.doctor.finding import Finding, failed, ok, problem, warning
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


def disk(state: Path) -> Iterator[Finding]:
    """Look whether the folder of clones can be written to, or made, and at the space there. Makes nothing."""
    near = state
    while not near.exists() and near != near.parent:
        near = near.parent
    about = f"stateDir {state}"
    if not near.is_dir():
        yield problem("state-folder", about, f"{near} is no folder", "name another folder, or remove that file")
        return
    if not os.access(near, os.W_OK | os.X_OK):
        told = f"{near} cannot be written to by this user"
        yield problem("state-folder", about, told, "give the folder to the daemon's user, or mount a writable volume")
    else:
        yield ok("state-folder", about, "can be written to" if near == state else f"can be made in {near}")
    free = shutil.disk_usage(near).free
    told = f"{free / (1 << 30):.1f} GiB are free"
    if free < TOO_LITTLE:
        yield problem("disk-space", about, told, "make space, or set `stateDir` to another disk")
    elif free < LITTLE:
        yield warning("disk-space", about, told, "make space before clones grow: all of it may be deleted at any time")
    else:
        yield ok("disk-space", about, told)
