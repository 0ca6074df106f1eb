"""`report`: what a period was like, the same whenever it is asked for."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.reporting import quantile
from reconciler.model.instant import Instant, format_instant
from tests.cli.conftest import Reconciler, git
from tests.repo.told_history import HOUR, PLAYBOOK, START, Told, told

SINCE = format_instant(Instant(START))


@pytest.fixture
def past(tmp_path: Path) -> Told:
    made = told(tmp_path)
    made.people({"shop/users/remediation.yaml": PLAYBOOK.replace("slow", "=cmd")}, "Users")
    made.remediation("p1", seconds=100)
    made.remediation("p2", seconds=300)
    made.remediation("p3", seconds=900, title="slow | <b>")
    made.remediation("p4", end="escalated", result="fail", reason="there is no action left")
    made.remediation("p5", end="resolved", result="fail", service="shop/users", entry="=cmd")
    made.now += 10 * HOUR
    return made


@pytest.fixture
def clone(past: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "clone", "-q", "shop.git", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    return tmp_path / "clone"


def reported(reconciler: Reconciler, *more: str) -> dict[str, Any]:
    result = reconciler("report", "--since", SINCE, "-o", "json", *more)
    assert result.code == 0, result.err
    (stage,) = json.loads(result.out)["stages"]
    return dict(stage)


def test_a_period_in_numbers(reconciler: Reconciler, past: Told, clone: Path) -> None:
    found = reported(reconciler, "--until", format_instant(Instant(past.now)))
    assert (found["remediations"], found["problems"], found["healed"]) == (5, 5, 0.6)
    assert found["outcomes"] == {"remediated": 3, "unhealed": 1, "escalated": 1}
    assert (found["medianSeconds"], found["p90Seconds"]) == (300, 900)
    assert [(each["entry"], each["remediations"], each["healed"]) for each in found["entries"]] == [
        ("slow", 4, 0.75), ("=cmd", 1, 0.0),
    ]  # fmt: skip
    assert found["actions"] == [{"action": "scaling +1", "tried": 5, "helped": 3}]
    assert [each["service"] for each in found["services"]] == ["carts", "shop/users"]
    assert [each["remediation"] for each in found["unhealed"]] == ["p5"]
    assert found["escalated"][0]["reason"] == "there is no action left"
    assert found["neverUsed"] == [{"entry": "never", "services": ["carts", "shop/users"]}]


def test_a_period_that_is_over_stays_as_it_was(reconciler: Reconciler, past: Told, clone: Path) -> None:
    until = format_instant(Instant(START + 3 * HOUR + 1400))
    before = reported(reconciler, "--until", until)
    assert before["outcomes"] == {"remediated": 3, "running": 1}
    past.happen("reopened", remediation="p4")
    past.remediation("p6")
    past.people({"carts/remediation.yaml": "remediations: []\n"}, "Nothing")
    assert reported(reconciler, "--until", until) == before


def test_only_what_is_asked_for(reconciler: Reconciler, past: Told, clone: Path) -> None:
    found = reported(reconciler, "--service", "users", "--until", format_instant(Instant(past.now)))
    assert ([each["service"] for each in found["services"]], found["neverUsed"]) == (
        ["shop/users"], [{"entry": "never", "services": ["shop/users"]}],
    )  # fmt: skip
    nothing = reported(reconciler, "--until", SINCE)
    assert (nothing["remediations"], nothing["medianSeconds"]) == (1, None)
    assert reconciler("report", "--since", "2026-12-01", "--until", "2026-11-01").code == 2
    assert reconciler("report", "--since", "soon").code == 2


def test_markdown_says_just_what_was_written(reconciler: Reconciler, past: Told, clone: Path) -> None:
    text = reconciler("report", "--since", SINCE, "--until", format_instant(Instant(past.now))).out
    assert "# production, " in text
    assert "| 5 | 5 | 60.0 % | 5m | 15m | 3 remediated, 1 unhealed, 1 escalated |" in text
    assert "## Entries that were never used" in text
    assert "there is no action left" in text
    assert "<b>" not in text


def test_csv_is_for_spreadsheets(reconciler: Reconciler, past: Told, clone: Path) -> None:
    arguments = ("report", "--since", SINCE, "--until", format_instant(Instant(past.now)), "-o", "csv")
    text = reconciler(*arguments).out
    assert len({len(line) for line in csv.reader(io.StringIO(text))}) == 1
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["group"], row["name"], row["remediations"]) for row in rows] == [
        ("stage", "", "5"), ("entry", "slow", "4"), ("entry", "'=cmd", "1"), ("action", "scaling +1", ""),
        ("service", "carts", "4"), ("service", "shop/users", "1"), ("never used", "never", "0"),
    ]  # fmt: skip
    assert [(row["tried"], row["helped"]) for row in rows if row["tried"]] == [("5", "3")]
    assert (rows[0]["unhealed"], rows[-1]["healed"], rows[-1]["remediated"]) == ("1", "", "")


@pytest.mark.parametrize(("values", "median", "most"), [([], None, None), ([7], 7, 7), (list(range(1, 11)), 5, 9)])
def test_quantiles_are_values_that_were_there(values: list[int], median: int | None, most: int | None) -> None:
    assert (quantile(values, 0.5), quantile(values, 0.9)) == (median, most)
