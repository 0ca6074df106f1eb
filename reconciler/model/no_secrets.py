"""Refuses secrets that were written into a configuration file itself, and addresses that carry one.

Configuration files are copied, shown and committed; a secret belongs into a file of its own or the environment. The
messages never repeat the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar

_SECRET: Final = frozenset(
    {
        "token",
        "password",
        "passwd",
        "secret",
        "apikey",
        "apitoken",
        "accesstoken",
        "bearertoken",
        "privatekey",
        "sshkey",
    }
    | {"clientsecret", "authorization", "credentials", "passphrase"}
)
_SCHEMES: Final = ("https", "http", "ssh", "file")
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!:|//)[^\s:]+\Z")
_HALF = re.compile(r"(?:https?|ssh):/(?!/)", re.IGNORECASE)
_BARE = re.compile(
    r"(?:(?:[a-z0-9-]+\.){2,}[a-z]{2,}|(?:git(?:hub|lab)|codeberg|bitbucket)\.(?:com|org))/\S+\Z", re.IGNORECASE
)
"""A host with a path: nobody calls a folder so, and with `./` before it it is one."""
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(?:([^/@\s]*)@)?[^\s@]*\Z", re.IGNORECASE)


def inline_secrets(node: Node) -> Iterator[UserError]:
    """Yield a finding for every key that holds a secret itself."""
    if isinstance(node, ListNode):
        for item in node.items:
            yield from inline_secrets(item)
    if not isinstance(node, MapNode):
        return
    for key, value in node.entries:
        name = "".join(character for character in key.raw.lower() if character.isalpha())
        if name in _SECRET and isinstance(value, Scalar) and value.plain() is not None:
            stem = _stem(name)
            yield UserError(
                f"`{key.raw}` holds a secret in the file itself",
                place=key.place,
                expected="the name of a file or of an environment variable",
                hint=f"write `{stem}File: <file>`" + (f" or `{stem}Env: <VARIABLE>`" if stem != "sshKey" else ""),
            )
        yield from inline_secrets(value)


def _stem(name: str) -> str:
    """Return how the keys begin that say where a secret is which somebody called ``name``."""
    if name.startswith("pass"):
        return "password"
    return "privateKey" if name == "privatekey" else "sshKey" if name == "sshkey" else "token"


def is_local(url: str) -> bool:
    """Whether an address of a repository is a path on this machine."""
    return "://" not in url and not _SCP.match(url)


def check_git_url(url: str, place: Place) -> None:
    """Check a repository's address: https, http, ssh, file, `user@host:path` or a path; and no secret in it.

    Git runs programs for other forms (`ext::`, gitremote-helpers(7)), and takes a leading dash for an option.

    Raises:
        UserError: which does not repeat the address.
    """
    match = _URL.match(url)
    user = match[2] or "" if match else ""
    if match and (":" in user or (user and match[1].lower() in ("http", "https"))):
        raise UserError(
            "the repository's address holds a user or a password",
            place=place,
            expected="an address without them",
            hint="take them out; write `username:` and `tokenFile:` or `tokenEnv:` beside `url:`",
        )
    if _HALF.match(url) or _BARE.match(url):
        raise UserError(
            "the repository's address has no `://`, and so it is the path of a folder",
            place=place,
            expected="`https://host/path`, `ssh://user@host/path`, `user@host:path`, or a path",
            hint="write `https://` before the host, or `./` where it is a folder",
        )
    known = match is not None and match[1].lower() in _SCHEMES
    usable = known or _SCP.match(url) or ("://" not in url and "::" not in url)
    if not usable or url.startswith("-") or not url.isprintable():
        raise UserError(
            "the repository's address has a form that is not supported",
            place=place,
            expected="`https://host/path`, `ssh://user@host/path`, `user@host:path`, or a path",
            hint="write for example `url: https://git.example.com/shop/config.git`",
        )
