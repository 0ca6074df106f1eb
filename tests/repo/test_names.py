from __future__ import annotations

import subprocess

import pytest

from reconciler.model.errors import BugError, UserError
from reconciler.repo.names import any_path, branch_ref, full_ref, is_full_ref, object_id, quoted, tree_path

REFS = (
    "refs/heads/production",
    "refs/heads/team/x/prod",
    "refs/heads/-x",
    "refs/heads/ümlaut",
    "refs/heads/a@b",
    "refs/heads/@",
    "refs/heads/a{b}",
    "refs/heads/x.y",
    "refs/heads/",
    "refs/heads",
    "refs/heads//x",
    "refs/heads/x/",
    "refs/heads/.x",
    "refs/heads/x/.y",
    "refs/heads/x.lock",
    "refs/heads/x.lock/y",
    "refs/heads/x..y",
    "refs/heads/x.",
    "refs/heads/x y",
    "refs/heads/x~1",
    "refs/heads/x^",
    "refs/heads/x:y",
    "refs/heads/x?",
    "refs/heads/x*",
    "refs/heads/x[",
    "refs/heads/x\\y",
    "refs/heads/x@{1}",
    "refs/heads/x\ty",
    "refs/heads/x\x7f",
)


@pytest.mark.parametrize("ref", REFS)
def test_refs_are_taken_and_refused_as_git_does(ref: str) -> None:
    told = subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0
    # `refs/heads` itself is a legal ref to git; ours are always below a kind.
    assert is_full_ref(ref) == (told and ref.count("/") > 1)


@pytest.mark.parametrize(
    "ref", ["--upload-pack=x", "production", "HEAD", "", "refs/heads/\udcff", "refs/" + "x/" * 900]
)
def test_only_full_names_are_refs(ref: str) -> None:
    with pytest.raises(UserError, match="not a usable ref"):
        full_ref(ref)


def test_a_branch_does_not_start_with_a_dash() -> None:
    assert branch_ref("production") == "refs/heads/production"
    with pytest.raises(UserError, match="without a dash"):
        branch_ref("--force")


@pytest.mark.parametrize("text", ["HEAD", "a" * 39, "A" * 40, "a" * 64, "a" * 40 + "\n", "--" + "a" * 38])
def test_only_full_ids_are_ids(text: str) -> None:
    with pytest.raises(BugError):
        object_id(text)


@pytest.mark.parametrize("path", ["a", "carts/service.yaml", "ops/production/a b/ü.yaml", '"quoted"/back\\slash', "-x"])
def test_ordinary_paths_may_be_written(path: str) -> None:
    assert tree_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "a/../b",
        "./a",
        ".git/config",
        "a/.GIT/x",
        "a/.git. /x",
        "git~1/x",
        "a\nb",
        "a\0b",
        "a\x1bb",
        "a\u202eb",
        "a\u200db",
        "\udcff",
        "x" * 256,
        "x/" * 2100 + "x",
    ],
)
def test_other_paths_may_not(path: str) -> None:
    with pytest.raises(UserError, match="the path"):
        tree_path(path)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"carts/a.yaml", "'carts/a.yaml'"),
        ("café".encode(), "'café'"),
        (b"caf\xe9/\xc3\xbc\n.yaml", r"'caf\xe9/ü\n.yaml'"),
        (b"\x80\xff", r"'\x80\xff'"),
    ],
)
def test_g13_a_path_of_any_bytes_is_told_readably(raw: bytes, told: str) -> None:
    assert quoted(any_path(raw)) == told


def test_g13_a_path_that_is_no_utf8_is_not_written() -> None:
    with pytest.raises(UserError, match=r"the path 'caf\\xe9/a' is no UTF-8"):
        tree_path(any_path(b"caf\xe9/a"))
