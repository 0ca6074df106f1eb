"""How problems are called: ids that are not as the file's name, titles that miss their entry by a slip."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.findings.finding import Finding
from tests.cli.conftest import Reconciler, git
from tests.cli.test_validate_mistakes import BOOK, entry, found

TITLE = "Response time degradation"
PROBLEMS = "ops/production/a/problems"


def told(title: str, *entries: str, name: str = "p1.yaml", more: str = "") -> list[Finding]:
    book = BOOK % "".join(entry(each, "action: restart") for each in entries)
    problem = f"{more}title: {title}\nstate: open\n"
    return found({"a/remediation.yaml": book, f"{PROBLEMS}/{name}": problem})


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("p 1.yaml", "p%201", "rename the file to `p-1.yaml`, before it is answered"),
        ("2026/d\u00e4mon.json", "d%C3%A4mon", "rename the file to `d-mon.json`, before it is answered"),
        ("a:b.yaml", "a%3Ab", "rename the file to `a-b.yaml`, before it is answered"),
    ],
)
def test_an_id_that_is_encoded_is_told(name: str, known: str, hint: str) -> None:
    (only,) = told(TITLE, TITLE, name=name)
    assert (str(only.place), only.severity, only.check) == (f"{PROBLEMS}/{name}", "notice", "encoded-id")
    assert f"`{known}`" in only.error.message
    assert only.error.hint == hint


@pytest.mark.parametrize(
    "title",
    [
        "Response time degredation", "Respons time degradation", "response time degradation",
        "Response time  degradation", "Respnose time degradation on carts",
    ],
)  # fmt: skip
def test_a_title_that_misses_its_entry_is_told(title: str) -> None:
    (only,) = told(title, TITLE, more="# seen\n")
    assert (str(only.place), only.severity, only.check) == (f"{PROBLEMS}/p1.yaml:2:8", "warning", "near-name")
    assert "and so is unmatched" in only.error.message
    assert only.error.hint == f"write `{TITLE}` here, or in the playbook what monitoring reports"


def test_a_blank_that_is_no_space_is_told_where_it_is() -> None:
    (only,) = told("Response\u00a0time degradation", TITLE)
    assert str(only.place) == f"{PROBLEMS}/p1.yaml:1:16"
    assert "a no-break space (U+00A0)" in only.error.message


def test_what_falls_to_default_is_told_too() -> None:
    (only,) = told("Response time degredation", TITLE, "default")
    assert "and so falls to `default`" in only.error.message


def test_a_root_cause_is_held_against_the_entries_too() -> None:
    (only,) = told("x", "cpu_saturation", more="rootCause: cpu_saturaton\n")
    assert str(only.place) == f"{PROBLEMS}/p1.yaml:1:12"


@pytest.mark.parametrize(
    ("title", "entries"),
    [
        (f"{TITLE} on carts", (TITLE,)),
        ("Low disk space", (TITLE, "default")),
        ("Host 2 is down", ("Host 1 is down",)),
        ("Response time degredation", ("Response time degredation",)),
    ],
)
def test_what_is_matched_or_another_problem_is_not_told(title: str, entries: tuple[str, ...]) -> None:
    assert [each for each in told(title, *entries) if each.place.path.endswith("p1.yaml")] == []


def test_a_problem_alone_and_in_a_change_is_held_against_its_playbook(reconciler: Reconciler, clone: Path) -> None:
    file = clone / "ops/production/carts/problems/p1.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("title: Response time degredation\nstate: open\n", "utf-8")
    assert "near-name" in reconciler("validate", str(file), "-o", "json").out
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "a problem")
    assert "near-name" in reconciler("validate", "--diff", "HEAD~1..HEAD", "-o", "json").out
