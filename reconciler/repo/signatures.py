"""Whether a commit is signed, by whom, and whether that counts: the same answer as `git verify-commit`, and its reason.

SSH signatures are judged in this process; for GPG's a `gpg` is started each time (`signatures_gpg`). Whose a commit has
to be is the caller's question: ours are signed for our own address, people's for that of their committer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias

from reconciler.repo.signatures_allowed import AllowedSigners
from reconciler.repo.signatures_sshsig import NAMESPACE, NotASignatureError, fingerprint, parse

Kind: TypeAlias = Literal["good", "unsigned", "wrong", "unknown", "other", "revoked", "expired", "unreadable"]

_HEADERS: Final = (b"gpgsig ", b"gpgsig-sha256 ")
_PGP: Final = b"-----BEGIN PGP"
_PUT_IN: Final = "if it is to be trusted, put the key's line into the file of allowed signers"


@dataclass(frozen=True)
class Verdict:
    """What came of judging a commit: ``why`` and ``todo`` are for people and empty where it is good.

    ``key`` is the fingerprint of the key that signed, empty where there is none.
    """

    kind: Kind
    key: str = ""
    why: str = ""
    todo: str = ""

    @property
    def good(self) -> bool:
        """Whether the signature counts."""
        return self.kind == "good"


class GpgCheck(Protocol):
    """Judges GPG signatures; see `signatures_gpg`."""

    def judge(self, payload: bytes, signature: bytes) -> Verdict:
        """Return what a signature over a payload is worth."""


UNSIGNED: Final = Verdict("unsigned", "", "it is not signed", "have it made again by somebody whose key is allowed")
_TWICE: Final = Verdict("unreadable", "", "it has several signatures", "sign it once")
_MOVED: Final = Verdict(
    "unreadable", "", "its signature stands before what git reads of a commit", "have it made again by git itself"
)


def split(raw: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return what the signatures of a raw commit are over, and the signatures: none, one, or too many."""
    head, separator, body = raw.partition(b"\n\n")
    kept: list[bytes] = []
    found: list[list[bytes]] = []
    inside = False
    for line in head.split(b"\n"):
        if line.startswith(b" "):
            if inside:
                found[-1].append(line[1:])
                continue
        else:
            inside = line.startswith(_HEADERS)
            if inside:
                found.append([line.partition(b" ")[2]])
                continue
        kept.append(line)
    return b"\n".join(kept) + separator + body, tuple(b"\n".join(lines) + b"\n" for lines in found)


def _is_moved(raw: bytes) -> bool:
    """Whether a signature comes before the committer: git would not see the parents that were signed for."""
    head = raw.partition(b"\n\n")[0]
    return b"\ncommitter " in head[min(at for name in _HEADERS if (at := head.find(b"\n" + name)) >= 0) :]


class Judge:
    """Judges signatures of commits by who is allowed. ``gpg`` None: no GPG key is."""

    def __init__(self, allowed: AllowedSigners, gpg: GpgCheck | None = None) -> None:
        self._allowed = allowed
        self._gpg = gpg

    def judge(self, raw: bytes, principal: str, when: datetime) -> Verdict:
        """Return the verdict on a raw commit that has to be signed by ``principal``; ``when`` it says it was made."""
        payload, signatures = split(raw)
        if not signatures:
            return UNSIGNED
        if _is_moved(raw):
            return _MOVED
        if len(signatures) > 1:
            return _TWICE
        if signatures[0].startswith(_PGP):
            if self._gpg is None:
                why = "it is signed by GPG, and no GPG key is allowed"
                return Verdict("unknown", "", why, "name the key with --gpg-key or `gpgKey`, or sign with an SSH key")
            return self._gpg.judge(payload, signatures[0])
        try:
            return self._by_ssh(payload, signatures[0], principal, when)
        except NotASignatureError as error:
            why = f"its signature cannot be judged: {error}"
            return Verdict("unreadable", "", why, "sign it with a plain SSH key (`git config gpg.format ssh`)")

    def why_not(self, key: bytes, principal: str, when: datetime) -> str:
        """Return why what an SSH key signs now would not count for a principal; empty where it would."""
        if key in self._allowed.revoked:
            return "it is revoked"
        lines = [signer for signer in self._allowed.by_key.get(key, ()) if signer.is_for(principal)]
        refusals = [signer.refuses(when) for signer in lines]
        return (refusals[0] if all(refusals) else "") if lines else f"no line allows it for {principal}"

    def _by_ssh(self, payload: bytes, armoured: bytes, principal: str, when: datetime) -> Verdict:
        signature = parse(armoured)
        key = fingerprint(signature.key)
        if signature.namespace != NAMESPACE:
            why = f"its signature was made for {signature.namespace[:40]!r}, not for a commit"
            return Verdict("wrong", key, why, "find out who copied it there")
        # First of all: what anybody copied from another commit says nothing, whoever made it.
        if not signature.covers(payload):
            return Verdict("wrong", key, "its signature is not over what it holds", "find out who changed the commit")
        if signature.key in self._allowed.revoked:
            return Verdict("revoked", key, f"its key {key} is revoked", "find out what else that key has signed")
        signers = self._allowed.by_key.get(signature.key, ())
        if not signers:
            return Verdict("unknown", key, f"its key {key} is nobody's who may sign", _PUT_IN)
        lines = [signer for signer in signers if signer.is_for(principal)]
        if not lines:
            whose = _list(signer.principals for signer in signers)
            return Verdict("other", key, f"its key is for {whose}, not for {principal[:200]}", _PUT_IN)
        refusals = [signer.refuses(when) for signer in lines]
        if all(refusals):
            return Verdict("expired", key, refusals[0], "have it made again by somebody whose key is valid")
        return Verdict("good", key)


def _list(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))[:200]
