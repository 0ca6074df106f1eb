"""Secrets that are planted everywhere a daemon keeps some, and how they are looked for in what leaves it.

Each has a mark that no other text has, made of letters and digits: it looks the same percent-encoded, escaped in JSON
or HTML, and cut off behind. What Base64 makes of it is looked for at each of the three places where it may begin.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

KINDS = (
    "git", "forge", "unleash", "prometheus", "dynatrace", "values", "kubernetes", "kubeconfig", "endpoint",
    "endpointurl", "hook", "hookurl", "slack", "comments", "bearer", "basic", "hmac", "ada", "bob", "tracing",
)  # fmt: skip
URLS = frozenset({"slack", "hookurl", "endpointurl"})


def mark(kind: str) -> str:
    return f"Pl4nted{kind.title()}7q"


def secret(kind: str) -> str:
    """Return the secret of a kind: one that every encoding spells in another way."""
    return f"{mark(kind)}x9KdVtR3" if kind in URLS else f'{mark(kind)}/x9+Kd&V"tR3'


def needles(kind: str) -> set[bytes]:
    """Return what may stand nowhere."""
    return spelled(mark(kind).encode())


def spelled(plain: bytes) -> set[bytes]:
    """Return a secret as it is, backwards, in hexadecimal digits and in Base64, wherever it begins there."""
    found = {plain, plain[::-1], plain.hex().encode()}
    for before in range(3):
        # Six bits a sign: only those signs count that hold nothing of what stands before and behind.
        coded = base64.b64encode(b"\0" * before + plain + b"\0\0")
        found.add(coded[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6])
    return found


def lines_of(key: str) -> set[bytes]:
    """Return the lines of a private key, each of which is a part of the secret."""
    return {line.encode() for line in key.splitlines() if len(line) > 40 and "-----" not in line}


class Search:
    """Everything that was planted."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._needles = {kind: needles(kind) for kind in KINDS}
        self._needles |= {name: lines_of(text) for name, text in keys.items()}

    def found(self, content: bytes, apart: Iterable[str] = ()) -> list[str]:
        """Return the kinds of secrets in a content, apart from those that belong there."""
        allowed = set(apart)
        return [
            kind
            for kind, texts in self._needles.items()
            if kind not in allowed and any(text in content for text in texts)
        ]

    def files(self, folder: Path) -> dict[str, list[str]]:
        """Return the files below a folder in which there is any."""
        found = {}
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.is_symlink() and (kinds := self.found(file.read_bytes())):
                found[str(file.relative_to(folder))] = kinds
        return found
