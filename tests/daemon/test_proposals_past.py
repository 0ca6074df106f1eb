"""A proposal says what became of the same action before: how often it was taken, what followed, how long it took."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from reconciler.bridge.following import chronicle_path
from reconciler.daemon.proposals_past import NEWEST, PastActions, Question, told
from reconciler.forge.telling import WITHDRAWN
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, RemediationId, StageName
from reconciler.repo.chronicle_following import Trail
from reconciler.repo.chronicle_records import PastProblem, PastRemediation
from tests.daemon.forge_site import TITLE, merge, on_a_forge
from tests.daemon.site import Site, git, until
from tests.daemon.test_proposals_storms import asked
from tests.forge.double import Double

NO = CommitId("a" * 40)


def past(number: int, outcome: str = "remediated", **more: Any) -> PastRemediation:
    known: dict[str, Any] = {
        "order": number, "id": RemediationId(f"old{number}"), "service": "carts", "entry": TITLE,
        "problems": (PastProblem(f"old{number}", 1, TITLE, ""),), "source": "", "reported": Instant(1000),
        "opened": Instant(1000), "ended": Instant(1600) if outcome else None, "outcome": outcome, "unhealed": False,
        "reason": "", "tried": ("scaling +1",), "helped": "scaling +1" if outcome == "remediated" else "", "steps": 5,
        "event": outcome, "held": "", "first": NO, "newest": NO, "last": Instant(1600),
    }  # fmt: skip
    return PastRemediation(**{**known, **more})


def test_what_followed_is_counted_with_how_long_it_took() -> None:
    found = [
        past(9), past(8, ended=Instant(1000 + 3 * 3600)), past(7), past(6, "escalated"),
        past(5, "resolved", unhealed=True), past(4, helped="toggle on", tried=("scaling +1", "toggle on")),
        past(3, ""), past(2, tried=("toggle on",)),
    ]  # fmt: skip
    text = told(asked(1), found)
    assert "Of 8 earlier remediations of `Response time degradation` for `carts`, 7 took `scaling +1`:" in text
    for line in (
        "* 3 times remediated", "* 1 times escalated", "* 1 times unhealed: its source resolved it",
        "* 1 times remediated by another action", "* 1 times not over yet", "over 10 min after the report",
        "* `old9` `Response time degradation`: remediated",
    ):  # fmt: skip
        assert line in text
    assert "old6" not in text, "the newest three"
    assert text == told(asked(1), found)


@pytest.mark.parametrize("found", [[], [past(1, tried=("toggle on",))], [past(1, id=RemediationId("p1"))]])
def test_where_it_was_never_taken_it_says_so(found: list[PastRemediation]) -> None:
    assert "No past problem took this action" in told(asked(1), found)


def test_of_very_many_the_newest_are_looked_at() -> None:
    text = told(asked(1), [past(number) for number in range(NEWEST + 1)])
    assert f"the newest {NEWEST} earlier remediations" in text
    assert f"* {NEWEST} times remediated" in text


@given(st.text())
def test_what_others_wrote_is_shown_as_code(words: str) -> None:
    found = [past(1, id=RemediationId(words), problems=(PastProblem("p", 1, words + WITHDRAWN, ""),))]
    text = told(asked(1), found)
    (line,) = [each for each in text.splitlines() if each.endswith(": remediated")]
    assert line.count("`") in (2, 4)
    assert len(text) < 2000


# The real chronicle


@pytest.fixture
def forge(site: Site) -> Iterator[Double]:
    with on_a_forge(site) as double:
        yield double


def test_the_pull_request_tells_what_became_of_it_before(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, forge.opened, "a pull request")
        assert "No past problem took this action" in forge.pulls[0].body
        merge(site, forge, forge.pulls[0], "merge")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        site.problem("p1", TITLE, "resolved")
        site.later()
        until(loop, lambda: "remediated" in site.events(), "remediated")
        site.problem("p2", f"{TITLE} `@all`")
        until(loop, forge.opened, "the next pull request")
        text = forge.opened()[0].body
        assert f"Of 1 earlier remediations of `{TITLE}` for `carts`, 1 took `scaling +1`:" in text
        assert "* 1 times remediated" in text
        assert text.index("What if") < text.index("What was seen")


def asking(site: Site, folder: Path) -> str:
    tip = CommitId(git(site.remote, "rev-parse", "production"))
    question = Question(site.remote, Trail(tip, tip, ()), asked(1))
    return PastActions(folder, structlog.get_logger()).tell(question)


def test_what_cannot_be_read_keeps_no_proposal_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    (site.folder / "file").write_text("in the way")
    assert "could not be read in time" in asking(site, site.folder / "file")
    folder = site.folder / "chronicles"
    monkeypatch.setattr("reconciler.daemon.proposals_past._NEW", -1)
    assert "could not be read in time" in asking(site, folder)


def test_somebody_else_who_is_reading_it_is_not_waited_for(site: Site) -> None:
    folder = site.folder / "chronicles"
    folder.mkdir()
    lock = chronicle_path(folder, StageName("production")).with_suffix(".lock")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "could not be read in time" in asking(site, folder)
    assert "No past problem" in asking(site, folder)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "No past problem" in asking(site, folder), "what it has read by now is good enough"
