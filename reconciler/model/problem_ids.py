"""The identity of problems and remediations: a file's stem made fit for refs, paths, trailers and URLs, and back.

A problem's id is its file's stem, percent-encoded (RFC 3986) where `git check-ref-format` or a path cannot take it. A
remediation's id is that of its first problem, with `+n` from that problem's n-th occurrence on, so a stem that ends
like an occurrence is encoded too.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.model.errors import Place, UserError
from reconciler.model.names import ProblemId, RemediationId
from reconciler.model.reader import shown

ID_LIMIT: Final = 200
"""The longest id in characters: with `+n`, `.lock` and a suffix it still fits the 255 bytes of a path's segment."""

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+=,-")
_SPECIAL = re.compile(r"\A[.-]|\.(?=\.)|\.\Z|\.(?=lock\Z)|\+(?=[0-9]+\Z)", re.IGNORECASE)
_ENCODED = re.compile(rb"%([0-9A-F]{2})")
_REMEDIATION = re.compile(r"([A-Za-z0-9._%+=,-]+?)(?:\+([1-9][0-9]{0,5}))?\Z")


def problem_id(stem: str, place: Place | None = None) -> ProblemId:
    """Return the id of the problem whose file's name, without its ending, is ``stem``.

    Bytes of the name that are no UTF-8 travel as surrogates (`surrogateescape`), as Python's file names do.

    Raises:
        UserError: for an empty stem, or one whose id has more than `ID_LIMIT` characters.
    """
    try:
        octets = stem.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UserError(
            f"the problem's file name `{shown(stem)}` is no text", place=place, expected="UTF-8", hint="rename the file"
        ) from error
    encoded = "".join(chr(octet) if octet in _PLAIN else f"%{octet:02X}" for octet in octets)
    encoded = _SPECIAL.sub(lambda match: f"%{ord(match.group()):02X}", encoded)
    if not encoded or len(encoded) > ID_LIMIT:
        raise UserError(
            f"the problem's file name `{shown(stem)}` gives an id of {len(encoded)} characters",
            place=place,
            expected=f"1 to {ID_LIMIT}; all but `A-Z a-z 0-9 . _ + = , -` count for three or more",
            hint="give the file a shorter name",
        )
    return ProblemId(encoded)


def problem_stem(identity: ProblemId) -> str:
    """Return the stem that `problem_id` made the id of."""
    octets = _ENCODED.sub(lambda match: bytes.fromhex(match[1].decode()), identity.encode())
    return octets.decode("utf-8", "surrogateescape")


def remediation_id(problem: ProblemId, occurrence: int) -> RemediationId:
    """Return the id of the remediation that the problem's ``occurrence`` (from 1) opened."""
    return RemediationId(problem if occurrence == 1 else f"{problem}+{occurrence}")


def occurrence_of(remediation: RemediationId) -> tuple[ProblemId, int]:
    """Return the first problem's id and its occurrence. Raises UserError for text that is no remediation's id."""
    match = _REMEDIATION.match(remediation)
    if match is None or len(remediation) > ID_LIMIT + 7:
        raise UserError(
            f"`{shown(remediation)}` is no remediation's id",
            expected="letters, digits and `. _ % + = , -`",
            hint="see `reconciler status` for the ids",
        )
    return ProblemId(match[1]), int(match[2] or 1)
