"""Signatures over a request's body: HMAC with SHA-256, as hexadecimal digits, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

_PREFIX: Final = "sha256="


def signature(body: bytes, secret: bytes) -> str:
    """Return the body's HMAC-SHA-256 as 64 hexadecimal digits."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def signed(body: bytes, secret: bytes, given: str) -> bool:
    """Whether ``given``, with or without `sha256=` before it, is the body's signature; an empty secret signs none."""
    digits = given.strip()
    if digits[: len(_PREFIX)].lower() == _PREFIX:
        digits = digits[len(_PREFIX) :]
    right = hmac.compare_digest(signature(body, secret).encode(), digits.lower().encode("utf-8", "replace"))
    return right and bool(secret)
