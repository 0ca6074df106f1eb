"""`reconciler what-if`: what is counted once, what is left out is said and can be asked for, and a typo is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, Result
from tests.cli.test_what_if import SLOW, Stage
from tests.decide.files import SLO, entry, playbook

ONE = playbook(entry(SLOW, "scaling +1", "scaling +1"))
THREE = playbook(entry(SLOW, "scaling +3", "scaling +1"))


class Asked:
    """A stage with one problem `p1`, to be asked about a proposal."""

    def __init__(self, folder: Path, reconciler: Reconciler) -> None:
        self.stage = Stage(folder)
        self.stage.world.playbook(ONE)
        self._reconciler = reconciler

    def __call__(self, *options: object, stage: str = "production") -> Result:
        words = ("--repo", self.stage.hub.path, "--stage", stage, "--base", "production", "--head", "proposal")
        return self._reconciler("what-if", *words, *options)


@pytest.fixture
def asked(tmp_path: Path, reconciler: Reconciler) -> Asked:
    return Asked(tmp_path, reconciler)


def test_problems_of_a_service_without_objectives_are_followed_to_their_end(asked: Asked) -> None:
    world = asked.stage.world
    world.objectives(None)
    world.open("p1", SLOW)
    world.tick()
    world.waited(8000)
    assert "evaluated" in {step.event for step in world.steps}
    asked.stage.land().propose({"carts/remediation.yaml": THREE})
    data = json.loads(asked("-o", "json").out)
    assert (data["unreadable"], data["unreadableSteps"]) == (0, [])
    assert data["totals"]["action"] == 1


def test_a_step_that_cannot_be_read_is_named_and_can_fail_the_change(asked: Asked) -> None:
    asked.stage.problem("p1")
    asked.stage.land()
    (path,) = (path for path in asked.stage.world.files if path.endswith("02-decided.yaml"))
    head, _, _ = asked.stage.world.files[path].partition(b"\nremediation:")
    asked.stage.hub.land({path: b"\n".join(head.split(b"\n")[:3]) + b"\nrules: [broken\n"})
    asked.stage.propose({"carts/remediation.yaml": THREE})
    done = asked("--fail-if", "unreadable > 0")
    assert done.code == 1
    told = "not followed to the end: 1 remediation, a step of which cannot be used: carts/p1/02-decided\n"
    assert told in done.out
    data = json.loads(asked("-o", "json").out)
    assert (data["unreadable"], data["unreadableSteps"]) == (1, ["carts/p1/02-decided"])


def test_a_problem_that_was_evaluated_twice_is_counted_and_named_once(asked: Asked) -> None:
    world = asked.stage.world
    world.open("p1", SLOW)
    world.tick()
    for _ in range(3):
        world.waited(4000)
    assert [step.event for step in world.steps].count("evaluated") > 1
    asked.stage.land().propose({"carts/slo.yaml": SLO.replace("<=100", "<=50")})
    data = json.loads(asked("-o", "json").out)
    assert data["totals"]["differ"] == 1
    assert [(each["problems"], each["ids"]) for each in data["differences"]] == [(1, ["carts/p1"])]


@pytest.mark.parametrize("wrong", ["prod", "producton"])
def test_a_stage_that_there_is_not_is_told_with_those_that_there_are(asked: Asked, wrong: str) -> None:
    asked.stage.problem("p1")
    asked.stage.land().propose({"carts/remediation.yaml": THREE})
    done = asked(stage=wrong)
    assert (done.code, done.out) == (2, "")
    assert f"there is no stage `{wrong}`" in done.err
    assert "production" in done.err
