"""GPG's signatures of commits, made and judged by `gpg` itself with the keyring of whoever runs us.

A process for each, some 10 ms: who has many steps signs them with an SSH key.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Sequence
from typing import Final

from reconciler.model.errors import BlindError, ConfigError
from reconciler.repo.process import Finished, ProcessTimedOutError, run
from reconciler.repo.signatures import Verdict

_TIMEOUT: Final = 30.0
_PASSED_ON: Final = frozenset({"PATH", "HOME", "GNUPGHOME", "XDG_RUNTIME_DIR", "TMPDIR"})
_FINGERPRINT: Final = re.compile(r"[0-9A-F]{40}\Z")
_STATUS: Final = re.compile(rb"^\[GNUPG:\] (?P<word>[A-Z_]+)(?: (?P<rest>.*))?$", re.MULTILINE)
_OUTCOME: Final = re.compile(rb"^\[GNUPG:\] (?:GOOD|BAD|ERR|EXP|EXPKEY|REVKEY)SIG ", re.MULTILINE)


def gpg_fingerprint(text: str) -> str:
    """Return a key's whole fingerprint in gpg's form.

    Raises:
        ConfigError: it is none; shorter names of keys can be made up by others.
    """
    plain = text.replace(" ", "").removeprefix("0x").upper()
    if _FINGERPRINT.match(plain) is None:
        raise ConfigError(
            f"{text[:80]!r} is no fingerprint of a GPG key",
            hint="write all 40 digits, as `gpg --list-keys --with-colons` shows them at `fpr`",
        )
    return plain


class GpgSigner:
    """Signs by one key of the keyring."""

    def __init__(self, key: str) -> None:
        self._key = gpg_fingerprint(key)

    def sign(self, payload: bytes) -> bytes:
        """Return an armoured signature. Raises BlindError where gpg makes none."""
        words = ("--status-fd=2", "--pinentry-mode=error", "--local-user", self._key)
        finished = _gpg((*words, "--armor", "--detach-sign"), payload)
        if finished.status or b"\n[GNUPG:] SIG_CREATED " not in b"\n" + finished.stderr.encode():
            said = [line for line in finished.stderr.splitlines() if not line.startswith("[GNUPG:]")]
            raise BlindError(
                f"gpg does not sign with the key {self._key}: {'; '.join(said)[:300]}",
                hint="its secret key must be in the keyring (GNUPGHOME), without a passphrase or with one cached",
            )
        return finished.stdout


class GpgJudge:
    """Judges by the fingerprints of the keys that are allowed."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = frozenset(map(gpg_fingerprint, keys))

    def judge(self, payload: bytes, signature: bytes) -> Verdict:
        """Return what a signature over a payload is worth."""
        with tempfile.NamedTemporaryFile(prefix="reconciler-", suffix=".asc") as file:
            file.write(signature)
            file.flush()
            finished = _gpg(("--status-fd=1", "--verify", file.name, "-"), payload)
        if len(_OUTCOME.findall(finished.stdout)) > 1:
            # Of several signatures each has something to say, and nobody could tell which word is about which.
            return Verdict("unreadable", "", "it has several signatures", "sign it once")
        said = {found["word"].decode(): (found["rest"] or b"").decode("ascii", "replace").split()
                for found in _STATUS.finditer(finished.stdout)}  # fmt: skip
        return self._verdict(said)

    def _verdict(self, said: dict[str, list[str]]) -> Verdict:
        if "BADSIG" in said:
            why = "its signature is not over what it holds"
            return Verdict("wrong", said["BADSIG"][0], why, "find out who changed the commit")
        valid = said.get("VALIDSIG", [])
        if not valid:
            key = next(iter(said.get("ERRSIG", said.get("NO_PUBKEY", []))), "")
            why = f"gpg does not know its key {key}".rstrip()
            return Verdict("unknown", key, why, "import the public key with `gpg --import`")
        key = valid[0]
        if "REVKEYSIG" in said:
            return Verdict("revoked", key, f"its key {key} is revoked", "find out what else that key has signed")
        if "EXPKEYSIG" in said or "EXPSIG" in said:
            why = f"its key {key} or its signature expired"
            return Verdict("expired", key, why, "extend the key, or have it made again with a valid one")
        if not self._keys & {key, valid[-1]}:
            why = f"its key {key} is none of those that may sign"
            return Verdict("unknown", key, why, "if it is to be trusted, name its fingerprint with --gpg-key")
        if "GOODSIG" not in said:
            return Verdict("unreadable", key, "gpg does not call its signature good", "see `git verify-commit`")
        return Verdict("good", key)


def _gpg(words: Sequence[str], data: bytes) -> Finished:
    environment = {key: value for key, value in os.environ.items() if key in _PASSED_ON} | {"LC_ALL": "C"}
    command = ("gpg", "--batch", "--no-tty", *words)
    try:
        return run(command, environment, timeout=_TIMEOUT, clock=time.monotonic, data=data)
    except ProcessTimedOutError as error:
        raise BlindError("gpg does not answer", hint="look at gpg-agent, and try again") from error
    except ConfigError as error:
        raise ConfigError("gpg is not installed", hint="install GnuPG, or sign with an SSH key") from error
