"""Whose key is it: ssh's allowed signers file (ssh-keygen(1), ALLOWED SIGNERS) and a list of revoked keys.

Read strictly, since a line that was read otherwise than it was meant would let somebody in: what is not understood is
refused with its line. Times without a zone are UTC here, so that everybody judges alike; ssh-keygen takes those of the
machine.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from reconciler.model.errors import ConfigError, Place, UserError
from reconciler.repo.signatures_sshsig import NAMESPACE

_LONGEST: Final = 1 << 20
_KIND: Final = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+\Z")
_PRINCIPALS: Final = re.compile(r'(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))\s+(?P<rest>.*)\Z')
_OPTION: Final = re.compile(r'(?P<name>[a-zA-Z-]+)(?:="(?P<value>[^"]*)")?(?P<end>,|\s+)')
_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z?\Z")
_FORM: Final = "principals, options if any, the key's type and the key, as in `ada@example.org ssh-ed25519 AAAA...`"


@dataclass(frozen=True)
class Signer:
    """One line: whose key, for what, and when; times are aware."""

    principals: str
    namespaces: str = "*"
    after: datetime | None = None
    before: datetime | None = None
    line: int = 0

    def is_for(self, principal: str) -> bool:
        """Whether the line is about this principal, by its patterns."""
        return _matches(self.principals, principal)

    def refuses(self, when: datetime) -> str:
        """Return why a signature of a moment does not count by this line; empty where it does."""
        if not _matches(self.namespaces, NAMESPACE):
            return "its key is not allowed to sign commits"
        if self.after is not None and when < self.after:
            return f"its key is valid from {self.after:%Y-%m-%d %H:%M} UTC on only"
        if self.before is not None and when >= self.before:
            return f"its key expired on {self.before:%Y-%m-%d %H:%M} UTC"
        return ""


@dataclass(frozen=True)
class AllowedSigners:
    """Everybody who may sign, by public key; and the keys that count no more, whenever they signed."""

    by_key: Mapping[bytes, tuple[Signer, ...]]
    revoked: frozenset[bytes] = field(default_factory=frozenset)


def read_allowed_signers(path: Path, revoked: Path | None = None) -> AllowedSigners:
    """Read both files.

    Raises:
        ConfigError: one cannot be read, or a line of it not be understood.
    """
    try:
        allowed = parse_allowed_signers(_content(path), str(path))
        gone = parse_keys(_content(revoked), str(revoked)) if revoked is not None else frozenset()
    except UserError as error:
        raise ConfigError(str(error)) from error
    return AllowedSigners(allowed.by_key, gone)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="name a file of allowed signers") from error
    if len(data) > _LONGEST:
        raise ConfigError(f"{path} is larger than 1 MiB", hint="such a file is no list of keys")
    return data


def parse_allowed_signers(data: bytes, path: str) -> AllowedSigners:
    """Read an allowed signers file. Raises UserError at the first line that is not understood."""
    found: dict[bytes, list[Signer]] = defaultdict(list)
    for number, line in _lines(data, path):
        key, signer = _signer(line, Place(path, number))
        found[key].append(signer)
    return AllowedSigners({key: tuple(signers) for key, signers in found.items()})


def parse_keys(data: bytes, path: str) -> frozenset[bytes]:
    """Read a list of public keys, one a line, as `ssh-keygen -s` takes them for revocation."""
    if data.startswith(b"SSHKRL\n\0"):
        hint = "write the revoked public keys into a text file, one a line, as in their .pub files"
        raise UserError("a binary revocation list is not read", place=Place(path), hint=hint)
    return frozenset(_key(line.split(), Place(path, number)) for number, line in _lines(data, path))


def _lines(data: bytes, path: str) -> list[tuple[int, str]]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8"
        raise UserError("the file is no text", place=Place(path), expected="a text file", hint=hint) from error
    lines = ((number, line.strip()) for number, line in enumerate(text.split("\n"), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _signer(line: str, place: Place) -> tuple[bytes, Signer]:
    match = _PRINCIPALS.match(line)
    if match is None:
        raise _unreadable("there is no key", place)
    principals, rest = match["quoted"] or match["plain"] or "", match["rest"]
    options: dict[str, str] = {}
    while _KIND.match(rest.split(maxsplit=1)[0] if rest else "") is None:
        option = _OPTION.match(rest)
        if option is None:
            raise _unreadable("an option or a key's type is not understood", place)
        name = option["name"].lower()
        if name not in ("namespaces", "valid-after", "valid-before") or option["value"] is None:
            if name == "cert-authority":
                hint = "name the keys themselves, one a line"
                raise UserError("certificates are not taken", place=place, hint=hint)
            raise _unreadable(f"the option `{option['name']}` is not understood", place)
        if name in options:
            raise _unreadable(f"a second `{name}`", place)
        options[name] = option["value"]
        rest = rest[option.end() :]
    after, before = _time(options.get("valid-after"), place), _time(options.get("valid-before"), place)
    signer = Signer(principals, options.get("namespaces", "*"), after, before, place.line)
    return _key(rest.split(), place), signer


def _key(words: list[str], place: Place) -> bytes:
    if len(words) < 2 or _KIND.match(words[0]) is None:
        raise _unreadable("there is no public key", place)
    try:
        key = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable("the key's text is damaged", place) from error
    kind = words[0].encode()
    if key[: 4 + len(kind)] != len(kind).to_bytes(4, "big") + kind:
        raise _unreadable("the key is of another type than the line says", place)
    return key


def _time(text: str | None, place: Place) -> datetime | None:
    if text is None:
        return None
    match = _TIME.match(text)
    try:
        return datetime(*(int(part or 0) for part in match.groups()), tzinfo=UTC) if match else _no_time(text, place)  # type: ignore[arg-type,misc]  # six numbers at most
    except ValueError:
        return _no_time(text, place)


def _no_time(text: str, place: Place) -> datetime:
    expected = "YYYYMMDD or YYYYMMDDHHMM[SS], with or without a Z"
    raise UserError(f"`{text}` is no time", place=place, expected=expected, hint="as in valid-before=20271231Z")


def _unreadable(message: str, place: Place) -> UserError:
    return UserError(message, place=place, expected=_FORM, hint="see `man ssh-keygen`, ALLOWED SIGNERS")


def _matches(patterns: str, text: str) -> bool:
    """Match as ssh does: one of the patterns between commas, and none of those with an exclamation mark."""
    found = False
    for pattern in patterns.split(","):
        if _glob(pattern.removeprefix("!")).match(text):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _glob(pattern: str) -> re.Pattern[str]:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts) + r"\Z", re.DOTALL)
