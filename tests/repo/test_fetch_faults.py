"""What a fetch that failed is about: our own objects, which makes the mirror anew, or the remote and the way to it."""

from __future__ import annotations

import pytest

from reconciler.model.errors import BlindError
from reconciler.repo.faults import DamagedError, fetch_error

LOST = [
    "error: packfile /var/lib/m.git/objects/pack/pack-1f.pack does not match index\nfatal: bad object 8c1e",
    "error: object file /var/lib/m.git/objects/8c/1e is empty\nfatal: loose object 8c1e (stored in x) is corrupt",
    "error: index file /var/lib/m.git/objects/pack/pack-1f.idx is too small",
    "fatal: bad object refs/reconciler/fetched/heads/production",
]
ELSEWHERE = [
    "fatal: could not read Username for 'http://127.0.0.1:1': terminal prompts disabled",
    "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights",
    "remote: error: packfile /srv/shop.git/objects/pack/pack-1f.pack does not match index\nfatal: early EOF",
    "error: RPC failed; curl 18 transfer closed\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output",
    "fatal: pack is corrupted (SHA1 mismatch)\nfatal: fetch-pack: invalid index-pack output",
]


@pytest.mark.parametrize("said", LOST)
def test_objects_of_ours_that_are_lost_make_the_mirror_anew(said: str) -> None:
    assert isinstance(fetch_error("fetching", said), DamagedError)


@pytest.mark.parametrize("said", ELSEWHERE)
def test_what_the_remote_or_the_network_did_does_not(said: str) -> None:
    assert not isinstance(fetch_error("fetching", said), DamagedError)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("ssh: connect to host git.example.com port 22: Connection refused", "host and port"),
        ("ssh: Could not resolve hostname git.example.com: Name or service not known", "host and port"),
        ("ssh: connect to host git.example.com port 22: Connection timed out", "host and port"),
        ("Failed to connect to git.example.com port 443 after 0 ms: Couldn't connect to server", "proxy"),
        ("Could not resolve host: git.example.com", "proxy"),
    ],
)
def test_a_server_that_is_not_reached_is_told_by_the_way_there(said: str, hint: str) -> None:
    error = fetch_error("fetching", f"{said}\nfatal: Could not read from remote repository.")
    assert "the remote cannot be reached" in error.message
    assert hint in error.hint
    assert "authority" not in error.hint


@pytest.mark.parametrize(
    "said",
    [
        "SSL certificate problem: unable to get local issuer certificate",
        "server certificate verification failed. CAfile: none CRLfile: none",
        "SSL: no alternative certificate subject name matches target host name 'git.example.com'",
    ],
)
def test_a_certificate_that_nobody_vouches_for_is_told_with_the_key_that_names_the_authority(said: str) -> None:
    error = fetch_error("fetching", f"fatal: unable to access 'https://git.example.com/': {said}")
    assert "certificate" in error.message
    assert "`caFile`" in error.hint


def test_what_the_remote_says_cannot_steer_a_terminal() -> None:
    told = str(fetch_error("fetching", "remote: aborting\x00\x1b[2J\u202e now\nfatal: early EOF"))
    assert r"remote: aborting\x00\x1b[2J\u202e now; fatal: early EOF" in told


def test_an_object_that_the_remote_has_lost_is_said() -> None:
    said = "remote: fatal: unable to read 8c1e\nremote: aborting due to possible repository corruption\nearly EOF"
    error = fetch_error("fetching", said)
    assert "the remote has lost objects" in str(error)
    assert isinstance(error, BlindError)
    assert not isinstance(error, DamagedError)
    assert "git fsck" in error.hint
