"""Problem files written: a problem in our own form, and a file whose state changes while the rest stays as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from reconciler.model import canonical
from reconciler.model.errors import UserError
from reconciler.model.nodes import MapNode, Scalar
from reconciler.model.problem import Problem, load_problem
from reconciler.model.reader import PROBLEM_LIMIT, read_yaml


def problem_file(problem: Problem) -> bytes:
    """Return the problem's file in our own form; what is empty is left out, and what an event claims of itself too."""
    optional: dict[str, Any] = {
        "rootCause": problem.root_cause,
        "startedAt": problem.started_at,
        "source": problem.source,
        "url": problem.url,
        "details": dict(problem.details),
        "labels": dict(problem.labels),
    }
    return canonical.emit_for_people(
        {
            "title": problem.title,
            "state": problem.state,
            **{key: value for key, value in optional.items() if value},
        }
    )


def resolved(data: bytes, path: str) -> bytes:
    """Return the file of an open problem with its state `resolved`, and nothing else in it changed.

    A file in whose text the state cannot simply be exchanged is written anew, in our own form.

    Raises:
        InvalidFile: the file cannot be read.
    """
    return _with_state(data, path, "resolved")


def reopened(data: bytes, path: str) -> bytes:
    """Return the file of a resolved problem with its state `open`, as `resolved` does it the other way.

    Raises:
        InvalidFile: the file cannot be read.
    """
    return _with_state(data, path, "open")


def _with_state(data: bytes, path: str, state: Literal["open", "resolved"]) -> bytes:
    problem = replace(load_problem(data, path), state=state)
    for edited in (_exchanged(data, path, state), data.rstrip() + f"\nstate: {state}\n".encode()):
        if edited is not None and _says(edited, path, problem):
            return edited
    return problem_file(problem)


def _says(data: bytes, path: str, problem: Problem) -> bool:
    try:
        return load_problem(data, path) == problem
    except UserError:
        return False


def _exchanged(data: bytes, path: str, state: str) -> bytes | None:
    old = _state(read_yaml(data, path, limit=PROBLEM_LIMIT))
    if old is None or "\n" in old.raw:
        return None
    lines = data.decode("utf-8-sig").split("\n")
    number, start = old.place.line - 1, old.place.column - 1
    line = lines[number]
    length = len(old.raw) + (2 if old.quoted else 0)
    word = state.upper() if old.raw.isupper() else state
    written = f'"{word}"' if old.quoted else word
    lines[number] = line[:start] + written + line[start + length :]
    return "\n".join(lines).encode()


def _state(root: object) -> Scalar | None:
    """Return the value of `state`: our own form has it at the top, an event in `data` or in `data.problem`."""
    for keys in (("data", "problem", "state"), ("data", "state"), ("state",)):
        node: object = root
        for name in keys:
            entries = node.entries if isinstance(node, MapNode) else ()
            node = next((value for key, value in entries if key.raw.lower() == name), None)
        if isinstance(node, Scalar):
            return node
    return None
