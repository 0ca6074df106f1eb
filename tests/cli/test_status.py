"""`status`: what needs a person is never hidden, and what belongs together stands on one row."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from reconciler.decide.outlook import awaited, standing
from reconciler.decide.remediation import Remediation, Waiting
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId
from tests.cli.conftest import Reconciler, Site, git

PLAYBOOK = """\
remediations:
- {name: slow, actions: [{action: scaling, value: +1}]}
- {name: later, actions: [{action: featuretoggle, value: "Missing:on"}]}
"""


@pytest.fixture
def shop(site: Site) -> Site:
    """The site with a playbook whose second entry has an action that always fails."""
    commit(site, "carts/remediation.yaml", PLAYBOOK)
    return site


def commit(site: Site, path: str, text: str) -> None:
    (site.clone / path).write_text(text, "utf-8")
    git(site.clone, "pull", "-q", "--no-rebase")
    git(site.clone, "commit", "-qam", f"Change {path}")
    git(site.clone, "push", "-q")


def happen(reconciler: Reconciler, site: Site, *titles: str) -> None:
    for title in titles:
        assert reconciler("problem", "open", "--service", "carts", "--title", title, "--id", f"p-{title}").code == 0
    assert reconciler("reconcile", "-c", site.config).code == 0


def carts(reconciler: Reconciler, *more: str) -> dict[str, Any]:
    data = json.loads(reconciler("status", "--stage", "production", "-o", "json", *more).out)
    (service,) = data["stages"][0]["services"]
    return dict(service)


def rows(reconciler: Reconciler, *more: str) -> list[list[str]]:
    """Return the cells of the table's rows from the open problem on."""
    lines = reconciler("status", "--stage", "production", *more).out.partition("\n\n")[0].splitlines()
    starts = [match.start() for match in re.finditer(r"\S+(?: \S+)*", lines[0])]
    ends = [*starts[1:], None]
    cells = [[line[start:end].strip() for start, end in zip(starts, ends, strict=True)] for line in lines[1:]]
    return [line[3:] for line in cells]


@pytest.mark.parametrize(
    ("title", "outcome", "todo"),
    [
        ("later", "escalated", "look at the service, then `reconciler retry --stage production --remediation p-later`"),
        ("other", "unmatched", "add an entry to carts/remediation.yaml, push it, then `reconciler retry "),
    ],
)
def test_what_has_ended_while_its_problem_is_open_is_shown(
    reconciler: Reconciler, shop: Site, title: str, outcome: str, todo: str
) -> None:
    happen(reconciler, shop, title)
    (row,) = rows(reconciler)
    assert row[:3] == [title, f"p-{title}", outcome]
    out = " ".join(reconciler("status").out.split())
    assert f"production/carts: p-{title} is {outcome}: " in out
    assert todo in out
    (told,) = carts(reconciler)["remediations"]
    assert told["standing"] == outcome
    assert todo in told["next"]
    reconciler("problem", "resolve", f"p-{title}")
    reconciler("reconcile", "-c", shop.config)
    assert reconciler("status", "--stage", "production").out == ""


@pytest.mark.parametrize(("verb", "outcome"), [("undo", "reverted"), ("abort", "aborted")])
def test_what_a_person_ended_says_how_to_go_on(reconciler: Reconciler, shop: Site, verb: str, outcome: str) -> None:
    happen(reconciler, shop, "slow")
    reconciler(verb, "--service", "carts")
    reconciler("reconcile", "-c", shop.config)
    assert rows(reconciler)[0][:3] == ["slow", "p-slow", outcome]
    assert "nothing further is done until `reconciler retry" in reconciler("status").out


def test_what_is_refused_names_place_and_error(
    reconciler: Reconciler, shop: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.cli.commands.status.terminal_columns", lambda: 200)
    commit(shop, "carts/remediation.yaml", PLAYBOOK.replace("name: slow", "nam: slow") + "# " + "x" * 200 + "\n")
    happen(reconciler, shop, "slow")
    table, _, notes = reconciler("status").out.partition("\n\n")
    assert "! carts/remediation.yaml:2:4" in table
    assert max(map(len, table.splitlines())) < 120
    assert "! production/carts: carts/remediation.yaml:2:4: " in notes
    assert max(map(len, notes.splitlines())) <= 120
    assert "p-slow is refused: mend carts/remediation.yaml:2:4; it is then tried again by itself" in notes
    assert rows(reconciler)[0][:3] == ["slow", "p-slow", "refused"]


def test_each_problem_stands_beside_its_remediation(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop, "later", "slow")
    reconciler("problem", "open", "--service", "carts", "--title", "unseen", "--id", "new")
    found = rows(reconciler)
    assert [row[:3] for row in found] == [
        ["later", "p-later", "escalated"],
        ["slow", "p-slow", found[1][2]],
        ["unseen", "-", "-"],
    ]
    assert found[1][3] == "carts-primary replicas=2 (1 +1)"
    assert [each.get("remediation") for each in carts(reconciler)["problems"]] == [None, "p-later", "p-slow"]


def test_all_has_what_is_over_and_not_as_an_open_problem(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop, "later")
    reconciler("problem", "resolve", "p-later")
    reconciler("reconcile", "-c", shop.config)
    (row,) = rows(reconciler, "--all")
    assert row[:3] == ["-", "p-later", "escalated"]
    assert [each["state"] for each in carts(reconciler, "--all")["problems"]] == ["resolved"]


@pytest.mark.parametrize("whole", [True, False], ids=["the stage", "a service"])
def test_what_is_suspended_is_told_though_nothing_else_goes_on(reconciler: Reconciler, shop: Site, whole: bool) -> None:
    reconciler("suspend", "-m", "release night", *([] if whole else ["--service", "carts"]))
    what = "production" if whole else "production/carts"
    result = reconciler("status")
    assert f"{what} is suspended by Ada: release night" in result.out
    data = json.loads(reconciler("status", "--stage", "production", "-o", "json").out)["stages"][0]
    place = data if whole else data["services"][0]
    assert place["suspended"] == "suspended by Ada: release night"


def test_a_stage_file_that_cannot_be_read_is_told(reconciler: Reconciler, shop: Site) -> None:
    commit(shop, "stage.yaml", "mod: automated\n")
    assert "! stage.yaml:1:1: " in reconciler("status").out


def test_retry_takes_the_one_that_can_be_retried(reconciler: Reconciler, shop: Site) -> None:
    commit(shop, "stage.yaml", "budgets: {actionsPerHour: 0}\n")
    happen(reconciler, shop, "later", "slow")
    assert [each["standing"] for each in carts(reconciler)["remediations"]] == ["held: budget", "held: budget"]
    result = reconciler("retry", "--remediation", "p-slow")
    assert result.code == 1
    assert "there is nothing to retry about p-slow: it is held: budget" in result.err
    assert "lifted by the hour going by" in result.err
    commit(shop, "stage.yaml", "mode: automated\n")
    happen(reconciler, shop, "other")
    result = reconciler("retry", "--service", "carts")
    assert result.code == 2
    assert "carts has 2 remediations that could be retried: p-later (escalated), p-other (unmatched)" in result.err
    assert "name one with --remediation: p-later, p-other" in result.err


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("budgets: {actionsPerHour: 0}", "lifted by the hour going by"),
        (
            "approval: required",
            "needs a person's approval; lifted by `reconciler approve --stage production --remediation p-slow`, or",
        ),
        ("freeze: [{schedule: '* * * * *', duration: 1h, reason: release}]", "a freeze window is open"),
    ],
)
@pytest.mark.parametrize("which", [("--service", "carts"), ("--remediation", "p-slow")])
def test_what_is_held_says_why_and_what_lifts_it(
    reconciler: Reconciler, shop: Site, stage: str, said: str, which: tuple[str, str]
) -> None:
    happen(reconciler, shop, "later")
    reconciler("problem", "resolve", "p-later")
    commit(shop, "stage.yaml", stage + "\n")
    happen(reconciler, shop, "slow")
    for verb in ("retry", "undo"):
        result = reconciler(verb, *which)
        assert result.code == 1
        assert f"there is nothing to {verb} about" in result.err
        assert said in result.err
        assert "lifted by" in result.err
        assert "p-later" not in result.err


def test_what_is_over_is_not_listed(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop, "later")
    assert "hint: p-later is escalated: " in reconciler("undo", "--service", "carts").err
    reconciler("problem", "resolve", "p-later")
    reconciler("reconcile", "-c", shop.config)
    result = reconciler("undo", "--service", "carts")
    assert result.code == 1
    assert "hint: all of its remediations are over; see `reconciler status --all`\n" in result.err


def test_without_a_service_the_candidates_are_named(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop, "slow", "later")
    result = reconciler("undo")
    assert result.code == 2
    assert "or the remediation with --remediation: carts: p-slow (" in result.err
    assert "p-later" not in result.err


@pytest.mark.parametrize(
    ("unmeasured", "passed", "said"),
    [
        (0, 0, "first evaluation"),
        (1, 0, "measured again for want of data"),
        (0, 1, "looked at once more, since the problem is open"),
    ],
)
def test_a_wait_says_for_what(unmeasured: int, passed: int, said: str) -> None:
    waiting = Waiting(Instant(1_000_000_000), Instant(0), Instant(1))
    remediation = Remediation(
        RemediationId("r"), phase="applied", waiting=waiting, unmeasured=unmeasured, passed=passed
    )
    assert standing(remediation) == f"waits until 2001-09-09T01:46:40Z ({said})"
    assert awaited(remediation) == f"evaluated at 2001-09-09T01:46:40Z ({said})"


def test_a_command_to_copy_is_never_broken(reconciler: Reconciler, shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is anything where no person reads it: a pipe has one line a note."""
    happen(reconciler, shop, "later")
    command = "`reconciler retry --stage production --remediation p-later`"
    notes = reconciler("status", "--stage", "production").out.partition("\n\n")[2]
    assert len(notes.splitlines()) == 1
    for columns in range(len(command) + 4, 121, 7):
        monkeypatch.setattr("reconciler.cli.commands.status.terminal_columns", lambda wide=columns: wide)
        notes = reconciler("status", "--stage", "production", "--no-fetch").out.partition("\n\n")[2]
        assert command in notes
        assert max(map(len, notes.splitlines())) <= max(columns, len(command) + 5)


def test_a_title_that_misses_its_entry_is_told_where_it_is_typed_and_in_status(
    reconciler: Reconciler, shop: Site
) -> None:
    commit(shop, "carts/remediation.yaml", PLAYBOOK.replace("slow", "Response time degradation"))
    slip = ("--service", "carts", "--title", "Response time degradatoin", "--id", "p1")
    opened = reconciler("problem", "open", *slip)
    told = "`Response time degradatoin` is spelled nearly as the entry `Response time degradation`"
    assert opened.code == 0
    assert f"warning: {told}, and so is unmatched" in opened.err
    assert reconciler("reconcile", "-c", shop.config).code == 0
    (only,) = carts(reconciler)["remediations"]
    assert only["outcome"] == "unmatched"
    assert f"{told}; add an entry to carts/remediation.yaml" in only["next"]
