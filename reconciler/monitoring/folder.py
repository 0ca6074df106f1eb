"""Files in a folder that Prometheus or Alertmanager reads: written whole, pruned, and put back if they are not taken.

Only files that begin with our line are ever overwritten or removed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from reconciler.model.errors import ConfigError
from reconciler.monitoring.changes import Change, is_ours, owner

_MODE: Final = 0o644
"""Prometheus runs as a user of its own, and nothing in these files is secret."""


def write_folder(
    folder: Path, files: Mapping[str, bytes], whose: str, *,
    keep: Collection[str] | None, taken: Callable[[], None],
) -> tuple[Change, ...]:  # fmt: skip
    """Make a folder's files be these, and return what was done to each.

    ``whose`` stands in the first line of each. Files of ours that are not among them are removed, unless ``keep``
    names them; None keeps all. ``taken`` is called then; if it raises, everything is put back, it is called once more
    for that, and its first error goes on.

    Raises:
        ConfigError: the folder is none, or a file of that name is somebody else's.
        OSError: as the system has it.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder", hint="create it, or correct `--to`")
    before = {name: _read(folder / name) for name in files}
    for name, content in before.items():
        if content is not None and not is_ours(content, whose):
            raise _taken(folder / name, owner(content))
    if keep is not None:
        before |= {name: content for name, content in _ours(folder, whose) if name not in {*files, *keep}}
    changes = tuple(_change(name, content, files.get(name)) for name, content in sorted(before.items()))
    wanted = {name: files.get(name) for name in before}
    try:
        _put(folder, wanted, before)
        taken()
    except BaseException:
        _put(folder, before, wanted)
        # Whether what was there before is taken again is not what the caller has to hear.
        with suppress(Exception):
            taken()
        raise
    return changes


def _taken(path: Path, other: str) -> ConfigError:
    by_hand = "merge it by hand: without `--apply` it is printed"
    if not other:
        hint = f"{by_hand}; or name another folder with `--to`"
        return ConfigError(f"{path} is not ours, so it is not overwritten", hint=hint)
    hint = f"each needs a folder of its own, by `--to`; or {by_hand}"
    return ConfigError(f"{path} is that of {other}, so it is not overwritten", hint=hint)


def read_ours(folder: Path, name: str, whose: str) -> bytes | None:
    """Return a file of ours; None where there is none."""
    content = _read(folder / name)
    return content if content is not None and is_ours(content, whose) else None


def _change(name: str, before: bytes | None, after: bytes | None) -> Change:
    if after is None:
        return Change(name, "removed")
    return Change(name, "created" if before is None else "unchanged" if before == after else "changed")


def _put(folder: Path, wanted: Mapping[str, bytes | None], known: Mapping[str, bytes | None]) -> None:
    for name, content in wanted.items():
        if content is None:
            (folder / name).unlink(missing_ok=True)
        elif content != known[name]:
            _write(folder / name, content)


def _write(path: Path, content: bytes) -> None:
    """Exchange a file at once; until then the new one has a name that no pattern for rule files fits."""
    descriptor, name = tempfile.mkstemp(prefix=".reconciler-", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_MODE)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _ours(folder: Path, whose: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("reconciler.*.yml")):
        content = _read(path)
        if content is not None and is_ours(content, whose):
            yield path.name, content


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
