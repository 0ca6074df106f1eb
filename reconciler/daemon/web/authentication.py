"""Who may post: what a sender shows is compared with what the configuration names, in constant time.

Everything but a signature is looked at before the request's body is read. Secrets are read at each request, so that
one that was exchanged counts at once, and none is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.daemon.secrets import secret_source
from reconciler.daemon.web.answers import UNAVAILABLE, Refusal, later
from reconciler.intake.signatures import signed
from reconciler.model.credentials import basic, same
from reconciler.model.errors import BlindError
from reconciler.model.webhooks import Authentication

SIGNATURE_HEADER = "X-Signature-256"
_REALM = 'realm="reconciler"'


def check_head(auth: Authentication, headers: Mapping[str, str], *, certified: bool) -> None:
    """Check what can be checked before the body is read. ``headers`` are found without regard to case.

    Raises:
        Refusal: 401; 503 where our own side of the secret cannot be read.
    """
    match auth.kind:
        case "bearer":
            scheme, _, token = headers.get("authorization", "").partition(" ")
            given = token.strip() if scheme.lower() == "bearer" else ""
            if not same(given, read_secret(auth)):
                raise _unknown(f"Bearer {_REALM}", "a bearer token", "Authorization: Bearer <token>")
        case "basic":
            user, password = basic(headers.get("authorization", ""))
            # Both are compared, whatever the first comparison says: how long it takes tells nothing.
            known = [same(user, auth.username), same(password, read_secret(auth))]
            if not all(known):
                challenge = f'Basic {_REALM}, charset="UTF-8"'
                raise _unknown(challenge, "user and password", "Authorization: Basic <base64 of user:password>")
        case "client-certificate":
            if not certified:
                raise Refusal(
                    401, "no client certificate was shown", "use TLS and a certificate of the known authority"
                )
        case "hmac" | "none":
            return


def check_signature(auth: Authentication, headers: Mapping[str, str], body: bytes) -> None:
    """Check a SHA-256 of the whole body, in hexadecimal, with or without `sha256=` before it.

    Raises:
        Refusal: 401; 503 where our own side of the secret cannot be read.
    """
    name = auth.header or SIGNATURE_HEADER
    if not signed(body, read_secret(auth).encode(), headers.get(name.lower(), "")):
        raise unsigned(name)


def unsigned(header: str) -> Refusal:
    """Return the refusal of a body whose signature is missing or another's."""
    hint = f"send `{header}: sha256=<HMAC-SHA-256 of the body with the shared secret, in hexadecimal>`"
    return Refusal(401, "the signature is missing or wrong", hint)


def read_secret(auth: Authentication) -> str:
    """Return the secret of now. Raises Refusal (503) where it cannot be read: nobody can be let in then."""
    source = secret_source(auth.secret_file, auth.secret_env, "webhooks")
    try:
        secret = source().strip() if source is not None else ""
    except BlindError as error:
        raise _unreadable(error.message) from error
    if not secret:
        raise _unreadable(f"{auth.secret_file or auth.secret_env} is empty")
    return secret


def lacking(auth: Authentication) -> str:
    """Return why the secret cannot be read now, with its file or variable; empty where it can, or there is none."""
    if auth.secret_file is None and not auth.secret_env:
        return ""
    try:
        read_secret(auth)
    except Refusal as refusal:
        return refusal.inside
    return ""


def _unreadable(why: str) -> Refusal:
    told = "the secret that you are to be known by cannot be read here"
    return later(told, "tell whoever runs this", UNAVAILABLE, why)


def _unknown(challenge: str, what: str, form: str) -> Refusal:
    return Refusal(401, f"{what} is missing or wrong", f"send `{form}`", {"WWW-Authenticate": challenge})
