"""`restart` and `rollback`: which workload, what is asked of it, and when it is left to somebody else."""

from __future__ import annotations

import pytest

from reconciler.decide.actions.protocol import Failure, Once, Plan, Wait
from reconciler.model.instant import Instant
from reconciler.model.policy import Workload
from reconciler.model.targets import Fact, NoFact, TemplateFact, Want, WantTemplate
from tests.decide.actions.acting import DEPLOYMENT, MARK, NOW, SPACE, context, spec

RUNNING = TemplateFact(DEPLOYMENT, "", "5d8f7c9b4", "6bc94d7f5", settled=True, mark=MARK)


def planned(action: str, fact: Fact, workload: Workload | None = None, now: Instant = NOW) -> object:
    return spec(action).plan(context(lambda _: fact, workload=workload, now=now))


@pytest.mark.parametrize("action", ["restart", "rollback"])
@pytest.mark.parametrize(
    ("workload", "kind", "names"),
    [
        (Workload(), "Deployment", ("carts-primary", "carts")),
        (Workload(name="carts-db"), "Deployment", ("carts-db",)),
        (Workload("StatefulSet", "db"), "StatefulSet", ("db",)),
        (Workload("DaemonSet"), "DaemonSet", ("carts-primary", "carts")),
    ],
)
def test_it_is_about_the_services_own_workload(
    action: str, workload: Workload, kind: str, names: tuple[str, ...]
) -> None:
    asked: list[Want] = []

    def answer(want: Want) -> Fact:
        asked.append(want)
        return RUNNING

    spec(action).plan(context(answer, workload=workload))
    assert asked == [WantTemplate("kubernetes", SPACE, kind, names)]


def test_a_restart_is_as_of_the_decision() -> None:
    plan = planned("restart", RUNNING)
    assert isinstance(plan, Plan)
    assert plan.once == (Once(DEPLOYMENT, "restartedAt", "2026-11-18T11:06:40Z", mark=MARK),)
    assert (plan.wishes, plan.subject) == ((), "restart carts-primary")
    later = planned("restart", RUNNING, now=Instant(NOW + 1))
    assert isinstance(later, Plan)
    assert later.once[0].value == "2026-11-18T11:06:41Z"


def test_a_restart_tells_that_the_workload_was_not_well() -> None:
    ill = TemplateFact(DEPLOYMENT, "", "5d8f7c9b4", "", settled=False, trouble="CrashLoopBackOff in container main")
    plan = planned("restart", ill)
    assert isinstance(plan, Plan)
    assert plan.body.endswith("\nCrashLoopBackOff in container main.")
    slow = planned("restart", TemplateFact(DEPLOYMENT, "", "5d8f7c9b4", "", settled=False))
    assert isinstance(slow, Plan)
    assert "not complete" in slow.body


def test_rolling_back_names_the_revision() -> None:
    plan = planned("rollback", RUNNING)
    assert isinstance(plan, Plan)
    assert plan.once == (Once(DEPLOYMENT, "revision", "6bc94d7f5", mark=MARK),)
    assert plan.subject == "roll carts-primary back to 6bc94d7f5"
    assert "5d8f7c9b4" in plan.body


def test_nothing_on_record_to_roll_back_to() -> None:
    failure = planned("rollback", TemplateFact(DEPLOYMENT, "", "5d8f7c9b4", "", settled=True))
    assert isinstance(failure, Failure)
    assert ("no earlier revision" in failure.reason, "revisionHistoryLimit" in failure.hint) == (True, True)


def test_a_template_of_somebody_elses_is_theirs_to_roll_back() -> None:
    owned = TemplateFact(DEPLOYMENT, "", "5d8f7c9b4", "6bc94d7f5", settled=True, manager="kustomize-controller")
    failure = planned("rollback", owned)
    assert isinstance(failure, Failure)
    assert failure.reason == "kustomize-controller owns the template of carts-primary"
    assert failure.hint
    # A restart only replaces the pods of the template that there is.
    assert isinstance(planned("restart", owned), Plan)


def test_what_runs_now_has_to_be_known_before_something_else_is_brought_back() -> None:
    wait = planned("rollback", TemplateFact(DEPLOYMENT, "", "", "", settled=False))
    assert isinstance(wait, Wait)
    assert wait.condition == "blind"


@pytest.mark.parametrize("action", ["restart", "rollback"])
def test_a_workload_that_does_not_follow_its_template_fails_with_what_to_do(action: str) -> None:
    paused = NoFact("invalid", "Deployment carts is paused", "`kubectl rollout resume deployment/carts`")
    assert planned(action, paused) == Failure("Deployment carts is paused", "`kubectl rollout resume deployment/carts`")
