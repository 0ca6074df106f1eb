"""A folder that is closed to us. Root is let in anywhere, so whoever tests as root is somebody else meanwhile."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534


@contextmanager
def open_to_all() -> Iterator[Path]:
    """Give a folder that everybody may write to, which the folders of a test are not."""
    with tempfile.TemporaryDirectory(prefix="reconciler-closed-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """Close a folder, to this process and to those that it starts."""
    mode, root = folder.stat().st_mode, os.geteuid() == 0
    folder.chmod(0)
    if root:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(mode)
