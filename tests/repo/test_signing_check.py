"""We judge commits as git does: whose they are, and what was done to them. Git and ssh-keygen make the cases."""

from __future__ import annotations

import base64
import os
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.errors import UserError
from reconciler.repo.signatures import Judge, Verdict, split
from reconciler.repo.signatures_allowed import AllowedSigners, parse_allowed_signers, parse_keys, read_allowed_signers
from reconciler.repo.signatures_sshsig import NotASignatureError, armored, fingerprint, parse, string
from reconciler.repo.signing import SshKeyFile
from reconciler.repo.signing_commits import with_signature
from tests.repo.conftest import Hub
from tests.repo.signing_keys import ADA, Key, allow, make_key, signed_commit, verify

WHEN = datetime.fromtimestamp(1_800_000_000, UTC)
RAW = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nwords\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Key]:
    folder = tmp_path_factory.mktemp("keys")
    kinds = {
        "ed25519": ("-t", "ed25519"), "rsa": ("-t", "rsa", "-b", "2048"), "p256": ("-t", "ecdsa", "-b", "256"),
        "p384": ("-t", "ecdsa", "-b", "384"), "p521": ("-t", "ecdsa", "-b", "521"), "other": ("-t", "ed25519"),
    }  # fmt: skip
    return {name: make_key(folder, name, *words, "-N", "") for name, words in kinds.items()}


def raw(hub: Hub, commit: str) -> bytes:
    return subprocess.run(
        ["git", "-C", str(hub.path), "cat-file", "commit", commit], check=True, capture_output=True
    ).stdout


def judged(hub: Hub, commit: str, allowed: Path, revoked: Path | None = None, principal: str = ADA) -> Verdict:
    return Judge(read_allowed_signers(allowed, revoked)).judge(raw(hub, commit), principal, WHEN)


def tree(hub: Hub) -> str:
    return hub.tree(("100644", "blob", b"a", hub.blob(b"1")))


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "p256", "p384", "p521"])
def test_gits_signatures_are_taken_by_every_kind_of_key(
    hub: Hub, tmp_path: Path, keys: dict[str, Key], kind: str
) -> None:  # fmt: skip
    commit = signed_commit(hub.path, tree(hub), keys[kind], message="first\n\n body ü")
    allowed = allow(tmp_path / "allowed", (ADA, keys["other"]), (ADA, keys[kind]))
    assert judged(hub, commit, allowed).good
    assert verify(hub.path, commit, allowed)
    unknown = allow(tmp_path / "unknown", (ADA, keys["other"]))
    assert judged(hub, commit, unknown).kind == "unknown"
    assert not verify(hub.path, commit, unknown)


def test_g10_an_unsigned_commit_is_nobodys(hub: Hub, tmp_path: Path, keys: dict[str, Key]) -> None:
    commit = hub.commit_tree(tree(hub))
    assert judged(hub, commit, allow(tmp_path / "allowed", (ADA, keys["ed25519"]))).kind == "unsigned"


def test_g10_a_revoked_key_counts_for_nothing_that_it_ever_signed(
    hub: Hub, tmp_path: Path, keys: dict[str, Key]
) -> None:
    key = keys["ed25519"]
    commit = signed_commit(hub.path, tree(hub), key)
    allowed, revoked = allow(tmp_path / "allowed", (ADA, key)), tmp_path / "revoked"
    revoked.write_text(f"# gone\n{key.public} lost laptop\n")
    verdict = judged(hub, commit, allowed, revoked)
    assert verdict.kind == "revoked"
    assert verdict.key in verdict.why
    assert not verify(hub.path, commit, allowed, revoked)


@pytest.mark.parametrize(
    ("option", "kind", "why"),
    [
        ('valid-before="20261231Z"', "expired", "expired on 2026-12-31 00:00 UTC"),
        ('valid-after="20300101Z"', "expired", "valid from 2030-01-01 00:00 UTC"),
        ('valid-after="20200101Z",valid-before="20300101120000Z"', "good", ""),
        ('valid-before="20261231Z",namespaces="git"', "expired", "expired"),
        ('namespaces="file,email"', "expired", "not allowed to sign commits"),
        ('namespaces="file,git"', "good", ""),
        ('namespaces="*,!git"', "expired", "not allowed"),
    ],
)
def test_g10_an_expired_key_counts_for_what_was_signed_in_its_time(
    hub: Hub, tmp_path: Path, keys: dict[str, Key], option: str, kind: str, why: str
) -> None:
    commit = signed_commit(hub.path, tree(hub), keys["ed25519"])
    allowed = allow(tmp_path / "allowed", (ADA, keys["ed25519"], option))
    verdict = judged(hub, commit, allowed)
    assert verdict.kind == kind
    assert why in verdict.why
    assert verify(hub.path, commit, allowed) == verdict.good


@pytest.mark.parametrize(
    ("principals", "good"),
    [
        (ADA, True), ("*@example.org", True), ("bob@example.org,ada@*", True), ("ada@example.or?", True), ("*", True),
        (f'"{ADA}"', True), ("bob@example.org", False), ("*,!ada@example.org", False), ("ada", False),
        ("*@example.org.evil", False), ("ada@exampleXorg", False),
    ],
)  # fmt: skip
def test_a_key_counts_for_its_principals_only(
    hub: Hub, tmp_path: Path, keys: dict[str, Key], principals: str, good: bool
) -> None:
    commit = signed_commit(hub.path, tree(hub), keys["ed25519"])
    verdict = judged(hub, commit, allow(tmp_path / "allowed", (principals, keys["ed25519"])))
    assert verdict.kind == ("good" if good else "other")


def _another_tree(raw: bytes) -> bytes:
    return raw.replace(raw[5:45], b"4b825dc642cb6eb9a060e54bf8d69288fbee4904", 1)


def _another_person(raw: bytes) -> bytes:
    return raw.replace(b"author Ada", b"author Eve", 1)


def _another_word(raw: bytes) -> bytes:
    return raw.replace(b"signed", b"Signed")


def _a_parent_more(raw: bytes) -> bytes:
    return raw.replace(b"\nauthor", b"\nparent " + b"0" * 40 + b"\nauthor", 1)


def _a_header_more(raw: bytes) -> bytes:
    return raw.replace(b"\n\n", b"\nx hidden\n\n", 1)


def _a_line_more(raw: bytes) -> bytes:
    return raw + b"\n"


@pytest.mark.parametrize(
    "change", [_another_tree, _another_person, _another_word, _a_parent_more, _a_header_more, _a_line_more]
)
def test_g10_nothing_of_a_signed_commit_can_be_changed(
    hub: Hub, tmp_path: Path, keys: dict[str, Key], change: object
) -> None:
    allowed = allow(tmp_path / "allowed", (ADA, keys["ed25519"]))
    before = raw(hub, signed_commit(hub.path, tree(hub), keys["ed25519"]))
    after: bytes = change(before)  # type: ignore[operator]  # one of the functions above
    assert after != before
    verdict = Judge(read_allowed_signers(allowed)).judge(after, ADA, WHEN)
    assert verdict.kind == "wrong"
    commit = hub.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", data=after)
    assert not verify(hub.path, commit, allowed)


def test_g10_a_signature_for_something_else_is_none(tmp_path: Path, keys: dict[str, Key]) -> None:
    signed = subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", str(keys["ed25519"].private)],
        input=RAW, capture_output=True, check=True,
    ).stdout  # fmt: skip
    allowed = AllowedSigners(parse_allowed_signers(f"* {keys['ed25519'].public}\n".encode(), "x").by_key)
    verdict = Judge(allowed).judge(with_signature(RAW, signed), ADA, WHEN)
    assert (verdict.kind, "'file'" in verdict.why) == ("wrong", True)


def test_a_signature_before_the_committer_is_none(hub: Hub, tmp_path: Path, keys: dict[str, Key]) -> None:
    """Git stops looking for parents there, so that whoever moved it would have a signed commit without its past."""
    parent = signed_commit(hub.path, tree(hub), keys["ed25519"])
    before = raw(hub, signed_commit(hub.path, tree(hub), keys["ed25519"], parent))
    payload, (signature,) = split(before)
    header = b"gpgsig " + signature.rstrip(b"\n").replace(b"\n", b"\n ") + b"\n"
    moved = payload.replace(b"parent ", header + b"parent ", 1)
    assert split(moved) == (payload, (signature,))
    judge = Judge(read_allowed_signers(allow(tmp_path / "allowed", (ADA, keys["ed25519"]))))
    assert judge.judge(before, ADA, WHEN).good
    assert judge.judge(moved, ADA, WHEN).kind == "unreadable"


def test_several_signatures_are_none(keys: dict[str, Key]) -> None:
    allowed = parse_allowed_signers(f"* {keys['ed25519'].public}\n".encode(), "x")
    once = with_signature(RAW, SshKeyFile(keys["ed25519"].private).sign(RAW))
    assert Judge(allowed).judge(once, ADA, WHEN).good
    twice = with_signature(once, SshKeyFile(keys["ed25519"].private).sign(once))
    assert Judge(allowed).judge(twice, ADA, WHEN).kind == "unreadable"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_signature_or_none(data: bytes) -> None:
    armour = b"-----BEGIN SSH SIGNATURE-----\n" + base64.b64encode(b"SSHSIG\0\0\0\1" + data) + b"\n"
    for text in (data, armour + b"-----END SSH SIGNATURE-----", armored(data, data), armored(string(data), data)):
        verdict = Judge(AllowedSigners({})).judge(with_signature(RAW, text), ADA, WHEN)
        assert verdict.kind in ("unreadable", "wrong", "unsigned", "unknown")
        assert not verdict.good


@given(st.binary(max_size=200), st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_no_byte_of_a_signature_can_be_changed(message: bytes, where: int, to: int) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from reconciler.repo.signatures_sshsig import public_blob, signed_data

    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public = public_blob(key.public_key())
    made = armored(public, string(b"ssh-ed25519") + string(key.sign(signed_data(message))))
    assert parse(made).covers(message)
    data = bytearray(base64.b64decode(b"".join(made.split(b"\n")[1:-2])))
    position = where % len(data)
    if data[position] == to:
        return
    data[position] = to
    text = made.split(b"\n")[0] + b"\n" + base64.b64encode(data) + b"\n" + made.split(b"\n")[-2]
    try:
        changed = parse(text)
        # Another key or namespace is refused by whoever asks for those; the bytes themselves cover nothing else.
        assert not changed.covers(message)
    except NotASignatureError:
        return


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ada@example.org", "there is no key"),
        ("ada@example.org ssh-ed25519", "there is no public key"),
        ("ada@example.org ssh-ed25519 !!!", "damaged"),
        ("ada@example.org ssh-rsa {key}", "another type"),
        ("* cert-authority ssh-ed25519 {key}", "certificates are not taken"),
        ('* valid-before="soon" ssh-ed25519 {key}', "is no time"),
        ('* valid-before="20261399Z" ssh-ed25519 {key}', "is no time"),
        ('* valid-before="20270101",valid-before="20280101" ssh-ed25519 {key}', "a second"),
        ("* no-touch ssh-ed25519 {key}", "not understood"),
        ("* valid-before=20270101 ssh-ed25519 {key}", "not understood"),
    ],
)
def test_a_line_that_is_not_understood_lets_nobody_in(keys: dict[str, Key], line: str, why: str) -> None:
    text = "# who may sign\n\n" + line.format(key=keys["ed25519"].public.split()[1]) + "\n"
    with pytest.raises(UserError, match=why) as refused:
        parse_allowed_signers(text.encode(), "allowed")
    assert str(refused.value.place) == "allowed:3"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_of_keys_or_refused(data: bytes) -> None:
    for read in (parse_allowed_signers, parse_keys):
        with suppress(UserError):
            assert read(data, "x") is not None


def test_a_binary_revocation_list_is_refused_rather_than_passed_over(tmp_path: Path, keys: dict[str, Key]) -> None:
    krl = tmp_path / "krl"
    subprocess.run(
        ["ssh-keygen", "-q", "-k", "-f", str(krl), str(keys["ed25519"].private.with_suffix(".pub"))], check=True
    )
    with pytest.raises(UserError, match="binary revocation list"):
        parse_keys(krl.read_bytes(), "krl")


def test_a_security_keys_signature_is_judged(tmp_path: Path) -> None:
    """As in OpenSSH's PROTOCOL.u2f; there is no such key here, so its part is played."""
    import hashlib

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from reconciler.repo.signatures_sshsig import signed_data

    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    kind = b"sk-ssh-ed25519@openssh.com"
    blob = string(kind) + string(key.public_key().public_bytes_raw()) + string(b"ssh:")
    data, more = signed_data(RAW), b"\x01" + (7).to_bytes(4, "big")
    proof = key.sign(hashlib.sha256(b"ssh:").digest() + more + hashlib.sha256(data).digest())
    signature = armored(blob, string(kind) + string(proof) + more)
    allowed = parse_allowed_signers(b"* " + kind + b" " + base64.b64encode(blob) + b"\n", "x")
    assert Judge(allowed).judge(with_signature(RAW, signature), ADA, WHEN).good
    assert Judge(allowed).judge(with_signature(RAW + b"x", signature), ADA, WHEN).kind == "wrong"
    seen = tmp_path / "signature"
    seen.write_bytes(signature)
    line = tmp_path / "allowed"
    line.write_bytes(b"* " + kind + b" " + base64.b64encode(blob) + b"\n")
    done = subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-n", "git", "-f", str(line), "-I", ADA, "-s", str(seen)],
        input=RAW, capture_output=True, check=False, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_fingerprint_is_shown_as_ssh_shows_it(keys: dict[str, Key]) -> None:
    key = keys["ed25519"]
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(key.private)], check=True, capture_output=True, text=True
    ).stdout.split()[1]
    assert fingerprint(base64.b64decode(key.public.split()[1])) == shown


def test_reading_back_what_was_signed(hub: Hub, keys: dict[str, Key]) -> None:
    whole = raw(hub, signed_commit(hub.path, tree(hub), keys["ed25519"]))
    payload, (signature,) = split(whole)
    assert with_signature(payload, signature) == whole
    assert split(payload) == (payload, ())
