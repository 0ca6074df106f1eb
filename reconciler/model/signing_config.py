"""How our commits are signed, and whose signatures count: the `signing` of a project in `reconciler.yaml`.

Nothing is opened here. A private key stands in a file of its own or in GPG's keyring, never in the configuration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.model.document import Checks, Fields
from reconciler.model.errors import Place
from reconciler.model.names import CommitId

_COMMIT: Final = re.compile(r"[0-9a-f]{40}\Z")
_FINGERPRINT: Final = re.compile(r"(?:0[xX])?(?:[0-9A-Fa-f] ?){40}\Z")


@dataclass(frozen=True)
class SigningConfig:
    """Our key, of which there is one at most, and the files by which signatures are judged.

    ``allowed_gpg`` are fingerprints of people's GPG keys; ``since`` are commits, one of a branch, from which on people
    sign.
    """

    ssh_key_file: Path | None = None
    gpg_key: str = ""
    allowed_signers: Path | None = None
    revoked_keys: Path | None = None
    allowed_gpg: tuple[str, ...] = ()
    since: tuple[CommitId, ...] = ()


def signing_from(fields: Fields, folder: Path, checks: Checks) -> SigningConfig:
    """Return a project's part; files are named from ``folder``."""

    def file(name: str) -> Path | None:
        text = fields.text(name)
        return folder / text if text else None

    if "\n" in fields.text("sshKeyFile") or "PRIVATE KEY" in fields.text("sshKeyFile"):
        told = "`sshKeyFile` holds the key itself"
        checks.add(told, fields.place_of("sshKeyFile"), expected="the name of a file", hint="and make a new key")
    gpg = fields.text("gpgKey")
    if gpg and fields.text("sshKeyFile"):
        told = "`sshKeyFile` and `gpgKey` exclude each other"
        checks.add(told, fields.place_of("gpgKey"), expected="one of the two", hint="delete one of them")
    if gpg and _FINGERPRINT.match(gpg) is None:
        _not_whole(checks, fields.place_of("gpgKey"), gpg)
    if fields.text("revokedKeys") and not fields.text("allowedSigners"):
        checks.add(
            "`revokedKeys` stands alone",
            fields.place_of("revokedKeys"),
            expected="`allowedSigners` beside it",
            hint="name the file of those who may sign",
        )
    keys = fields.texts("allowedGpgKeys")
    for key in (each for each in keys if _FINGERPRINT.match(each) is None):
        _not_whole(checks, fields.place_of("allowedGpgKeys"), key)
    since = fields.texts("signedSince")
    for commit in (each for each in since if _COMMIT.match(each) is None):
        checks.add(
            f"`{commit[:60]}` is no commit",
            fields.place_of("signedSince"),
            expected="all 40 digits of its id",
            hint="take it from `git rev-parse <branch>`",
        )
    for name in ("allowedGpgKeys", "signedSince"):
        if fields.texts(name) and not fields.text("allowedSigners"):
            checks.add(
                f"`{name}` stands alone",
                fields.place_of(name),
                expected="`allowedSigners` beside it",
                hint="name the file of those who may sign; it may be empty",
            )
    commits = tuple(CommitId(each) for each in since)
    return SigningConfig(
        file("sshKeyFile"), gpg, file("allowedSigners"), file("revokedKeys"), allowed_gpg=keys, since=commits
    )


def _not_whole(checks: Checks, place: Place, key: str) -> None:
    checks.add(
        f"`{key[:60]}` is no fingerprint of a GPG key",
        place,
        expected="all 40 digits of it",
        hint="take the line `fpr` of `gpg --list-keys --with-colons`",
    )
