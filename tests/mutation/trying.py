"""A process that has read all tests once and tries them on one mistake after another, each in a child of its own.

Only where a mistake is inside a function can it be put into a running process: the function's code is exchanged. Which
is so is said by `is_inside`; the rest needs a new process. `python -m tests.mutation.trying` reads one JSON object a
line (`file`, `where`, `source`, `tests`) and answers each with `{"noticed": test}`, empty where none noticed. A child
that takes far more time or memory than any test does is ended, and its last test has noticed.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final, TextIO

import pytest
from _pytest.runner import runtestprotocol

SECONDS: Final = 30
"""Of processor time, for one test: ten times what the longest of the quick ones takes."""
THOROUGH_SECONDS: Final = 200
_MEMORY: Final = 4 << 30


def is_inside(source: str, mistaken: str, where: str) -> bool:
    """Whether a mistake is inside of what a function does; its defaults are made where it is defined."""
    before, after = (_code(compile(each, "<mistaken>", "exec"), where.split(".")) for each in (source, mistaken))
    return before is not None and before != after


def _code(module: CodeType, names: Sequence[str]) -> CodeType | None:
    """Return the code of the outermost function on a path of names, None where there are but classes."""
    code = module
    for name in names:
        inner = [const for const in code.co_consts if isinstance(const, CodeType) and const.co_name == name]
        if len(inner) != 1:
            return None
        (code,) = inner
        if code.co_flags & 0x2:  # CO_NEWLOCALS: a function's
            return code
    return None


def _function(module: object, names: Sequence[str]) -> FunctionType:
    found = module
    for name in names:
        found = vars(found)[name]
        if isinstance(found, property):
            found = found.fget
        found = getattr(found, "__func__", getattr(found, "func", getattr(found, "__wrapped__", found)))
        if isinstance(found, FunctionType):
            return found
    raise LookupError(names)


def put(file: str, where: str, source: str) -> None:
    """Exchange a function's code. Raises LookupError where it is not found."""
    module = importlib.import_module(f"reconciler.{file.removesuffix('.py').replace('/', '.')}")
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(Path.cwd()), f"{module.__file__} is not the copy's"
    code = _code(compile(source, module.__file__, "exec", dont_inherit=True), where.split("."))
    if code is None:
        raise LookupError(where)
    _function(module, where.split(".")).__code__ = code


class Trying:
    """Instead of running all tests once, runs some of them often."""

    def __init__(self, asked: TextIO, answers: TextIO) -> None:
        self._asked, self._answers = asked, answers

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """Let any example that fails do, and the same ones be tried each time."""
        from hypothesis import Phase, settings  # pytest wants to be the first to import it

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mistaken", deadline=None, derandomize=True, phases=phases, database=None)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer until nothing more is asked."""
        items = {item.nodeid: item for item in session.items}
        self._tell({"ready": len(items)})
        for line in self._asked:
            asked = json.loads(line)
            self._tell({"noticed": _noticed(asked, [items[name] for name in asked["tests"]])})
        return True

    def _tell(self, answer: dict[str, Any]) -> None:
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()


def _noticed(asked: dict[str, Any], items: list[pytest.Item]) -> str:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read)
            _try(asked, items, write)
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as told:
        last = told.read().splitlines()
    _, status = os.waitpid(child, 0)
    return "" if status == 0 else last[-1] if last else "?"


def _try(asked: dict[str, Any], items: list[pytest.Item], told: int) -> None:
    """Run the tests until one fails, and say the name of each before it. Raises AssertionError where one does."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    if asked["file"]:
        put(asked["file"], asked["where"], asked["source"])
    for item, following in zip(items, [*items[1:], None], strict=True):
        os.write(told, f"{item.nodeid}\n".encode())
        is_long = item.get_closest_marker("thorough") is not None
        signal.setitimer(signal.ITIMER_PROF, THOROUGH_SECONDS if is_long else SECONDS)
        reports = runtestprotocol(item, log=False, nextitem=following)
        assert not any(report.failed for report in reports)


if __name__ == "__main__":
    trying = Trying(os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w"))
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    words = ["-q", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-profile=mistaken", *sys.argv[1:]]
    sys.exit(pytest.main(words, plugins=[trying]))
