"""A project's remote: what `doctor` finds of it, over HTTP and on this machine, and that it leaves nothing there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path

import pytest

from reconciler.cli.doctor import clocks
from reconciler.cli.doctor.finding import Finding
from reconciler.cli.doctor.repositories import Repository
from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.model.connections import StageConnections
from reconciler.model.daemon_config import ProjectConnections, RepositoryConfig
from reconciler.model.names import ProjectName
from tests.cli.conftest import git
from tests.cli.doctor.looking import seen, wrong
from tests.evidence.speaking import Request, Response, SpeakingServer

SECRET = "s3cr3t-of-git"


def wall() -> float:
    return datetime.now(UTC).timestamp()


def repository(url: str, folder: Path, *stages: str, off: float = 0.0, seconds: float = 60.0) -> Repository:
    (folder / "token").write_text(SECRET, "utf-8")
    where = RepositoryConfig(url, username="bot", token_file=folder / "token" if url.startswith("http") else None)
    named = {stage: StageConnections() for stage in stages or ("*",)}
    project = ProjectConnections(ProjectName("shop"), where, stages=named)
    return Repository(project, seconds, lambda: wall() + off)


def looked(url: str, folder: Path, *stages: str, off: float = 0.0, seconds: float = 60.0) -> list[Finding]:
    found = list(repository(url, folder, *stages, off=off, seconds=seconds).examine())
    assert SECRET not in repr(found)
    return found


@pytest.fixture
def served(clone: Path) -> Iterator[GitHttpServer]:
    """The template's repository behind HTTP, with a person's clone of it at hand (`clone`)."""
    git(clone.parent / "shop.git", "config", "http.receivepack", "true")
    with GitHttpServer(clone.parent, {"bot": SECRET}) as server:
        yield server


def url(server: GitHttpServer) -> str:
    return f"{server.url}/shop.git"


def state(folder: Path) -> tuple[str, set[str]]:
    """Return the refs of a repository and the names of all its files."""
    files = {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
    return git(folder, "for-each-ref"), files


def test_all_is_well_and_nothing_is_left_behind(served: GitHttpServer, tmp_path: Path) -> None:
    before = state(tmp_path / "shop.git")
    examined = repository(url(served), tmp_path)
    found = seen(examined.examine())
    assert {check for check, _ in found} == {
        "git-reach", "git-format", "clock", "stages", "git-push", "git-fetch", "stage-file",
    }  # fmt: skip
    assert {verdict for _, verdict in found} == {"ok"}
    assert "protected branch" in found["git-push", "ok"].found, "what a dry run cannot show is said"
    assert found["git-format", "ok"].found == "smart HTTP, SHA-1 objects, a whole history"
    assert state(tmp_path / "shop.git") == before
    assert not any(request.target.endswith("/git-receive-pack") for request in served.journal), "nothing was sent"
    assert [each.stage for each in examined.stages or ()] == ["dev", "staging", "production"]
    production = (examined.stages or ())[-1]
    assert production.services == ("carts",)
    assert examined.pushed == ("dev", "staging", "production")


def test_a_remote_that_does_not_know_us_or_is_not_there(served: GitHttpServer, tmp_path: Path) -> None:
    served.users = {"bot": "another"}
    found = wrong(looked(url(served), tmp_path))
    assert list(found) == ["git-reach"]
    assert "refuses our credentials" in found["git-reach"].found
    served.users = {"bot": SECRET}
    assert "no repository at this address" in wrong(looked(f"{served.url}/other.git", tmp_path))["git-reach"].found
    gone = wrong(looked(str(tmp_path / "gone.git"), tmp_path))
    assert list(gone) == ["git-reach"]


def test_one_that_hangs_is_given_up(served: GitHttpServer, tmp_path: Path) -> None:
    served.faults.append(GitFault("hang", "info/refs", None))
    found = wrong(looked(url(served), tmp_path, seconds=0.5))
    assert list(found) == ["git-reach"]


def test_who_may_only_read_is_told_before_the_first_decision(served: GitHttpServer, tmp_path: Path) -> None:
    served.faults.append(GitFault("status", "git-receive-pack", None, status=403))
    found = wrong(looked(url(served), tmp_path))
    assert list(found) == ["git-push"]
    assert "does not let us in" in found["git-push"].found
    assert "write access" in found["git-push"].do


def test_a_repository_on_this_machine_that_cannot_be_written_to(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wrong(looked(str(tmp_path / "shop.git"), tmp_path)) == {}
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "objects" not in str(path) and real(path, mode))
    found = wrong(looked(str(tmp_path / "shop.git"), tmp_path))
    assert list(found) == ["git-push"]
    assert "cannot be written to" in found["git-push"].found


def test_a_clock_that_is_wrong(served: GitHttpServer, tmp_path: Path) -> None:
    hour = 3600.0
    assert " s behind it" in wrong(looked(url(served), tmp_path, off=-hour))["clock"].found
    assert " s ahead of it" in wrong(looked(url(served), tmp_path, off=hour))["clock"].found


@pytest.mark.parametrize(
    ("began", "ended", "told"),
    [
        (100.0, 100.1, ""), (95.0, 95.1, ""), (106.0, 106.1, ""), (40.0, 160.0, ""),
        (94.9, 94.9, "5 s behind"), (106.2, 107.0, "5 s ahead"), (10.0, 40.0, "60 s behind"),
    ],
)  # fmt: skip
def test_a_slow_answer_is_no_wrong_clock(began: float, ended: float, told: str) -> None:
    (found,) = clocks.against("x", formatdate(100.0, usegmt=True), began, ended)
    assert (found.verdict == "ok") == (not told)
    assert told in found.found
    assert wrong(clocks.against("x", "soon", 0.0, 0.0))["clock"].verdict == "unknown"


def test_a_shallow_clone_is_no_remote(served: GitHttpServer, clone: Path, tmp_path: Path) -> None:
    git(clone, "commit", "-q", "--allow-empty", "-m", "Another")
    git(clone, "push", "-q", "origin", "production")
    git(tmp_path, "clone", "-q", "--bare", "--depth=1", "--no-single-branch", f"file://{tmp_path}/shop.git", "cut.git")
    git(tmp_path / "cut.git", "config", "http.receivepack", "true")
    found = wrong(looked(f"{served.url}/cut.git", tmp_path))
    assert "history ends somewhere" in found["git-format"].found


def test_objects_of_another_format(served: GitHttpServer, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "--object-format=sha256", "other.git")
    git(tmp_path, "init", "-q", "--object-format=sha256", "work")
    git(tmp_path / "work", "commit", "-q", "--allow-empty", "-m", "First")
    git(tmp_path / "work", "push", "-q", str(tmp_path / "other.git"), "HEAD:refs/heads/main")
    assert "SHA-256" in wrong(looked(f"{served.url}/other.git", tmp_path))["git-reach"].found


def test_a_server_that_git_can_read_and_never_push_to(clone: Path, tmp_path: Path) -> None:
    bare = clone.parent / "shop.git"
    git(bare, "update-server-info")

    def dumb(request: Request) -> Response:
        file = bare / request.path.removeprefix("/shop.git/")
        return Response(body=file.read_bytes()) if file.is_file() else Response(404)

    with SpeakingServer(dumb) as server:
        found = wrong(looked(f"{server.url}/shop.git", tmp_path))
    assert "dumb protocol" in found["git-format"].found


def test_stages_that_are_not_there_or_cannot_be_used(served: GitHttpServer, clone: Path, tmp_path: Path) -> None:
    (clone / "stage.yaml").write_text("mode: fast\n", "utf-8")
    (clone / "carts" / "service.yaml").write_text("workload: 7\n", "utf-8")
    git(clone, "commit", "-qam", "Break")
    git(clone, "push", "-q", "origin", "production")
    found = wrong(looked(url(served), tmp_path, "production", "live"))
    assert "names the stage `live`" in found["stages"].found
    assert found["stages"].verdict == "problem"
    assert found["stage-file"].found.startswith("stage.yaml:1:7: ")
    assert "validate --ref production" in found["stage-file"].do
    nothing = wrong(looked(url(served), tmp_path, "live"))
    assert nothing["stages"].verdict == "problem"
    git(clone.parent / "shop.git", "branch", "-D", "production")
    assert "is not there" in wrong(looked(url(served), tmp_path, "production"))["stages"].found


def test_a_branch_for_steps_that_is_not_there_yet(served: GitHttpServer, clone: Path, tmp_path: Path) -> None:
    git(clone, "switch", "-q", "main")
    project = (clone / "project.yaml").read_text("utf-8")
    (clone / "project.yaml").write_text(f"{project}\nopsBranch: ops/{{stage}}\n", "utf-8")
    git(clone, "commit", "-qam", "Steps on branches of their own")
    git(clone, "push", "-q", "origin", "main")
    examined = repository(url(served), tmp_path, "production")
    found = seen(examined.examine())
    assert found["git-push", "ok"].found.startswith("may push to ops/production")
    assert examined.pushed == ("ops/production",)
    assert "ops/production" not in git(clone.parent / "shop.git", "for-each-ref")


def test_a_project_that_cannot_be_read(served: GitHttpServer, clone: Path, tmp_path: Path) -> None:
    git(clone, "switch", "-q", "main")
    (clone / "project.yaml").write_text("name: other\nstages: [production]\n", "utf-8")
    git(clone, "commit", "-qam", "Another name")
    git(clone, "push", "-q", "origin", "main")
    assert "'other'" in wrong(looked(url(served), tmp_path))["stages"].found
