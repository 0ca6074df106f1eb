"""Problem files as a person writes them: a new one, and an open one made resolved with the rest left as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reconciler.model import canonical
from reconciler.model.errors import UserError
from reconciler.model.nodes import MapNode, Scalar
from reconciler.model.problem import Problem, load_problem
from reconciler.model.reader import PROBLEM_LIMIT, read_yaml


def new_id(title: str, now: datetime) -> str:
    """Return an id that tells what and when: `response-time-degradation-20261121T100000Z`."""
    return f"{slug(title) or 'problem'}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def slug(text: str) -> str:
    """Return the letters and digits of a text in lower case, other characters as dashes; may be empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-")


def new_problem(title: str, now: datetime, more: Mapping[str, Any]) -> bytes:
    """Return the file of a problem that is open from now on; of ``more`` what is not empty is written."""
    started = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    optional = {key: value for key, value in more.items() if value}
    return canonical.emit({"title": title, "state": "open", "startedAt": started, **optional})


def resolved(data: bytes, path: str) -> bytes:
    """Return the file of an open problem with its state `resolved`, and nothing else in it changed.

    A file in whose text the state cannot simply be exchanged is written anew, in our own form.

    Raises:
        InvalidFile: the file cannot be read.
    """
    problem = replace(load_problem(data, path), state="resolved")
    for edited in (_exchanged(data, path), data.rstrip() + b"\nstate: resolved\n"):
        if edited is not None and _says(edited, path, problem):
            return edited
    return canonical.emit(_own_form(problem))


def _says(data: bytes, path: str, problem: Problem) -> bool:
    try:
        return load_problem(data, path) == problem
    except UserError:
        return False


def _exchanged(data: bytes, path: str) -> bytes | None:
    state = _state(read_yaml(data, path, limit=PROBLEM_LIMIT))
    if state is None or "\n" in state.raw:
        return None
    lines = data.decode("utf-8-sig").split("\n")
    number, start = state.place.line - 1, state.place.column - 1
    line = lines[number]
    length = len(state.raw) + (2 if state.quoted else 0)
    word = "RESOLVED" if state.raw.isupper() else "resolved"
    written = f'"{word}"' if state.quoted else word
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


def _own_form(problem: Problem) -> dict[str, Any]:
    optional = {
        "rootCause": problem.root_cause,
        "startedAt": problem.started_at,
        "source": problem.source,
        "url": problem.url,
        "details": dict(problem.details),
        "labels": dict(problem.labels),
    }
    return {
        "title": problem.title,
        "state": problem.state,
        **{key: value for key, value in optional.items() if value},
    }
