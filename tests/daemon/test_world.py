"""What the world does beside us: drift, blindness, trouble with rollouts, late and early resolutions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pytest
import structlog
from structlog.testing import capture_logs

from reconciler.daemon.agenda import HELD
from reconciler.daemon.dispatch import Dispatch
from reconciler.daemon.service import Result, preview, read_config, reconcile_once
from reconciler.embedded.cluster import Failing, Manual, Progress, WorkloadKey
from reconciler.embedded.cluster.faults import Refuse, matching
from reconciler.model.names import ProjectName
from reconciler.model.targets import Fact, Want
from reconciler.targets.kubernetes.documents import STEP
from tests.daemon.site import THREE_ENTRIES, Later, Site, until

RESOLVED = "title: Response time degradation\nstate: resolved\n"
PROBLEM = "ops/production/carts/problems/p1.yaml"


def scaled(site: Site) -> None:
    """Let a daemon scale carts to two replicas, and end."""
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")


def changed(site: Site, replicas: int, manager: str = "kubectl-edit") -> None:
    """Let somebody else say how many replicas carts has."""
    name = "Deployment", "sockshop-production", "carts-primary"
    site.cluster.patch(*name, {"spec": {"replicas": replicas}}, manager=manager)


def test_blind_holds_and_goes_on_when_it_can_see(site: Site) -> None:
    site.cluster.faults.add(Refuse(500), times=None, when=matching("GET"))
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["held"], "held while blind")
        assert site.scalings() == []
        site.cluster.faults.clear()
        site.later(HELD)
        until(loop, lambda: site.events()[-1:] == ["applied"], "goes on")
    assert site.events() == ["opened", "held", "released", "decided", "applied"]
    assert site.replicas() == 2


def test_resolved_before_it_was_seen_needs_no_step(site: Site) -> None:
    site.problem("p1", "Response time degradation")
    site.problem("p1", "Response time degradation", "resolved")
    with site.loop() as loop:
        assert loop.tick() == ()
    assert site.events() == []
    assert site.replicas() == 1


def test_the_next_occurrence_is_a_new_remediation(site: Site) -> None:
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        site.push({PROBLEM: RESOLVED})
        site.later()
        until(loop, lambda: site.events()[-1] == "remediated", "remediated")
        site.push({PROBLEM: RESOLVED.replace("resolved", "open")})
        until(loop, lambda: site.replicas() == 3, "scaled again")
    assert site.file("ops/production/carts/remediations/p1+2/02-decided.yaml") is not None


def test_a_deleted_problem_is_resolved_by_its_source(site: Site) -> None:
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        site.push({PROBLEM: None})
        site.later()
        until(loop, lambda: site.events()[-1] == "remediated", "remediated")


def test_drift_by_a_controller_is_repaired(site: Site) -> None:
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        changed(site, 1, "some-controller")
        loop.look_at_everything()
        until(loop, lambda: site.events()[-1] == "applied" and "drift" in site.events(), "set again")
    assert site.replicas() == 2
    assert "carts: carts-primary was changed 2 → 1 by some-controller; set again" in site.subjects()


def test_drift_by_a_person_is_told_and_not_fought(site: Site) -> None:
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        changed(site, 5)
        loop.look_at_everything()
        until(loop, lambda: site.events()[-1] == "held", "held")
        loop.look_at_everything()
        assert loop.tick() == ()
        assert site.replicas() == 5
        changed(site, 2)
        loop.look_at_everything()
        until(loop, lambda: site.events()[-1] == "released", "released")


def test_a_single_pass_looks_at_all_that_is_held(site: Site) -> None:
    """For a cron job that is every pass, and for `plan` the only one: no daemon comes by again."""
    scaled(site)
    changed(site, 5)
    config, log, name = read_config(site.config), structlog.get_logger(), ProjectName("sockshop")
    assert [step.event for step in preview(config, log)[name].steps] == ["held"]
    assert [step.event for step in reconcile_once(config, log)[name].steps] == ["held"]
    assert site.events()[-1] == "held"
    assert preview(config, log)[name] == reconcile_once(config, log)[name] == Result((), {})


def test_a_single_pass_says_what_is_held_and_cannot_be_looked_at(site: Site) -> None:
    scaled(site)
    site.cluster.faults.add(Refuse(500), times=None, when=matching("GET"))
    config, log, name = read_config(site.config), structlog.get_logger(), ProjectName("sockshop")
    for done in (preview(config, log)[name], reconcile_once(config, log)[name]):
        assert done.steps == ()
        assert "carts-primary could not be looked at" in done.conditions["production/unseen"]


def test_a_file_that_cannot_be_used_is_told_once_before_anything_is_decided_by_it(site: Site) -> None:
    with capture_logs() as lines, site.loop() as loop:
        loop.tick()
        site.push({"stage.yaml": "mode: perhaps\n"})
        for _ in range(3):
            loop.tick()
        site.push({"stage.yaml": "mode: automated\n"})
        loop.tick()
        site.push({"stage.yaml": "mode: perhaps\n"})
        loop.tick()
    told = [(line["log_level"], line["files"]) for line in lines if line["event"] == "files cannot be used"]
    assert told == [("warning", 1)] * 2


def test_what_a_step_did_that_the_branch_does_not_have_is_not_written_over(site: Site) -> None:
    """As where another daemon's steps were overruled after an outage: what they did still stands in the cluster."""
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        mark = {"metadata": {"annotations": {STEP: f"2:{'a' * 40}"}}, "spec": {"replicas": 5}}
        site.cluster.patch("Deployment", "sockshop-production", "carts-primary", mark, manager="reconciler")
        loop.look_at_everything()
        until(loop, lambda: site.events()[-1] in ("held", "drift"), "noticed")
        loop.look_at_everything()
        assert loop.tick() == ()
    assert site.events()[-1] == "held"
    assert site.replicas() == 5
    told = "carts-primary was changed 2 → 5 by reconciler; it carries step 2, which the branch does not have"
    assert told in str(site.file("ops/production/carts/remediations/p1/04-held.yaml"))


def test_a_rollout_that_never_gets_ready_fails_at_its_deadline(site: Site) -> None:
    site.cluster.rollout = Failing(reason="CrashLoopBackOff")
    clock = Later()
    site.problem("p1", "Response time degradation")
    with site.loop(clock) as loop:
        until(loop, lambda: site.replicas() == 2, "decided and written")
        site.cluster.idle()
        assert site.events() == ["opened", "decided"]
        clock.pass_by(301)
        site.cluster.now = lambda: datetime.fromtimestamp(clock.wall(), UTC)
        until(loop, lambda: site.events()[-1:] == ["escalated"], "escalated")
    assert site.events() == ["opened", "decided", "failed", "escalated"]
    failed = site.file("ops/production/carts/remediations/p1/03-failed.yaml")
    assert failed is not None
    assert "CrashLoopBackOff" in failed


def test_a_misspelt_flag_fails_with_the_right_name(site: Site) -> None:
    site.push({"carts/remediation.yaml": THREE_ENTRIES.replace("EnableItemsCache", "EnableItemCache")})
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["escalated"], "escalated")
    failed = site.file("ops/production/carts/remediations/p1/02-failed.yaml")
    assert failed is not None
    assert "EnableItemsCache" in failed
    assert site.flag("EnableItemsCache") == "off"


def test_a_namespace_that_is_not_allowed_is_never_touched(site: Site) -> None:
    site.push({"carts/service.yaml": "workload: {namespace: kube-system}\n"})
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["escalated"], "escalated")
    assert not [entry for entry in site.cluster.journal.entries() if "kube-system" in entry.path]


def test_a_wait_begins_by_a_clock_only_that_the_very_answers_agree_with(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.problem("p1", "Response time degradation")
    clock = Later()
    clock.pass_by(-103)
    with site.loop(clock) as loop:
        until(loop, lambda: site.replicas() == 2, "decided and written")
        for _ in range(5):
            loop.look_at_everything()
            loop.tick()
        assert "103 s behind" in loop.conditions["production/clock"]
        assert site.events() == ["opened", "decided", "applied", "held"]
    with site.loop() as loop:
        until(loop, lambda: "released" in site.events(), "another daemon begins the wait")


def test_what_the_answers_say_of_the_clock_counts_for_what_is_decided_on_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.cluster.rollout = rollout = Manual()
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        until(loop, lambda: site.replicas() == 2, "decided and written")
    behind = Later()
    observe = Dispatch.observe

    def jumped(self: Dispatch, wants: Iterable[Want]) -> Mapping[Want, Fact]:
        if not behind.ahead:
            behind.pass_by(-103)
        return observe(self, wants)

    with site.loop(behind) as loop:
        monkeypatch.setattr(Dispatch, "observe", jumped)
        rollout.report(WorkloadKey("deployments.apps", "sockshop-production", "carts-primary"), Progress.ready(2))
        until(loop, lambda: "applied" in site.events(), "it took effect")
    assert site.events() == ["opened", "decided", "applied", "held"], "the clock was right when the look began"


def test_no_deadline_passes_while_the_api_servers_clock_says_otherwise(site: Site) -> None:
    site.cluster.rollout = Failing(reason="CrashLoopBackOff")
    clock = Later()
    site.problem("p1", "Response time degradation")
    with site.loop(clock) as loop:
        until(loop, lambda: site.replicas() == 2, "decided and written")
        clock.pass_by(301)
        until(loop, lambda: "production/clock" in loop.conditions, "the clock is doubted")
        loop.tick()
        assert site.events() == ["opened", "decided"]
        assert "301 s ahead of the API server's" in loop.conditions["production/clock"]
