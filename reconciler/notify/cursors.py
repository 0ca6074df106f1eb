"""How far each receiver has been told, in a file for each stage in the daemon's state folder.

It only saves telling things again: the file may be deleted, be wrong, or fail to be written at any time, and then the
last day is told once more. So it is not synced to the disk either.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from structlog.typing import FilteringBoundLogger

from reconciler.model.names import CommitId, StageName

_LARGEST = 64 * 1024


class Cursors:
    """The cursors of one project. Used from several threads."""

    def __init__(self, folder: Path, log: FilteringBoundLogger) -> None:
        self._folder = folder
        self._log = log
        self._lock = threading.Lock()
        self._known: dict[StageName, dict[str, str]] = {}
        self._told = False

    def get(self, stage: StageName, receiver: str) -> str:
        """Return the commit up to which a receiver has been told of a stage; empty where nothing is known."""
        with self._lock:
            return self._of(stage).get(receiver, "")

    def put(self, stage: StageName, receiver: str, commit: CommitId) -> None:
        """Note that a receiver has been told of everything up to a commit."""
        with self._lock:
            known = self._of(stage)
            if known.get(receiver) != commit:
                known[receiver] = commit
                self._write(stage, known)

    def _of(self, stage: StageName) -> dict[str, str]:
        if stage not in self._known:
            self._known[stage] = _read(self._file(stage))
        return self._known[stage]

    def _file(self, stage: StageName) -> Path:
        """Return a stage's file; its name is that of a branch, which may hold slashes."""
        return self._folder / f"{quote(stage, safe='')}.json"

    def _write(self, stage: StageName, known: Mapping[str, str]) -> None:
        file = self._file(stage)
        # After a changed configuration the old channels may still be noting what they told last.
        half = file.with_suffix(f".{os.getpid()}.{threading.get_ident()}.{id(self):x}.new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            half.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", "utf-8")
            half.replace(file)
        except OSError as error:
            if not self._told:
                hint = "after a restart the last day is told again; make room, or set `stateDir`"
                self._log.warning("how far receivers were told is not kept", reason=str(error), hint=hint)
            self._told = True


def _read(file: Path) -> dict[str, str]:
    """Return what a file says; nothing where it is not there or says something else."""
    try:
        with file.open("rb") as opened:
            data = json.loads(opened.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    entries = data.items() if isinstance(data, dict) else ()
    return {name: commit for name, commit in entries if isinstance(name, str) and isinstance(commit, str)}
