"""The files of those who may sign are read when they change, and nothing else is judged by meanwhile."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.model.errors import BlindError
from reconciler.repo.signatures import Verdict
from reconciler.repo.signatures_signers import Signers
from tests.repo.signing_keys import ADA, allow, make_key, signed_commit

WHEN = datetime(2027, 1, 15, tzinfo=UTC)
BY_GPG = b"tree 1\ngpgsig -----BEGIN PGP SIGNATURE-----\n\nmessage"


class Gpg:
    """Finds every signature good, and says by whom it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name

    def judge(self, payload: bytes, signature: bytes) -> Verdict:
        return Verdict("good", self.name, "")


def test_they_are_read_again_when_they_change(tmp_path: Path) -> None:
    file = tmp_path / "allowed"
    signers = Signers(file)
    assert signers.number == 0
    assert "cannot be read" in signers.trouble
    with pytest.raises(BlindError, match="nobody can say who may sign"):
        signers.judge_people()
    allow(file, (ADA, make_key(tmp_path)))
    assert (signers.number, signers.trouble) == (1, "")
    judge = signers.judge_people()
    assert signers.judge_people() is judge
    file.write_text("nonsense\n")
    assert "no key" in signers.trouble
    assert signers.number == 1, "what was judged before stays judged"
    with pytest.raises(BlindError):
        signers.judge_ours()
    allow(file)
    assert (signers.number, signers.trouble) == (2, "")


def test_a_revoked_key_counts_no_more_once_it_is_listed(tmp_path: Path) -> None:
    repo, key = _repo(tmp_path), make_key(tmp_path)
    allowed = allow(tmp_path / "allowed", (ADA, key))
    revoked = tmp_path / "revoked"
    revoked.write_text("")
    signers = Signers(allowed, revoked)
    raw = _raw(repo, signed_commit(repo, _git(repo, "mktree"), key))
    assert signers.judge_people().judge(raw, ADA, WHEN).good
    revoked.write_text(key.public + "\n")
    assert signers.judge_people().judge(raw, ADA, WHEN).kind == "revoked"


def test_gpg_keys_of_people_say_nothing_for_reconciler_and_the_other_way_round(tmp_path: Path) -> None:
    allowed = allow(tmp_path / "allowed")
    both = Signers(allowed, ours=Gpg("ours"), people=Gpg("people"))
    assert both.judge_ours().judge(BY_GPG, ADA, WHEN).key == "ours"
    assert both.judge_people().judge(BY_GPG, ADA, WHEN).key == "people"
    only = Signers(allowed, people=Gpg("people"))
    assert only.judge_ours().judge(BY_GPG, ADA, WHEN).kind == "unknown"


def _repo(folder: Path) -> Path:
    repo = folder / "repo.git"
    _git(folder, "init", "-q", "--bare", str(repo))
    return repo


def _raw(repo: Path, commit: str) -> bytes:
    return subprocess.run(["git", "cat-file", "commit", commit], cwd=repo, capture_output=True, check=True).stdout


def _git(where: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=where, capture_output=True, check=True, input=b"")
    return done.stdout.decode().strip()
