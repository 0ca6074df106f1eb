"""Reading a repository runs nothing that its own settings name, and asks nobody."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reconciler.model.errors import ConfigError
from reconciler.repo.clone import open_clone
from reconciler.repo.environ import reading_environment
from reconciler.repo.faults import DamagedError
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import whole
from tests.repo.bombs import git


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with `work`, a work tree of two commits, and `bare.git`, a copy of it."""
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "-q", "-b", "main")
    for number in range(2):
        (work / "stage.yaml").write_text(f"# {number}\n", "utf-8")
        git(work, "add", "-A")
        git(work, "commit", "-qm", "a change")
    git(tmp_path, "clone", "-q", "--bare", "work", "bare.git")
    return tmp_path


def promise(repository: Path, mark: Path) -> None:
    """Let a repository say that what it lacks is to be had from a command."""
    for key, value in (
        ("core.repositoryformatversion", "1"), ("extensions.partialClone", "evil"), ("protocol.ext.allow", "always"),
        ("remote.evil.promisor", "true"), ("remote.evil.url", f"ext::sh -c touch% {mark}"),
    ):  # fmt: skip
        git(repository, "config", key, value)


def test_what_a_partial_clone_lacks_is_not_fetched_by_its_own_command(site: Path) -> None:
    bare, mark = site / "bare.git", site / "ran"
    blob = git(bare, "rev-parse", "main:stage.yaml")
    for file in bare.glob("objects/pack/*"):
        file.rename(site / file.name)
    for pack in site.glob("*.pack"):
        git(bare, "unpack-objects", "-q", given=pack.read_bytes())
    (bare / "objects" / blob[:2] / blob[2:]).unlink()
    promise(bare, mark)
    with LocalRepository.open(bare) as repository:
        with pytest.raises(DamagedError):
            repository.reader.blob_at(repository.resolve("main"), "stage.yaml")
        with pytest.raises(ConfigError, match="partial clone"), whole(repository):
            pass
    assert not mark.exists()


def test_no_command_of_the_settings_is_run(site: Path) -> None:
    work = site / "work"
    hooks = site / "hooks"
    hooks.mkdir()
    for key in (
        "core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.alternateRefsCommand", "diff.external",
        "diff.evil.textconv", "diff.evil.command", "filter.evil.smudge", "filter.evil.clean", "filter.evil.process",
        "gpg.program", "credential.helper", "core.askPass", "alias.diff-tree", "alias.rev-parse", "merge.evil.driver",
        "uploadpack.packObjectsHook", "sequence.editor", "core.gitProxy",
    ):  # fmt: skip
        git(work, "config", key, f"touch {site}/{key}.ran; false")
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {site}/{name}.ran\n", "utf-8")
        (hooks / name).chmod(0o755)
    git(work, "config", "core.hooksPath", str(hooks))
    (work / ".gitattributes").write_text("* diff=evil filter=evil merge=evil\n", "utf-8")
    with LocalRepository.open(work) as repository, whole(repository) as offline:
        old, new = repository.resolve("HEAD~1"), repository.resolve("HEAD")
        for reader in (repository.reader, offline.reader):
            assert reader.diff(old, new) == reader.changes(old, new)
            assert [entry.path for entry in reader.entries(new)] == ["stage.yaml"]
            assert reader.blob_at(new, "stage.yaml") is not None
        assert offline.parted(old, new) == old
    assert list(site.glob("*.ran")) == []


def test_settings_of_the_caller_stay_and_ours_win() -> None:
    base = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": "true", "HOME": "/h"}
    found = reading_environment({**base, "GIT_CONFIG_PARAMETERS": "'core.fsmonitor=evil'", "GIT_DIR": "/x"})
    assert found["GIT_CONFIG_KEY_0"] == "core.fsmonitor"
    assert found["GIT_CONFIG_COUNT"] == "4"
    assert (found["GIT_CONFIG_KEY_1"], found["GIT_CONFIG_VALUE_1"]) == ("core.fsmonitor", "false")
    assert not {"GIT_CONFIG_PARAMETERS", "GIT_DIR"} & found.keys()
    assert found["HOME"] == "/h"


def test_a_secret_of_the_callers_environment_is_not_handed_on() -> None:
    base = {"GITHUB_TOKEN": "ghs_secret", "AWS_SECRET_ACCESS_KEY": "secret", "PATH": "/bin", "LC_TIME": "C"}
    found = reading_environment(base)
    assert not {"GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY"} & found.keys()
    assert (found["PATH"], found["LC_TIME"]) == ("/bin", "C")


def test_a_repository_that_came_with_the_files_of_a_branch_is_none(site: Path) -> None:
    work = site / "work"
    shutil.copytree(site / "bare.git", work / "sub")
    (work / "sub" / "refs" / "keep").write_text("", "utf-8")
    # Somebody's own, which no branch has: a demo in a folder that is a work tree for other reasons.
    with LocalRepository.open(work / "sub") as repository:
        assert repository.root is None
    git(work, "add", "-A")
    for folder in (work / "sub", work / "sub" / "objects"):
        with pytest.raises(ConfigError):
            LocalRepository.open(folder)
    with pytest.raises(ConfigError, match="came with the files of"):
        open_clone(work / "sub")
    with LocalRepository.open(work) as repository:
        assert repository.root == work
    with LocalRepository.open(work / ".git") as repository:
        assert repository.root is None
    assert open_clone(work).git_dir == work / ".git"
