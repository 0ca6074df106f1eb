"""All who read a branch say the same of it, step by step, and nobody is made to do what nobody decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import structlog

from reconciler.daemon import deciding
from reconciler.daemon.service import opened, read_config
from reconciler.decide.engine import Decision, decide
from reconciler.decide.snapshot import Snapshot
from reconciler.model.errors import BugError
from reconciler.model.instant import Instant
from reconciler.model.names import ProjectName, ServicePath
from reconciler.model.targets import Fact, Want
from tests.daemon.agreement import check_agreement
from tests.daemon.site import SCALING, THREE_ENTRIES, Site, deployment, git, until

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time

TITLE = "Response time degradation"
OPS = "ops/production/carts"
DESIRED = f"{OPS}/state/desired.yaml"


def command(site: Site, name: str, text: str, where: str = OPS) -> None:
    site.push({f"{where}/commands/20261121T10000{name}.yaml": text})


def test_a_long_day_replays_step_by_step(site: Site) -> None:
    """People edit, revert, command and merge; controllers and people change the world; problems come and go."""
    with site.loop() as loop:
        site.push({"carts/remediation.yaml": THREE_ENTRIES})
        site.problem("slow", "cpu_usage")
        site.problem("fails", "Failure rate increase")
        site.problem("odd", "nobody knows this")
        until(loop, lambda: site.events().count("applied") == 2, "two actions took effect")
        site.cluster.patch(
            "Deployment", "sockshop-production", "carts-primary", {"spec": {"replicas": 1}}, manager="a-controller"
        )
        loop.look_at_everything()
        until(loop, lambda: "drift" in site.events() and site.replicas() == 2, "drift is repaired")
        until(loop, lambda: site.events()[-1] == "applied", "and seen")
        site.push({"stage.yaml": "mode: shadow\n"})
        site.problem("cache", TITLE)
        until(loop, lambda: site.events()[-1] == "held", "held in the shadow")
        site.push({"stage.yaml": None, "prometheus/sli.yaml": "indicators: {a: b}\n"})
        until(loop, lambda: site.flag("EnableItemsCache") == "on", "released and done")
        until(loop, lambda: site.events()[-1] == "applied", "and seen")
        ours = site.file(DESIRED)
        assert ours is not None
        site.push({DESIRED: ours.replace("value: 2", "value: 9"), f"{OPS}/remediations/slow/09-held.yaml": "x\n"})
        until(loop, lambda: site.events()[-1] == "restored", "put back")
        command(site, "1Z-undo-cache-00", "verb: undo\nremediation: cache\n")
        until(loop, lambda: site.flag("EnableItemsCache") == "off", "undone")
        command(site, "2Z-suspend", "verb: suspend\n", "ops/production")
        command(site, "3Z-undo-nobody-00", "verb: undo\nremediation: nobody\n")
        command(site, "4Z-resume", "verb: resume\n", "ops/production")
        until(loop, lambda: site.events()[-1] == "refused", "a command that means nothing")
        site.problem("slow", "cpu_usage", "resolved")
        site.push({"carts/remediation.yaml": "remediations: [\n"})
        site.problem("late", TITLE)
        until(loop, lambda: site.events().count("refused") == 2, "a playbook that cannot be read")
        site.push({"carts/remediation.yaml": SCALING})
        loop.tick()
    assert len(site.events()) > 16
    assert check_agreement(site) == len(site.events())


def test_a_decision_that_is_forged_whole_moves_nothing(site: Site, tmp_path: Path) -> None:
    """By its number, its trailers, its file and its claims it is the next step; but nobody decided it."""
    second = tmp_path / "second.yaml"
    second.write_text(site.config.read_text().replace("stateDir: state", "stateDir: state2"))
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        step, desired = site.file(f"{OPS}/remediations/p1/02-decided.yaml"), site.file(DESIRED)
        assert step is not None
        assert desired is not None
        message = git(site.remote, "log", "-1", "--format=%B", "--grep=^Event: decided$", "production")
        parent = git(site.remote, "rev-parse", "production")
        message = re.sub("^Sequence: .*", "Sequence: 4", message, flags=re.MULTILINE)
        message = re.sub("^Config: .*", f"Config: {parent}", message, flags=re.MULTILINE)
        higher = desired.replace("value: 2", "value: 40").replace('"by": 1', '"by": 39').replace("step: 2", "step: 4")
        assert higher.count("40") == 1
        step = step.replace("sequence: 2\n", "sequence: 4\n")
        site.push({f"{OPS}/remediations/p1/04-decided.yaml": f"{step}\n", DESIRED: f"{higher}\n"}, message)
        assert site.events() == ["opened", "decided", "applied", "decided"]
        with opened(read_config(second), ProjectName("sockshop"), structlog.get_logger()) as fresh:
            fresh.tick()
            assert site.events()[-1] == "restored"
            loop.tick()
            fresh.look_at_everything()
            fresh.tick()
    assert site.file(DESIRED) == desired
    assert [body["spec"]["replicas"] for body in site.scalings()] == [2]
    assert site.subjects()[-1] == "carts: put back what A Person changed"


def test_what_is_done_to_a_service_in_trouble_is_answered_when_it_is_out_of_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of ours stops one service; the other's steps say nothing of what happens to its files meanwhile."""
    site.push({"orders/remediation.yaml": SCALING})
    site.cluster.create(deployment("orders"))
    there = "ops/production/orders/state/desired.yaml"

    def stumbling(
        snapshot: Snapshot, facts: Mapping[Want, Fact], now: Instant, services: Iterable[ServicePath],
        *, timers: bool = True,
    ) -> Decision:  # fmt: skip
        chosen = list(services)
        if "orders" in chosen:
            raise BugError("orders: the rules contradict themselves")
        return decide(snapshot, facts, now, chosen, timers=timers)

    with site.loop() as loop:
        site.push({"ops/production/orders/problems/o1.yaml": f"title: {TITLE}\nstate: open\n"})
        until(loop, lambda: site.events()[-1:] == ["applied"], "orders is healed")
        ours = site.file(there)
        assert ours is not None
        with monkeypatch.context() as trouble:
            trouble.setattr(deciding, "decide", stumbling)
            site.push({there: ours.replace("value: 2", "value: 40") + "\n"})
            site.problem("p1", TITLE)
            until(loop, lambda: site.replicas() == 2, "carts is healed all the same")
            until(loop, lambda: site.events()[-1] == "applied", "and that is seen")
            assert "production/bug:orders" in loop.conditions
            loop.look_at_everything()
            loop.tick()
            assert site.file(there) != ours
        loop.tick()
        assert site.file(there) == ours
        assert site.events()[-1] == "restored"
        loop.look_at_everything()
        assert loop.tick() == ()
    assert site.replicas("orders") == 2
    assert check_agreement(site) == len(site.events())
