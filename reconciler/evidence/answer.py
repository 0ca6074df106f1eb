"""An HTTP answer that came whole: what it says, bounded in depth, and what may be shown of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from reconciler.evidence.login import NOBODY, Credentials
from reconciler.model.errors import BlindError

DEPTH: Final = 64
"""Levels of JSON that are read at most; what providers answer has fewer than ten."""
SHOWN: Final = 300
"""Characters of a server's own words that are shown at most."""


@dataclass(frozen=True)
class Answer:
    """A complete answer. ``headers`` have lower-case names; ``server`` is what messages call its sender."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    server: str
    credentials: Credentials = field(default=NOBODY, repr=False)

    @property
    def good(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the decoded body; its numbers are finite. Raises BlindError where it is no JSON, or too deep."""
        try:
            data = json.loads(self.body, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise BlindError(
                f"{self.server} did not answer with JSON", hint="check that the address is the server's own"
            ) from error
        if _too_deep(data):
            raise BlindError(f"{self.server} answered with JSON of more than {DEPTH} levels")
        return data

    def said(self, *keys: str) -> str:
        """Return the text under the first of the keys that has one, at the top of a JSON object; empty without any.

        It is bounded, on one line, without control characters and without our credentials.
        """
        try:
            data = self.json()
        except BlindError:
            return ""
        found = (data.get(key) for key in keys) if isinstance(data, Mapping) else ()
        return self.shown(next((each for each in found if isinstance(each, str) and each), ""))

    def shown(self, text: str) -> str:
        """Return a text of the server as it may be shown to people and written into Git."""
        clean = "".join(letter if letter.isprintable() else " " for letter in self.credentials.hide(text))
        flat = " ".join(clean.split())
        return flat if len(flat) <= SHOWN else f"{flat[: SHOWN - 3]}..."

    def refusal(self, *keys: str) -> BlindError:
        """Return the error for an answer that is not `good`, with the server's own words under one of the keys."""
        words = self.said(*keys)
        return BlindError(f"{self.server} answered {self.status}" + (f": {words}" if words else ""))


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _too_deep(data: Any) -> bool:
    level = [data]
    for _ in range(DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True
