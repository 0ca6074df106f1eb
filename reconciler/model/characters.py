"""Characters that look like a space, like nothing or like another one, and how to say which they are.

Web pages, chats and word processors put them into what is copied. A person cannot see what is wrong with such a value,
so it is told by its name and number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_LINE_END: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What libyaml takes for the end of a line."""
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"
_JOINERS: Final = "\u200c\u200d"
_SCRIPTS: Final = ("CYRILLIC", "GREEK")


@dataclass(frozen=True)
class Odd:
    """A character at its line and column, both from 1; ``what`` names it, ``instead`` is the imperative."""

    line: int
    column: int
    character: str
    what: str
    instead: str


def unseen(text: str) -> Iterator[Odd]:
    """Yield the blanks that are no space, and what is not seen at all."""
    return _found(text, is_unseen)


def mistaken(text: str) -> Iterator[Odd]:
    """Yield what is `unseen`, and what is taken for one of ASCII: dashes, wide letters, letters of other scripts."""
    return _found(text, lambda line, at: is_unseen(line, at) or bool(_lookalike(line, at)))


def is_unseen(text: str, at: int) -> bool:
    """Whether the character there is a blank that is no space, or nothing to be seen; joiners of letters are not."""
    character = text[at]
    if character.isascii() or (unicodedata.category(character) not in ("Zs", "Cf")):
        return False
    between = text[at - 1 : at] + text[at + 1 : at + 2]
    return not (character in _JOINERS and len(between) == len("ab") and not any(each.isascii() for each in between))


def _found(text: str, odd: Callable[[str, int], bool]) -> Iterator[Odd]:
    for number, line in enumerate(_LINE_END.split(text), 1):
        if line.isascii():
            continue
        for at, character in enumerate(line):
            if not character.isascii() and odd(line, at):
                yield Odd(number, at + 1, character, _named(character), _instead(line, at))


def _lookalike(line: str, at: int) -> str:
    """Return the character of ASCII that this one is taken for, `letter` for one of another script, or nothing."""
    character = line[at]
    if character in _DASHES:
        return "-"
    plain = unicodedata.normalize("NFKC", character)
    if len(plain) == 1 and plain.isascii() and plain.isprintable():
        return plain
    if unicodedata.name(character, "").startswith(_SCRIPTS):
        word = re.search(r"[^\W\d_]*\Z", line[:at]), re.match(r"[^\W\d_]*", line[at + 1 :])
        if any(each.isascii() for part in word for each in (part.group() if part else "")):
            return "letter"
    return ""


def _named(character: str) -> str:
    name = unicodedata.name(character, "").lower()
    if character == "\ufeff":
        name = "byte order mark"
    number = f"U+{ord(character):04X}"
    if not name:
        return f"a character that cannot be seen ({number})"
    return f"{'an' if name[0] in 'aeio' else 'a'} {name} ({number})"


def _instead(line: str, at: int) -> str:
    if not is_unseen(line, at):
        plain = _lookalike(line, at)
        return "type the Latin letter instead" if plain == "letter" else f"write `{plain}` instead"
    before = line[at - 1 : at].strip()
    beside = before and line[at + 1 : at + 2].strip()
    # Behind these YAML wants a blank.
    if unicodedata.category(line[at]) == "Zs" and beside and (before in ":,-?" or beside not in "\"':,}])"):
        return "write an ordinary space instead"
    return "delete it"
