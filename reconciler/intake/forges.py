"""Git forges that tell of a push: who they are, by their signature, and which ref changed where they say so.

It is a hint to fetch now and nothing more: the remote is asked in any case, so a repeated or false hint costs a fetch.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from reconciler.intake.json_body import parse_object
from reconciler.intake.signatures import signed
from reconciler.model.errors import UserError

_SIGNED: Final = (
    ("x-forgejo-signature", "forgejo"),
    ("x-gitea-signature", "gitea"),
    ("x-hub-signature-256", "github"),
)
"""Forgejo sends the headers of all three, Gitea those of the last two, so the most telling comes first."""
_SIGNING_TOKEN: Final = b"whsec_"
_BRANCH: Final = re.compile(r"refs/(?:heads|tags)/[A-Za-z0-9][A-Za-z0-9._/+=,@-]{0,230}\Z")


def verified(headers: Mapping[str, str], body: bytes, secret: bytes) -> str | None:
    """Return which forge signed the request with the secret: `github`, `gitlab`, `gitea`, `forgejo`; None for none.

    GitLab's older way is the secret itself as a token; its newer one signs id, time and body as Standard Webhooks do.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if not secret:
        return None
    for header, forge in _SIGNED:
        if header in given and signed(body, secret, given[header]):
            return forge
    token = given.get("x-gitlab-token", "").encode("utf-8", "replace")
    # Digests are of one length: how long a comparison takes would tell the secret's.
    if token and hmac.compare_digest(hashlib.sha256(token).digest(), hashlib.sha256(secret).digest()):
        return "gitlab"
    return "gitlab" if _standard(given, body, secret) else None


def changed_ref(body: bytes) -> str:
    """Return the ref that a push event says has changed; empty for other events and for anything unusual."""
    try:
        ref = parse_object(body, "the push event").get("ref")
    except UserError:
        return ""
    fits = isinstance(ref, str) and _BRANCH.match(ref) and ".." not in ref and "//" not in ref
    return str(ref) if fits else ""


def _standard(given: Mapping[str, str], body: bytes, secret: bytes) -> bool:
    """Whether one of the signatures in `webhook-signature` (`v1,<base64>`, apart by blanks) is right."""
    head = f"{given.get('webhook-id', '')}.{given.get('webhook-timestamp', '')}.".encode("utf-8", "replace")
    digest = hmac.new(_key(secret), head + body, hashlib.sha256).digest()
    right = f"v1,{base64.b64encode(digest).decode()}".encode()
    words = given.get("webhook-signature", "").encode("utf-8", "replace").split()[:8]
    return any(hmac.compare_digest(right, word) for word in words)


def _key(secret: bytes) -> bytes:
    if not secret.startswith(_SIGNING_TOKEN):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(_SIGNING_TOKEN), validate=True)
    except binascii.Error:
        return secret
