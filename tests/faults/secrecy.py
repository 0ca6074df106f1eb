"""I7: who may hear which secret, and all that the servers around a scene have heard.

A server may hear its own credentials in the one header that is for them, `Authorization`; of everything else that it
was asked (path, query, other headers, body) nothing may be a secret, in whatever spelling.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from reconciler.embedded.cluster.journal import Entry
from reconciler.embedded.git_http import GitRequest
from reconciler.embedded.unleash.server import Exchange
from tests.daemon.planted import spelled
from tests.evidence.speaking import Request
from tests.targets.endpoints.receiver import Told


@dataclass(frozen=True)
class Heard:
    """One request as it came. ``path`` has the query behind it, names of ``headers`` are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: str = ""


Known = Entry | GitRequest | Exchange | Request | Told
"""What the journals of our own servers keep."""


def heard(asked: Known) -> Heard:
    """Return what a journal says of one request."""
    match asked:
        case Entry():
            body = asked.body if isinstance(asked.body, str) else json.dumps(asked.body, ensure_ascii=False)
            return Heard(f"{asked.path} {dict(asked.query)}", asked.headers, body)
        case GitRequest():  # what is pushed is looked at in the history
            return Heard(asked.target, asked.headers)
        case Exchange():
            return Heard(asked.target, asked.headers, asked.content.decode(errors="replace"))
        case Request():
            return Heard(f"{asked.path} {dict(asked.params)}", asked.headers, asked.body.decode(errors="replace"))
        case Told():
            return Heard(asked.path, asked.headers, asked.body.decode(errors="replace"))


@dataclass
class Servers:
    """The servers that a scene knows by their names, with their journals, and whose credentials are whose."""

    own: dict[str, set[str]] = field(default_factory=dict)
    _journals: dict[str, Callable[[], Iterable[Known]]] = field(default_factory=dict)

    def know(self, name: str, journal: Callable[[], Iterable[Known]]) -> None:
        """Look at what is in this journal in the end."""
        self._journals[name] = journal

    def told(self) -> Iterator[tuple[str, str]]:
        """Yield each server's name and all that it heard, but for its own credentials where they belong."""
        for name, journal in self._journals.items():
            own = self.own.get(name, set())
            yield name, "\n".join(line for each in list(journal()) for line in _lines(heard(each), own))


def _lines(asked: Heard, own: Iterable[str]) -> Iterator[str]:
    yield asked.path
    for name, value in asked.headers.items():
        yield f"{name}: {_others(value, own) if name == 'authorization' else value}"
    yield asked.body


def _others(value: str, own: Iterable[str]) -> str:
    """Return what an `Authorization` says beside the credentials that it is for, decoded."""
    scheme, _, coded = value.partition(" ")
    if scheme.lower() == "basic":
        value = base64.b64decode(coded, validate=True).decode()
    for each in sorted(own, key=len, reverse=True):
        value = value.replace(each, "", 1)
    return value


def check_silent(secrets: Iterable[str], told: Mapping[str, str]) -> None:
    """I7: check that none of these secrets is in what was told, by the name of where it was, in whatever spelling."""
    for each in secrets:
        for form in spellings(each):
            found = [name for name, text in told.items() if form in text]
            assert not found, f"I7: a secret is in {found}"


def spellings(secret: str) -> set[str]:
    """Return how a secret may look: as it is, escaped for JSON or an address, encoded in any usual way."""
    forms = {text.decode() for text in spelled(secret.encode())}
    return forms | {quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]}
