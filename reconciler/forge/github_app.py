"""Tokens of a GitHub App, for Git over https and for the API: asked for with its private key, kept while they are good.

What is sent to GitHub is what its documentation says: a JWT by RS256 that names the app and is good for less than ten
minutes, dated a minute back for clocks that differ; for it an installation gives a token that is good for an hour.
The key is read for each JWT, so that a new one is picked up; neither it nor a token is ever in a message.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from reconciler.forge.github import headers
from reconciler.forge.reading import number, record, text
from reconciler.forge.wire import Access, DeniedError, UnknownError, Wire
from reconciler.model.errors import BlindError, ConfigError, TerminalError
from reconciler.model.github_app_config import GitHubAppConfig

USER: Final = "x-access-token"
"""Who a token's bearer is to Git."""
BACK: Final = 60.0
GOOD_FOR: Final = 540.0
"""Seconds of a JWT before and after now; GitHub takes no more than 600."""
AHEAD: Final = 300.0
"""Seconds before its end in which a token is not used any more: a long fetch goes on with it."""
_TOKEN: Final = re.compile(r"[!-~]{1,4096}\Z")
"""GitHub's have some hundred signs at the most; a variable of a child may have no more than 128 KiB."""
_NEW_KEY: Final = "generate a private key on the app's page, and mount the file as it was downloaded"


@dataclass(frozen=True)
class _Token:
    value: str
    until: float


class AppTokens:
    """The tokens of one app for one repository. Called from any thread.

    ``key`` returns the app's private key; ``wall`` is seconds since 1970.
    """

    def __init__(self, app: GitHubAppConfig, key: Callable[[], str], wall: Callable[[], float]) -> None:
        self._app = app
        self._key = key
        self._wall = wall
        self._wire = Wire(Access(app.api, self._jwt, headers, app.deadline, app.ca_file), wall)
        self._lock = threading.Lock()
        self._installation = app.installation
        self._token: _Token | None = None

    def __call__(self) -> str:
        """Return a token that is good for some minutes more.

        Raises:
            BlindError: GitHub gives none, or the key cannot be read. ConfigError: the key is none.
            TransientError: GitHub may give one later.
        """
        with self._lock:
            if self._token is None or self._wall() >= self._token.until - AHEAD:
                self._token = None
                self._token = self._asked()
            return self._token.value

    def renew(self, refused: str) -> bool:
        """Forget a token that was refused. Returns whether there will be another one."""
        with self._lock:
            if self._token is not None and self._token.value == refused:
                self._token = None
        return True

    def _asked(self) -> _Token:
        owner, _, name = self._app.repository.partition("/")
        body = {"repositories": [name]} if self._app.only_repository else {}
        try:
            if self._installation is None:
                found = self._wire.get(f"/repos/{quote(owner)}/{quote(name)}/installation")
                self._installation = number(record(found, self._wire.host), "id", self._wire.host)
            answer = self._wire.send("POST", f"/app/installations/{self._installation}/access_tokens", body)
        except UnknownError as error:
            hint = "`id` and private key must be of one app, and this machine's clock right"
            raise BlindError(f"the GitHub App {self._app.id}: {error.message}", hint=hint) from None
        except (DeniedError, TerminalError) as error:
            self._installation = self._app.installation
            where = (
                f"install it for {self._app.repository}, with the right to write contents, and look at `installation`"
            )
            raise BlindError(f"the GitHub App {self._app.id}: {error.message}", hint=where) from None
        return self._read(answer)

    def _read(self, answer: Any) -> _Token:
        data = record(answer, self._wire.host)
        token, until = text(data, "token"), text(data, "expires_at")
        try:
            moment = datetime.fromisoformat(until)
        except ValueError:
            token = ""
        if not _TOKEN.match(token):
            raise BlindError(f"{self._wire.host} answered without a token", hint="is `api` that of GitHub?")
        return _Token(token, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())

    def _jwt(self) -> str:
        import jwt  # noqa: PLC0415  heavy, and only where there is an app

        now = int(self._wall())
        claims = {"iat": now - int(BACK), "exp": now + int(GOOD_FOR), "iss": self._app.id}
        return jwt.encode(claims, signing_key(self._key(), self._app.id), algorithm="RS256")


def signing_key(pem: str, app: str) -> Any:
    """Return the private key of an app. Raises ConfigError, which repeats nothing of it."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  heavy
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415  heavy
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415  heavy

    try:
        # Variables are often set with the line breaks written out.
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"the private key of the GitHub App {app} is no RSA key in PEM", hint=_NEW_KEY)
    return key
