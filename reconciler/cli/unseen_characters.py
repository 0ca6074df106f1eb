"""Characters in a file that nobody sees: what is wrong because of one is told at the character, and by its name.

Where nothing else is wrong a name, a query or a word with such a character is still another one than it seems to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt
from reconciler.model.characters import Odd, mistaken, unseen
from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import MapNode, Node, Scalar
from reconciler.model.reader import PROBLEM_LIMIT, read_yaml, shown

_FREE: Final = frozenset({"displayName", "description", "reason", "details", "message", "metadata", "labels", "title"})
"""Keys of what is shown to people, as it is."""
_TOLD: Final = 5
"""Characters that are named in one file: what was copied from a web page is full of them."""
_WHOLE_LINE: Final = re.compile(r"write `[\x20-\x5b\x5d-\x5f\x61-\x7e]{3,}`")
_BOM: Final = "\ufeff"


def by_their_names(found: Sequence[Finding], data: bytes, path: str, *, silent: bool) -> list[Finding]:
    """Return the findings about a file, those that an odd character is the cause of at its place.

    ``silent``: also tell of characters that nothing was found about.
    """
    if data.isascii():
        return list(found)
    text = data.decode(errors="replace").removeprefix(_BOM)
    odd = list(mistaken(text))
    told = [_at_its_cause(each, odd) for each in found]
    if silent and not any(each.severity == "error" for each in told):
        known = {(each.place.line, each.place.column) for each in told}
        told += [each for each in _quiet(data, path, text) if (each.place.line, each.place.column) not in known]
    return told


def _at_its_cause(finding: Finding, odd: Sequence[Odd]) -> Finding:
    place, error = finding.place, finding.error
    for each in odd:
        if each.line != place.line or each.column < place.column or each.what in error.message:
            continue
        if f"U+{ord(each.character):04X}" in error.message or not _about(error.message, each.character):
            continue
        hint = each.instead
        if error.hint.startswith("did you mean") and error.hint.isascii():
            hint += f": {error.hint}"
        elif _shows(error.hint):
            hint = error.hint
        told = UserError(
            f"{error.message}: {each.what} stands in it",
            place=Place(place.path, each.line, each.column),
            expected=error.expected,
            hint=hint,
        )
        return replace(finding, error=told)
    return finding


def _about(message: str, character: str) -> bool:
    return character in message or shown(character) in message


def _shows(hint: str) -> bool:
    """Whether a hint is the whole line as it is to be written."""
    return _WHOLE_LINE.fullmatch(hint) is not None


def _quiet(data: bytes, path: str, text: str) -> Iterator[Finding]:
    try:
        root = read_yaml(data, "", limit=PROBLEM_LIMIT)
    except UserError:
        return
    odd = list(unseen(text))
    count = 0
    for scalar in _scalars(root) if odd else ():
        if scalar.raw.isascii() or count >= _TOLD:
            continue
        within = [each for each in odd if each.character in scalar.raw]
        after = [each for each in within if (each.line, each.column) >= (scalar.place.line, scalar.place.column)]
        if not after:
            continue  # written as an escape, so it is meant
        count += 1
        yield doubt(
            "unseen-character",
            f"{after[0].what} stands in `{shown(scalar.raw)}`, which is another text than it seems to be",
            Place(path, after[0].line, after[0].column),
            expected="letters and spaces that can be seen",
            hint=after[0].instead,
        )


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, MapNode):
        for key, value in node.entries:
            yield key
            if key.raw not in _FREE:
                yield from _scalars(value)
    else:
        for item in node.items:
            yield from _scalars(item)
