"""What a problem's file is called: names of senders made into stems that are path, ref and id alike.

An identity out of a payload is text of strangers. Its file's stem holds letters, digits and `. _ = , -` only and is its
own problem id; what had other characters, or was too long, keeps its readable part and gets a digest of the whole.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from reconciler.model.errors import UserError
from reconciler.model.names import ProblemId
from reconciler.model.problem_ids import problem_id

_OTHER: Final = re.compile(r"[^A-Za-z0-9_=,-]")
_READABLE: Final = 100
_LONGEST: Final = 160
_DIGEST: Final = 32


def identity(sender: str, *parts: str) -> ProblemId:
    """Return `<sender>-<part>-<part>` as an id that is its file's stem; the same parts always give the same id."""
    stem = "-".join((sender, *parts))
    if len(stem) <= _LONGEST and is_plain(stem):
        return ProblemId(stem)
    whole = "\0".join(parts).encode("utf-8", "surrogatepass")
    readable = _OTHER.sub("_", stem)[:_READABLE]
    return ProblemId(f"{readable}-{hashlib.sha256(whole).hexdigest()[:_DIGEST]}")


def is_plain(stem: str) -> bool:
    """Whether the text can be a file's stem, a ref's part and its own problem id."""
    try:
        return problem_id(stem) == stem and "%" not in stem
    except UserError:
        return False
