"""What a person is told to change where a daemon was not reached, or answered with no receipts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from reconciler.evidence.answer import Answer
from reconciler.evidence.login import NOBODY
from reconciler.model.errors import ConfigError, ReconcilerError, TerminalError, UserError

if TYPE_CHECKING:
    from reconciler.cli.daemon_client import Daemon

BEARER_ONLY: Final = "give that webhook `auth: {kind: bearer, ...}`"
LISTEN: Final = "the address of `server.listen`, without a path"
_REFUSED: Final = frozenset({400, 409, 411, 413, 415, 422, 431})
_OTHER_NAME: Final = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""


def fault(daemon: Daemon, path: str, answer: Answer) -> ReconcilerError:
    """Return the error for an answer without receipts to what was posted to a path."""
    said, hint = told(answer), answer.said("hint")
    webhook = path.rpartition("/")[2]
    if answer.status in (401, 403):
        return ConfigError(said, hint=_unknown(daemon, webhook, answer))
    if 300 <= answer.status < 400:
        return ConfigError(said, hint="redirects are not followed: name the address that it redirects to")
    if answer.status in _REFUSED and answer.said("error"):
        return UserError(answer.said("error"), hint=hint)
    if answer.status == 404 and "/healthz" in hint:
        return ConfigError(said, hint=f"this is the address of `server.status`: write {_that(LISTEN)}")
    if answer.status == 404 and "webhook" in answer.said("error"):
        lacks = f"{path} is not served: add `{webhook}` to `webhooks` in the daemon's configuration"
        return ConfigError(said, hint=f"{lacks}; {hint}" if hint else lacks)
    if answer.status in (200, 404, 405):
        return ConfigError(said, hint=f"is {daemon.named_by} {LISTEN}, and is {path} served there?")
    return TerminalError(said, hint=hint)


def told(answer: Answer) -> str:
    """Return who answered what, with its own words."""
    said = answer.said("error")
    return f"{answer.server} answered {answer.status}" + (f": {said}" if said else "")


def unreached(daemon: Daemon, error: BaseException) -> str:
    """Return what to look at where no connection came about."""
    found = next((each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError)), None)
    if found is None:
        return f"does it run, and is {daemon.named_by} {LISTEN}?"
    if found.verify_code in _OTHER_NAME:
        return f"it is not for {urlsplit(daemon.url).hostname}: name the daemon with --daemon as its certificate does"
    own = f"; where it signed itself that is {daemon.certificate}" if daemon.certificate is not None else ""
    return f"it is signed by nobody known here: name the certificate of who signed it with --ca-file{own}"


def _unknown(daemon: Daemon, webhook: str, answer: Answer) -> str:
    """Return what helps somebody whom the daemon does not know; its own words are for those who write requests."""
    error, challenge = answer.said("error"), answer.headers.get("www-authenticate", "").lower()
    if "signature" in error or "client certificate" in error or challenge.startswith("basic"):
        return f"the command line can only show a bearer token: {BEARER_ONLY}"
    if answer.credentials is NOBODY:
        return "give the webhook's token by --token-file or RECONCILER_TOKEN"
    return f"is the token in {daemon.token_in or 'use'} that of webhooks.{webhook}?"


def _that(address: str) -> str:
    return address.replace("the address", "that", 1)


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
