"""`reconciler problem`: files that a person commits and pushes without editing any."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli.problem_files import new_id
from reconciler.model import canonical
from reconciler.model.invalid import InvalidFile
from reconciler.model.problem import load_problem
from reconciler.model.problem_writing import resolved
from tests.cli.conftest import Reconciler, git

OPS = "ops/production/carts/problems"


def opened(reconciler: Reconciler, *more: str) -> str:
    """Open a problem and return its path."""
    title = ("--title", "Response time degradation")
    result = reconciler("problem", "open", "--service", "carts", *title, *more, "-o", "json")
    assert result.code == 0, result.err
    return str(json.loads(result.out)["paths"][0])


def test_open_pushes_a_file_under_the_persons_name(reconciler: Reconciler, clone: Path) -> None:
    more = ("--id", "slow-1", "--root-cause", "cpu_usage", "--label", "a=b=c", "--url", "https://x.example/1")
    assert opened(reconciler, *more) == f"{OPS}/slow-1.yaml"
    remote = clone.parent / "shop.git"
    data = canonical.read(git(remote, "show", f"production:{OPS}/slow-1.yaml").encode() + b"\n", "x")
    assert data.pop("startedAt")
    assert data == {
        "title": "Response time degradation",
        "state": "open",
        "rootCause": "cpu_usage",
        "url": "https://x.example/1",
        "labels": {"a": "b=c"},
    }
    told = git(remote, "log", "-1", "--format=%an <%ae>|%s", "production")
    assert told == "Ada <ada@example.com>|carts: problem open: Response time degradation"
    assert reconciler("validate", remote).code == 0


def test_the_persons_own_work_is_left_alone(reconciler: Reconciler, clone: Path) -> None:
    (clone / "carts" / "slo.yaml").write_text("half edi", "utf-8")
    before = git(clone, "rev-parse", "HEAD")
    opened(reconciler)
    assert git(clone, "rev-parse", "HEAD") == before
    assert git(clone, "status", "--porcelain") == "M carts/slo.yaml"


def test_what_was_pushed_is_told(reconciler: Reconciler, clone: Path) -> None:
    result = reconciler("problem", "open", "--service", "carts", "--title", "X", "--id", "x")
    tip = git(clone.parent / "shop.git", "rev-parse", "production")
    assert result.out == f"pushed {tip[:10]} to production: {OPS}/x.yaml\n"


def test_an_id_says_what_and_when() -> None:
    moment = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    assert new_id("Response time degradation!", moment) == "response-time-degradation-20261121T100000Z"
    assert new_id("日本", moment) == "problem-20261121T100000Z"
    assert len(new_id("x" * 500, moment)) < 100


def test_a_problem_that_is_open_is_not_opened_again(reconciler: Reconciler, clone: Path) -> None:
    opened(reconciler, "--id", "x")
    result = reconciler("problem", "open", "--service", "carts", "--title", "X", "--id", "x")
    assert result.code == 1
    assert "is open already" in result.err


def test_a_resolved_problem_is_opened_again_in_its_own_file(reconciler: Reconciler, clone: Path) -> None:
    path = opened(reconciler, "--id", "x")
    assert reconciler("problem", "resolve", "x").code == 0
    assert opened(reconciler, "--id", "x") == path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stage", "prod", "--service", "carts"], "did you mean production?"),
        (["--service", "cart"], "did you mean carts?"),
        (["--service", "carts", "--id", "../x"], "cannot be an id"),
        (["--service", "carts", "--label", "novalue"], "KEY=VALUE"),
        (["--service", "carts", "--url", "ht tp"], "hint: "),
        (["--service", "carts", "--project", "books"], "books"),
    ],
)
def test_what_cannot_be_opened_is_not_pushed(
    reconciler: Reconciler, clone: Path, arguments: list[str], said: str
) -> None:
    before = git(clone.parent / "shop.git", "rev-parse", "production")
    result = reconciler("problem", "open", "--title", "X", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert git(clone.parent / "shop.git", "rev-parse", "production") == before


def test_the_stage_is_asked_for_where_nothing_says_which(
    reconciler: Reconciler, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(clone, "switch", "-q", "main")
    result = reconciler("problem", "open", "--service", "carts", "--title", "X")
    assert result.code == 2
    assert "name it with --stage: dev, staging, production" in result.err
    monkeypatch.setenv("RECONCILER_STAGE", "staging")
    result = reconciler("problem", "open", "--service", "carts", "--title", "X")
    assert " to staging: ops/staging/carts/problems/" in result.out


def test_outside_of_a_clone_nothing_is_done(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = reconciler("problem", "list")
    assert result.code == 2
    assert "--repo" in result.err


def test_it_works_in_the_bare_repository_itself(reconciler: Reconciler, clone: Path) -> None:
    remote = clone.parent / "shop.git"
    said = reconciler(
        "problem", "open", "--repo", remote, "--stage", "dev", "--service", "carts", "--title", "X", "--id", "x"
    )
    assert said.out.startswith("committed ")
    listed = json.loads(reconciler("problem", "list", "--repo", remote, "-o", "json").out)["problems"]
    assert [(row["stage"], row["id"]) for row in listed] == [("dev", "x")]


def test_problems_go_to_the_ops_branch_where_there_is_one(reconciler: Reconciler, clone: Path) -> None:
    git(clone, "switch", "-q", "main")
    (clone / "project.yaml").write_text("name: shop\nstages: [production]\nopsBranch: ops/{stage}\n", "utf-8")
    git(clone, "commit", "-qam", "Keep machine files apart")
    git(clone, "push", "-q", "origin", "main")
    opened(reconciler, "--id", "x")
    listed = git(clone.parent / "shop.git", "ls-tree", "-r", "--name-only", "ops/production")
    assert f"{OPS}/x.yaml" in listed.splitlines()
    rows = json.loads(reconciler("problem", "list", "-o", "json").out)["problems"]
    assert [row["id"] for row in rows] == ["x"]


@pytest.mark.parametrize("name", ["Bad Name", "-x", ".x", "a..b", "x.lock", "x+2", "", "ü", "x" * 201])
def test_what_an_id_may_be_is_told(reconciler: Reconciler, clone: Path, name: str) -> None:
    result = reconciler("problem", "open", "--service", "carts", "--title", "T", f"--id={name}")
    assert (result.code, result.out) == (2, "")
    assert "cannot be an id" in result.err
    example = result.err.rpartition("for example ")[2].strip()
    assert reconciler("problem", "open", "--service", "carts", "--title", "T", "--id", example).code == 0


# Resolving


@pytest.mark.parametrize("identity", ["Bad Name", "Bad%20Name"])
def test_an_id_is_taken_as_shown_or_as_the_file_is_called(reconciler: Reconciler, clone: Path, identity: str) -> None:
    (clone / OPS).mkdir(parents=True)
    (clone / OPS / "Bad Name.yaml").write_text("title: x\n", "utf-8")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "By hand")
    git(clone, "push", "-q")
    assert reconciler("problem", "resolve", identity).code == 0
    assert "state: resolved" in git(clone.parent / "shop.git", "show", f"production:{OPS}/Bad Name.yaml")


def test_resolve_changes_the_state_and_nothing_else(reconciler: Reconciler, clone: Path) -> None:
    path = opened(reconciler, "--id", "x")
    remote = clone.parent / "shop.git"
    before = git(remote, "show", f"production:{path}")
    result = reconciler("problem", "resolve", "x", "--reason", "It was the load test.")
    assert result.code == 0
    assert git(remote, "show", f"production:{path}") == before.replace('"open"', '"resolved"')
    assert git(remote, "log", "-1", "--format=%s|%b", "production") == (
        "carts: problem resolved: Response time degradation|It was the load test."
    )


@pytest.mark.parametrize(("identity", "said"), [("x", "is resolved already"), ("y", "there is no problem `y`")])
def test_what_is_not_open_cannot_be_resolved(reconciler: Reconciler, clone: Path, identity: str, said: str) -> None:
    opened(reconciler, "--id", "x")
    reconciler("problem", "resolve", "x")
    result = reconciler("problem", "resolve", identity)
    assert result.code == 1
    assert said in result.err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"title: x\nstate: open # since ten\n", b"title: x\nstate: resolved # since ten\n"),
        (b"state: 'open'\ntitle: x\n", b'state: "resolved"\ntitle: x\n'),
        (b"title: x\r\nstate: open\r\nurl: https://e\r\n", b"title: x\r\nstate: resolved\r\nurl: https://e\r\n"),
        (b"{title: x, state: open}", b"{title: x, state: resolved}"),
        (b"title: x\n", b"title: x\nstate: resolved\n"),
        ("title: ü\nstate: open\n".encode(), "title: ü\nstate: resolved\n".encode()),
    ],
)
def test_the_rest_of_the_file_stays_as_it_was_written(before: bytes, after: bytes) -> None:
    assert resolved(before, "x.yaml") == after


@pytest.mark.parametrize(
    "text",
    [
        (
            '{"specversion": "1.0", "type": "sh.keptn.events.problem", "source": "p", "id": "1",'
            ' "data": {"State": "OPEN", "ProblemTitle": "x", "ImpactedEntity": "carts"}}'
        ),
        (
            "specversion: '0.2'\ntype: sh.keptn.event.problem.open\nsource: p\nid: '1'\n"
            "data:\n  state: OPEN\n  problemTitle: x\n"
        ),
        "{title: x}",
    ],
)
def test_events_and_other_forms_are_resolved_too(text: str) -> None:
    before = load_problem(text.encode(), "x")
    after = load_problem(resolved(text.encode(), "x"), "x")
    assert (before.state, after.state) == ("open", "resolved")
    assert (after.title, after.source) == (before.title, before.source)


def test_a_file_that_cannot_be_read_is_not_touched() -> None:
    with pytest.raises(InvalidFile):
        resolved(b"state: open\n", "x")


def test_without_an_id_the_only_open_problem_of_the_service_is_resolved(reconciler: Reconciler, clone: Path) -> None:
    opened(reconciler, "--id", "old")
    assert reconciler("problem", "resolve", "old.yaml").code == 0
    assert reconciler("problem", "resolve", "--service", "carts").code == 1
    opened(reconciler, "--id", "new")
    result = reconciler("problem", "resolve", "--service", "carts")
    assert result.code == 0, result.err
    assert f"{OPS}/new.yaml" in result.out
    assert '"resolved"' in git(clone.parent / "shop.git", "show", f"production:{OPS}/new.yaml")
    assert git(clone.parent / "shop.git", "log", "-1", "--format=%b", "production") == "new is over."


def test_of_several_open_problems_one_must_be_named(reconciler: Reconciler, clone: Path) -> None:
    for name in ("b", "a"):
        opened(reconciler, "--id", name)
    result = reconciler("problem", "resolve", "--service", "carts")
    assert (result.code, result.out) == (2, "")
    assert "carts has 2 open problems" in result.err
    assert "hint: name one by its ID: a, b\n" in result.err
    result = reconciler("problem", "resolve")
    assert result.code == 2
    assert "error: which problem?" in result.err
    assert "--service" in result.err


# Listing


def test_the_list_has_what_is_open_and_on_request_the_rest(reconciler: Reconciler, clone: Path) -> None:
    opened(reconciler, "--id", "x")
    opened(reconciler, "--id", "y")
    reconciler("problem", "resolve", "y")
    lines = reconciler("problem", "list").out.splitlines()
    assert re.split(r" {3,}", lines[0]) == ["STAGE", "SERVICE", "ID", "STATE", "TITLE", "REMEDIATION"]
    assert [re.split(r" {3,}", line)[2:4] for line in lines[1:]] == [["x", "open"]]
    rows = json.loads(reconciler("problem", "list", "--all", "-o", "json").out)["problems"]
    assert [(row["id"], row["state"]) for row in rows] == [("x", "open"), ("y", "resolved")]
    result = reconciler("problem", "list", "--stage", "dev")
    assert (result.code, result.out, result.err) == (0, "", "no open problems in dev\n")
    assert reconciler("problem", "list", "--stage", "dev", "-o", "json").err == ""


def test_a_problem_file_that_cannot_be_read_is_listed_as_such(reconciler: Reconciler, clone: Path) -> None:
    (clone / OPS).mkdir(parents=True)
    (clone / OPS / "bad.yaml").write_text("titel: x\n", "utf-8")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "Bad")
    git(clone, "push", "-q")
    (row,) = json.loads(reconciler("problem", "list", "-o", "json").out)["problems"]
    assert (row["id"], row["state"]) == ("bad", "unreadable")
    result = reconciler("problem", "resolve", "bad")
    assert result.code == 1
    assert f"{OPS}/bad.yaml:1:1: error: " in result.err


def test_without_fetching_what_is_here_is_shown(reconciler: Reconciler, clone: Path) -> None:
    remote = clone.parent / "shop.git"
    reconciler("problem", "open", "--repo", remote, "--stage", "production", "--service", "carts", "--title", "X")
    assert reconciler("problem", "list", "--no-fetch").out == ""
    assert reconciler("problem", "list").out != ""
    assert reconciler("problem", "list", "--no-fetch").out != ""
