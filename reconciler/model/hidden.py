"""Secrets taken out of texts that somebody else wrote: as they are, and as addresses, JSON, HTML and Base64 spell them.

A server that refuses something may repeat what it was sent, in its own spelling; a part of it may be cut off. Whoever
shows its words, or writes them into Git, takes out first what it was sent in confidence, and shortens afterwards.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Iterable, Iterator
from typing import Final

HIDDEN: Final = "***"
SHORTEST: Final = 4
"""Characters of what is hidden at the least; hiding less would leave holes and hide nothing."""
_PART: Final = 8
"""Characters of a secret's beginning that tell of it where a text was cut off."""
_WORD: Final = re.compile(r"[A-Za-z]?[a-z]{0,14}\Z")
"""What may be a word as well: addresses that are secrets begin with some, and texts end with them."""
_HTML: Final = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_SHORT: Final = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_NEVER: Final = re.compile(r"(?!)")
_RUNS: Final = re.compile(r"\\+|[^\\]")
_PERCENT: Final = "%(?:25)*"
_NEW_RUN: Final = r"(?<!\\)\\++"
"""Backslashes from the first one on: nothing begins within a run of them."""


def hide(text: str, secrets: Iterable[str], mark: str = HIDDEN) -> str:
    """Return the text with a mark in place of each of the secrets, however it is spelled, longer ones first."""
    known = frozenset(secrets)
    if not may_hold(text, known):
        return text
    for secret in sorted((each for each in known if len(each) >= SHORTEST), key=len, reverse=True):
        text = _spelled(secret).sub(lambda _: mark, text)
        ends = (length for length in range(len(secret) - 1, _PART - 1, -1) if text.endswith(secret[:length]))
        longest = next(ends, 0)
        if longest and not _WORD.match(secret[:longest]):
            text = text[:-longest] + mark
    return text


def may_hold(text: str, secrets: Iterable[str]) -> bool:
    """Tell whether it is worth while to look for the secrets in a text, or in many that are put together; cheap."""
    return _hints(frozenset(secrets)).search(text) is not None


@functools.lru_cache(maxsize=64)
def _hints(secrets: frozenset[str]) -> re.Pattern[str]:
    """Return what finds something of each of the secrets, in whatever spelling.

    Letters and digits are spelled as themselves everywhere; looking for them alone is many times faster.
    """
    found: set[str] = set()
    for secret in secrets:
        if len(secret) >= SHORTEST:
            run = max(_RUN.findall(secret), key=len, default="")
            found.update((run, secret[:_PART], *_coded(secret.encode("utf-8", "surrogatepass"))))
    return re.compile("|".join(map(re.escape, sorted(found)))) if found else _NEVER


@functools.lru_cache(maxsize=256)
def _spelled(secret: str) -> re.Pattern[str]:
    """Return what finds a secret in all its spellings, in time that grows with the text and not with its square.

    Backslashes are what others put in as many as they like, so each run of them is looked through once.
    """
    parts = list(_parts(secret))
    return re.compile("|".join(["".join(parts), *map(re.escape, _coded(secret.encode("utf-8", "surrogatepass")))]))


def _parts(secret: str) -> Iterator[str]:
    """Yield what finds each letter, or each run of backslashes, which may have taken those of the next letter."""
    optional, one = rf"(?:{_NEW_RUN})?+", _NEW_RUN
    for run in _RUNS.findall(secret):
        yield _backslashes(one, len(run)) if run[0] == "\\" else _letter(run, optional, one)
        optional, one = r"\\*+", r"\\*+" if run[0] == "\\" else r"\\++"


def _backslashes(one: str, most: int) -> str:
    return rf"(?:{one}(?i:u005c)?|{_PERCENT}(?i:5c)|&(?:amp;)*(?:#0*92|#[xX]0*(?i:5c)|bsol);){{1,{most}}}"


def _letter(letter: str, optional: str, one: str) -> str:
    """Return what finds a letter; ``optional`` finds backslashes that may stand before it, ``one`` those that must."""
    code = ord(letter)
    octets = "".join(f"{_PERCENT}(?i:{octet:02x})" for octet in letter.encode("utf-8", "surrogatepass"))
    names = [f"#0*{code}", f"#[xX]0*(?i:{code:x})", *([_HTML[letter]] if letter in _HTML else [])]
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    escaped = r"\\++".join(f"u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4))
    words = [rf"{optional}{re.escape(letter)}", octets, f"{one}{escaped}", f"&(?:amp;)*(?:{'|'.join(names)});"]
    words += [r"[+]"] if letter == " " else [f"{one}{_SHORT[letter]}"] if letter in _SHORT else []
    return f"(?:{'|'.join(words)})"


def _coded(secret: bytes) -> Iterable[str]:
    """Yield what Base64 makes of it, wherever in another text it stands: all signs that hold nothing of that."""
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret + b"\0\0").decode()
        core = coded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]
        if len(core) >= _PART:
            yield core
            if core != (other := core.translate(str.maketrans("+/", "-_"))):
                yield other
