"""What a client shows of who it is: the header of basic authentication, and secrets compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac


def basic(header: str) -> tuple[str, str]:
    """Return user and password of an `Authorization` header (RFC 7617); both empty where it is no such header."""
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        return "", ""
    user, _, password = decoded.partition(":")
    return user, password


def same(given: str, known: str) -> bool:
    """Tell whether two texts are the same and not empty.

    Digests are compared, which are of one length: the time tells nothing of the secret's.
    """
    one, other = (hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest() for text in (given, known))
    return hmac.compare_digest(one, other) and bool(known)
