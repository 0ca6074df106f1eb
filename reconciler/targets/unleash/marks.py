"""How a decision's mark is kept in a flag's tags.

Unleash has no annotations, but a flag has tags, shown in its user interface, searchable, and copied into every event
and webhook of that flag: so they carry who holds a flag and why. A tag's value has 2 to 50 characters and belongs to
the flag, not to an environment. A mark is therefore a few tags of the type `reconciler`, all of which start with the
environment and the step's sequence::

    production#128:off=3f2c9d1a5b6c               what the step set, and its commit (12 characters)
    production#128:by=sockshop/production/carts   the owner
    production#128:for=carts-4711                 the remediation, where one is told

What is longer than the room left is split, `by1/2=...` and `by2/2=...`; an owner always fits, a remediation's name is
cut where it would take more than nine tags. An environment whose name is longer than 12
characters or unusual is written as its first five letters, `~` and six digits of its SHA-256. Text that is not plain
ASCII is percent-encoded.
A mark counts only when complete, and the highest sequence wins: the new tags are added before the old ones are
removed, so that a crash in between leaves one complete mark or two. Of two that one stage wrote the newer counts; where
another stage took a released flag the other one may count until it takes it again, which the crash leaves it to do.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from reconciler.model.targets import Mark

if TYPE_CHECKING:
    from collections.abc import Iterable

TAG_TYPE = "reconciler"
COMMIT_LENGTH = 12
"""Characters of the commit that a tag keeps: enough to find it, and the tag stays readable."""
_LIMIT = 50
_SAFE = "/:+@,!"
_PLAIN_ENVIRONMENT = re.compile(r"[A-Za-z0-9._-]{1,12}\Z")
_TAG = re.compile(
    r"(?P<key>[^#]+)#(?P<sequence>[0-9]{1,15}):(?P<name>on|off|by|for)((?P<part>\d{1,2})/(?P<of>\d{1,2}))?=(?P<text>.*)\Z"
)


@dataclass(frozen=True)
class Record:
    """A mark, the value that its decision set, and the remediation (empty where not told)."""

    mark: Mark
    value: bool
    note: str = ""


def record(mark: Mark, value: bool, note: str) -> Record:
    """Return the record as the tags will give it back: the commit abbreviated."""
    return Record(Mark(mark.owner, mark.sequence, mark.commit[:COMMIT_LENGTH]), value, note)


def encode(environment: str, kept: Record) -> tuple[str, ...]:
    """Return the tags' values for a record."""
    head = f"{_key(environment)}#{kept.mark.sequence}:"
    state = f"{head}{'on' if kept.value else 'off'}={kept.mark.commit[:COMMIT_LENGTH]}"
    return (state, *_parts(head, "by", kept.mark.owner), *(_parts(head, "for", kept.note) if kept.note else ()))


def decode(environment: str, values: Iterable[str]) -> Record | None:
    """Return the newest complete record for the environment among the tags' values, or None.

    Where two owners wrote the same sequence, the owner reads ``a, b``: it equals neither. One that has given it back
    does not count beside one that holds it.
    """
    key = _key(environment)
    texts: dict[int, dict[str, dict[tuple[int, int], set[str]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(set))
    )
    for value in values:
        match = _TAG.match(value)
        if match and match["key"] == key:
            place = (int(match["part"] or 1), int(match["of"] or 1))
            texts[int(match["sequence"])][match["name"]][place].add(match["text"])
    for sequence in sorted(texts, reverse=True):
        fields = texts[sequence]
        owner, states = _held_by(fields.get("by", {})), [name for name in ("on", "off") if name in fields]
        if owner and len(states) == 1:
            commit = _joined(fields[states[0]])
            return Record(Mark(owner, sequence, commit), states[0] == "on", _joined(fields.get("for", {})))
    return None


def ours(environment: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return those values that are marks for the environment, complete or not."""
    key = _key(environment)
    return tuple(value for value in values if (match := _TAG.match(value)) and match["key"] == key)


def outdated(environment: str, values: Iterable[str], sequence: int) -> bool:
    """Whether the environment has tags of another sequence: left by a crash, or by two who wrote at once."""
    found = (_TAG.match(value) for value in ours(environment, values))
    return any(match is not None and int(match["sequence"]) != sequence for match in found)


def _key(environment: str) -> str:
    if _PLAIN_ENVIRONMENT.match(environment):
        return environment
    digest = hashlib.sha256(environment.encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9._-]', '', environment)[:5]}~{digest[:6]}"


def _parts(head: str, name: str, text: str) -> tuple[str, ...]:
    encoded = quote(text, safe=_SAFE)
    room = _LIMIT - len(head) - len(name) - 1
    if len(encoded) <= room:
        return (f"{head}{name}={encoded}",)
    few = room - len("1/9")
    if name == "for" or len(encoded) <= 9 * few:
        chunks = [encoded[start : start + few] for start in range(0, len(encoded), few)][:9]
    else:
        many = room - len("10/99")
        chunks = [encoded[start : start + many] for start in range(0, len(encoded), many)]
    return tuple(f"{head}{name}{number}/{len(chunks)}={chunk}" for number, chunk in enumerate(chunks, 1))


def _held_by(parts: dict[tuple[int, int], set[str]]) -> str:
    """Return the owner; of several those that have not given it back, where there are such."""
    owners = _joined(parts).split(", ")
    held = [owner for owner in owners if owner.count("/") != 1]
    return ", ".join(held or owners[:1])


def _joined(parts: dict[tuple[int, int], set[str]]) -> str:
    """Return the text of one field, empty where a part is missing."""
    if not parts:
        return ""
    total = max(of for _, of in parts)
    pieces = [parts.get((number, total)) for number in range(1, total + 1)]
    if any(piece is None for piece in pieces):
        return ""
    if all(len(piece) == 1 for piece in pieces if piece):
        return unquote("".join(next(iter(piece)) for piece in pieces if piece))
    return ", ".join(sorted(unquote(text) for piece in pieces if piece for text in piece))
