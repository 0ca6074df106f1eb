"""Names that may reach git: refs, object ids and paths, each checked before it is used.

A name from a repository, a webhook or a person never becomes an argument by itself: refs are full names (``refs/...``),
objects are 40 hexadecimal digits, so that neither can start with a dash or mean something else to git's revision
syntax. Paths that we write are narrower than what git stores.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NewType

from reconciler.model.errors import BugError, UserError
from reconciler.model.names import CommitId

TreeId = NewType("TreeId", str)

EMPTY_TREE = TreeId("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
"""The id of the tree without entries, which git knows without storing it."""
ZERO = "0" * 40

MAX_REF_BYTES = 1000
MAX_PATH_BYTES = 4096
MAX_PART_BYTES = 255

_OBJECT_ID = re.compile(r"[0-9a-f]{40}\Z")
# Nothing in it is refused below where the whole is short enough, and nearly all that is read and written looks so.
_USUAL_PART = rf"[A-Za-z0-9_+=,@%-][A-Za-z0-9._+=,@%-]{{0,{MAX_PART_BYTES - 1}}}"
_USUAL_PATH = re.compile(rf"{_USUAL_PART}(?:/{_USUAL_PART})*\Z")
_LOST = 0xDC00
_LOST_BYTE = re.compile("[\udc80-\udcff]")
"""What stands for a byte that is no UTF-8, its value being above `_LOST`."""
# The rules of git-check-ref-format(1).
_REF_PART_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{")


def is_object_id(text: str) -> bool:
    """Tell whether the text is a full SHA-1 object id."""
    return _OBJECT_ID.match(text) is not None


def object_id(text: str) -> str:
    """Return the id unchanged.

    Raises:
        BugError: it is no full SHA-1 id; ids come from git or from our own files, never from a person.
    """
    if _OBJECT_ID.match(text) is None:
        raise BugError(f"not an object id: {text[:80]!r}")
    return text


def is_full_ref(name: str) -> bool:
    """Tell whether git accepts the name as a ref below ``refs/``."""
    if not name.startswith("refs/") or name.endswith("."):
        return False
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return False
    if size > MAX_REF_BYTES or _REF_PART_FORBIDDEN.search(name):
        return False
    parts = name.split("/")
    return len(parts) > 2 and all(
        part and part[0] != "." and not part.endswith(".lock") and len(part.encode()) <= MAX_PART_BYTES
        for part in parts
    )


def full_ref(name: str) -> str:
    """Return the full ref name unchanged.

    Raises:
        UserError: git would not take it as a ref.
    """
    if not is_full_ref(name):
        raise UserError(
            f"{name[:120]!r} is not a usable ref name",
            expected="a full name such as refs/heads/production",
            hint="see `git help check-ref-format` for the characters that git allows",
        )
    return name


def branch_ref(branch: str) -> str:
    """Return ``refs/heads/<branch>``, checked.

    Raises:
        UserError: git would not take it as a branch; names that start with a dash are refused as git itself does.
    """
    if branch.startswith("-"):
        raise UserError(f"{branch[:120]!r} is not a usable branch name", expected="a name that starts without a dash")
    return full_ref(f"refs/heads/{branch}")


def _unusable_part(part: str) -> str:
    if part in {"", ".", ".."}:
        return "has an empty, `.` or `..` part"
    # Names that a checkout on some file system would take for the repository itself.
    if part.lower().rstrip(". ") in {".git", "git~1"}:
        return "has a part that means Git's own directory"
    if any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in part):
        return "has a control or invisible character"
    if len(part.encode()) > MAX_PART_BYTES:
        return f"has a part of more than {MAX_PART_BYTES} bytes"
    return ""


def tree_path(path: str) -> str:
    """Return a path that we may write into a tree: relative, ``/`` between parts, nothing that a checkout could abuse.

    Raises:
        UserError: the path is not one of those; git's fast-import itself would take ``a/../b`` and ``.git/x``.
    """
    if len(path) <= MAX_PATH_BYTES and _USUAL_PATH.match(path):
        return path
    reason = ""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        size, reason = 0, "is no UTF-8"
    if not reason and size > MAX_PATH_BYTES:
        reason = f"has more than {MAX_PATH_BYTES} bytes"
    if not reason:
        reason = next(filter(None, map(_unusable_part, path.split("/"))), "")
    if reason:
        raise UserError(
            f"the path {quoted(path[:120])} {reason}",
            expected="a relative path such as carts/service.yaml",
            hint="rename the file or the object that it is named after",
        )
    return path


def any_path(raw: bytes) -> str:
    """Return a path as git has it as text; bytes that are no UTF-8 travel as surrogates, as in Python's file names."""
    return raw.decode("utf-8", "surrogateescape")


def quoted(path: str) -> str:
    r"""Return a path in quotes, for people; bytes of it that are no UTF-8 (see `any_path`) as `\xe9`."""
    return repr(path) if _LOST_BYTE.search(path) is None else f"'{''.join(map(_readable, path))}'"


def _readable(character: str) -> str:
    if _LOST_BYTE.match(character):
        return f"\\x{ord(character) - _LOST:02x}"
    return repr(character)[1:-1]


def commit_id(text: str) -> CommitId:
    """Return the checked id of a commit."""
    return CommitId(object_id(text))
