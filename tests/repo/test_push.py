"""The linearisation point: who moves a branch, and what everybody else is told."""

from __future__ import annotations

import pytest

from reconciler.model.errors import BugError, TransientError
from reconciler.model.names import CommitId
from reconciler.repo.engine import Timeouts
from reconciler.repo.faults import transport_error
from reconciler.repo.mirror import Mirror
from reconciler.repo.process import Finished
from reconciler.repo.push import RefUpdate, push_result
from tests.repo.conftest import PRODUCTION, Hub, OpenMirror, fetched, git, new

STAGING = "refs/heads/staging"


def step(mirror: Mirror, tip: CommitId | None, text: str) -> CommitId:
    [made] = mirror.write(tip, [new({f"ops/{text}": text.encode()}, text)])
    return made


def test_a_commit_lands(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    made = step(mirror, base, "one")
    result = mirror.push([RefUpdate(PRODUCTION, base, made)])
    assert result.landed
    assert not result.lost
    assert not result.declined
    assert hub.tip() == made == mirror.tips([PRODUCTION])[PRODUCTION]
    assert hub.git("fsck", "--strict", "--no-dangling") == ""


def test_a_branch_is_made(mirror: Mirror, hub: Hub) -> None:
    made = step(mirror, None, "first")
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: None}
    assert mirror.push([RefUpdate(PRODUCTION, None, made)]).landed
    assert hub.tip() == made


def test_g1_the_slower_of_two_loses_then_lands(hub: Hub, open_mirror: OpenMirror) -> None:
    for share in (True, False):
        base = hub.land({"a": b"%d" % share})
        quick, slow = open_mirror(f"quick{share}", share=share), open_mirror(f"slow{share}", share=share)
        assert fetched(quick) == fetched(slow) == base
        mine, theirs = step(slow, base, "slow"), step(quick, base, "quick")
        assert quick.push([RefUpdate(PRODUCTION, base, theirs)]).landed
        result = slow.push([RefUpdate(PRODUCTION, base, mine)])
        assert (result.landed, result.lost, dict(result.declined)) == (False, (PRODUCTION,), {})
        assert "stale info" in result.refs[PRODUCTION].message
        again = fetched(slow)
        assert again == theirs
        mine = step(slow, again, "slow")
        assert slow.push([RefUpdate(PRODUCTION, again, mine)]).landed
        assert [info.message for info in slow.commits(mine, since=base)] == ["slow", "quick"]


def test_a_branch_that_somebody_made_is_lost(mirror: Mirror, hub: Hub) -> None:
    theirs = hub.land({"a": b"1"})
    result = mirror.push([RefUpdate(PRODUCTION, None, step(mirror, None, "mine"))])
    assert result.lost == (PRODUCTION,)
    assert hub.tip() == theirs


def test_g4_a_branch_that_was_deleted_is_lost_and_not_made_again(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    hub.land({"a": b"1"}, "main")
    fetched(mirror)
    hub.git("update-ref", "-d", PRODUCTION)
    assert mirror.push([RefUpdate(PRODUCTION, base, step(mirror, base, "mine"))]).lost == (PRODUCTION,)
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: None}
    assert mirror.heads().keys() == {"refs/heads/main"}
    hub.git("update-ref", PRODUCTION, base)
    assert mirror.push([RefUpdate(PRODUCTION, base, step(mirror, base, "mine"))]).landed


def test_g3_nothing_is_ever_rewritten(mirror: Mirror, hub: Hub) -> None:
    base, tip = hub.land({"a": b"1"}), hub.land({"a": b"2"})
    fetched(mirror)
    with pytest.raises(BugError, match="would be rewritten"):
        mirror.push([RefUpdate(PRODUCTION, tip, step(mirror, base, "beside"))])
    with pytest.raises(BugError, match="would be rewritten"):
        mirror.push([RefUpdate(PRODUCTION, tip, base)])
    assert hub.tip() == tip


def test_a_commit_of_another_mirrors_may_be_pushed(hub: Hub, open_mirror: OpenMirror) -> None:
    """What descends from what is asked of git where this mirror did not write it."""
    base = hub.land({"a": b"1"})
    mirror = open_mirror()
    fetched(mirror)
    made = hub.land({"a": b"2"})
    hub.git("update-ref", PRODUCTION, base)
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed


def test_several_refs_move_together_or_not_at_all(mirror: Mirror, hub: Hub) -> None:
    base, other = hub.land({"a": b"1"}), hub.land({"a": b"1"}, "staging")
    tips = mirror.tips([PRODUCTION, STAGING])
    mirror.fetch(tips)
    theirs = hub.land({"a": b"2"}, "staging")
    updates = [
        RefUpdate(PRODUCTION, base, step(mirror, base, "p")),
        RefUpdate(STAGING, other, step(mirror, other, "s")),
    ]
    result = mirror.push(updates)
    assert {ref: found.outcome for ref, found in result.refs.items()} == {PRODUCTION: "withheld", STAGING: "lost"}
    assert not result.landed
    assert (hub.tip(), hub.tip("staging")) == (base, theirs)
    mirror.fetch(mirror.tips([STAGING]))
    updates[1] = RefUpdate(STAGING, theirs, step(mirror, theirs, "s"))
    assert mirror.push(updates).landed


def test_g7_a_hook_declines_and_says_why(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    hub.hook("pre-receive", "echo 'only by pull request, see the handbook' >&2; exit 1")
    result = mirror.push([RefUpdate(PRODUCTION, base, step(mirror, base, "mine"))])
    assert result.lost == ()
    assert "pre-receive hook declined" in result.declined[PRODUCTION]
    assert "only by pull request, see the handbook" in result.declined[PRODUCTION]
    assert hub.tip() == base


def test_g7_one_protected_branch_holds_the_others_back(mirror: Mirror, hub: Hub) -> None:
    base, other = hub.land({"a": b"1"}), hub.land({"a": b"1"}, "staging")
    mirror.fetch(mirror.tips([PRODUCTION, STAGING]))
    hub.hook("update", f'test "$1" != {PRODUCTION}')
    result = mirror.push(
        [
            RefUpdate(PRODUCTION, base, step(mirror, base, "p")),
            RefUpdate(STAGING, other, step(mirror, other, "s")),
        ]
    )
    assert list(result.declined) == [PRODUCTION]
    assert result.refs[STAGING].outcome in {"withheld", "declined"}
    assert (hub.tip(), hub.tip("staging")) == (base, other)


def test_g7_what_was_accepted_and_dropped_shows_when_read_back(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    hub.hook("post-receive", f"unset GIT_QUARANTINE_PATH; git update-ref {PRODUCTION} {base}")
    made = step(mirror, base, "mine")
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed
    assert mirror.tips([PRODUCTION])[PRODUCTION] == base != made


def test_the_branch_that_somebody_has_checked_out_is_declined(hub: Hub, open_mirror: OpenMirror) -> None:
    work = hub.path.with_name("work")
    hub.land({"a": b"1"}, "main")
    git(hub.path.parent, "clone", "-q", str(hub.path), str(work))
    mirror = open_mirror(url=str(work))
    assert mirror.default_branch() == "refs/heads/main"
    base = fetched(mirror, "refs/heads/main")
    result = mirror.push([RefUpdate("refs/heads/main", base, step(mirror, base, "mine"))])
    assert "checked out" in result.declined["refs/heads/main"]


def test_a_lock_that_somebody_holds_is_a_race(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    lock = hub.path / f"{PRODUCTION}.lock"
    lock.touch()
    made = step(mirror, base, "mine")
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).lost == (PRODUCTION,)
    lock.unlink()
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed


def test_pushing_again_what_landed_is_landing(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    made = step(mirror, base, "mine")
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed
    again = mirror.push([RefUpdate(PRODUCTION, base, made)])
    assert mirror.tips([PRODUCTION])[PRODUCTION] == made
    assert again.landed or again.lost


def test_g5_a_remote_that_went_away_is_no_outcome(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    made = step(mirror, base, "mine")
    away = hub.path.rename(hub.path.with_name("away"))
    with pytest.raises(TransientError):
        mirror.push([RefUpdate(PRODUCTION, base, made)])
    away.rename(hub.path)
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed


def test_g5_a_push_that_is_given_up_leaves_no_lock_in_the_remote(hub: Hub, open_mirror: OpenMirror) -> None:
    base = hub.land({"a": b"1"})
    mirror = open_mirror(timeouts=Timeouts(network=0.5))
    made = step(mirror, base, "mine")
    hub.hook("reference-transaction", 'test "$1" != prepared || exec sleep 600')
    with pytest.raises(TransientError, match="no answer within"):
        mirror.push([RefUpdate(PRODUCTION, base, made)])
    (hub.path / "hooks" / "reference-transaction").unlink()
    mirror._engine.timeouts = Timeouts()
    assert not list(hub.path.rglob("*.lock"))
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: base}
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed


def test_a_push_needs_distinct_refs(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    update = RefUpdate(PRODUCTION, base, step(mirror, base, "mine"))
    for updates in ([], [update, update]):
        with pytest.raises(BugError):
            mirror.push(updates)


UPDATES = [RefUpdate(PRODUCTION, None, CommitId("1" * 40)), RefUpdate(STAGING, None, CommitId("2" * 40))]


@pytest.mark.parametrize(
    ("summary", "outcome"),
    [
        ("[rejected] (stale info)", "lost"),
        ("[rejected] (fetch first)", "lost"),
        ("[rejected] (non-fast-forward)", "lost"),
        ("[rejected] (already exists)", "lost"),
        ("[remote rejected] (failed to update ref)", "lost"),
        ("[remote rejected] (cannot lock ref 'refs/heads/x': is at 1 but expected 2)", "lost"),
        ("[remote rejected] (incorrect old value provided)", "lost"),
        ("[remote rejected] (atomic transaction failed)", "lost"),
        ("[remote rejected] (pre-receive hook declined)", "declined"),
        ("[remote rejected] (protected branch hook declined)", "declined"),
        ("[remote rejected] (deny updating a hidden ref)", "declined"),
        ("[remote rejected] (something new)", "declined"),
    ],
)
def test_refusals_are_told_apart(summary: str, outcome: str) -> None:
    text = f"To x\n!\t{'1' * 40}:{PRODUCTION}\t{summary}\nDone\n"
    result = push_result(UPDATES[:1], Finished(1, b"", ""), text, "")
    assert result.refs[PRODUCTION].outcome == outcome
    assert not result.landed


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, ""),
        (128, ""),
        (0, f"*\t{'1' * 40}:{PRODUCTION}\t[new branch]\n"),
        (1, f"*\t{'1' * 40}:{PRODUCTION}\t[new branch]\n*\t{'2' * 40}:{STAGING}\t[new branch]\n"),
        (1, f"!\t{'1' * 40}:{PRODUCTION}\t[remote rejected] (unpacker error)\n"),
        (1, f"!\t{'1' * 40}:{PRODUCTION}\t[remote rejected] (unable to migrate objects to permanent storage)\n"),
        (1, f"!\t{'1' * 40}:{PRODUCTION}\t[remote failure] (remote failed to report status)\n"),
    ],
)
def test_an_outcome_that_is_not_clear_is_an_error(status: int, text: str) -> None:
    with pytest.raises(TransientError):
        push_result(UPDATES, Finished(status, b"", ""), text, "")


def test_what_is_not_known_passes_by_itself() -> None:
    error = transport_error("pushing", "fatal: the moon is in the wrong house")
    assert type(error) is TransientError
    assert "wrong house" in str(error)
