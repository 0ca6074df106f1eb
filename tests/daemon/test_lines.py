"""Lines of the log: whoever reads one about a step finds the step, in Git and on the service's page."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from reconciler.daemon.holds import Holds
from reconciler.daemon.metrics import Metrics
from reconciler.embedded.cluster.faults import Refuse, matching
from reconciler.model.errors import TransientError
from tests.daemon.collector import collecting
from tests.daemon.exposed import PRODUCTION, SHOP, value
from tests.daemon.measured import SLO
from tests.daemon.site import Site, git, until

ABOUT = ("project", "stage", "service", "remediation", "commit")


@contextmanager
def told(site: Site) -> Iterator[list[MutableMapping[str, Any]]]:
    """Let a problem be acted on with a receiver that is told of each step; yields the lines."""
    with collecting() as collector, capture_logs() as lines:
        site.config.write_text(f"tracing: {{endpoint: '{collector.url}'}}\n{site.config.read_text()}")
        yield lines


def test_every_line_about_a_step_says_which_one(site: Site) -> None:
    with told(site) as lines:
        site.problem("p1", "Response time degradation")
        with site.loop() as loop:
            until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
            until(loop, lambda: sum(line["event"] == "told" for line in lines) == 3, "told")
    about = [line for line in lines if "step" in line or "receiver" in line or "target" in line]
    assert {line.get("step") for line in about} >= {"opened", "decided", "applied"}
    for line in about:
        assert {name: bool(line.get(name)) for name in ABOUT} == dict.fromkeys(ABOUT, True), line
        assert git(site.remote, "log", "-1", "--format=%(trailers:key=Remediation,valueonly)", line["commit"]) == "p1"
        assert re.fullmatch("[0-9a-f]{40}", line["commit"])


def test_an_evaluation_that_had_no_value_is_a_warning_that_says_why(site: Site) -> None:
    site.push({"carts/slo.yaml": SLO, "carts/prometheus/sli.yaml": "indicators: {response_time_p90: p90}\n"})
    with capture_logs() as lines, site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        site.later()
        until(loop, lambda: site.events()[-1:] == ["evaluated"], "evaluated")
    (line,) = (line for line in lines if line.get("step") == "evaluated")
    assert line["log_level"] == "warning"
    assert line["reason"].startswith("response_time_p90: ")
    assert line["reason"].removeprefix("response_time_p90: ") in str(
        site.file("ops/production/carts/remediations/p1/04-evaluated.yaml")
    )


def test_a_write_that_did_not_come_about_says_whose_it_was(site: Site) -> None:
    site.cluster.faults.add(Refuse(403), when=matching("PATCH"))
    with told(site) as lines:
        site.problem("p1", "Response time degradation")
        with site.loop() as loop:
            until(loop, lambda: [line for line in lines if line["event"] == "not applied"], "not applied")
    line = next(line for line in lines if line["event"] == "not applied")
    decided = git(site.remote, "log", "--format=%H", "--grep=^Event: decided", "production")
    assert {name: line[name] for name in (*ABOUT, "sequence")} == {
        "project": "sockshop", "stage": "production", "service": "carts", "remediation": "p1", "commit": decided,
        "sequence": 2,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["stages", "notifications", "forge", "unsigned", "leases", "proposals of production"])
def test_what_is_remarked_of_a_project_has_a_metric_of_its_own(name: str) -> None:
    metrics = Metrics()
    project = metrics.project(SHOP)
    project.stage(PRODUCTION)
    project.stands({name: "something"})
    assert value(metrics, "conditions", SHOP, "", name.partition(" of ")[0]) == 1
    assert value(metrics, "conditions", SHOP, "", "other") is None


def test_what_holds_a_stage_names_it(site: Site) -> None:
    with capture_logs() as lines:
        holds = Holds(site.clock, structlog.get_logger(), 1)
        holds.hold("production", TransientError("no such branch"))
    assert [line["of"] for line in lines] == ["production"]
