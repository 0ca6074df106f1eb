"""How our commits are signed, and whose signatures count: the `signing` of a project in `reconciler.yaml`.

Nothing is opened here. A private key stands in a file of its own or in GPG's keyring, never in the configuration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.model.document import Checks, Fields

_FINGERPRINT: Final = re.compile(r"(?:0[xX])?(?:[0-9A-Fa-f] ?){40}\Z")


@dataclass(frozen=True)
class SigningConfig:
    """Our key, of which there is one at most, and the files by which signatures are judged."""

    ssh_key_file: Path | None = None
    gpg_key: str = ""
    allowed_signers: Path | None = None
    revoked_keys: Path | None = None


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
        checks.add(
            f"`{gpg[:60]}` is no fingerprint of a GPG key",
            fields.place_of("gpgKey"),
            expected="all 40 digits of it",
            hint="take the line `fpr` of `gpg --list-keys --with-colons`",
        )
    if fields.text("revokedKeys") and not fields.text("allowedSigners"):
        checks.add(
            "`revokedKeys` stands alone",
            fields.place_of("revokedKeys"),
            expected="`allowedSigners` beside it",
            hint="name the file of those who may sign",
        )
    return SigningConfig(file("sshKeyFile"), gpg, file("allowedSigners"), file("revokedKeys"))
