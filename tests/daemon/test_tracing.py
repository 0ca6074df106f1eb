"""One trace for each remediation, from its problem to how it ended; told again after a restart, it is the same."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from structlog.testing import capture_logs

from reconciler.daemon.clock import SystemClock
from reconciler.daemon.tracing_otlp import tracer
from reconciler.model.names import ProjectName
from reconciler.model.tracing_config import TracingConfig
from tests.daemon.collector import Collector, collecting, texts
from tests.daemon.site import Site, eventually, git, until

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TITLE = "Response time degradation"
PROBLEM = "ops/production/carts/problems/p1.yaml"


@pytest.fixture
def collector(site: Site) -> Iterator[Collector]:
    with collecting() as made:
        site.config.write_text(f"tracing: {{endpoint: '{made.url}'}}\n{site.config.read_text()}")
        yield made


def healed(site: Site, collector: Collector) -> None:
    """Let a problem be healed, and wait until that was told."""
    site.push({PROBLEM: f"title: {TITLE}\nstate: open\nlabels: {{traceparent: {PARENT}}}\n"})
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        site.problem("p1", TITLE, "resolved")
        site.later()
        until(loop, lambda: site.events()[-1:] == ["remediated"], "remediated")
        until(loop, collector.whole, "the whole is told")


def known(spans: list[Span]) -> dict[tuple[bytes, bytes], bytes]:
    """Return spans by their ids, with all that they say."""
    return {(span.trace_id, span.span_id): span.SerializeToString() for span in spans}


def test_a_remediation_is_one_trace_from_its_problem_to_how_it_ended(site: Site, collector: Collector) -> None:
    healed(site, collector)
    spans = collector.all()
    [whole] = collector.whole()
    assert len({span.trace_id for span in spans}) == 1
    steps = [span for span in spans if span.parent_span_id]
    assert [span.name for span in steps] == ["opened", "decided", "applied", "wait", "evaluated", "remediated"]
    assert {span.parent_span_id for span in steps} == {whole.span_id}
    assert len({span.span_id for span in spans}) == len(spans) == 7
    moments = [moment for span in steps for moment in (span.start_time_unix_nano, span.end_time_unix_nano)]
    assert moments == sorted(moments), "one after the other"
    assert moments[0] == whole.start_time_unix_nano
    assert moments[-1] == whole.end_time_unix_nano
    wait = next(span for span in steps if span.name == "wait")
    assert (wait.end_time_unix_nano - wait.start_time_unix_nano) // 10**9 == 600
    assert whole.name == f"carts: {TITLE}"
    assert whole.status.code == Status.STATUS_CODE_OK
    assert collector.resources[0]["service.name"] == "reconciler"


def test_a_span_says_which_commit_did_what(site: Site, collector: Collector) -> None:
    healed(site, collector)
    told = {span.name: texts(span.attributes) for span in collector.all()}
    commits = git(site.remote, "log", "--reverse", "--author=reconciler", "--format=%H", "production").splitlines()
    names = ["opened", "decided", "applied", "evaluated", "remediated"]
    assert [told[name]["vcs.ref.head.revision"] for name in names] == commits
    assert [told[name]["reconciler.sequence"] for name in names] == ["1", "2", "3", "4", "5"]
    decided = told["decided"]
    assert decided["reconciler.action"] == "scaling +1"
    assert decided["reconciler.effect"] == ("kubernetes/sockshop-production/Deployment/carts-primary replicas: 1 → 2")
    about = {name: decided[f"reconciler.{name}"] for name in ("project", "stage", "service", "remediation")}
    assert about == {"project": "sockshop", "stage": "production", "service": "carts", "remediation": "p1"}
    assert told["evaluated"]["reconciler.result"] == "pass"


def test_the_trace_that_the_problem_was_noticed_in_is_linked(site: Site, collector: Collector) -> None:
    healed(site, collector)
    [whole] = collector.whole()
    [link] = whole.links
    assert (link.trace_id.hex(), link.span_id.hex()) == tuple(PARENT.split("-")[1:3])


def test_a_daemon_that_lost_everything_tells_the_same_again(site: Site, collector: Collector) -> None:
    healed(site, collector)
    first = known(collector.all())
    shutil.rmtree(site.folder / "state")
    with collector.lock:
        collector.spans.clear()
    with site.loop() as loop:
        until(loop, collector.whole, "told again")
    assert known(collector.all()) == first


def test_a_daemon_that_was_killed_after_the_push_leaves_one_trace(site: Site, collector: Collector) -> None:
    site.problem("p1", TITLE)
    assert site.pass_once("after-push") == -9
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        until(loop, lambda: "applied" in {span.name for span in collector.all()}, "told")
    spans = collector.all()
    assert {"opened", "decided", "applied"} == {span.name for span in spans}
    assert len({span.trace_id for span in spans}) == 1
    assert len(known(spans)) == 3


def test_another_occurrence_and_another_service_are_traces_of_their_own(site: Site, collector: Collector) -> None:
    site.push({"orders/remediation.yaml": "remediations:\n- name: other\n  actions: []\n"})
    site.problem("p1", "nothing that is known")
    site.push({"ops/production/orders/problems/p1.yaml": "title: nothing that is known\nstate: open\n"})
    with site.loop() as loop:
        until(loop, lambda: site.events() == ["unmatched"] * 2, "both are told")
        site.problem("p1", "nothing that is known", "resolved")
        until(loop, lambda: not loop.tick(), "resolved")
        site.problem("p1", "nothing that is known")
        until(loop, lambda: site.events().count("unmatched") == 3, "once more")
        until(loop, lambda: len(collector.whole()) == 4, "told")
    assert len({span.trace_id for span in collector.all()}) == 3
    ends = [span.status.code for span in collector.whole()]
    bad = Status.STATUS_CODE_ERROR
    assert ends == [bad, bad, Status.STATUS_CODE_OK, bad], "the first one ended anew when its problem was over"


def test_a_receiver_that_is_down_holds_up_nothing_and_gets_everything_later(site: Site, collector: Collector) -> None:
    with collector.lock:
        collector.statuses += [503, 401]
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        assert site.replicas() == 2

        def stirred() -> bool:
            loop.unblock()
            return {"opened", "decided", "applied"} <= {span.name for span in collector.all()}

        until(loop, stirred, "told in the end")
        values = {sample.labels["result"]: sample.value for family in loop._around.metrics._families.spans.collect()
                  for sample in family.samples if sample.name.endswith("_total")}  # fmt: skip
    assert values["sent"] == 3
    assert values["failed"] == 2


def test_what_a_receiver_refuses_is_left_out(site: Site, collector: Collector) -> None:
    with collector.lock:
        collector.statuses += [400]
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "applied" in {span.name for span in collector.all()}, "the others are told")
    assert [span.name for span in collector.all()] == ["decided", "applied"]


def test_without_opentelemetry_the_daemon_runs_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with capture_logs() as lines:
        made = tracer(TracingConfig(), ProjectName("shop"), tmp_path, SystemClock(), structlog.get_logger(), seed=1)
    assert made is None
    assert "pip install 'gitops-reconciler[tracing]'" in lines[0]["hint"]


def test_nothing_is_traced_unless_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(config: TracingConfig | None) -> object:
        return tracer(config, ProjectName("shop"), tmp_path, SystemClock(), structlog.get_logger(), seed=1)

    assert made(None) is None
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert made(TracingConfig()) is None
    eventually(lambda: not list(tmp_path.iterdir()), "nothing was written")
