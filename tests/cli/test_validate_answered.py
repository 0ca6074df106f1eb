"""Commands that were answered already, and moments that there are not."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli.checking import Part, check
from reconciler.cli.findings.finding import Finding
from reconciler.cli.surroundings import Surroundings
from tests.cli.conftest import Reconciler, git

COMMAND = "ops/production/a/commands/20261121T100000Z-undo-problem-9-01.yaml"
TEXT = "verb: undo\nremediation: problem-9\nstep: 1\n"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def found(files: dict[str, str]) -> list[Finding]:
    every = {path: text.encode() for path, text in files.items()}
    around = replace(Surroundings("production", near=every).among(every), now=NOW)
    part = Part(every, around, paths=frozenset(every), whole=True)
    return [each for each in check(part, lambda _done, _whole: None) if "/steps/" not in each.place.path]


def refusal(path: str, text: str) -> dict[str, str]:
    """Return the step that refused a command of just this content."""
    data = text.encode()
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    return {"ops/production/steps/000007-refused.yaml": f'event: "refused"\nfile: "{path}@{blob}"\n'}


def test_what_is_wrong_with_a_command_that_was_refused_is_a_notice() -> None:
    files = {"a/service.yaml": "", COMMAND: TEXT}
    assert [each.severity for each in found(files)] == ["warning"]
    (only,) = found({**files, **refusal(COMMAND, TEXT)})
    assert (only.severity, only.check) == ("notice", "unanswerable-command")
    assert only.error.hint.startswith("delete it, or let it be: it was answered already")
    # Corrected, it is asked anew.
    assert [each.severity for each in found({**files, **refusal(COMMAND, "verb: x\n")})] == ["warning"]


def test_so_it_is_with_one_that_cannot_be_read() -> None:
    path = "ops/production/a/commands/now.yaml"
    files = {"a/service.yaml": "", path: TEXT}
    assert [each.severity for each in found(files)][:1] == ["error"]
    assert {each.severity for each in found({**files, **refusal(path, TEXT)})} == {"notice"}


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("2026-13-21T10:00:00Z", ["warning"]),
        ("2026-11-21T25:00:00Z", ["warning"]),
        ("2036-11-21T10:00:00Z", ["warning"]),
        ("2026-11-21T10:00:00Z", []),
        ("2026-11-22T12:30:00.123456789Z", []),
    ],
)
def test_when_a_problem_began(said: str, severity: list[str]) -> None:
    problem = f"title: x\nstartedAt: {said}\n"
    told = found({"a/service.yaml": "", "ops/production/a/problems/p1.yaml": problem})
    assert [each.severity for each in told] == severity
    assert [str(each.place) for each in told] == ["ops/production/a/problems/p1.yaml:2:12"] * len(severity)


def test_a_command_of_a_moment_that_lies_ahead() -> None:
    for year, checks in ((2026, []), (2036, ["impossible-time"])):
        path = f"ops/production/a/commands/{year}1122T100000Z-suspend.yaml"
        assert [each.check for each in found({"a/service.yaml": "", path: "verb: suspend\n"})] == checks


def test_a_change_and_a_file_alone_are_held_against_the_answers_of_the_branch(
    reconciler: Reconciler, clone: Path
) -> None:
    path = "ops/production/carts/commands/20261121T100000Z-undo-problem-9-01.yaml"
    file = clone / path
    file.parent.mkdir(parents=True)
    file.write_text(TEXT, "utf-8")
    alone, change = ["validate", str(file), "--strict"], ["validate", "--diff", "HEAD~1..HEAD", "--strict"]
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "asked")
    assert (reconciler(*alone).code, reconciler(*change).code) == (1, 1)
    git(clone, "reset", "-q", "--hard", "HEAD~1")
    for name, text in refusal(path, TEXT).items():
        (clone / name).parent.mkdir(parents=True)
        (clone / name).write_text(text, "utf-8")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "answered")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(TEXT, "utf-8")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "asked")
    for words in (alone, change, ["validate", str(file.parent), "--strict"]):
        done = reconciler(*words)
        assert (done.code, ": notice: " in done.out, "it was answered already" in done.out) == (0, True, True)


def test_an_answer_of_the_remediation_counts_for_the_file_whatever_it_holds(
    reconciler: Reconciler, clone: Path
) -> None:
    path = "ops/production/carts/commands/20261121T100000Z-retry-p1-07.yaml"
    step = "ops/production/carts/remediations/p1/02-reopened.yaml"
    for name, text in ((path, "verb: retry\nremediation: p1\nstep: 7\n"), (step, f'command: "{path}"\n')):
        (clone / name).parent.mkdir(parents=True)
        (clone / name).write_text(text, "utf-8")
    assert "it was answered already" in reconciler("validate", path, "--strict").out
