"""Who we are to a provider: a token or a password, read anew for each request, and never shown.

A server may repeat what it was sent in its own error text, so whoever shows that text takes the secrets out first.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reconciler.model.errors import BlindError, BugError, ReconcilerError
from reconciler.model.hidden import hide

Secret: TypeAlias = Callable[[], str]
"""Reads a secret from where it is kept; raises where it is not there now."""


@dataclass(frozen=True, repr=False)
class Credentials:
    """A header and its value, and the texts in it that nobody may see."""

    header: str
    value: str
    secrets: tuple[str, ...]

    def hide(self, text: str) -> str:
        """Return a text without the secrets."""
        return hide(text, self.secrets)


NOBODY = Credentials("", "", ())


@dataclass(frozen=True)
class Login:
    """How requests are authorized. Basic takes a ``username``; the others put the secret behind the scheme's name.

    With no scheme the secret stands by itself in the ``header``.
    """

    scheme: Literal["Bearer", "Api-Token", "Basic", ""]
    secret: Secret
    username: str = ""
    header: str = "Authorization"

    def read(self, server: str) -> Credentials:
        """Return the credentials of now. Raises BlindError where they cannot be read, or cannot be sent."""
        try:
            secret = self.secret().strip()
        except BugError:
            raise
        except (OSError, ReconcilerError) as error:
            raise BlindError(f"the credentials for {server} cannot be read: {error}") from error
        if self.scheme == "Basic":
            if not secret or not secret.isprintable():
                raise BlindError(f"the password for {server} is empty or not one line of text")
            sent = base64.b64encode(f"{self.username}:{secret}".encode()).decode()
            return Credentials(self.header, f"Basic {sent}", (sent, secret))
        if not secret or not secret.isascii() or not secret.isprintable():
            raise BlindError(f"the token for {server} is empty or not one line of ASCII text")
        return Credentials(self.header, f"{self.scheme} {secret}".lstrip(), (secret,))
