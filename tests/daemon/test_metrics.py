"""The metrics as a whole: promised names, bounded labels, and a real loop that is measured while it heals."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from reconciler.daemon.counting import ACTIONS, SOURCES
from reconciler.daemon.metrics import Metrics, StageMetrics
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.service import Daemon, opened, read_config
from reconciler.model.names import ProjectName
from reconciler.model.step import EVENTS, Event
from reconciler.repo.tally import Census
from tests.daemon.exposed import PRODUCTION, SHOP, everything, read, services, step, value
from tests.daemon.site import Site, eventually, git, until

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
SOCKSHOP = ProjectName("sockshop")
GIVEN = {
    "reconcile_duration_seconds", "problems_total", "problems_open", "decisions_total", "evaluation_score",
    "git_requests_total", "git_request_duration_seconds", "git_unpushed_commits", "push_retries_total", "apply_total",
    "drift_total", "webhook_requests_total", "queue_depth", "leader", "config_invalid", "build_info",
}  # fmt: skip


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def stage(metrics: Metrics) -> StageMetrics:
    return metrics.project(SHOP).stage(PRODUCTION)


def test_the_names_are_those_that_were_promised_and_the_documentation_has_them_all(metrics: Metrics) -> None:
    everything(metrics)
    rows = re.findall(r"^\| `reconciler_(\w+)` \| (\w+) \| (.*?) \|", DOCS.read_text("utf-8"), re.MULTILINE)
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    found: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(metrics.exposition()[0].decode()):
        if family.name.startswith("reconciler_"):
            name = family.name.removeprefix("reconciler_") + ("_total" if family.type == "counter" else "")
            found[name] = (family.type, {label for each in family.samples for label in each.labels} - {"le"})
    assert found == documented
    assert found.keys() >= GIVEN


def labels_of(metrics: Metrics) -> set[str]:
    return {label for _, labels in read(metrics) for label in labels}


WORDS = st.text(max_size=30) | st.integers() | st.none()
DATA = st.fixed_dictionaries({}, optional={
    "problem": st.dictionaries(st.sampled_from(["id", "source"]), WORDS) | WORDS, "action": WORDS, "next": WORDS,
    "resolved": st.lists(WORDS, max_size=3) | WORDS, "live": WORDS,
    "evaluation": st.dictionaries(st.sampled_from(["result", "score"]), WORDS) | WORDS,
})  # fmt: skip


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(sorted(EVENTS - {"decided"})), DATA, st.text(max_size=20)), max_size=20))
def test_nobody_makes_series_by_what_they_write_and_nothing_is_raised(
    told: list[tuple[Event, dict[str, Any], str]],
) -> None:
    metrics = Metrics()
    stage = metrics.project(SHOP).stage(PRODUCTION)
    everything(metrics)
    before = labels_of(metrics)
    for event, data, word in told:
        stage.step(step(event, data, number=1), services(action=word, source=word))
        stage.passed(partial(Census, held={word: 1}), 0.0)
        metrics.project(SHOP).stands({word: "", f"production/{word}": ""})
        metrics.webhook(word, 400, 0.1)
        metrics.reports(word, word)
    assert labels_of(metrics) <= before | {"other", "open", "resolved", "failed", "applied", "400"} | ACTIONS | SOURCES


def test_hostile_senders_and_playbooks_share_a_few_series(metrics: Metrics, stage: StageMetrics) -> None:
    everything(metrics)
    for number in range(1000):
        name = f"evil{number}"
        stage.step(step("opened", {"problem": {"id": f"{name}-1", "source": name}}, number=1), {})
        stage.step(step("decided", {"action": f"{name} now"}), services())
        stage.step(step("evaluated", {"evaluation": {"result": name, "score": 1}}), services(name))
        metrics.webhook(name, 404, 0.0)
        metrics.reports(name, name)
    assert len([key for key in read(metrics) if any("evil" in label for label in key[1])]) <= 64
    assert value(metrics, "problems_total", "shop", "production", "other", "open") == 1000
    assert value(metrics, "webhook_requests_total", "other", "404") == 1000


def test_counting_never_stops_what_is_counted(metrics: Metrics, stage: StageMetrics) -> None:
    stage.step(step("evaluated"), {})
    stage.step(step("evaluated", {"evaluation": 5}), {})
    assert value(metrics, "metrics_errors_total") == 2


def test_daemons_in_one_process_do_not_see_each_other(metrics: Metrics) -> None:
    before = {family.name for family in REGISTRY.collect()}
    other = Metrics()
    everything(metrics)
    assert value(other, "leader", "shop", "production") is None
    assert {family.name for family in REGISTRY.collect()} == before


def test_many_threads_lose_nothing(metrics: Metrics, stage: StageMetrics) -> None:
    threads = [
        threading.Thread(target=lambda: [stage.called("flags", "ok", wrote=True) for _ in range(500)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "apply_total", "shop", "production", "flags", "ok") == 2000


def test_there_are_no_moments_of_creation_in_any_format(metrics: Metrics) -> None:
    everything(metrics)
    for accept in ("", "application/openmetrics-text; version=1.0.0"):
        assert b"_created" not in metrics.exposition(accept)[0]
    assert metrics.exposition("application/openmetrics-text; version=1.0.0")[1].startswith("application/openmetrics")


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed")
    return found


def checked(promtool: str, *words: str, data: bytes = b"") -> None:
    done = subprocess.run(
        [promtool, "check", *words], input=data, capture_output=True, timeout=30, check=False, env=dict(os.environ)
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stdout.decode() + done.stderr.decode()


def test_prometheus_own_linter_has_nothing_to_say(metrics: Metrics, promtool: str) -> None:
    everything(metrics)
    checked(promtool, "metrics", data=metrics.exposition()[0])


# A real loop


@contextmanager
def measured(site: Site, metrics: Metrics) -> Iterator[ProjectLoop]:
    log = structlog.get_logger()
    with opened(read_config(site.config), SOCKSHOP, log, clock=site.clock, metrics=metrics) as loop:
        yield loop


def test_a_remediation_is_measured_from_the_problem_to_its_end(site: Site, metrics: Metrics) -> None:
    def count(name: str, *labels: str) -> float | None:
        return value(metrics, name, "sockshop", "production", *labels)

    with measured(site, metrics) as loop:
        until(loop, lambda: count("last_pass_timestamp_seconds"), "a first pass")
        assert count("problems_open") == 0
        site.problem("dynatrace-7", "Response time degradation")
        until(loop, lambda: "applied" in site.events(), "applied")
        loop.tick()
        assert count("problems_total", "dynatrace", "open") == count("problems_open") == 1
        assert count("remediations", "applied") == 1
        assert count("decisions_total", "scaling", "decided") == count("decisions_total", "scaling", "applied") == 1
        assert (count("apply_total", "kubernetes", "ok") or 0) >= 1
        assert (count("observe_total", "kubernetes", "ok") or 0) >= 1
        site.problem("dynatrace-7", "Response time degradation", "resolved")
        site.later()
        until(loop, lambda: "remediated" in site.events(), "remediated")
        loop.tick()
    assert count("problems_total", "dynatrace", "resolved") == 1
    assert count("problems_open") == count("remediations", "applied") == 0
    assert count("evaluations_total", "scaling", "pass") == 1
    assert count("leader") == 1
    assert count("git_unpushed_commits") == 0
    events = site.events()
    assert all(count("steps_total", event) == events.count(event) for event in EVENTS)
    pushes = value(metrics, "git_requests_total", "sockshop", "push", "ok")
    assert pushes
    assert value(metrics, "git_request_duration_seconds_count", "sockshop", "push") == pushes
    assert (count("reconcile_duration_seconds_count") or 0) >= 3
    assert value(metrics, "queue_depth", "sockshop") == 0
    assert value(metrics, "metrics_errors_total") == 0


def test_gauges_are_right_after_a_restart_and_counters_begin_anew(site: Site, metrics: Metrics) -> None:
    site.push({"stage.yaml": "mode: shadow\n"})
    site.problem("p1", "Response time degradation")
    site.problem("p2", "Nobody knows this")
    with measured(site, metrics) as loop:
        until(loop, lambda: {"held", "unmatched"} <= set(site.events()), "held and unmatched")
    restarted = Metrics()
    with measured(site, restarted) as loop:
        loop.tick()
    for name, labels, count in (
        ("problems_open", (), 2), ("held", ("shadow",), 1), ("remediations", ("held",), 1), ("config_invalid", (), 0),
        ("steps_total", ("held",), 0),
    ):  # fmt: skip
        assert value(restarted, name, "sockshop", "production", *labels) == count, name
    site.push({"stage.yaml": "mode: [\n"})
    with measured(site, restarted) as loop:
        loop.tick()
    assert value(restarted, "config_invalid", "sockshop", "production") == 1


def test_a_push_that_is_declined_leaves_its_commits_unpushed_until_one_lands(site: Site, metrics: Metrics) -> None:
    hook = site.remote / "hooks" / "pre-receive"
    with measured(site, metrics) as loop:
        site.problem("p1", "Response time degradation")
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
        loop.tick()
        assert (value(metrics, "git_unpushed_commits", "sockshop", "production") or 0) >= 1
        assert value(metrics, "git_requests_total", "sockshop", "push", "declined") == 1
        assert value(metrics, "decisions_total", "sockshop", "production", "scaling", "decided") is None
        hook.unlink()
        loop.unblock()
        until(loop, lambda: "decided" in site.events(), "decided")
    assert value(metrics, "git_unpushed_commits", "sockshop", "production") == 0


def test_the_daemon_shows_what_stands_still_and_a_configuration_that_cannot_be_used(
    site: Site, metrics: Metrics
) -> None:
    good = site.config.read_text()
    daemon = Daemon(site.config, structlog.get_logger(), clock=site.clock, metrics=metrics)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        eventually(lambda: value(metrics, "last_pass_timestamp_seconds", "sockshop", "production"), "a pass")
        site.config.write_text("nonsense: 1\n")
        eventually(lambda: value(metrics, "config_invalid", "") == 1, "the configuration refused")
        site.config.write_text(good)
        eventually(lambda: value(metrics, "config_invalid", "") == 0, "the configuration usable again")
        git(site.remote, "branch", "-m", "production", "elsewhere")
        eventually(lambda: value(metrics, "conditions", "sockshop", "production", "standstill") == 1, "standing still")
        git(site.remote, "branch", "-m", "elsewhere", "production")
        eventually(lambda: value(metrics, "conditions", "sockshop", "production", "standstill") == 0, "going on")
    finally:
        daemon.stop()
        thread.join(30)
    assert not thread.is_alive()
