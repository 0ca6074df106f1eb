"""Speaking to a running daemon by HTTP: one request, sent again for as long as it is told to come again.

Every report has an identity, so sending it twice does no more than once. Redirects are not followed and proxies that
the environment names are not used, for the token would travel along (as in ADR 0041).
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.cli.daemon_faults import LISTEN, fault, told, unreached
from reconciler.evidence.answer import Answer
from reconciler.evidence.login import NOBODY, Credentials, Login, Secret
from reconciler.model.errors import BlindError, ConfigError, ReconcilerError, TransientError

DEADLINE: Final = 15.0
"""Seconds for one answer. The daemon answers within ten."""
LARGEST: Final = 4 << 20
"""Bytes of an answer that are read at most."""
PAUSES: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds before the second try and those after it; where the daemon asks for another pause, that one counts."""
LONGEST_PAUSE: Final = 15.0
_LATER: Final = frozenset({408, 425, 429, 502, 503, 504})
_WEBHOOKS: Final = re.compile(r"(?:/webhooks/[^/]*|(?:/api)?/v1/event)/*\Z")
Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Daemon:
    """Where a daemon is. ``secret`` reads the token; ``named_by`` says what the address was taken from.

    ``token_in`` says what the token was taken from; ``certificate`` is the daemon's own, as configured.
    """

    url: str
    named_by: str
    secret: Secret | None = None
    ca_file: Path | None = None
    token_in: str = ""
    certificate: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        try:
            parts = urlsplit(self.url)
            fits = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
        except ValueError:
            fits = False
        if not fits or not self.url.isprintable() or " " in self.url:
            raise ConfigError(
                f"the address of the daemon, by {self.named_by}, is not http:// or https://",
                hint="write https://host[:port]",
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigError(
                f"the address of the daemon, by {self.named_by}, holds credentials, a query or a fragment",
                hint="give the token by --token-file or RECONCILER_TOKEN",
            )
        if _WEBHOOKS.search(parts.path):
            message = f"the address of the daemon, by {self.named_by}, has the path of a webhook"
            raise ConfigError(message, hint=f"write {LISTEN}")

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"the daemon at {urlsplit(self.url).netloc}"

    def credentials(self) -> Credentials:
        """Return the token as it is sent. Raises ConfigError where it cannot be read."""
        if self.secret is None:
            return NOBODY
        try:
            return Login("Bearer", self.secret).read(self.name)
        except BlindError as error:
            cause = error.__cause__
            if isinstance(cause, ReconcilerError):
                raise ConfigError(cause.message, hint=cause.hint) from error
            raise ConfigError(error.message, hint="write it again: one line of ASCII text") from error


def post(daemon: Daemon, path: str, body: bytes, content_type: str, sleep: Sleep = time.sleep) -> Answer:
    """Send a body and return an answer that tells what became of each report in it, whether they were taken or not.

    Raises:
        UserError: the daemon will never take the body; with its own words and what to change.
        ConfigError: not to be had with this address or token.
        TransientError, BlindError: it was told to come again too often, or nothing answered.
        TerminalError: an answer that no daemon gives.
    """
    credentials = daemon.credentials()
    tries = len(PAUSES) + 1
    for pause in (*PAUSES, None):
        answer = _exchange(daemon, path, body, content_type, credentials)
        if answer.status not in _LATER:
            break
        if pause is not None:
            sleep(_asked(answer, pause))
    if reports(answer) is not None:
        return answer
    if answer.status not in _LATER:
        raise fault(daemon, path, answer)
    raise TransientError(
        f"{told(answer)}, {tries} times", hint=answer.said("hint") or "nothing was lost: send it again later"
    )


def _exchange(daemon: Daemon, path: str, body: bytes, content_type: str, credentials: Credentials) -> Answer:
    import httpx

    headers = {"Content-Type": content_type, "Accept": "application/json"}
    if credentials.value:
        headers[credentials.header] = credentials.value
    ends = time.monotonic() + DEADLINE
    try:
        with (
            httpx.Client(timeout=DEADLINE, trust_env=False, verify=_tls(daemon)) as client,
            client.stream("POST", f"{daemon.url.rstrip('/')}{path}", content=body, headers=headers) as response,
        ):
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > LARGEST or time.monotonic() > ends:
                    raise BlindError(f"{daemon.name} sent an answer without an end", hint="is it the daemon's address?")
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, found, bytes(content), daemon.name, credentials)
    except httpx.TimeoutException as error:
        hint = "whether it was taken is not known; sending it again is safe"
        raise BlindError(f"{daemon.name} did not answer within {DEADLINE:g} s", hint=hint) from error
    except httpx.ConnectError as error:
        raise BlindError(
            f"{daemon.name} cannot be reached: {_words(error, credentials)}",
            hint=unreached(daemon, error),
        ) from error
    except httpx.HTTPError as error:
        hint = "whether it was taken is not known; sending it again is safe"
        raise BlindError(f"{daemon.name} broke off: {_words(error, credentials)}", hint=hint) from error
    except httpx.InvalidURL as error:
        raise ConfigError(f"the address of the daemon, by {daemon.named_by}, is none: {error}") from error


def _tls(daemon: Daemon) -> ssl.SSLContext | bool:
    if not daemon.url.startswith("https:"):
        return True
    from reconciler.evidence.tls import Tls

    try:
        return Tls(daemon.ca_file).context()
    except BlindError as error:
        raise ConfigError(error.message, hint="name a PEM file with --ca-file") from error


def reports(answer: Answer) -> list[Mapping[str, Any]] | None:
    """Return the lines of a daemon's answer, one for each report; None where it is no such answer."""
    try:
        document = answer.json()
    except BlindError:
        return None
    lines = document.get("problems") if isinstance(document, Mapping) else None
    if not isinstance(lines, list) or not all(isinstance(line, Mapping) for line in lines):
        return None
    return lines


def _asked(answer: Answer, otherwise: float) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), LONGEST_PAUSE) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _words(error: Exception, credentials: Credentials) -> str:
    text = " ".join(credentials.hide(str(error)).split())
    return text if text and text.isprintable() else type(error).__name__
