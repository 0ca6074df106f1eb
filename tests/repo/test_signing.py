"""What we sign, git takes; what is written is the same as without, except for the signature and the ids."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reconciler.model.errors import BlindError, ConfigError, UserError
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from reconciler.repo.signatures import split
from reconciler.repo.signing import SshKeyFile
from tests.repo.conftest import PRODUCTION, Hub, fetched, living, new
from tests.repo.signing_keys import OURS, Key, allow, make_key, verify


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return make_key(tmp_path)


def signing(hub: Hub, folder: Path, key: Key) -> Mirror:
    return Mirror.open(folder / "signing", str(hub.path), signer=SshKeyFile(key.private))


@pytest.mark.parametrize(
    "kind",
    [
        ("-t", "ed25519", "-N", ""),
        ("-t", "rsa", "-b", "2048", "-N", ""),
        ("-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""),
        ("-t", "ecdsa", "-b", "256", "-N", ""),
        ("-t", "ecdsa", "-b", "384", "-N", ""),
        ("-t", "ecdsa", "-b", "521", "-N", ""),
    ],
    ids=lambda words: "-".join(words[1:4]),
)
def test_git_takes_our_signature_by_every_kind_of_key(hub: Hub, tmp_path: Path, kind: tuple[str, ...]) -> None:
    key = make_key(tmp_path, "key", *kind)
    allowed = allow(tmp_path / "allowed", (OURS, key))
    base = hub.land({"a": b"1"})
    with signing(hub, tmp_path, key) as mirror:
        ids = mirror.write(base, [new({"b": b"2"}, "first\n\nbody ü\n"), new({"a": None}, "second\n", 1)])
        mirror.push([RefUpdate(PRODUCTION, base, ids[-1])])
    assert all(verify(hub.path, commit, allowed) for commit in ids)
    assert not verify(hub.path, ids[0], allow(tmp_path / "others", (OURS, make_key(tmp_path, "another"))))
    assert hub.git("fsck", "--full", "--strict") == ""


def test_a_signature_changes_nothing_but_the_id(hub: Hub, tmp_path: Path, key: Key) -> None:
    base = hub.land({"a": b"1", "dir/x": b"x"})
    commits = [new({"a": b"2", "ü": b"u"}, "first\n\nbody ü\n\nKey: value\n"), new({"dir/x": None}, "second\n", 1)]
    with Mirror.open(tmp_path / "plain", str(hub.path)) as plain, signing(hub, tmp_path, key) as mirror:
        unsigned, signed = plain.write(base, commits), mirror.write(base, commits)
        assert not set(unsigned) & set(signed)
        for one, other in zip(map(plain.commit, unsigned), map(mirror.commit, signed), strict=True):
            assert (one.tree, one.message, one.author, one.committer) == (
                other.tree, other.message, other.author, other.committer
            )  # fmt: skip
            assert (one.author_time, one.commit_time) == (other.author_time, other.commit_time)
        assert [mirror.parents(commit) for commit in signed] == [(base,), (signed[0],)]
        raw_plain, raw_signed = plain._reader.raw_commits(unsigned[:1]), mirror._reader.raw_commits(signed[:1])
        assert split(raw_signed[0])[0] == raw_plain[0]


def test_what_is_not_signed_costs_no_process_more(hub: Hub, tmp_path: Path, key: Key) -> None:
    base = hub.land({"a": b"1"})
    with Mirror.open(tmp_path / "plain", str(hub.path)) as plain, signing(hub, tmp_path, key) as mirror:
        for each in (plain, mirror):
            each.write(base, [new({"b": b"2"})])
        assert len(plain._writer.pids()) == 1
        assert len(mirror._writer.pids()) == 2
        pids = mirror.pids()
    assert living(pids) == set()


def test_the_same_steps_get_the_same_ids_from_every_daemon_with_the_key(hub: Hub, tmp_path: Path, key: Key) -> None:
    base = hub.land({"a": b"1"})
    found: list[list[CommitId]] = []
    for name in ("one", "two"):
        with signing(hub, tmp_path / name, key) as mirror:
            found.append(mirror.write(base, [new({"b": b"2"}), new({"c": b"3"})]))
    assert found[0] == found[1]


def test_a_first_commit_and_a_long_chain_are_signed_too(hub: Hub, tmp_path: Path, key: Key) -> None:
    allowed = allow(tmp_path / "allowed", (OURS, key))
    with signing(hub, tmp_path, key) as mirror:
        ids = mirror.write(None, [new({str(number): b"x"}, minutes=number) for number in range(300)])
        assert mirror.parents(ids[0]) == ()
        mirror.push([RefUpdate("refs/heads/new", None, ids[-1])])
        again = mirror.write(ids[-1], [new({"one more": b"x"})])
        assert mirror.parents(again[0]) == (ids[-1],)
        mirror.push([RefUpdate("refs/heads/new", ids[-1], again[0])])
        mirror.maintain([again[0]])
        assert mirror.write(again[0], [new({"after": b"x"})])
    assert verify(hub.path, ids[0], allowed)
    assert verify(hub.path, again[0], allowed)
    assert hub.git("rev-list", "--count", "new") == "301"


def test_the_key_is_read_again_when_its_file_changes(hub: Hub, tmp_path: Path, key: Key) -> None:
    other = make_key(tmp_path, "other")
    base = hub.land({"a": b"1"})
    with signing(hub, tmp_path, key) as mirror:
        [first] = mirror.write(base, [new({"b": b"1"})])
        other.private.rename(key.private)
        [second] = mirror.write(first, [new({"b": b"2"})])
        key.private.unlink()
        with pytest.raises(BlindError, match="cannot be read") as gone:
            mirror.write(second, [new({"b": b"3"})])
        assert "nothing is committed unsigned" in gone.value.hint
        mirror.push([RefUpdate(PRODUCTION, base, second)])
    renewed = allow(tmp_path / "renewed", (OURS, Key(other.private)))
    assert not verify(hub.path, first, renewed)
    assert verify(hub.path, second, renewed)


def _encrypted(folder: Path) -> Path:
    return make_key(folder, "secret", "-t", "ed25519", "-N", "a passphrase").private


def _encrypted_pem(folder: Path) -> Path:
    return make_key(folder, "secret", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "a passphrase").private


def _public(folder: Path) -> Path:
    return make_key(folder, "pair").private.with_suffix(".pub")


def _garbage(folder: Path) -> Path:
    file = folder / "garbage"
    file.write_bytes(b"-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n")
    return file


def _huge(folder: Path) -> Path:
    file = folder / "huge"
    file.write_bytes(b"x" * 100_000)
    return file


@pytest.mark.parametrize(
    ("make", "why", "todo"),
    [
        (_encrypted, "is encrypted", "ssh-keygen -p"),
        (_encrypted_pem, "is encrypted", "ssh-keygen -p"),
        (_public, "holds a public key", "without `.pub`"),
        (_garbage, "no private key", "ssh-keygen -t ed25519"),
        (_huge, "too large", "ssh-keygen -t ed25519"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_with_what_to_do(
    tmp_path: Path, make: object, why: str, todo: str
) -> None:
    file: Path = make(tmp_path)  # type: ignore[operator]  # one of the functions above
    with pytest.raises(ConfigError, match=why) as refused:
        SshKeyFile(file).sign(b"tree")
    assert todo in refused.value.hint
    told = f"{refused.value} {refused.value.__cause__!r} {refused.value.__context__!r}"
    assert "hunter2" not in told
    assert "a passphrase" not in told


def test_nothing_is_written_where_a_path_is_refused(hub: Hub, tmp_path: Path, key: Key) -> None:
    base = hub.land({"a": b"1"})
    with signing(hub, tmp_path, key) as mirror:
        with pytest.raises(UserError):
            mirror.write(base, [new({"../b": b"1"})])
        assert mirror.write(base, [new({"b": b"1"})])


def test_what_a_killed_child_left_is_made_again(hub: Hub, tmp_path: Path, key: Key) -> None:
    base = hub.land({"a": b"1"})
    with signing(hub, tmp_path, key) as mirror:
        [first] = mirror.write(base, [new({"b": b"1"})])
        signed = mirror._writer._signed
        assert signed is not None
        assert signed.child.pid is not None
        subprocess.run(["kill", "-9", str(signed.child.pid)], check=True)
        [second] = mirror.write(first, [new({"b": b"2"})])
        assert mirror.parents(second) == (first,)
        assert list((mirror.path / "reconciler-signed").iterdir()) == []


def test_the_public_key_can_be_told(tmp_path: Path, key: Key) -> None:
    assert SshKeyFile(key.private).public_line() == key.public


@pytest.mark.parametrize("share", [True, False])
def test_upkeep_leaves_no_loose_objects(hub: Hub, tmp_path: Path, key: Key, share: bool) -> None:
    tip = hub.land({"a": b"1"})
    with Mirror.open(tmp_path / "m", str(hub.path), signer=SshKeyFile(key.private), share=share) as mirror:
        fetched(mirror)
        for number in range(3):
            [new_tip] = mirror.write(tip, [new({str(number): b"x"})])
            mirror.push([RefUpdate(PRODUCTION, tip, new_tip)])
            tip = new_tip
        [waiting] = mirror.write(tip, [new({"waiting": b"x"})])
        mirror.maintain([tip], keep=[waiting])
        assert mirror.commit(waiting).parents == (tip,)
        mirror.maintain([tip])
        assert list((mirror.path / "objects").glob("??/*")) == []
        [again] = mirror.write(tip, [new({"again": b"x"})])
        mirror.push([RefUpdate(PRODUCTION, tip, again)])
    assert verify(hub.path, tip, allow(tmp_path / "allowed", (OURS, key)))
