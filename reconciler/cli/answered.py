"""Commands that a step has answered already: what is wrong with such a file harms nobody any more.

A refusal names the very content that was refused, and whoever corrects the file asks anew; every other answer names
the path, which is never asked for again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from reconciler.cli.findings.finding import Finding
from reconciler.cli.validation import kind_of
from reconciler.model.errors import UserError

_NAMED: Final = re.compile(rb'^(?:file|command): "(?P<named>ops/[^"\\]*/commands/[^"\\]*)"', re.MULTILINE)
_MARK: Final = b"/commands/"
_ABOUT: Final = re.compile(
    rb"""^["']?remediation["']?: *["']?(?P<id>[A-Za-z0-9_%+=,-][A-Za-z0-9._%+=,-]*)""", re.MULTILINE
)
_REFUSALS: Final = 500
"""The newest refusals of a stage that are looked at for a command's; older ones are archived with it."""


def answered(files: Mapping[str, bytes | UserError]) -> frozenset[str]:
    """Return what the steps among ``files`` say they answered: paths, those of refused commands with `@` and blob."""
    found: set[str] = set()
    for path, data in files.items():
        if isinstance(data, bytes) and _MARK in data and kind_of(path) == "step":
            found.update(each["named"].decode(errors="replace") for each in _NAMED.finditer(data))
    return frozenset(found)


def answers_to(
    commands: Mapping[str, bytes | UserError],
    listed: Callable[[str], Iterable[str]],
    read: Callable[[list[str]], Mapping[str, bytes | UserError]],
) -> frozenset[str]:
    """Return what `answered` does of the steps that may be about some commands, where not all steps are at hand.

    ``listed`` gives the names in a folder and ``read`` the content of paths, both from the branch's root. Refusals are
    steps of the stage, every other answer is one of the remediation that the command is about.
    """
    wanted: set[str] = set()
    for path, data in commands.items():
        if kind_of(path) != "command":
            continue
        folder, stage = path.partition("/commands/")[0], "/".join(path.split("/", 2)[:2])
        refused = [name for name in listed(f"{stage}/steps") if name.endswith("-refused.yaml")]
        newest = sorted(refused, key=lambda name: (len(name), name))[-_REFUSALS:]
        wanted.update(f"{stage}/steps/{name}" for name in newest)
        if isinstance(data, bytes) and (about := _ABOUT.search(data)) is not None:
            own = f"{folder}/remediations/{about['id'].decode()}"
            wanted.update(f"{own}/{name}" for name in listed(own))
    return answered(read(sorted(wanted))) if wanted else frozenset()


def let_be(found: Iterable[Finding], files: Mapping[str, bytes | UserError], done: frozenset[str]) -> Iterator[Finding]:
    """Yield the findings, those about commands that are ``done`` as notices; ``files`` are their contents."""
    for each in found:
        path = each.place.path
        data = files.get(path)
        if each.severity != "notice" and isinstance(data, bytes) and (path in done or _named(path, data) in done):
            error = _hinted(each.error, "delete it, or let it be: it was answered already and is not read again")
            yield replace(each, severity="notice", error=error)
        else:
            yield each


def _hinted(error: UserError, hint: str) -> UserError:
    return UserError(error.message, place=error.place, expected=error.expected, hint=hint)


def _named(path: str, data: bytes) -> str:
    if _MARK.decode() not in path:
        return ""
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
    return f"{path}@{blob.hexdigest()}"
