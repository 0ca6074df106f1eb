"""Who is asking: everybody, a person with a password, or whom a proxy on this machine says that it has let in.

And whether what comes as a request was meant by that person: it comes from a page of ours, which they were given.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from reconciler.bridge.attempts import Attempts
from reconciler.model.credentials import basic, same
from reconciler.model.errors import ReconcilerError

_LASTS: Final = 12 * 3600
"""Seconds for which a page may be used after it was made."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


@dataclass(frozen=True)
class Person:
    """Somebody in whose name a commit may be made."""

    name: str
    email: str


@dataclass(frozen=True)
class Account:
    """How a person proves to be one. ``password`` reads the secret of now."""

    username: str
    person: Person
    password: Callable[[], str]


class RefusedError(Exception):
    """A request that is not answered. ``challenge`` asks for a password; ``after`` are seconds to wait before."""

    def __init__(self, status: int, message: str, hint: str, *, challenge: bool = False, after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint
        self.challenge = challenge
        self.after = after


@dataclass(frozen=True)
class Door:
    """Who is let in.

    ``hosts`` are the names by which pages may be asked for; empty: any. A page of anybody's whose name was bound to
    this address would otherwise be of the same origin, and could say that it comes from a proxy. ``attempts`` slow down
    whoever tries passwords.
    """

    kind: Literal["none", "basic", "proxy"] = "none"
    accounts: Sequence[Account] = ()
    user_header: str = ""
    email_header: str = ""
    hosts: frozenset[str] = frozenset()
    attempts: Attempts = field(default_factory=Attempts)

    def enter(self, headers: Mapping[str, str], peer: str) -> Person | None:
        """Return who is asking, None where everybody may look and nobody is known.

        Raises:
            RefusedError: 401, 403, 421 where the page is asked for by another's name, or 429.
        """
        host = _host(headers.get("host", ""))
        if self.hosts and host not in self.hosts:
            hint = "open it by a name that it has, or give it this one in `bridge.hosts`"
            raise RefusedError(421, f"this page is not known as {host[:80]!r}", hint)
        match self.kind:
            case "basic":
                return self._tried(headers.get("authorization", ""), peer)
            case "proxy":
                return self._brought(headers, peer)
            case _:
                return None

    def _tried(self, header: str, peer: str) -> Person:
        if not header:
            return self._known(header)  # no password was tried
        after = self.attempts.wait(peer)
        if after:
            told = "too many wrong passwords came from there"
            raise RefusedError(429, told, "come again in a moment", after=after)
        try:
            return self._known(header)
        except RefusedError as refused:
            if refused.challenge:
                self.attempts.failed(peer)
            raise

    def _known(self, header: str) -> Person:
        user, password = basic(header)
        found: Person | None = None
        for account in self.accounts:
            try:
                secret = account.password().strip()
            except ReconcilerError as error:
                raise RefusedError(503, "a password cannot be read here", "tell whoever runs this") from error
            # Every account is compared, whatever was found before: how long it takes tells nothing.
            if all([same(user, account.username), same(password, secret)]):
                found = account.person
        if found is None:
            raise RefusedError(401, "user and password are missing or wrong", "log in", challenge=True)
        return found

    def _brought(self, headers: Mapping[str, str], peer: str) -> Person:
        user = headers.get(self.user_header.lower(), "").strip()
        if peer not in _LOOPBACK:
            raise RefusedError(403, "only a proxy on this machine may bring people here", "ask through the proxy")
        if not user:
            raise RefusedError(401, f"the proxy did not say who is asking ({self.user_header})", "log in at the proxy")
        email = headers.get(self.email_header.lower(), "").strip() if self.email_header else ""
        return Person(user[:200], (email or f"{user}@localhost")[:200])


def _host(header: str) -> str:
    """Return the name in a Host header, in small letters and without the port."""
    name, _, port = header.rpartition(":")
    return (name if name and port.isdigit() else header).lower()


class Tokens:
    """Says of a form that it was given to just this person, a while ago at the most. Good until the process ends."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._key = secrets.token_bytes(32)

    def give(self, person: Person) -> str:
        """Return the token of a form."""
        issued = str(int(self._now()))
        return f"{issued}.{self._sign(person, issued)}"

    def check(self, person: Person, token: str) -> None:
        """Check a form's token. Raises RefusedError."""
        issued, _, signature = token.partition(".")
        good = issued.isascii() and issued.isdigit() and len(issued) < 15
        if not good or not hmac.compare_digest(signature.encode(errors="replace"), self._sign(person, issued).encode()):
            raise RefusedError(403, "the form is not one that was given to you", "open the page again, and send it")
        if not 0 <= self._now() - int(issued) <= _LASTS:
            raise RefusedError(403, "the form is too old", "open the page again, and send it")

    def _sign(self, person: Person, issued: str) -> str:
        said = f"{issued}\0{person.name}\0{person.email}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()


def check_origin(headers: Mapping[str, str]) -> None:
    """Check that a form was sent by a page of ours, as the browser says. Raises RefusedError."""
    site, origin = headers.get("sec-fetch-site", ""), headers.get("origin", "")
    if site and site != "same-origin":
        raise RefusedError(403, f"the request comes from another page ({site})", "send it from the page itself")
    if origin and origin.partition("://")[2] != headers.get("host", ""):
        raise RefusedError(403, "the request comes from another site", "send it from the page itself")
    if not site and not origin:
        raise RefusedError(403, "the browser does not say where the request comes from", "use one that does")


def loopback_hosts() -> frozenset[str]:
    """Return the names by which a page that everybody on this machine may see is asked for."""
    return _LOOPBACK
