"""How a row that was kept while the remote was away gets there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.model.errors import TerminalError, TransientError
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId
from reconciler.repo.away import LEFT
from reconciler.repo.homecoming import Home, bring_home, unpushed
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from reconciler.repo.signing import SshKeyFile
from tests.repo.conftest import PRODUCTION, Hub, fetched, git, new
from tests.repo.signing_keys import make_key

NOW = Instant(1_795_000_000)


@pytest.fixture
def server(hub: Hub) -> Iterator[GitHttpServer]:
    with GitHttpServer(hub.path.parent) as serving:
        yield serving


@pytest.fixture
def mirror(server: GitHttpServer, tmp_path: Path) -> Iterator[Mirror]:
    with Mirror.open(tmp_path / "mirror", f"{server.url}/hub.git") as opened:
        yield opened


@pytest.fixture
def base(mirror: Mirror, hub: Hub) -> CommitId:
    """A remote that is away, and where its branch was; `kept` goes on from there."""
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    tip = hub.land({"a": b"1", "gone": b"1", "d/x": b"1"})
    mirror.default_branch()
    assert fetched(mirror) == tip
    return tip


def kept(mirror: Mirror, old: CommitId | None, *changes: dict[str, bytes | None], ref: str = PRODUCTION) -> CommitId:
    """Keep commits for a branch, as if it had moved while the remote was away; the remote may be asked again."""
    mirror.go_without(NOW)
    written = mirror.write(old, [new(files, minutes=at) for at, files in enumerate(changes)])
    assert mirror.push([RefUpdate(ref, mirror.tips([ref])[ref], written[-1])]).landed
    mirror.away.out = False
    return written[-1]


def home(mirror: Mirror, ref: str = PRODUCTION) -> Home:
    found = bring_home(mirror, ref, NOW)
    mirror.away.reached()
    assert mirror.away.seen is None
    return found


def files(hub: Hub) -> dict[str, str]:
    names = hub.git("ls-tree", "-r", "--name-only", "production").splitlines()
    return {name: hub.git("show", f"production:{name}") for name in names}


def test_where_nothing_has_moved_the_very_row_is_pushed(mirror: Mirror, hub: Hub, base: CommitId) -> None:
    ours = kept(mirror, base, {"b": b"1"}, {"b": b"2"})
    assert unpushed(mirror, PRODUCTION) == 2
    assert home(mirror) == Home("pushed", 2)
    assert hub.tip() == ours
    assert unpushed(mirror, PRODUCTION) == 0


def test_what_is_there_already_is_not_pushed_again(mirror: Mirror, hub: Hub, base: CommitId) -> None:
    """The process was killed between the push and its own note of it, and people have gone on since."""
    ours = kept(mirror, base, {"b": b"1"})
    assert mirror.push([RefUpdate(PRODUCTION, base, ours)]).landed
    later = hub.land({"c": b"1"})
    assert home(mirror) == Home("there", 1)
    assert hub.tip() == later


def test_what_only_one_side_changed_is_in_the_merge(mirror: Mirror, hub: Hub, base: CommitId) -> None:
    ours = kept(mirror, base, {"b": b"ours", "gone": None}, {"e/f/g": b"ours"})
    theirs = hub.land({"a": b"theirs", "d/x": None})
    assert home(mirror) == Home("merged", 2)
    assert files(hub) == {"a": "theirs", "b": "ours", "e/f/g": "ours"}
    assert hub.git("log", "-1", "--format=%P", "production").split() == [theirs, ours]
    assert (
        hub.git("log", "-1", "--format=%an %s", "production")
        == "reconciler production: 2 commits from while the repository was away"
    )


def test_what_both_sides_changed_stays_as_the_remote_has_it(mirror: Mirror, hub: Hub, base: CommitId) -> None:
    kept(mirror, base, {"a": b"ours", "gone": b"ours", "same": b"1", "b": b"ours", "d/x": None, "f": b"1", "g/h": b"1"})
    hub.land({"a": b"theirs", "gone": None, "same": b"1", "d/x": b"theirs", "f/below": b"1", "g": b"1"})
    assert home(mirror) == Home("merged", 1, both=("a", "d/x", "f", "g/h", "gone"))
    assert files(hub) == {"a": "theirs", "b": "ours", "same": "1", "d/x": "theirs", "f/below": "1", "g": "1"}
    assert "- g/h" in hub.git("log", "-1", "--format=%B", "production").splitlines()


def test_somebody_who_is_faster_than_the_merge_is_merged_too(
    mirror: Mirror, hub: Hub, base: CommitId, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(mirror, base, {"b": b"ours"})
    hub.land({"a": b"theirs"})
    write, faster = mirror.write, [{"c": b"faster"}]

    def writing(*given: object) -> list[CommitId]:
        if faster:
            hub.land(faster.pop())
        return write(*given)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(mirror, "write", writing)
    assert home(mirror).how == "merged"
    assert files(hub).keys() == {"a", "b", "c", "gone", "d/x"}


def test_a_branch_that_was_rewritten_gets_nothing(mirror: Mirror, hub: Hub, base: CommitId) -> None:
    ours = kept(mirror, base, {"b": b"1"})
    rewritten = hub.point(hub.commit_tree(hub.git("rev-parse", f"{base}^{{tree}}")))
    assert home(mirror) == Home("left", 1, aside=f"{LEFT}{ours}")
    assert hub.tip() == rewritten
    assert git(mirror.path, "rev-parse", f"{LEFT}{ours}") == ours


def test_a_branch_that_is_gone_is_waited_for(mirror: Mirror, hub: Hub, base: CommitId) -> None:
    ours = kept(mirror, base, {"b": b"1"})
    hub.git("update-ref", "-d", PRODUCTION)
    with pytest.raises(TransientError, match="is not there"):
        bring_home(mirror, PRODUCTION, NOW)
    assert mirror.away.kept == {PRODUCTION: ours}
    hub.point(base)
    assert home(mirror) == Home("pushed", 1)


def test_what_is_declined_stays_kept(mirror: Mirror, hub: Hub, base: CommitId) -> None:
    ours = kept(mirror, base, {"b": b"1"})
    hub.hook("pre-receive", "echo 'not you'; exit 1")
    with pytest.raises(TerminalError, match="not you"):
        bring_home(mirror, PRODUCTION, NOW)
    assert mirror.away.kept == {PRODUCTION: ours}


def test_what_is_taken_and_not_shown_stays_kept(
    mirror: Mirror, hub: Hub, base: CommitId, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = kept(mirror, base, {"b": b"1"})
    monkeypatch.setattr(mirror, "tips", lambda refs: dict.fromkeys(refs, base))
    with pytest.raises(TerminalError, match="does not show it"):
        bring_home(mirror, PRODUCTION, NOW)
    assert mirror.away.kept == {PRODUCTION: ours}


def test_a_branch_that_was_not_there_yet_begins_with_the_row(mirror: Mirror, hub: Hub, base: CommitId) -> None:
    ref = "refs/heads/ops/production"
    assert mirror.tips([ref]) == {ref: None}
    ours = kept(mirror, base, {"ops/production/x": b"1"}, ref=ref)
    assert home(mirror, ref).how == "pushed"
    assert hub.tip("ops/production") == ours


def test_a_branch_that_somebody_began_meanwhile_is_merged(mirror: Mirror, hub: Hub, base: CommitId) -> None:
    ref = "refs/heads/ops/production"
    mirror.tips([ref])
    kept(mirror, base, {"ops/production/x": b"1"}, ref=ref)
    hub.point(base, "ops/production")
    hub.land({"ops/production/y": b"1"}, "ops/production")
    assert home(mirror, ref).how == "merged"
    assert hub.git("ls-tree", "-r", "--name-only", "ops/production", "ops/").split() == [
        "ops/production/x",
        "ops/production/y",
    ]


def test_a_merge_is_signed_and_keeps_both_parents(server: GitHttpServer, hub: Hub, tmp_path: Path) -> None:
    key = make_key(tmp_path, "ours")
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    base = hub.land({"a": b"1"})
    with Mirror.open(tmp_path / "m", f"{server.url}/hub.git", signer=SshKeyFile(key.private)) as mirror:
        mirror.default_branch()
        fetched(mirror)
        ours = kept(mirror, base, {"b": b"1"}, {"b": b"2"})
        theirs = hub.land({"c": b"1"})
        assert home(mirror).how == "merged"
    raw = hub.git("cat-file", "commit", "production")
    assert "\ngpgsig -----BEGIN SSH SIGNATURE-----" in raw
    assert [line for line in raw.splitlines() if line.startswith("parent ")] == [f"parent {theirs}", f"parent {ours}"]


def test_a_remote_that_goes_away_again_leaves_all_as_it_is(
    mirror: Mirror, hub: Hub, base: CommitId, server: GitHttpServer
) -> None:
    ours = kept(mirror, base, {"b": b"1"})
    hub.land({"c": b"1"})
    server.faults = [GitFault("status", "git-receive-pack", times=None)]
    with pytest.raises(TransientError):
        bring_home(mirror, PRODUCTION, NOW)
    assert mirror.away.kept == {PRODUCTION: ours}
    server.faults = []
    assert home(mirror).how == "merged"
