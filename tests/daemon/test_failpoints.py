"""Wherever the daemon asks Git, a server, a receiver or a sender there is a failpoint right before and after it."""

from __future__ import annotations

import ast
import inspect
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from reconciler.daemon import failpoints
from reconciler.daemon.leases.keeper import Leases
from reconciler.forge.protocol import Forge
from reconciler.repo.mirror import Mirror

DAEMON = Path(failpoints.__file__).parent
NAMES = get_args(failpoints.Failpoint)


def methods(of: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(of, inspect.isfunction) if not name.startswith("_")}


MIRROR = {"tips", "heads", "default_branch", "fetch", "push", "write", "knock"}
"""What a mirror asks the remote, or writes; `test_a_mirror_has_no_other_ways` sees to it that these are all."""
KEEPING = {"go_without", "adopt_unanswered", "salvage", "maintain"}
"""What a mirror does to what is kept in it, and to its folder."""
ASKED = {
    "_mirror": MIRROR, "mirror": MIRROR | KEEPING, "away": {"reached"},
    "kubernetes": {"observe", "apply"}, "flags": {"observe", "apply"}, "endpoints": {"observe", "apply"},
    "server": {"apply"}, "evidence": {"measure"},
    "_forge": methods(Forge), "forge": methods(Forge) - {"find"},
    "shelf": methods(Leases) - {"close"}, "inboxes": {"submit"},
}  # fmt: skip
"""By the name of what is asked: the methods that ask."""
CALLED = {"read_project", "bring_home", "post", "_send", "_check", "read_body"}
BETWEEN = {("dispatch.py", "_asked")}
"""Functions that are called nowhere but between two points."""


def is_asking(call: ast.Call) -> bool:
    match call.func:
        case ast.Name(name) | ast.Attribute(ast.Name("self"), name) if name in CALLED:
            return True
        case ast.Attribute(ast.Name("self"), "_asked"):
            return True
        case ast.Attribute(ast.Name(who) | ast.Attribute(_, who), method):
            return method in ASKED.get(who, set())
        case ast.Attribute(ast.Subscript(ast.Name(who)), method):
            return method in ASKED.get(who, set())
        case ast.Attribute(ast.Call(ast.Name("ProblemComments")), "comment"):
            return True
    return False


def points(statement: ast.stmt) -> list[str]:
    """Return the names that a statement reaches; none where it is no call of `reach`."""
    match statement:
        case ast.Expr(ast.Call(ast.Name("reach"), [argument])):
            constants = (each.value for each in ast.walk(argument) if isinstance(each, ast.Constant))
            return [each for each in constants if isinstance(each, str) and each in NAMES]
    return []


def parsed() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(DAEMON.rglob("*.py")):
        yield path, ast.parse(path.read_text(), str(path))


def asking_unguarded(block: list[ast.stmt], *, guarded: bool = False) -> Iterator[int]:
    """Yield the lines of a block that ask for something with no point before or none after it."""
    for at, statement in enumerate(block):
        before = next((found for each in reversed(block[:at]) if (found := points(each))), [])
        after = next((found for each in block[at + 1 :] if (found := points(each))), [])
        here = bool(before) and [name.replace("before-", "after-") for name in before] == after
        inner = [value for _, value in ast.iter_fields(statement) if _is_block(value)]
        inner += [each.body for each in getattr(statement, "handlers", ())]
        inner += [each.body for each in getattr(statement, "cases", ())]
        for each in inner:
            yield from asking_unguarded(each, guarded=guarded or here)
        if not guarded and not here:
            held = {id(node) for each in inner for one in each for node in ast.walk(one)}
            calls = (node for node in ast.walk(statement) if isinstance(node, ast.Call) and id(node) not in held)
            yield from (node.lineno for node in calls if is_asking(node))


def _is_block(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], ast.stmt)


def test_all_that_asks_for_something_is_between_two_points() -> None:
    found = []
    for path, module in parsed():
        functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        apart = {id(one) for each in functions if (path.name, each.name) in BETWEEN for one in ast.walk(each)}
        for function in functions:
            if id(function) not in apart:
                found += [f"{path.name}:{line}" for line in asking_unguarded(function.body)]
    assert not found, f"without a failpoint before and after it: {sorted(set(found))}"


def test_every_point_is_reached_and_has_its_other_side() -> None:
    reached = Counter(
        name
        for _, module in parsed()
        for node in ast.walk(module)
        if isinstance(node, ast.stmt)
        for name in points(node)
    )
    assert set(reached) == set(NAMES)
    sides = {
        side: {name.removeprefix(side) for name in NAMES if name.startswith(side)} for side in ("before-", "after-")
    }
    assert sides["before-"] - sides["after-"] == {"applied-push"}, "a push among others"
    assert sides["after-"] <= sides["before-"]


def test_a_mirror_has_no_other_ways() -> None:
    """A method that talks to the remote, reads its refs or writes commits is one of those that are looked for."""
    ways = set()
    module = ast.parse(inspect.getsource(Mirror))
    for function in [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]:
        used = {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
        if used & {"_talk", "talk", "_listed", "_listing", "write"} and not function.name.startswith("_"):
            ways.add(function.name)
    assert ways == MIRROR


@pytest.mark.parametrize(("value", "dies"), [("before-push", 1), ("before-push:2", 2), ("", 0), ("after-push", 0)])
def test_the_process_dies_at_the_point_that_is_named(value: str, dies: int) -> None:
    code = "from reconciler.daemon.failpoints import reach\nfor n in 1, 2: print(n, flush=True), reach('before-push')"
    environment = {**os.environ, failpoints.VARIABLE: value}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == (-signal.SIGKILL if dies else 0), done.stderr
    assert len(done.stdout.split()) == (dies or 2)
