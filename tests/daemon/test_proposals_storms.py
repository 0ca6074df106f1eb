"""In a storm of alerts a proposal stays what it is: one small file, one pull request, and an approval that counts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from reconciler.daemon.asked import Asked
from reconciler.decide.remediation import Approvable
from reconciler.forge.telling import LONGEST, body, withdrawn
from reconciler.model.command import load_command
from reconciler.model.instant import parse_instant
from reconciler.model.names import ProjectName, RemediationId, ServicePath, StageName
from reconciler.model.reader import CONFIG_LIMIT
from tests.daemon.forge_site import BRANCH, TITLE, merge, on_a_forge
from tests.daemon.site import Site, git, until
from tests.forge.double import Double

LONG = "Response time degradation of the checkout, seen from \u202e every region " * 6


@pytest.fixture
def forge(site: Site) -> Iterator[Double]:
    with on_a_forge(site) as double:
        yield double


def asked(problems: int, changes: int = 1, words: str = LONG) -> Asked:
    told = {
        "subject": "scale 1 → 2",
        "changes": [{"target": f"k/{words}", "field": words, "before": 1, "value": 2}] * changes,
        "once": [{"target": words, "field": words, "value": words}] * changes,
    }
    proposal = Approvable("0" * 16, parse_instant("2026-11-22T10:00:00Z"), told)
    found = tuple((f"p{number:03d}", words) for number in range(problems))
    about = StageName("production"), ServicePath("carts"), RemediationId("p1")
    return Asked(*about, TITLE, 2, proposal, found, "x", "scaling +1", TITLE)


@pytest.mark.parametrize("problems", [0, 10, 11, 300])
def test_the_file_stays_far_below_what_a_command_may_be_and_counts_the_rest(problems: int) -> None:
    path, content = asked(problems, 100, "\U0001f525" * 500).approval()
    assert len(content) < CONFIG_LIMIT // 2
    assert load_command(content, path).effect == "0" * 16
    text = content.decode()
    assert text.count("# problem p") == min(problems, 10)
    assert (f"# and {problems - 10} more problems" in text) == (problems > 10)
    assert len(asked(problems, 100).commit().message) < CONFIG_LIMIT


def test_the_text_is_shorter_than_any_forge_takes() -> None:
    one = asked(300, 100)
    listed = [(identity, words, "c" * 40) for identity, words in one.problems]
    proposal = one.proposed(ProjectName("shop"), listed, "\n" * 20_000, "b" * 40)
    text = body(proposal)
    assert len(text) <= LONGEST - 1000
    assert len(withdrawn(text, LONG)) <= LONGEST
    assert "* and 290 more" in text
    assert "and 170 more" in text
    assert "* and 290 more" in body(one.proposed(ProjectName("shop"), listed[:10], "", ""))
    assert proposal.mark in text


def test_what_else_a_file_tells_does_not_matter_and_what_it_says_does() -> None:
    one, other = asked(1), asked(7)
    _, content = other.approval()
    assert one.approves(content)
    assert one.approves(content.replace(b"# problem", b"# a remark of somebody: problem"))
    assert not one.approves(content.replace(b"0" * 16, b"1" * 16))
    assert not one.approves(content.replace(b'"approve"', b'"decline"'))
    assert not one.approves(content + b"reason: another\n")
    assert not one.approves(b"[")
    assert not one.approves(b"#" * CONFIG_LIMIT + b"\n" + content)


def attached(site: Site, number: int) -> bool:
    return site.events().count("attached") == number


def looked_at(forge: Double, calls: int) -> bool:
    return forge.count("GET", "/pulls") > calls


def test_problems_that_come_and_go_leave_the_pull_request_alone(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, forge.opened, "a pull request")
        head = git(site.remote, "rev-parse", BRANCH)
        for number in range(2, 5):
            site.problem(f"p{number}", TITLE)
            until(loop, partial(attached, site, number - 1), "attached")
            until(loop, partial(looked_at, forge, forge.count("GET", "/pulls") + 4), "the forge was looked at")
        assert [(pull.number, pull.state) for pull in forge.pulls] == [(1, "open")]
        assert git(site.remote, "rev-parse", BRANCH) == head
        merge(site, forge, forge.pulls[0], "merge")
        until(loop, lambda: site.replicas() == 2, "done")


def test_a_storm_is_approved_as_a_single_problem_is(site: Site, forge: Double) -> None:
    storm: dict[str, str | None] = {
        f"ops/production/carts/problems/p{n:03d}.yaml": f"title: {TITLE} {'x' * 260}\nstate: open\n" for n in range(60)
    }
    with site.loop() as loop:
        site.push(storm, "storm")
        until(loop, forge.opened, "a pull request")
        (pull,) = forge.opened()
        assert "* and 50 more" in pull.body
        merge(site, forge, pull, "squash")
        until(loop, lambda: site.replicas() == 2, "done")
