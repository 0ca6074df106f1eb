from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.errors import BlindError, ConfigError, TerminalError, UserError
from reconciler.model.names import CommitId
from reconciler.repo.clone import PersonalClone, open_clone
from reconciler.repo.stream import NewCommit
from tests.repo.conftest import WHEN, Hub, git

MESSAGE = "carts: open a problem\n"


@pytest.fixture(autouse=True)
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person with a home of their own."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (home / ".gitconfig").write_text("[user]\n\tname = A Person Other\n\temail = person@example.org\n")
    return home


@pytest.fixture
def work(hub: Hub, tmp_path: Path) -> Path:
    """A clone of the hub with `main` checked out."""
    hub.land({"README": b"1"}, "main")
    hub.land({"carts/service.yaml": b"1"})
    git(tmp_path, "clone", "-q", str(hub.path), "work")
    return tmp_path / "work"


def commit(clone: PersonalClone, files: dict[str, bytes | None], branch: str = "production") -> CommitId:
    return clone.commit_and_push(branch, files, MESSAGE, when=WHEN)


def test_a_file_is_committed_by_the_person_and_pushed(work: Path, hub: Hub) -> None:
    base = hub.tip()
    (work / "README").write_text("half edited")
    inside = work / "sub"
    inside.mkdir()
    clone = open_clone(inside)
    assert (clone.remote, clone.url) == ("origin", str(hub.path))
    made = commit(clone, {"ops/production/carts/problems/p.yaml": b"title: x\n", "carts/service.yaml": None})
    assert hub.tip() == made
    assert hub.git("log", "-1", "--format=%an <%ae> %cn <%ce> %at %P%n%B", made).splitlines()[:2] == [
        f"A Person Other <person@example.org> A Person Other <person@example.org> {int(WHEN.timestamp())} {base}",
        MESSAGE.strip(),
    ]
    assert hub.git("ls-tree", "-r", "--name-only", made) == "ops/production/carts/problems/p.yaml"
    assert git(work, "status", "--porcelain") == "M README"
    assert git(work, "for-each-ref", "refs/reconciler") == ""
    assert clone.tip("production") == made


def test_a_branch_is_made_where_there_is_none(work: Path, hub: Hub) -> None:
    clone = open_clone(work)
    assert clone.tip("staging") is None
    made = commit(clone, {"a": b"1"}, "staging")
    assert hub.tip("staging") == made
    assert hub.git("log", "--format=%P", made) == ""


def test_g1_a_push_that_loses_is_made_again(work: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = open_clone(work)
    original = PersonalClone._write
    others = iter([{"other": b"1"}, {"other": b"2"}])

    def overtaken(self: PersonalClone, parent: CommitId | None, made: NewCommit) -> CommitId:
        result = original(self, parent, made)
        for files in others:
            hub.land(files)
            break
        return result

    monkeypatch.setattr(PersonalClone, "_write", overtaken)
    made = commit(clone, {"mine": b"1"})
    assert hub.tip() == made
    assert hub.git("log", "--format=%an", "-3", made).splitlines() == ["A Person Other", "A Person", "A Person"]


def test_a_file_that_somebody_changed_meanwhile_is_not_overwritten(
    work: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = open_clone(work)
    original = PersonalClone._write

    def overtaken(self: PersonalClone, parent: CommitId | None, made: NewCommit) -> CommitId:
        result = original(self, parent, made)
        hub.land({"carts/service.yaml": b"theirs"})
        return result

    monkeypatch.setattr(PersonalClone, "_write", overtaken)
    with pytest.raises(UserError, match=r"somebody changed carts/service\.yaml"):
        commit(clone, {"carts/service.yaml": b"mine"})
    assert hub.git("show", "production:carts/service.yaml") == "theirs"


def test_g2_people_at_once_all_land(hub: Hub, tmp_path: Path) -> None:
    hub.land({"a": b"1"})
    count = 3
    clones = []
    for number in range(count):
        git(tmp_path, "clone", "-q", str(hub.path), f"work{number}")
        clones.append(open_clone(tmp_path / f"work{number}"))
    made: list[CommitId] = []
    threads = [
        threading.Thread(target=lambda n=number: made.append(commit(clones[n], {f"p{n}": b"1"})))
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == count
    assert set(hub.git("ls-tree", "--name-only", "production").split()) == {"a", *(f"p{n}" for n in range(count))}


def test_nobody_configured_is_said_with_the_way_out(work: Path, person: Path) -> None:
    (person / ".gitconfig").write_text("[user]\n\tname = Only A Name\n")
    with pytest.raises(ConfigError, match="does not know who you are") as refused:
        commit(open_clone(work), {"a": b"1"})
    assert "git config --global user.name" in refused.value.hint


def test_who_can_be_said_in_several_places(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(work, "config", "user.name", "In Here")
    assert str(open_clone(work).identity()) == "In Here <person@example.org>"
    monkeypatch.setenv("GIT_AUTHOR_NAME", "From Outside")
    assert str(open_clone(work).identity()) == "From Outside <person@example.org>"


def test_the_persons_own_pre_push_hook_runs(work: Path, hub: Hub) -> None:
    hook = work / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    before = hub.tip()
    with pytest.raises(Exception, match="push"):
        commit(open_clone(work), {"a": b"1"})
    assert hub.tip() == before


def test_g7_a_protected_branch_declines(work: Path, hub: Hub) -> None:
    hub.hook("pre-receive", "echo 'protected: use a pull request' >&2; exit 1")
    with pytest.raises(TerminalError, match="protected: use a pull request") as refused:
        commit(open_clone(work), {"a": b"1"})
    assert "pull request" in refused.value.hint


def test_g5_a_remote_that_is_gone(work: Path, hub: Hub) -> None:
    clone = open_clone(work)
    hub.path.rename(hub.path.with_name("away"))
    with pytest.raises(BlindError, match="no repository at this address") as gone:
        commit(clone, {"a": b"1"})
    assert "`git remote set-url origin ADDRESS`" in gone.value.hint
    assert "daemon" not in gone.value.hint


def test_branches_and_paths_that_cannot_be(work: Path) -> None:
    clone = open_clone(work)
    for branch in ("--force", "a..b", "refs/heads/x y", ""):
        with pytest.raises(UserError):
            commit(clone, {"a": b"1"}, branch)
    with pytest.raises(UserError):
        commit(clone, {"../a": b"1"})


def test_signing_as_configured(work: Path, hub: Hub, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    for name, value in (("gpg.format", "ssh"), ("user.signingkey", str(key)), ("commit.gpgsign", "true")):
        git(work, "config", name, value)
    made = commit(open_clone(work), {"a": b"1"})
    raw = hub.git("cat-file", "commit", made)
    assert "gpgsig -----BEGIN SSH SIGNATURE-----" in raw
    assert f"author A Person Other <person@example.org> {int(WHEN.timestamp())} +0000" in raw
    assert raw.endswith(MESSAGE.strip())


def test_a_bare_repository_without_remote_moves_its_own_branch(hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    clone = open_clone(hub.path)
    assert (clone.remote, clone.url, clone.tip("production"), clone.tip("none")) == ("", "", base, None)
    made = commit(clone, {"b": b"1"})
    assert hub.tip() == made
    other = commit(clone, {"c": b"1"}, "fresh")
    assert hub.tip("fresh") == other


def alone(tmp_path: Path) -> Path:
    """A work tree without remote, with `production` checked out."""
    git(tmp_path, "init", "-q", "--initial-branch=production", "alone")
    (tmp_path / "alone" / "a").write_text("1")
    (tmp_path / "alone" / "b").write_text("1")
    git(tmp_path / "alone", "add", ".")
    git(tmp_path / "alone", "commit", "-q", "-m", "first")
    return tmp_path / "alone"


def test_the_branch_that_is_checked_out_takes_the_files_along(tmp_path: Path) -> None:
    work = alone(tmp_path)
    (work / "b").write_text("half edited")
    made = commit(open_clone(work), {"a": None, "ops/x.yaml": b"x"})
    assert git(work, "rev-parse", "HEAD") == made
    assert git(work, "status", "--porcelain") == "M b"
    assert not (work / "a").exists()
    assert (work / "ops" / "x.yaml").read_bytes() == b"x"


def edited(work: Path) -> None:
    (work / "a").write_text("mine")


def staged(work: Path) -> None:
    (work / "a").write_text("mine")
    git(work, "add", "a")


def untracked(work: Path) -> None:
    (work / "new").write_text("mine")


def ignored(work: Path) -> None:
    (work / ".git" / "info" / "exclude").write_text("new\n")
    (work / "new").write_text("mine")


@pytest.mark.parametrize("change", [edited, staged, untracked, ignored])
def test_own_changes_in_the_way_are_never_lost(tmp_path: Path, change: Callable[[Path], None]) -> None:
    work = alone(tmp_path)
    before = git(work, "rev-parse", "HEAD")
    change(work)
    with pytest.raises(UserError, match="changes of your own") as refused:
        commit(open_clone(work), {"a": b"2", "new": b"2"})
    assert "git stash" in refused.value.hint
    assert git(work, "rev-parse", "HEAD") == before
    assert "mine" in {(work / name).read_text() for name in ("a", "new") if (work / name).exists()}


def test_another_branch_than_the_one_checked_out_just_moves(tmp_path: Path) -> None:
    work = alone(tmp_path)
    (work / "a").write_text("mine")
    made = commit(open_clone(work), {"a": b"2"}, "staging")
    assert git(work, "rev-parse", "staging") == made
    assert git(work, "status", "--porcelain") == "M a"


def test_no_repository_and_several_remotes_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not inside a Git repository"):
        open_clone(tmp_path)
    work = alone(tmp_path)
    git(work, "remote", "add", "one", "/x")
    assert open_clone(work).remote == "one"
    git(work, "remote", "add", "two", "/y")
    with pytest.raises(ConfigError, match="several remotes"):
        open_clone(work)
    git(work, "remote", "add", "origin", "https://bot:s3cret@host/x")
    assert open_clone(work).url == "https://[redacted]@host/x"


def test_a_hooks_environment_does_not_redirect(work: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    made = commit(open_clone(work), {"a": b"1"})
    assert hub.tip() == made


def test_a_remote_may_be_named_by_a_path_from_the_work_tree(work: Path, hub: Hub) -> None:
    git(work, "remote", "set-url", "origin", os.path.relpath(hub.path, work))
    inside = work / "sub"
    inside.mkdir()
    clone = open_clone(inside)
    clone.fetch()
    assert commit(clone, {"a": b"1"}) == hub.tip()


@pytest.mark.parametrize("file", ["project.yaml", "shipyard.yaml"])
@pytest.mark.parametrize("usual", ["main", "master"])
def test_who_looks_at_a_stage_has_the_project_s_branch_all_the_same(tmp_path: Path, file: str, usual: str) -> None:
    work = tmp_path / "alone"
    git(tmp_path, "init", "-q", "-b", usual, str(work))
    (work / file).write_text("name: shop\n")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "the project")
    git(work, "switch", "-q", "--orphan", "production")
    git(work, "commit", "-q", "--allow-empty", "-m", "the stage")
    assert open_clone(work).default_branch() == f"refs/heads/{usual}"
    git(work, "switch", "-q", usual)
    assert open_clone(work).default_branch() == f"refs/heads/{usual}"
    git(work, "switch", "-q", "-c", "topic")
    assert open_clone(work).default_branch() == f"refs/heads/{usual}"
    git(work, "branch", "-q", "-D", usual)
    assert open_clone(work).default_branch() == "refs/heads/topic", "nothing else can be it"


def test_of_a_bare_repository_head_tells_the_project_s_branch(hub: Hub) -> None:
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    hub.git("symbolic-ref", "HEAD", "refs/heads/production")
    assert open_clone(hub.path).default_branch() == "refs/heads/production"
