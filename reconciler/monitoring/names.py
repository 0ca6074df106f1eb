"""Names for what we make in other people's folders and clusters: made of ours, and told apart where those differ."""

from __future__ import annotations

import hashlib
import re
from typing import Final

LONGEST: Final = 63
"""Characters of one part of a name, and of a label's value (Kubernetes)."""
_DIGEST: Final = 8


def part(text: str) -> str:
    """Return a text as a DNS label (RFC 1123). One that is none is made into one, with a digest of what it was."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if re.fullmatch(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?", text) and len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return f"{found[: LONGEST - _DIGEST - 1].rstrip('-') or 'x'}-{digest}"


def name_of(*parts: str) -> str:
    """Return the name of an object or a file: its parts with dots between, which are in none of them."""
    return ".".join(("reconciler", *map(part, parts)))
