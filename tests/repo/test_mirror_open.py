"""Opening a mirror: what is made, kept, swept, set aside or refused."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import BlindError, ConfigError
from reconciler.model.names import CommitId
from reconciler.repo import upkeep
from reconciler.repo.faults import DamagedError
from reconciler.repo.mirror import Mirror
from reconciler.repo.origin import LocalOrigin, check_format
from reconciler.repo.push import RefUpdate
from tests.repo.conftest import PRODUCTION, Hub, OpenMirror, children, fetched, git, living, new, spoil


def test_a_mirror_is_made_and_found_again(hub: Hub, open_mirror: OpenMirror) -> None:
    base = hub.land({"a": b"1"})
    for share in (True, False):
        with open_mirror(f"mirror-{share}", share=share) as mirror:
            assert mirror.shared == share
            assert fetched(mirror) == base
            [made] = mirror.write(base, [new({"b": b"1"})])
        with open_mirror(f"mirror-{share}", share=share) as mirror:
            assert mirror.blob_at(made, "b") is not None
            assert fetched(mirror) == base


def test_a_fetching_mirror_knows_what_it_has(hub: Hub, open_mirror: OpenMirror) -> None:
    hub.land({"a": b"1"})
    with open_mirror(share=False) as mirror:
        tips = mirror.tips([PRODUCTION])
        mirror.fetch(tips)
    away = hub.path.rename(hub.path.with_name("away"))
    with open_mirror(share=False, url=f"{hub.path}") as mirror:
        mirror.fetch(tips)
        with pytest.raises(BlindError):
            mirror.fetch({PRODUCTION: CommitId("1" * 40)})
    away.rename(hub.path)


def test_an_empty_repository_is_a_repository(mirror: Mirror) -> None:
    assert mirror.tips([PRODUCTION, "refs/heads/main"]) == {PRODUCTION: None, "refs/heads/main": None}
    assert mirror.heads() == {}
    assert mirror.tips([]) == {}
    mirror.fetch(mirror.tips([PRODUCTION]))


def test_branches_are_listed_narrowly(mirror: Mirror, hub: Hub) -> None:
    for branch in ("main", "production", "ops/production", "ops/staging", "opsx"):
        hub.land({"a": b"1"}, branch)
    hub.git("tag", "ops", "main")
    hub.git("update-ref", "refs/pull/1/head", "refs/heads/main")
    assert mirror.heads("refs/heads/ops/").keys() == {"refs/heads/ops/production", "refs/heads/ops/staging"}
    assert mirror.heads().keys() == {
        f"refs/heads/{branch}" for branch in ("main", "production", "ops/production", "ops/staging", "opsx")
    }
    assert mirror.default_branch() == "refs/heads/main"


def test_a_branch_that_became_a_folder_is_followed(mirror: Mirror, hub: Hub) -> None:
    hub.land({"a": b"1"}, "team")
    fetched(mirror, "refs/heads/team")
    hub.git("update-ref", "-d", "refs/heads/team")
    inside = hub.land({"a": b"2"}, "team/production")
    assert fetched(mirror, "refs/heads/team/production") == inside
    assert mirror.tips(["refs/heads/team"]) == {"refs/heads/team": None}


def test_g8_leftovers_of_killed_processes_are_swept(hub: Hub, open_mirror: OpenMirror) -> None:
    base = hub.land({"a": b"1"})
    mirror = open_mirror()
    [made] = mirror.write(base, [new({"a": b"2"})])
    for pid in mirror.pids():
        os.kill(pid, signal.SIGKILL)
    mirror.close()
    ours = mirror.path
    leftovers = (
        "packed-refs.lock",
        "refs/reconciler/writer.lock",
        "objects/pack/tmp_pack_x",
        "objects/pack/tmp_idx_x",
        "objects/info/commit-graphs/commit-graph-chain.lock",
        "objects/tmp_objdir-incoming-x/pack/y",
        "fast_import_crash_123",
        "index",
    )
    for name in leftovers:
        (ours / name).parent.mkdir(parents=True, exist_ok=True)
        (ours / name).touch()
    with open_mirror() as mirror:
        assert not [name for name in leftovers if (ours / name).exists()]
        assert not list((ours / "objects" / "pack").glob("*.keep"))
        assert mirror.blob_at(made, "a") is not None
        assert mirror.write(made, [new({"a": b"3"})])
        assert not ours.with_name("mirror.damaged").exists()


def cut_a_pack(mirror: Path) -> None:
    pack = max((mirror / "objects" / "pack").glob("*.pack"), key=lambda file: file.stat().st_size)
    pack.chmod(0o644)
    os.truncate(pack, pack.stat().st_size // 2)


def lose_an_index(mirror: Path) -> None:
    next((mirror / "objects" / "pack").glob("*.idx")).unlink()


def empty_a_loose_object(mirror: Path) -> None:
    made = git(mirror, "hash-object", "-w", "--stdin", data=b"loose")
    file = mirror / "objects" / made[:2] / made[2:]
    file.chmod(0o644)
    file.write_bytes(b"")


def lose_head(mirror: Path) -> None:
    (mirror / "HEAD").unlink()


def empty_a_ref(mirror: Path) -> None:
    file = mirror / "refs" / "reconciler" / "writer"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")


DAMAGES = [cut_a_pack, lose_an_index, empty_a_loose_object, lose_head, empty_a_ref]


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("damage", DAMAGES)
def test_g8_a_damaged_mirror_is_set_aside_and_made_anew(
    hub: Hub, open_mirror: OpenMirror, damage: Callable[[Path], None], share: bool
) -> None:
    base = hub.land({f"d/{n}": os.urandom(50) for n in range(20)})
    for round_ in range(2 if damage is lose_head else 1):
        with open_mirror(share=share) as mirror:
            fetched(mirror)
            mirror.write(base, [new({"b": b"%d" % round_})])
        damage(mirror.path)
        with open_mirror(share=share) as mirror:
            assert fetched(mirror) == base
            assert len(list(mirror.entries(base))) == 20
            [made] = mirror.write(base, [new({"b": b"x%d" % round_})])
            result = mirror.push([RefUpdate(PRODUCTION, base, made)])
            assert result.landed
            base = hub.land({"b": None})
        assert upkeep.is_ours(mirror.path.with_name("mirror.damaged"))


def test_g8_damage_that_shows_when_read_is_mended_by_the_next_fetch(hub: Hub, open_mirror: OpenMirror) -> None:
    hub.land({"a": os.urandom(3000), "b": b"2"})
    mirror = open_mirror(share=False)
    tip = fetched(mirror)
    [pack] = (mirror.path / "objects" / "pack").glob("*.pack")
    mirror._reader.drop()
    spoil(pack)
    with pytest.raises(DamagedError):
        mirror.blobs([entry.blob for entry in mirror.entries(tip)])
    assert fetched(mirror) == tip
    assert mirror.blob_at(tip, "b") is not None
    assert len(mirror.blobs([entry.blob for entry in mirror.entries(tip)])) == 2


def test_g8_a_lost_alternate_is_the_remotes_loss(hub: Hub, open_mirror: OpenMirror) -> None:
    hub.land({"a": b"1"})
    open_mirror().close()
    away = hub.path.rename(hub.path.with_name("away"))
    with pytest.raises(BlindError, match="there is no directory"):
        open_mirror()
    away.rename(hub.path)
    with open_mirror() as mirror:
        assert fetched(mirror) == hub.tip()


def test_another_address_makes_another_mirror(hub: Hub, open_mirror: OpenMirror, tmp_path: Path) -> None:
    hub.land({"a": b"1"})
    other = Hub(tmp_path / "other.git")
    theirs = other.land({"b": b"1"})
    for share in (True, False):
        open_mirror(share=share).close()
        with open_mirror(url=f"file://{other.path}", share=share) as mirror:
            assert fetched(mirror) == theirs
            assert not mirror.has(hub.tip())


def test_two_daemons_do_not_share_a_mirror(hub: Hub, open_mirror: OpenMirror) -> None:
    first = open_mirror()
    with pytest.raises(ConfigError, match="in use by another process"):
        open_mirror()
    first.close()
    open_mirror().close()


def test_what_is_not_ours_is_left_alone(hub: Hub, open_mirror: OpenMirror, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("...")
    (tmp_path / "file").write_text("...")
    for name in ("precious", "file", "hub.git"):
        with pytest.raises(ConfigError, match="no mirror of reconciler"):
            open_mirror(name)
    assert (precious / "thesis.tex").read_text() == "..."
    (tmp_path / "empty").mkdir()
    open_mirror("empty").close()


def test_a_killed_start_leaves_nothing_in_the_way(hub: Hub, open_mirror: OpenMirror, tmp_path: Path) -> None:
    half = upkeep.begin(tmp_path / "mirror", str(hub.path))
    (half / "objects").mkdir()
    open_mirror().close()
    assert not half.exists()


def test_a_place_that_cannot_be_written_is_said(hub: Hub, open_mirror: OpenMirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be made|exists and is no mirror"):
        open_mirror("file/mirror")


def sha256(hub: Hub) -> None:
    shutil.rmtree(hub.path)
    git(hub.path.parent, "init", "-q", "--bare", "--object-format=sha256", str(hub.path))


def reftable(hub: Hub) -> None:
    hub.git("config", "core.repositoryFormatVersion", "1")
    hub.git("config", "extensions.refStorage", "reftable")


def shallow(hub: Hub) -> None:
    full = hub.path.rename(hub.path.with_name("full.git"))
    git(full.parent, "clone", "-q", "--bare", "--depth=1", f"file://{full}", str(hub.path))


def partial(hub: Hub) -> None:
    hub.git("config", "remote.origin.promisor", "true")


@pytest.mark.parametrize(
    ("change", "words"),
    [(sha256, "sha256"), (reftable, "reftable|refstorage"), (shallow, "shallow"), (partial, "partial clone")],
)
def test_g9_g17_repositories_that_cannot_be_shared_are_refused_at_the_start(
    hub: Hub, open_mirror: OpenMirror, change: Callable[[Hub], None], words: str
) -> None:
    hub.land({"a": b"1"}, "main")
    hub.land({"a": b"2"}, "main")
    change(hub)
    with pytest.raises(ConfigError, match=words):
        open_mirror()
    assert not hub.path.with_name("mirror").exists()


def test_g17_a_git_that_can_read_tables_is_told_what_to_do_about_them(tmp_path: Path) -> None:
    """An older one refuses to look at such a repository at all."""
    with pytest.raises(ConfigError, match="keeps its refs as reftable") as caught:
        check_format(LocalOrigin(tmp_path), {"extensions.refstorage": "reftable"})
    assert "git refs migrate --ref-format=files" in caught.value.hint


@pytest.mark.parametrize("change", [sha256, shallow])
def test_g9_g17_repositories_that_cannot_be_fetched_are_refused(
    hub: Hub, open_mirror: OpenMirror, change: Callable[[Hub], None]
) -> None:
    hub.land({"a": b"1"}, "main")
    hub.land({"a": b"2"}, "main")
    change(hub)
    mirror = open_mirror(share=False)
    if change is sha256:
        blob = hub.blob(b"1")
        hub.point(hub.commit_tree(hub.tree(("100644", "blob", b"a", blob))), "main")
    with pytest.raises(ConfigError):
        fetched(mirror, "refs/heads/main")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_repository_of_another_user_is_refused_with_the_way_out(hub: Hub, open_mirror: OpenMirror) -> None:
    hub.land({"a": b"1"})
    os.chown(hub.path, 12345, 12345)
    with pytest.raises(ConfigError, match="belongs to another user") as refused:
        open_mirror()
    assert "owner" in refused.value.hint


@pytest.mark.parametrize("durable", [True, False])
def test_waiting_for_the_disk_is_a_choice(hub: Hub, tmp_path: Path, durable: bool) -> None:
    with Mirror.open(tmp_path / "m", str(hub.path), durable=durable) as mirror:
        [made] = mirror.write(None, [new({"a": b"1"})])
        environment = Path(f"/proc/{mirror._writer.child.pid}/environ").read_text()
        assert mirror.has(made)
    value = "committed,reference" if durable else "none"
    assert f"GIT_CONFIG_KEY_0=core.fsync\0GIT_CONFIG_VALUE_0={value}\0" in environment


def test_a_linked_work_tree_is_its_repository(hub: Hub, open_mirror: OpenMirror, tmp_path: Path) -> None:
    tip = hub.land({"a": b"1"})
    hub.git("worktree", "add", "-q", str(tmp_path / "linked"), "production")
    mirror = open_mirror(url=str(tmp_path / "linked"))
    assert mirror.watched == hub.path
    assert fetched(mirror) == tip


def test_closing_leaves_no_process_and_no_lock(mirror: Mirror, hub: Hub) -> None:
    before = children() - mirror.pids()
    base, tip = hub.land({"a": b"1"}), hub.land({"a": b"2"})
    fetched(mirror)
    mirror.diff(base, tip)
    mirror.blob_at(tip, "a")
    [made] = mirror.write(tip, [new({"a": b"3"})])
    mirror.push([RefUpdate(PRODUCTION, tip, made)])
    assert next(mirror.commits(made)).id == made
    running = mirror.pids()
    assert len(running) == 4
    assert children() - before == running
    mirror.close()
    mirror.close()
    assert not living(running)
    assert children() <= before


def test_c5_a_working_day_leaves_no_descriptor_open(mirror: Mirror, hub: Hub) -> None:
    tip = hub.land({"a": b"1"})
    counts = []
    for number in range(6):
        tip = fetched(mirror)
        [made] = mirror.write(tip, [new({"a": b"%d" % number})])
        assert mirror.push([RefUpdate(PRODUCTION, tip, made)]).landed
        mirror.diff(tip, made)
        mirror.blob_at(made, "a")
        list(mirror.entries(made))
        counts.append((sum(1 for _ in Path("/proc/self/fd").iterdir()), len(mirror.pids())))
    assert counts[1] == counts[-1]


def test_reading_and_writing_start_no_process(
    hub: Hub, open_mirror: OpenMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a remote of this machine one wake-up starts one process, the push."""
    base = hub.land({"ops/production/carts/problems/p.yaml": b"1", "carts/service.yaml": b"1"})
    mirror = open_mirror()
    tip = hub.land({"ops/production/carts/problems/q.yaml": b"1"})
    mirror.diff(base, tip)
    mirror.blob_at(base, "carts/service.yaml")
    mirror.write(base, [new({"b": b"1"})])
    started: list[object] = []
    popen = subprocess.Popen

    def spying(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(arguments)
        return popen(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", spying)
    tips = mirror.tips([PRODUCTION])
    mirror.fetch(tips)
    assert mirror.is_ancestor(base, tip)
    [change] = mirror.diff(base, tip)
    assert change.new_blob is not None
    mirror.blobs([change.new_blob])
    assert mirror.blob_at(tip, "carts/missing.yaml") is None
    list(mirror.entries(tip, "ops/production/carts"))
    list(mirror.commits(tip, since=base))
    made = mirror.write(tip, [new({"c": b"1"}), new({"d": b"1"})])[-1]
    assert started == []
    assert mirror.push([RefUpdate(PRODUCTION, tip, made)]).landed
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: made}
    assert len(started) == 1


def test_a_file_is_no_folder_for_mirrors(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("", "utf-8")
    with pytest.raises(ConfigError, match="is a file, so") as told:
        Mirror.open(tmp_path / "base.yaml" / "shop.git", str(hub.path))
    assert "`stateDir` must be a directory" in told.value.hint


def test_two_daemons_in_one_folder_are_told_the_key(open_mirror: OpenMirror) -> None:
    open_mirror()
    with pytest.raises(ConfigError, match="in use by another process") as told:
        open_mirror()
    assert "`stateDir`" in told.value.hint
