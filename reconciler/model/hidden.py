"""Secrets taken out of texts that somebody else wrote: as they are, and as addresses, JSON, HTML and Base64 spell them.

A server that refuses something may repeat what it was sent, in its own spelling; a part of it may be cut off. Whoever
shows its words, or writes them into Git, takes out first what it was sent in confidence, and shortens afterwards.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

HIDDEN: Final = "***"
SHORTEST: Final = 4
"""Characters of what is hidden at the least; hiding less would leave holes and hide nothing."""
_PART: Final = 8
"""Characters of a secret's beginning that tell of it where a text was cut off."""
_HTML: Final = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_SHORT: Final = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_PERCENT: Final = "%(?:25)*"


@dataclass(frozen=True)
class _Spelled:
    """How a secret may be spelled: ``pattern`` finds it, and only where one of the ``hints`` is in the text.

    Letters and digits are spelled as themselves everywhere; looking for them alone is hundreds of times faster.
    """

    pattern: re.Pattern[str]
    hints: tuple[str, ...]


def hide(text: str, secrets: Iterable[str], mark: str = HIDDEN) -> str:
    """Return the text with a mark in place of each of the secrets, however it is spelled, longer ones first."""
    for secret in sorted({each for each in secrets if len(each) >= SHORTEST}, key=len, reverse=True):
        spelled = _spelled(secret)
        if any(hint in text for hint in spelled.hints):
            text = spelled.pattern.sub(lambda _: mark, text)
        if secret[:_PART] in text[-len(secret) :]:
            ends = (length for length in range(len(secret) - 1, _PART - 1, -1) if text.endswith(secret[:length]))
            if longest := next(ends, 0):
                text = text[:-longest] + mark
    return text


@functools.lru_cache(maxsize=256)
def _spelled(secret: str) -> _Spelled:
    plain = "".join(_letter(letter) for letter in secret)
    coded = tuple(_coded(secret.encode("utf-8", "surrogatepass")))
    run = max(_RUN.findall(secret), key=len, default="")
    return _Spelled(re.compile("|".join([plain, *map(re.escape, coded)])), (run, *coded))


def _letter(letter: str) -> str:
    code = ord(letter)
    octets = "".join(f"{_PERCENT}(?i:{octet:02x})" for octet in letter.encode("utf-8", "surrogatepass"))
    names = [f"#0*{code}", f"#[xX]0*(?i:{code:x})", *([_HTML[letter]] if letter in _HTML else [])]
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    escaped = "".join(rf"\\+u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4))
    words = [rf"\\*{re.escape(letter)}", octets, escaped, f"&(?:amp;)*(?:{'|'.join(names)});"]
    words += [r"[+]"] if letter == " " else [rf"\\+{_SHORT[letter]}"] if letter in _SHORT else []
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
