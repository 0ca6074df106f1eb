"""Branches of proposals: the only ones that are taken away, and only if they still are as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.errors import BugError
from reconciler.model.names import CommitId
from reconciler.repo.lastchange import LastChanges
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from tests.repo.conftest import PRODUCTION, Hub, OpenMirror, fetched, new

REF = "refs/heads/proposals/production/p1-02"


def proposed(mirror: Mirror, base: CommitId) -> CommitId:
    [commit] = mirror.write(base, [new({"ops/production/carts/commands/x.yaml": b"verb: approve\n"}, "approve")])
    assert mirror.push([RefUpdate(REF, None, commit)]).landed
    return commit


@pytest.mark.parametrize("share", [True, False])
def test_a_proposal_is_pushed_once_and_taken_away_if_it_is_as_it_was(
    hub: Hub, open_mirror: OpenMirror, share: bool
) -> None:
    base = hub.land({"a": b"1"})
    mirror = open_mirror("one", share=share)
    fetched(mirror)
    commit = proposed(mirror, base)
    [other] = mirror.write(base, [new({"b": b"2"}, "another")])
    assert mirror.push([RefUpdate(REF, None, other)]).lost == (REF,)
    assert mirror.push([RefUpdate(REF, other, None)]).lost == (REF,)
    assert mirror.tips([REF]) == {REF: commit}
    assert mirror.push([RefUpdate(REF, commit, None)]).landed
    assert mirror.tips([REF]) == {REF: None}
    assert fetched(mirror) == base


@pytest.mark.parametrize("ref", [PRODUCTION, "refs/heads/proposal", "refs/heads/ops/production"])
def test_nothing_else_is_ever_taken_away(hub: Hub, open_mirror: OpenMirror, ref: str) -> None:
    base = hub.land({"a": b"1"})
    with pytest.raises(BugError, match="no proposal"):
        open_mirror("one").push([RefUpdate(ref, base, None)])
    with pytest.raises(BugError, match="no proposal"):
        open_mirror("two").push([replace(RefUpdate(REF, base, None), old=None)])


def test_a_file_arrives_with_the_merge_that_brought_it(hub: Hub, open_mirror: OpenMirror) -> None:
    hub.land({"a": b"1"})
    path = "ops/production/carts/commands/x.yaml"
    brought = hub.land({path: b"verb: approve\n"})
    tip = hub.land({"a": b"2"})
    mirror = open_mirror("one")
    fetched(mirror)
    found = LastChanges(mirror).arrival(tip, path)
    assert found is not None
    assert found.id == brought
