"""Whatever is done to a history, `reconciler replay` says what it was, in which commit, in which line of which file.

Each line below is one way to tamper with a branch that everybody trusts: somebody wrote it anew, carefully, with later
steps naming the new commits, or pushed a commit between two of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.decide.draft import RULES
from reconciler.model.names import CommitId
from tests.cli.conftest import Reconciler
from tests.repo.replaying import RECONCILER, Written, made, rewritten
from tests.repo.tampering import (
    ANN,
    BACK,
    CLOSED,
    DESIRED,
    EVALUATIONS,
    FOREIGN,
    OPS,
    PICKED,
    REMEDIATION,
    Change,
    brought_otherwise,
    by_rules,
    changing,
    earlier,
    elsewhere,
    founded_elsewhere,
    in_file,
    of_staging,
    picked,
    pushed,
    renumbered,
    saying,
    squashed,
    step,
    story,
    swapped,
    with_facts,
    with_file,
    without,
    without_file,
)

MORE = f"{OPS}/state/x.yaml"
PROBLEM = f"{OPS}/problems/p1.yaml"
NOBODYS = f"{REMEDIATION}/note.txt"
EVALUATED = "-evaluated.yaml"
LATER = b"targets: {}\n"

TAMPERED: dict[str, tuple[Change, int | CommitId, str, str, str]] = {
    # what was done: by what change; which step's commit, or whose, is named; kind; place; words
    "a value in desired.yaml": (
        in_file(2, "desired.yaml", "value: 2", "value: 3"), 2, "file", rf"{DESIRED}:\d+", "not what the step writes"),
    "a value in a remediation's file": (
        in_file(2, "02-decided.yaml", '"value": 2', '"value": 3'), 2, "file", rf"{REMEDIATION}/02-decided.yaml:\d+",
        "02-decided.yaml is not what the step writes"),
    "the result of an evaluation": (
        in_file(4, EVALUATED, '"pass"', '"fail"'), 4, "file", rf"{REMEDIATION}/04-evaluated.yaml:\d+", "not what"),
    "the evaluations that later ones are compared with": (
        in_file(4, "evaluations.yaml", "100.0", "99.0"), 4, "file", rf"{EVALUATIONS}:\d+", "not what the step writes"),
    "a file more": (with_file(MORE, b"{}\n"), 2, "file", MORE, "which the step does not"),
    "a file less": (without_file(DESIRED), 2, "file", DESIRED, "is missing"),
    "facts without their hash": (
        in_file(4, EVALUATED, "80.0}", "81.0}"), 4, "message", "Facts", "facts are not those that it was decided on"),
    "facts with their hash": (with_facts(4, "80.0", "70.0"), 4, "file", rf"{EVALUATIONS}:\d+", "not what the step"),
    "a step dropped": (without(3), 4, "number", "Sequence", "step 3 is missing before it"),
    "two steps the other way round": (swapped, 5, "number", "Sequence", "step 4 is missing before it"),
    "two steps in one commit": (squashed, 3, "number", "Sequence", "step 2 is missing before it"),
    "a step twice": (picked, PICKED, "number", "Sequence", "step 2 comes after step 14"),
    "a number left out": (renumbered(7, 8), 7, "number", "Sequence", "step 7 is missing before it"),
    "a number twice": (renumbered(7, 6), 7, "number", "Sequence", "step 6 comes after step 6"),
    "a step of another service": (changing(3, elsewhere), 3, "nothing", "", "nothing was to be decided there"),
    "a step of another stage": (of_staging, 3, "foreign", f"{REMEDIATION}/03-applied.yaml", "only reconciler writes"),
    "the subject": (saying(2, ("carts: scale 1", "carts: scale 0")), 2, "message", "subject", "not the step's"),
    "the message's text": (saying(2, ("had 1 replica", "had 9 replicas")), 2, "message", r"message:\d+", "message"),
    "a trailer": (saying(2, ("Action-Index: 1/1", "Action-Index: 1/2")), 2, "message", "Action-Index", "message"),
    "the moment": (changing(7, earlier), 7, "time", "Now", "older than the step before it"),
    "the commit's date": (
        changing(2, lambda each: replace(each, when=each.when + 1)), 2, "time", "the commit's date", "not dated as"),
    "the author": (
        changing(2, lambda each: replace(each, author=ANN)), 2, "by", "the commit's author", "made by Ann"),
    "the committer": (
        changing(2, lambda each: replace(each, committer=ANN)), 2, "by", "the commit's committer", "made by Ann"),
    "the commit that it was decided on": (
        changing(6, founded_elsewhere), 6, "base", "Config", "a commit that it does not descend from"),
    "a file of people's with a step": (
        with_file("carts/slo.yaml", b"x: 1\n"), 2, "form", "", "is none: it changes carts/slo.yaml"),
    "older rules": (by_rules(2, RULES - 1), 2, "rules", "Rules", "steps of older rules than"),
    "newer rules": (by_rules(2, RULES + 1), 2, "rules", "Rules", "was not replayed"),
    "the problem that was reported": (
        brought_otherwise(PROBLEM, "degradation", "degradation in Rome"), 1, "file",
        rf"{REMEDIATION}/01-opened.yaml:\d+", "not what the step writes"),
    "the playbook that was acted on": (
        brought_otherwise("carts/remediation.yaml", "value: +1", "value: +2"), 1, "file",
        rf"{REMEDIATION}/01-opened.yaml:\d+", "not what the step writes"),
    "the archive": (in_file(14, "closed.yaml", '"p1"', '"p7"'), 14, "file", rf"{CLOSED}:\d+", "closed.yaml is not"),
    "the archive, by a push": (pushed(14, {CLOSED: b"closed: {}\n"}), FOREIGN, "foreign", CLOSED, "no step answers it"),
    "desired.yaml, by a push": (pushed(2, {DESIRED: LATER}), FOREIGN, "foreign", DESIRED, "changed by Ann"),
    "desired.yaml, by a push in our name": (
        lambda commits: [replace(each, author=RECONCILER, committer=RECONCILER) if each.id == FOREIGN else each
                         for each in pushed(13, {DESIRED: LATER})(commits)],
        FOREIGN, "foreign", DESIRED, "no step answers it"),
    "desired.yaml, changed and taken back": (
        pushed(2, {DESIRED: LATER}, back=True), FOREIGN, "foreign", DESIRED, "no step answers it"),
    "desired.yaml, the taking back": (
        pushed(2, {DESIRED: LATER}, back=True), BACK, "foreign", DESIRED, "no step answers it"),
    "a remediation's file deleted": (
        pushed(13, {f"{REMEDIATION}/04-evaluated.yaml": None}), FOREIGN, "foreign",
        f"{REMEDIATION}/04-evaluated.yaml", "no step answers it"),
    "a file that nobody reads": (pushed(2, {NOBODYS: b"x\n"}), FOREIGN, "foreign", NOBODYS, "changed by Ann"),
}  # fmt: skip


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    commits = made(tmp_path_factory.mktemp("past") / "past.git", story)
    assert [each.sequence for each in commits if each.sequence] == list(range(1, 15))
    return commits


def findings(out: str) -> list[dict[str, object]]:
    (stage,) = json.loads(out)["stages"]
    return list(stage["findings"])


@pytest.mark.parametrize("what", TAMPERED)
def test_it_is_found_and_named(what: str, history: Sequence[Written], tmp_path: Path, reconciler: Reconciler) -> None:
    tamper, whose, kind, where, words = TAMPERED[what]
    became = rewritten(tmp_path / "past.git", history, tamper)
    commit = became[step(history, whose).id] if isinstance(whose, int) else became[whose]
    result = reconciler("replay", "--repo", tmp_path / "past.git", "--stage", "production", "-o", "json")
    assert result.code == 1, result.err
    found = next((each for each in findings(result.out) if each["commit"] == commit), None)
    assert found is not None, result.out
    assert (found["kind"], found["error"]) == (kind, True)
    assert re.fullmatch(where, str(found.get("where", ""))), found
    assert words in str(found["what"])
    assert found["todo"]
    assert "finding" in result.err


def test_untouched_it_is_exact(history: Sequence[Written], tmp_path: Path, reconciler: Reconciler) -> None:
    rewritten(tmp_path / "past.git", history, lambda commits: commits)
    result = reconciler("replay", "--repo", tmp_path / "past.git", "--stage", "production", "-o", "json")
    assert (result.code, findings(result.out)) == (0, []), result.out
