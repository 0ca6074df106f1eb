"""A receiver's own words, as logs may show them: short, printable, and without what it was told in confidence.

Receivers repeat tokens and addresses in their refusals, as they came or as JSON, HTML or an address spells them. So the
words are brought to one spelling first. They go to logs only: what is in Git cannot be taken back.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

_SHOWN: Final = 200
_SHORTEST: Final = 3
"""Characters of what is hidden at the least; hiding less would leave holes and hide nothing."""
_SPELLINGS: Final = 3
"""How often spellings are undone: a page of HTML may quote JSON that quotes an address."""
_BLANK: Final = re.compile(r"\\[ +]")
"""A blank or a plus in an escaped text: a query spells the one as the other."""
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([/\"\\]))")


def shown(words: str, url: str, credentials: Iterable[str]) -> str:
    """Return words in which neither credentials stand nor any part of the address beyond its host."""
    plain = _plain(words)
    for secret in sorted(_secrets(url, credentials), key=len, reverse=True):
        either = _BLANK.sub(lambda _: "[ +]", re.escape(secret))
        plain = re.sub(either, "[redacted]", plain, flags=re.IGNORECASE)
    flat = " ".join("".join(letter if letter.isprintable() else " " for letter in plain).split())
    return flat if len(flat) <= _SHOWN else f"{flat[: _SHOWN - 4]} ..."


def _secrets(url: str, credentials: Iterable[str]) -> set[str]:
    parts = urlsplit(url.strip())
    told = [*credentials, *_address(parts.path, parts.query)]
    return {spelled for text in told for spelled in (text, _plain(text)) if len(spelled) >= _SHORTEST}


def _address(path: str, query: str) -> Iterator[str]:
    yield from (path, query)
    for segment in path.split("/"):
        yield from (segment, *re.split(r"[;=,:]", segment))
    for pair in query.split("&"):
        yield from (pair, pair.partition("=")[2])


def _plain(words: str) -> str:
    for _ in range(_SPELLINGS):
        undone = unquote(html.unescape(_ESCAPE.sub(_unescaped, words)), errors="replace")
        if undone == words:
            break
        words = undone
    return words


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else match[2]
