"""Whether a folder is there: one that is closed to us is an answer, not an error of the program."""

from __future__ import annotations

import os
from pathlib import Path


def is_folder(path: Path) -> bool:
    """Tell whether a folder is there, as far as can be seen: `Path.is_dir` fails below one that is closed to us."""
    return os.path.isdir(path)  # noqa: PTH112  as above


def closed(path: Path) -> str:
    """Return why a folder that may be there cannot be looked into; empty where it can, or where there is none."""
    try:
        os.scandir(path).close()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return (error.strerror or type(error).__name__).lower()
    return ""
