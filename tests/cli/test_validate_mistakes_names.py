"""Names that nobody has: commands about no remediation, flags and problems one slip away, ids apart by capitals."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.findings.finding import Finding
from reconciler.cli.spelling_doubts import slipped
from tests.cli.conftest import Reconciler, git
from tests.cli.test_validate_mistakes import BOOK, entry, found

STEP = 'event: "opened"\nsequence: 1\nnow: "2026-11-21T10:00:00Z"\nrules: 0\n'
STEPS = {f"ops/production/a/remediations/problem-1/0{number}-opened.yaml": STEP for number in (1, 2)}


def about(name: str, text: str, service: str = "a/") -> list[Finding]:
    files = {"a/service.yaml": "", **STEPS, f"ops/production/{service}commands/20261121T100000Z-{name}.yaml": text}
    return [each for each in found(files) if each.place.path.startswith(f"ops/production/{service}commands")]


@pytest.mark.parametrize(
    ("name", "text", "place", "said", "hint"),
    [
        (
            "undo-problem-2-01",
            "verb: undo\nremediation: problem-2\nstep: 1\n",
            "2:14",
            "no remediation `problem-2` of a",
            "did you mean `problem-1`?",
        ),
        ("abort-xyz-00", "verb: abort\nremediation: xyz\n", "2:14", "no remediation `xyz` of a", "reconciler status"),
        (
            "undo-problem-1-07",
            "verb: undo\nremediation: problem-1\nstep: 7\n",
            "3:7",
            "has no step 7",
            "write `step: 2`",
        ),
        ("retry", "verb: retry\n", "1:7", "`retry` is for a remediation of a service", "reconciler retry"),
        (
            "suspend-p1-00",
            "verb: suspend\nremediation: p1\n",
            "2:14",
            "is for a service or a stage",
            "leave `remediation`",
        ),
    ],
)
def test_a_command_that_will_be_refused(name: str, text: str, place: str, said: str, hint: str) -> None:
    (only,) = about(name, text)
    assert (only.severity, only.check) == ("warning", "unanswerable-command")
    assert f"{only.place.line}:{only.place.column}" == place
    assert said in only.error.message
    assert only.error.expected
    assert hint in only.error.hint


@pytest.mark.parametrize(
    ("name", "text", "service"),
    [
        ("undo-problem-1-02", "verb: undo\nremediation: problem-1\nstep: 2\n", "a/"),
        ("abort-problem-1-00", "verb: abort\nremediation: problem-1\n", "a/"),
        ("suspend", "verb: suspend\n", "a/"),
        ("resume", "verb: resume\n", ""),
    ],
)
def test_a_command_that_will_be_answered(name: str, text: str, service: str) -> None:
    assert about(name, text, service) == []


def test_a_commands_file_alone_is_held_against_the_steps_beside_it(reconciler: Reconciler, clone: Path) -> None:
    command = "ops/production/carts/commands/20261121T100000Z-abort-p2-00.yaml"
    for path, text in {**STEPS, command: "verb: abort\nremediation: p2\n"}.items():
        file = clone / path.replace("/a/", "/carts/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    assert "no remediation `p2` of carts" in reconciler("validate", command).out


def test_problems_that_differ_in_capitals_are_told_in_a_change_too(reconciler: Reconciler, clone: Path) -> None:
    folder = clone / "ops/production/carts/problems"
    for name in ("P1", "2026-11-21/p1"):
        file = folder / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("title: x\n", "utf-8")
        git(clone, "add", ".")
        git(clone, "commit", "-qm", "Report")
    for words in (["--diff", "HEAD~1..HEAD"], ["--ref", "production"], ["."]):
        told = reconciler("validate", *words).out
        assert told.count("warning") == 1
        assert "differs in capitals only from `" in told


def test_entries_and_flags_that_are_one_slip_away() -> None:
    book = entry(
        "Reponse time degradation", "{action: featuretoggle, value: {EnablePromotion: off, EnablePromtion: on}}"
    )
    (flag, problem) = sorted(found({"a/remediation.yaml": BOOK % book}), key=lambda each: "entry" in each.error.message)
    assert (flag.severity, flag.check, flag.error.hint) == ("notice", "near-name", "did you mean `EnablePromotion`?")
    assert (str(problem.place), problem.error.hint) == (
        "a/remediation.yaml:2:3", "did you mean `Response time degradation`?",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "other", "near"),
    [
        ("EnablePromotoin", "EnablePromotion", True),
        ("EnablePrommotion", "EnablePromotion", True),
        ("EnablePromation", "EnablePromotion", True),
        ("EnablePromotions", "EnablePromotion", False),
        ("promotion_1_on", "promotion_2_on", False),
        ("EnableXCache", "EnableYCache", False),
        ("enable_a", "enable_b", False),
        ("promo", "prmo", False),
        ("Disk full on sda", "Disk full on sdb", False),
        ("EnablePromotion", "enablepromotion", False),
    ],
)
def test_what_is_a_slip(name: str, other: str, near: bool) -> None:
    assert bool(slipped(name, [other])) is near


def test_an_action_that_repeats_an_earlier_one() -> None:
    off = "{action: featuretoggle, value: 'EnablePromotion:off'%s}"
    (only,) = found({"a/remediation.yaml": BOOK % entry("slow", off % "", off % "")})
    assert (str(only.place), only.check) == ("a/remediation.yaml:5:5", "repeated-action")
    assert found({"a/remediation.yaml": BOOK % entry("slow", off % ", onFail: revert", off % "")}) == []
    assert (
        found(
            {"a/remediation.yaml": BOOK % entry("slow", "{action: scaling, value: +1}", "{action: scaling, value: +1}")}
        )
        == []
    )


def test_typographic_quotes_are_no_quotes() -> None:
    (only,) = found({"a/remediation.yaml": BOOK % entry("\u201cslow\u201d", "action: restart")})
    assert (only.check, only.error.hint) == ("unreachable-entry", "write `slow`")


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("'X:enabled'", "write `value: X:on`"),
        ("{X: 0}", "write `value: X:off`"),
        ("'X:of'", "write `value: X:off`"),
        ("X", "write `value: X:on` or `value: X:off`"),
        ("X=on", "write `value: X:on`"),
        ("on", "write the flag's name before it: `value: EnablePromotion:on`"),
    ],
)
def test_the_state_of_a_flag_is_told_with_its_own_name(value: str, hint: str) -> None:
    (only,) = found({"a/remediation.yaml": BOOK % entry("slow", f"{{action: togglefeature, value: {value}}}")})
    assert (only.severity, only.error.hint) == ("error", hint)


def test_a_work_trees_stages_are_held_against_the_branches(reconciler: Reconciler, clone: Path) -> None:
    git(clone, "switch", "-q", "main")
    file = clone / "project.yaml"
    text = file.read_text("utf-8")
    for words in (["."], ["project.yaml"]):
        file.write_text(text.replace("production", "prodction"), "utf-8")
        done = reconciler("validate", *words)
        line = next(each for each in done.out.splitlines() if "has no branch" in each)
        assert (done.code, line) == (0, "project.yaml:4:24: warning: the stage `prodction` has no branch")
        assert "did you mean `production`?" in done.out
        file.write_text(text, "utf-8")
        assert reconciler("validate", *words).out == ""
