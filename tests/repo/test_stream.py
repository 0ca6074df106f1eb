from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.errors import BugError, UserError
from reconciler.model.names import CommitId
from reconciler.repo.objects import Identity
from reconciler.repo.stream import MAX_FILE_BYTES, NewCommit, commit_stream, quote_path
from tests.repo.conftest import WHEN, new

WHO = Identity("reconciler", "reconciler@localhost")
PARENT = CommitId("a" * 40)


def stream(commit: NewCommit, parent: CommitId | None = PARENT) -> bytes:
    return b"".join(commit_stream("refs/x/y", parent, [commit], WHO))


def test_the_same_instant_in_another_zone_is_the_same_stream() -> None:
    elsewhere = WHEN.astimezone(timezone(timedelta(hours=-7)))
    assert stream(NewCommit({"a": b"1"}, "m", WHEN)) == stream(NewCommit({"a": b"1"}, "m", elsewhere))


def test_the_order_of_files_does_not_matter() -> None:
    one = stream(new({"b": b"1", "a": b"2", "c": None}))
    assert one == stream(new({"c": None, "a": b"2", "b": b"1"}))
    assert one.index(b'D "c"') < one.index(b'"a"') < one.index(b'"b"')


def test_a_first_commit_continues_nothing() -> None:
    assert stream(new({"a": b""}), None).startswith(b"reset refs/x/y\n")
    assert b"from " not in stream(new({"a": b""}), None)


def test_content_and_message_cannot_leave_their_place() -> None:
    evil = "m\nfrom refs/heads/production\nD everything"
    content = b"x\nM 100644 inline b\n"
    text = stream(NewCommit({"a": content}, evil, WHEN))
    assert b"data %d\n%s\n" % (len(evil), evil.encode()) in text
    assert b"data %d\n%s\n" % (len(content), content) in text


@pytest.mark.parametrize(
    "commit",
    [
        new({"a/../b": b""}),
        new({".git/hooks/x": b""}),
        new({"a\nb": None}),
        new({"big": b"x" * (MAX_FILE_BYTES + 1)}),
        NewCommit({"a": b""}, "m", WHEN, Identity("A <x>", "a@b")),
        NewCommit({"a": b""}, "m", WHEN, Identity("A", "a@b>\nfrom x")),
        NewCommit({"a": b""}, "m", WHEN, Identity("", "a@b")),
    ],
)
def test_what_a_person_must_change_is_refused(commit: NewCommit) -> None:
    with pytest.raises(UserError):
        stream(commit)


@pytest.mark.parametrize(
    "commit",
    [new({"a": b""}, ""), new({"a": b""}, "x\0y"), NewCommit({"a": b""}, "m", datetime(2026, 1, 1))],  # noqa: DTZ001
)
def test_what_only_we_can_have_done_is_a_bug(commit: NewCommit) -> None:
    with pytest.raises(BugError):
        stream(commit)


def test_a_parent_is_an_id() -> None:
    with pytest.raises(BugError):
        stream(new({"a": b""}), CommitId("refs/heads/x"))


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40).filter(lambda t: "/" not in t))
def test_a_quoted_path_has_no_quote_that_ends_it_early(name: str) -> None:
    try:
        quoted = quote_path(name)
    except UserError:
        return
    inner = quoted[1:-1].replace(b"\\\\", b"").replace(b'\\"', b"")
    assert quoted[:1] == quoted[-1:] == b'"'
    assert b'"' not in inner
    assert b"\\" not in inner


def test_dates_are_whole_seconds() -> None:
    assert b" 1795255200 +0000\n" in stream(
        NewCommit({"a": b""}, "m", datetime(2026, 11, 21, 10, 0, 0, 999, tzinfo=UTC))
    )
