"""A history that rules 2 wrote: what ours have no rules for is told as just that, and nothing in it is called wrong.

``histories/rules-2.stream`` was made by those rules, with an evaluation two hours after it was due, where they wrote
other steps than ours do.
"""

from __future__ import annotations

from pathlib import Path
from subprocess import run

import pytest

from reconciler.decide.draft import RULES
from reconciler.repo.replay_findings import Kind
from tests.repo.conftest import NO_CONFIG, git
from tests.repo.replaying import errors, replayed, shown

STREAM = Path(__file__).with_name("histories") / "rules-2.stream"
LATE = b'event: "evaluated"\nsequence: 4\nnow: "2026-11-18T13:16:40Z"\nrules: 2\n'


@pytest.fixture
def past(tmp_path: Path) -> Path:
    path = tmp_path / "past.git"
    path.mkdir()
    git(path, "init", "--quiet", "--bare", "--template=", "--initial-branch=main")
    run(["git", f"--git-dir={path}", "fast-import", "--quiet"], input=STREAM.read_bytes(), env=NO_CONFIG, check=True)
    return path


def test_its_steps_are_of_older_rules_and_nothing_else(past: Path) -> None:
    assert LATE in STREAM.read_bytes()
    assert b"late:" not in STREAM.read_bytes(), "ours would say that it was late"
    found = replayed(past)
    (told,) = errors(found)
    assert (told.kind, told.sequence, told.count, told.there) == (Kind.RULES, 1, 5, "2"), shown(found)
    assert told.expected == str(RULES)
    assert (found.steps, found.exact) == (5, 0)


def test_it_is_said_who_can_replay_them(past: Path) -> None:
    (told,) = errors(replayed(past))
    assert told.todo.startswith("replay it with the reconciler that made it")
