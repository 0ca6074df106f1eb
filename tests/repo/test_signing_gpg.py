"""GPG makes and judges what `gpg` and git make and judge; the keyring is a new one of each test run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.model.errors import BlindError, ConfigError
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from reconciler.repo.signatures import Judge, Verdict
from reconciler.repo.signatures_allowed import AllowedSigners
from reconciler.repo.signatures_gpg import GpgJudge, GpgSigner, gpg_fingerprint
from tests.repo.conftest import PRODUCTION, Hub, git, new

WHEN = datetime.fromtimestamp(1_800_000_000, UTC)


def gpg(home: Path, *words: str, data: str = "") -> str:
    command = ["gpg", "--batch", "--homedir", str(home), "--pinentry-mode", "loopback", "--passphrase", "", *words]
    return subprocess.run(command, input=data, capture_output=True, check=True, text=True).stdout


def make_key(home: Path, name: str) -> str:
    gpg(home, "--quick-generate-key", name, "ed25519", "sign", "never")
    return fingerprint(home, name)


def fingerprint(home: Path, name: str) -> str:
    listed = gpg(home, "--list-keys", "--with-colons", name)
    return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """A home with two keys, ours and another."""
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    yield home, make_key(home, "reconciler@localhost"), make_key(home, "other@example.org")
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True, capture_output=True)


@pytest.fixture
def ours(keyring: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("GNUPGHOME", str(keyring[0]))
    return keyring[1]


def judged(mirror: Mirror, commit: str, *keys: str) -> Verdict:
    [raw] = mirror._reader.raw_commits([CommitId(commit)])
    return Judge(AllowedSigners({}), GpgJudge(keys) if keys else None).judge(raw, "reconciler@localhost", WHEN)


def test_git_takes_our_gpg_signature_and_we_take_gits(
    hub: Hub, tmp_path: Path, ours: str, keyring: tuple[Path, str, str]
) -> None:
    base = hub.land({"a": b"1"})
    with Mirror.open(tmp_path / "m", str(hub.path), signer=GpgSigner(ours)) as mirror:
        [commit] = mirror.write(base, [new({"b": b"2"}, "words ü\n")])
        mirror.push([RefUpdate(PRODUCTION, base, commit)])
        git(hub.path, "verify-commit", commit)
        assert judged(mirror, commit, ours).good
        assert judged(mirror, commit).kind == "unknown"
        assert judged(mirror, commit, keyring[2]).kind == "unknown"
        theirs = git(hub.path, "-c", f"user.signingKey={ours}", "commit-tree", "-S", f"{commit}^{{tree}}", "-m", "x")
        assert judged(mirror, theirs, ours).good


def test_g10_what_was_changed_since_or_signed_by_a_strange_key_counts_for_nothing(
    hub: Hub, tmp_path: Path, ours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = hub.land({"a": b"1"})
    with Mirror.open(tmp_path / "m", str(hub.path), signer=GpgSigner(ours)) as mirror:
        [commit] = mirror.write(base, [new({"b": b"2"}, "words\n")])
        [raw] = mirror._reader.raw_commits([commit])
        judge = Judge(AllowedSigners({}), GpgJudge([ours]))
        assert judge.judge(raw.replace(b"words", b"wordz"), "reconciler@localhost", WHEN).kind == "wrong"
        empty = tmp_path / "empty"
        empty.mkdir(mode=0o700)
        monkeypatch.setenv("GNUPGHOME", str(empty))
        assert judged(mirror, commit, ours).kind == "unknown"
        with pytest.raises(BlindError, match="does not sign"):
            mirror.write(commit, [new({"c": b"2"})])


def test_several_signatures_in_one_are_none(keyring: tuple[Path, str, str], ours: str) -> None:
    """What gpg says of one could be taken for what it says of the other."""
    words = ("--armor", "-u", ours, "-u", keyring[2], "--detach-sign")
    both = gpg(keyring[0], *words, data=PAYLOAD.decode()).encode()
    assert GpgJudge([ours]).judge(PAYLOAD, both).kind == "unreadable"
    assert GpgJudge([ours, keyring[2]]).judge(PAYLOAD, both).kind == "unreadable"


def test_what_else_a_person_signed_is_no_signature_of_a_commit(keyring: tuple[Path, str, str], ours: str) -> None:
    """A mail, whole with its signature, put where a commit's signature stands."""
    for how in ("--sign", "--clearsign"):
        mail = gpg(keyring[0], "--armor", "-u", ours, how, data="a mail\n").encode()
        for text in (mail, mail.replace(b"PGP MESSAGE", b"PGP SIGNATURE")):
            assert not GpgJudge([ours]).judge(PAYLOAD, text).good


def test_a_subkey_counts_for_its_key_until_it_is_revoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    try:
        main = make_key(home, "ada@example.org")
        gpg(home, "--quick-add-key", main, "ed25519", "sign", "never")
        listed = gpg(home, "--list-keys", "--with-colons", main).splitlines()
        sub = [line.split(":")[9] for line in listed if line.startswith("fpr:")][1]
        signature = gpg(home, "--armor", "-u", f"{sub}!", "--detach-sign", data=PAYLOAD.decode()).encode()
        assert GpgJudge([main]).judge(PAYLOAD, signature).good
        assert GpgJudge([sub]).judge(PAYLOAD, signature).good
        by_main = gpg(home, "--armor", "-u", f"{main}!", "--detach-sign", data=PAYLOAD.decode()).encode()
        assert GpgJudge([sub]).judge(PAYLOAD, by_main).kind == "unknown"
        words = ["gpg", "--homedir", str(home), "--no-tty", "--command-fd", "0", "--pinentry-mode", "loopback",
                 "--passphrase", "", "--expert", "--edit-key", main]  # fmt: skip
        subprocess.run(words, input="key 1\nrevkey\ny\n1\n\ny\nsave\n", capture_output=True, check=True, text=True)
        assert GpgJudge([main]).judge(PAYLOAD, signature).kind == "revoked"
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True, capture_output=True)


PAYLOAD = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 1 +0000\n\nwords\n"


def test_g10_a_key_that_expired_or_was_revoked_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    try:
        gpg(home, "--faked-system-time", "20200101T000000", "--quick-generate-key", "old", "ed25519", "sign", "1y")
        expired, revoked = fingerprint(home, "old"), make_key(home, "gone")
        then = ("--faked-system-time", "20200201T000000", "--armor", "--detach-sign", "-u", expired)
        signature = gpg(home, *then, data=PAYLOAD.decode()).encode()
        assert GpgJudge([expired]).judge(PAYLOAD, signature).kind == "expired"
        signature = GpgSigner(revoked).sign(PAYLOAD)
        assert GpgJudge([revoked]).judge(PAYLOAD, signature).good
        statement = (home / "openpgp-revocs.d" / f"{revoked}.rev").read_text().replace(":-----BEGIN", "-----BEGIN")
        gpg(home, "--import", data=statement)
        assert GpgJudge([revoked]).judge(PAYLOAD, signature).kind == "revoked"
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True, capture_output=True)


def test_a_short_name_of_a_key_is_refused() -> None:
    assert gpg_fingerprint("0x" + "ab" * 20) == "AB" * 20
    for text in ("", "DEADBEEF", "--homedir", "AB" * 21, "Ada <ada@example.org>"):
        with pytest.raises(ConfigError, match="no fingerprint"):
            GpgSigner(text)
