"""Killed between any two things that are done to a mirror's folder: whoever opens it next has a whole one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.repo.mirror import Mirror
from tests.repo.conftest import Hub, OpenMirror, fetched

_DONE: Final = 7
_WRITES: Final = frozenset({"os.remove", "os.rmdir", "os.mkdir", "os.rename", "os.truncate"})


def writes(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether an audited event of Python's changes something below a folder."""
    if event == "open":
        return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR)) and str(arguments[0]) != os.devnull
    return event in _WRITES


def killed_before(number: int, doing: Callable[[], object]) -> bool:
    """Do something in a process that dies right before it changes a file for the nth time; False where it did all."""
    pid = os.fork()
    if not pid:
        seen = 0

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            if writes(event, arguments):
                seen += 1
                if seen == number:
                    os._exit(0)

        sys.addaudithook(watch)
        try:
            doing()
        finally:
            os._exit(_DONE if sys.exc_info()[0] is None else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, _DONE), "what was done raised something"
    return status == 0


def nothing(path: Path, hub: Hub) -> None:
    """There is no mirror yet."""


def of_no_use(path: Path, hub: Hub) -> None:
    """There is one that reads the remote in place, and is to fetch from now on."""
    Mirror.open(path, f"file://{hub.path}").close()


def damaged_again(path: Path, hub: Hub) -> None:
    """There is a damaged one, and beside it one that was set aside before."""
    for _ in range(2):
        Mirror.open(path, f"file://{hub.path}", share=False).close()
        (path / "HEAD").unlink()


@pytest.mark.parametrize("before", [nothing, of_no_use, damaged_again])
def test_killed_before_any_change_of_a_file_a_mirror_is_made_by_whoever_comes_next(
    hub: Hub, open_mirror: OpenMirror, tmp_path: Path, before: Callable[[Path, Hub], None]
) -> None:
    tip, number, goes_on = hub.land({"a": b"1"}), 0, True
    while goes_on:
        number += 1
        name = f"mirror-{number}"
        path = tmp_path / name
        before(path, hub)
        goes_on = killed_before(
            number,
            lambda path=path: Mirror.open(path, f"file://{hub.path}", share=False).close(),  # type: ignore[misc]  # bound now
        )
        with open_mirror(name, share=False) as mirror:
            assert fetched(mirror) == tip, f"killed before change {number}"
        assert not path.with_name(f"{name}.new").exists()
    assert number > 5
