"""Who closed and when, as a forge tells it, becomes the author and the date of a commit, whatever it tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.daemon.proposals_declined import closed_at, closer
from reconciler.forge.protocol import Closing
from reconciler.repo.stream import NewCommit, commit_stream
from reconciler.repo.writer import RECONCILER

SINCE = datetime(2026, 11, 21, 10, tzinfo=UTC)


@given(st.text(), st.text(), st.text() | st.datetimes().map(str))
def test_it_is_always_a_commit(login: str, name: str, at: str) -> None:
    closing = Closing(login, name, at)
    commit = NewCommit({"a": b"x"}, "declined\n", closed_at(closing, SINCE), closer(closing))
    assert b"".join(commit_stream("refs/x", None, [commit], RECONCILER))


@pytest.mark.parametrize(
    ("closing", "who"),
    [
        (Closing("ada", "Ada L"), "Ada L (ada) <ada@users.noreply.invalid>"),
        (Closing("ada", "Ada"), "Ada <ada@users.noreply.invalid>"),
        (Closing("mallory", "Ada"), "Ada (mallory) <mallory@users.noreply.invalid>"),
        (Closing("mallory", "reconciler"), "reconciler (mallory) <mallory@users.noreply.invalid>"),
        (Closing("ada"), "ada <ada@users.noreply.invalid>"),
        (Closing(), "somebody <somebody@users.noreply.invalid>"),
        (Closing("<x>\n", " "), "x <x@users.noreply.invalid>"),
    ],
)
def test_who(closing: Closing, who: str) -> None:
    assert str(closer(closing)) == who


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T11:00:00Z", SINCE + timedelta(hours=1)),
        ("2026-11-21T12:00:00.500+01:00", SINCE + timedelta(hours=1, seconds=0.5)),
        ("2026-11-21T11:00:00", SINCE + timedelta(hours=1)),
        ("2026-11-21T09:59:59Z", SINCE),
        ("9999-12-31T23:59:59Z", SINCE),
        ("yesterday", SINCE),
        ("", SINCE),
    ],
)
def test_when(text: str, moment: datetime) -> None:
    assert closed_at(Closing(at=text), SINCE) == moment
