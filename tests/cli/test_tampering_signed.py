"""What no replay can see, signatures tell: who made a step, whose facts it was decided on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.repo.signing import SshKeyFile
from tests.cli.conftest import Reconciler
from tests.decide.world import World
from tests.repo.conftest import git
from tests.repo.replaying import made
from tests.repo.signing_keys import OURS, allow, make_key
from tests.repo.tampering import signed, story


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[SshKeyFile, SshKeyFile, Path]:
    """Our key, a stranger's, and the file that allows ours."""
    folder = tmp_path_factory.mktemp("keys")
    ours, stranger = make_key(folder, "ours"), make_key(folder, "stranger")
    return SshKeyFile(ours.private), SshKeyFile(stranger.private), allow(folder / "allowed", (OURS, ours))


def opened(world: World) -> None:
    world.open("p1")
    world.tick()


def invented(world: World) -> None:
    """The same with another workload than there ever was; what follows from that is what the rules say."""
    world.around.workloads["carts-primary"].replicas = 3
    opened(world)


class Copied:
    """Signs with what was made for another commit."""

    def __init__(self, signer: SshKeyFile) -> None:
        self._signer = signer

    def sign(self, _: bytes) -> bytes:
        return self._signer.sign(b"another commit\n")


def _checked(reconciler: Reconciler, path: Path, allowed: Path) -> tuple[int, int, list[dict[str, Any]]]:
    replay = reconciler("replay", "--repo", path, "--stage", "production")
    verify = reconciler("verify", "--repo", path, "--stage", "production", "--allowed-signers", allowed, "-o", "json")
    return replay.code, verify.code, json.loads(verify.out)["stages"][0]["findings"]


def test_signed_steps_are_exact_and_good(
    keys: tuple[SshKeyFile, SshKeyFile, Path], tmp_path: Path, reconciler: Reconciler
) -> None:
    made(tmp_path / "past.git", story)
    signed(tmp_path / "past.git", lambda _: keys[0])
    assert _checked(reconciler, tmp_path / "past.git", keys[2]) == (0, 0, [])


FORGED = pytest.mark.parametrize(
    ("signer", "words"),
    [
        (lambda ours, stranger: None, "it is not signed"),
        (lambda ours, stranger: stranger, "is nobody's who may sign"),
        (lambda ours, stranger: Copied(ours), "its signature is not over what it holds"),
    ],
    ids=["unsigned", "another key", "the signature of another commit"],
)


@FORGED
def test_a_replay_says_why_it_does_not_believe_a_step(
    signer: Callable[[SshKeyFile, SshKeyFile], SshKeyFile | None], words: str,
    keys: tuple[SshKeyFile, SshKeyFile, Path], tmp_path: Path, reconciler: Reconciler,
) -> None:  # fmt: skip
    """Whoever reads that reconciler changed what only reconciler writes looks for a fault in the wrong place."""
    ours, stranger, allowed = keys
    made(tmp_path / "past.git", opened)
    steps = signed(tmp_path / "past.git", lambda number: signer(ours, stranger) if number == 3 else ours)
    arguments = ("replay", "--repo", tmp_path / "past.git", "--stage", "production", "--allowed-signers", allowed)
    result = reconciler(*arguments, "-o", "json")
    (found,) = json.loads(result.out)["stages"][0]["findings"]
    assert (result.code, found["commit"], found["kind"]) == (1, steps[3], "foreign")
    assert "changed in the name of reconciler <reconciler@localhost>, and is not signed by us: " in found["what"]
    assert words in found["what"]
    assert found["what"].endswith("; no step answers it")


@FORGED
def test_a_step_that_reconciler_did_not_sign_is_named_by_verify(
    signer: Callable[[SshKeyFile, SshKeyFile], SshKeyFile | None], words: str,
    keys: tuple[SshKeyFile, SshKeyFile, Path], tmp_path: Path, reconciler: Reconciler,
) -> None:  # fmt: skip
    """Its content is what had to come, so a replay is satisfied."""
    ours, stranger, allowed = keys
    made(tmp_path / "past.git", opened)
    steps = signed(tmp_path / "past.git", lambda number: signer(ours, stranger) if number == 2 else ours)
    replay, verify, (found,) = _checked(reconciler, tmp_path / "past.git", allowed)
    assert (replay, verify) == (0, 1)
    assert (found["commit"], found["step"]) == (steps[2], 2)
    assert words in found["what"]


def test_what_was_changed_after_it_was_signed_is_found_by_both(
    keys: tuple[SshKeyFile, SshKeyFile, Path], tmp_path: Path, reconciler: Reconciler
) -> None:
    path = tmp_path / "past.git"
    made(path, opened)
    steps = signed(path, lambda _: keys[0])
    raw = git(path, "cat-file", "commit", steps[3]) + "\n"
    forged = git(
        path, "hash-object", "-t", "commit", "-w", "--stdin", data=raw.replace("took effect", "failed").encode()
    )
    git(path, "update-ref", "refs/heads/production", forged)
    replay, verify, (found,) = _checked(reconciler, path, keys[2])
    assert (replay, verify, found["commit"]) == (1, 1, forged)
    assert "its signature is not over what it holds" in found["what"]


def test_invented_facts_replay_and_only_a_signature_tells(
    keys: tuple[SshKeyFile, SshKeyFile, Path], tmp_path: Path, reconciler: Reconciler
) -> None:
    """Facts cannot be derived from anything: whoever decides on others by the rules makes another true history."""
    made(tmp_path / "past.git", invented)
    replay, verify, found = _checked(reconciler, tmp_path / "past.git", keys[2])
    assert (replay, verify) == (0, 1)
    assert all("it is not signed" in each["what"] for each in found)
    assert [each["step"] for each in found] == [1, 2, 3]
