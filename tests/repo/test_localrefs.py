from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from reconciler.model.errors import BlindError, UserError
from reconciler.repo.localrefs import LocalRefs
from tests.repo.conftest import PRODUCTION, Hub


def test_loose_and_packed_refs_are_read(hub: Hub) -> None:
    refs = LocalRefs(hub.path)
    assert refs.read(PRODUCTION) is None
    one = hub.land({"a": b"1"})
    hub.land({"a": b"1"}, "team/x/prod")
    assert refs.read(PRODUCTION) == one
    hub.git("pack-refs", "--all", "--prune")
    assert not (hub.path / PRODUCTION).exists()
    assert refs.read(PRODUCTION) == one
    two = hub.land({"a": b"2"})
    assert refs.read(PRODUCTION) == two
    hub.git("pack-refs", "--all", "--prune")
    assert refs.read(PRODUCTION) == two
    assert refs.below("refs/heads/team/") == {"refs/heads/team/x/prod": hub.tip("team/x/prod")}
    assert refs.below("refs/heads/").keys() == {PRODUCTION, "refs/heads/team/x/prod"}
    hub.git("update-ref", "-d", PRODUCTION)
    assert refs.read(PRODUCTION) is None
    assert refs.read("refs/heads/production/below") is None


def test_a_name_that_ends_like_another_is_not_it(hub: Hub) -> None:
    hub.land({"a": b"1"}, "x/refs/heads/production")
    hub.git("pack-refs", "--all", "--prune")
    assert LocalRefs(hub.path).read(PRODUCTION) is None


def test_symbolic_refs_are_followed(hub: Hub) -> None:
    tip = hub.land({"a": b"1"})
    hub.git("symbolic-ref", "refs/heads/live", PRODUCTION)
    refs = LocalRefs(hub.path)
    assert refs.read("refs/heads/live") == tip
    assert refs.head() == "refs/heads/main"
    hub.git("symbolic-ref", "refs/heads/live", "refs/heads/live2")
    hub.git("symbolic-ref", "refs/heads/live2", "refs/heads/live")
    with pytest.raises(BlindError, match="never ends"):
        refs.read("refs/heads/live")


def test_a_detached_head_names_no_branch(hub: Hub) -> None:
    tip = hub.land({"a": b"1"})
    hub.git("update-ref", "--no-deref", "HEAD", tip)
    assert LocalRefs(hub.path).head() is None


def test_an_emptied_ref_makes_blind(hub: Hub) -> None:
    hub.land({"a": b"1"})
    (hub.path / PRODUCTION).write_bytes(b"")
    with pytest.raises(BlindError, match="holds no commit id"):
        LocalRefs(hub.path).read(PRODUCTION)


def test_g5_a_repository_that_is_gone_makes_blind(tmp_path: Path) -> None:
    refs = LocalRefs(tmp_path / "gone.git")
    with pytest.raises(BlindError, match="there is no Git repository"):
        refs.read(PRODUCTION)
    with pytest.raises(BlindError, match="any more"):
        refs.head()


def test_only_full_names_are_read(hub: Hub) -> None:
    for name in ("../../etc/passwd", "HEAD", "refs/heads/../../config", "--x"):
        with pytest.raises(UserError):
            LocalRefs(hub.path).read(name)


def test_names_that_are_not_text_are_left_out(hub: Hub) -> None:
    tip = hub.land({"a": b"1"})
    hub.git("update-ref", os.fsdecode(b"refs/heads/caf\xe9"), tip)
    refs = LocalRefs(hub.path)
    assert refs.below("refs/heads/") == {PRODUCTION: tip}
    hub.git("pack-refs", "--all", "--prune")
    assert refs.below("refs/heads/") == {PRODUCTION: tip}


def test_g19_a_ref_is_never_missed_while_it_is_packed(hub: Hub) -> None:
    tips = [hub.land({"a": b"%d" % number}) for number in range(2)]
    refs = LocalRefs(hub.path)
    done = threading.Event()

    def pack() -> None:
        for number in range(40):
            hub.git("update-ref", PRODUCTION, tips[number % 2])
            hub.git("pack-refs", "--all", "--prune")
        done.set()

    packer = threading.Thread(target=pack)
    packer.start()
    seen = set()
    while not done.is_set():
        seen.add(refs.read(PRODUCTION))
        seen.add(refs.below("refs/heads/").get(PRODUCTION))
    packer.join()
    assert seen == set(tips)
