"""Our signature on what we write: an SSH key in a file, or a key of GPG's keyring.

A signature changes the id of a commit and nothing in it, so that replays, which compare trees and messages, are not
concerned. The key is read again when its file changes; nothing of it is ever logged or told.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from reconciler.model.errors import BlindError, ConfigError
from reconciler.repo.signatures_sshsig import armored, mpint, public_blob, signed_data, string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    PrivateKey: TypeAlias = Ed25519PrivateKey | RSAPrivateKey | EllipticCurvePrivateKey

_LONGEST: Final = 64 << 10
_MAKE_ONE: Final = "make one for this alone: ssh-keygen -t ed25519 -N '' -C reconciler@localhost -f FILE"
Stamp: TypeAlias = tuple[int, int, int]


class CommitSigner(Protocol):
    """Signs commits."""

    def sign(self, payload: bytes) -> bytes:
        """Return an armoured signature over a commit's bytes.

        Raises:
            ConfigError: the key cannot be used. BlindError: it cannot be had now.
        """


class SshKeyFile:
    """The private key in a file; one owner thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Stamp | None = None
        self._key: PrivateKey | None = None
        self._public = b""

    def sign(self, payload: bytes) -> bytes:
        """Return an armoured signature over a commit's bytes; see `CommitSigner.sign`."""
        key = self._current()
        return armored(self._public, _signature(key, self._public, signed_data(payload)))

    def public(self) -> bytes:
        """Return the public key in ssh's own form."""
        self._current()
        return self._public

    def public_line(self) -> str:
        """Return the public key as it stands in a file of allowed signers."""
        self._current()
        kind = self._public[4 : 4 + int.from_bytes(self._public[:4], "big")].decode("ascii")
        return f"{kind} {base64.b64encode(self._public).decode()}"

    def _current(self) -> PrivateKey:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if self._key is None or stamp != self._seen:
                self._key = None
                if status.st_size > _LONGEST:
                    raise ConfigError(f"{self._path} is too large for a key", hint=_MAKE_ONE)
                self._key = _load(self._path.read_bytes(), self._path)
                self._public = public_blob(self._key.public_key())
                self._seen = stamp
        except OSError as error:
            raise BlindError(
                f"the signing key {self._path} cannot be read: {error.strerror}",
                hint="mount it, readable for reconciler; nothing is committed unsigned meanwhile",
            ) from error
        return self._key


def _load(data: bytes, path: Path) -> PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  heavy
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415  heavy
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  heavy
        load_pem_private_key,
        load_ssh_private_key,
    )

    if data.lstrip().startswith((b"ssh-", b"ecdsa-", b"sk-")):
        raise ConfigError(f"{path} holds a public key", hint="name the private one, the file without `.pub`")
    own = b"-----BEGIN OPENSSH PRIVATE KEY-----" in data
    try:
        key = load_ssh_private_key(data, None) if own else load_pem_private_key(data, None)
    except TypeError:
        raise ConfigError(
            f"the signing key {path} is encrypted, and nobody is there to type its passphrase",
            hint=f"take the passphrase off a copy (ssh-keygen -p -N '' -f COPY), or {_MAKE_ONE}",
        ) from None  # the library's text is no secret, but nothing about a key goes further than here
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{path} holds no private key that can be read", hint=_MAKE_ONE) from None
    if not isinstance(key, (ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise ConfigError(f"the key in {path} is of a kind that cannot sign commits", hint=_MAKE_ONE)
    return key


def _signature(key: PrivateKey, public: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415  heavy
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils  # noqa: PLC0415  heavy

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return string(b"ssh-ed25519") + string(key.sign(data))
    if isinstance(key, rsa.RSAPrivateKey):
        return string(b"rsa-sha2-512") + string(key.sign(data, padding.PKCS1v15(), hashes.SHA512()))
    digest = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]
    one, other = utils.decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
    kind = public[4 : 4 + int.from_bytes(public[:4], "big")]
    return string(kind) + string(mpint(one) + mpint(other))
