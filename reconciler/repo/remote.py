"""Where a configuration repository lives and how one gets in, before git is asked anything.

A remote on this machine is told apart from one behind a network here, because the first is read through shared
objects and the second by fetching. Secrets never stand in a URL: they would be in argv, in logs and in git's messages.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from reconciler.model.errors import BlindError, ConfigError
from reconciler.model.hidden import hide

Scheme = Literal["file", "http", "https", "ssh"]

_SCP_LIKE = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^:].*\Z")
_SSH_HOST = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9.:\-\]]*\Z")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True)
class Remote:
    """A repository's address. ``url`` is what git is given; ``path`` is set where it is a directory of this machine."""

    url: str
    scheme: Scheme
    path: Path | None = None


@dataclass(frozen=True)
class Credentials:
    """How to get in; everything is optional.

    ``secret`` (password or token for HTTP) is called before every command, so that a rotated token file is picked up
    without a restart. ``renew`` is told of a secret that the remote refused, and returns whether there is another one
    to try at once. ``ssh_key`` and ``known_hosts`` are files; ``ca_file`` is a PEM bundle for HTTPS.
    """

    username: str = ""
    secret: Callable[[], str] | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    ca_file: Path | None = None
    renew: Callable[[str], bool] = lambda _: False


def secret_file(path: Path) -> Callable[[], str]:
    """Return a function that reads the token from its file each time; white space around it is dropped.

    The function raises `BlindError` where the file cannot be read, since without it the remote cannot be seen.
    """

    def read() -> str:
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BlindError(
                f"the token file {path} cannot be read: {type(error).__name__}",
                hint="mount it again, or correct its path in the configuration",
            ) from error

    return read


def parse_remote(url: str) -> Remote:
    """Read an address: an absolute path, ``file://``, ``http(s)://``, ``ssh://`` or ``user@host:path``.

    Raises:
        ConfigError: another form, a secret inside, or characters that git or ssh could take for an option.
    """
    if not url or url != url.strip() or any(ord(character) < 0x20 for character in url):
        raise ConfigError("the repository's address is empty or has white space around it or control characters in it")
    if url.startswith("/"):
        return Remote(url, "file", Path(url))
    if "://" in url:
        return _with_scheme(url)
    if _SCP_LIKE.match(url) and not url.startswith("-"):
        return Remote(url, "ssh")
    raise ConfigError(
        f"{redact(url)!r} is not a repository address that is understood here",
        hint="write an absolute path, file:///path, https://host/path, ssh://host/path or user@host:path",
    )


def _with_scheme(url: str) -> Remote:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise ConfigError(f"{redact(url)!r} is not a URL") from error
    if parts.password is not None or (parts.scheme in {"http", "https"} and parts.username):
        raise ConfigError(
            f"the address {redact(url)} carries a user name or a secret",
            hint="leave them out of the URL; name the user and the token's file in the configuration instead",
        )
    if parts.scheme == "file":
        if host not in {"", "localhost"} or not parts.path.startswith("/"):
            raise ConfigError(f"{url!r} names no directory of this machine", hint="write file:///absolute/path")
        return Remote(url, "file", Path(unquote(parts.path)))
    if parts.scheme in {"http", "https", "ssh"}:
        if _SSH_HOST.match(host) is None or (parts.username or "").startswith("-"):
            raise ConfigError(f"{redact(url)!r} has no usable host name")
        scheme: Scheme = "ssh" if parts.scheme == "ssh" else "https" if parts.scheme == "https" else "http"
        return Remote(url, scheme)
    raise ConfigError(
        f"the address scheme {parts.scheme!r} is not allowed", hint="use a path, file, https, http or ssh"
    )


def basic_authorization(username: str, secret: str) -> str:
    """Return the value of an HTTP ``Authorization`` header (RFC 7617). Forges take any user name beside a token."""
    return "Basic " + base64.b64encode(f"{username or 'token'}:{secret}".encode()).decode("ascii")


def redact(text: str, secret: str = "", username: str = "") -> str:
    """Return the text without user names and passwords in URLs and without the secret in any spelling."""
    if secret:
        encoded = basic_authorization(username, secret).removeprefix("Basic ")
        text = hide(text, [encoded, secret], "[redacted]")
    return _USERINFO.sub("[redacted]@", text)
