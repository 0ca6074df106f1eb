"""Every metric of the daemon, with its name, labels and buckets; docs/metrics.md tells what each is for."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from reconciler import __version__

_PASSES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TALKS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REQUESTS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SCORES: Final = (0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 100.0)


class _Careful(Protocol):
    """Has a counter for what went wrong in counting."""

    @property
    def errors(self) -> Counter:
        """Counts what could not be counted."""


S = TypeVar("S", bound=_Careful)
P = ParamSpec("P")


def harmless(method: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """Let a method never raise; what it would have raised is counted."""

    @wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:  # noqa: BLE001  (a loop must not stop for what only counts it)
            self.errors.inc()

    return guarded


class Families:
    """All metrics of one daemon, in a registry of their own: nothing of it belongs to the process."""

    def __init__(self) -> None:
        """Make a registry with everything in it that is known at the start."""
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        stage = ("project", "stage")
        self.errors = self._counter("metrics_errors", "What could not be counted because of a bug.")
        self.passes = self._histogram("reconcile_duration_seconds", "One pass over a stage.", stage, _PASSES)
        self.last_pass = self._gauge(
            "last_pass_timestamp_seconds", "When a pass over the stage last came to its end, seconds since 1970.", stage
        )
        self.problems = self._counter(
            "problems", "Problems taken up (open), and recorded as over (resolved).", (*stage, "source", "state")
        )
        self.problems_open = self._gauge("problems_open", "Problem files that say `open`.", stage)
        self.remediations = self._gauge(
            "remediations", "Remediations that have not ended, by phase.", (*stage, "phase")
        )
        self.held = self._gauge("held", "Held remediations, by what they wait for.", (*stage, "condition"))
        self.steps = self._counter("steps", "Steps that are on the remote, by event.", (*stage, "event"))
        self.decisions = self._counter(
            "decisions", "Actions decided, seen to have taken effect, or failed.", (*stage, "action", "result")
        )
        self.evaluations = self._counter(
            "evaluations", "Evaluations after an action, by result.", (*stage, "action", "result")
        )
        self.score = self._histogram("evaluation_score", "Scores of evaluations, 0 to 100.", stage, _SCORES)
        self.drift = self._counter("drift", "Held fields that somebody else was found to have changed.", stage)
        self.applied = self._counter("apply", "Writes to targets.", (*stage, "target", "result"))
        self.observed = self._counter(
            "observe", "Looks at targets, and measurements (evidence).", (*stage, "target", "result")
        )
        self.unpushed = self._gauge("git_unpushed_commits", "Commits made and not on the remote.", stage)
        self.retries = self._counter("push_retries", "Pushes begun anew: somebody else's came first.", stage)
        self.conditions = self._gauge(
            "conditions", "What stands in the way of a stage, or of a project (no stage).", (*stage, "condition")
        )
        self.config_invalid = self._gauge(
            "config_invalid", "Files that cannot be used; the daemon's own configuration has neither label.", stage
        )
        self.leader = self._gauge("leader", "1 where this daemon reconciles the stage.", stage)
        self.git = self._counter("git_requests", "Conversations with the remote.", ("project", "op", "result"))
        self.git_seconds = self._histogram(
            "git_request_duration_seconds", "One conversation with the remote.", ("project", "op"), _TALKS
        )
        self.queue = self._gauge("queue_depth", "Reports that wait to be committed and pushed.", ("project",))
        self.requests = self._counter("webhook_requests", "Webhook requests answered.", ("source", "code"))
        self.request_seconds = self._histogram(
            "webhook_request_duration_seconds", "From a request to its answer.", ("source",), _REQUESTS
        )
        self.reports = self._counter(
            "webhook_reports", "What became of single alerts in webhook requests.", ("source", "outcome")
        )
        self.spans = self._counter("trace_spans", "Spans of traces, by what became of them.", ("result",))
        build = self._gauge("build_info", "1, with what is running.", ("version", "python"))
        build.labels(__version__, platform.python_version()).set(1)

    def forget(self, labels: dict[str, str]) -> None:
        """Remove every series with these labels: what is gone must not look as if it stood still."""
        for metric in (
            self.passes, self.last_pass, self.problems, self.problems_open, self.remediations, self.held, self.steps,
            self.decisions, self.evaluations, self.score, self.drift, self.applied, self.observed, self.unpushed,
            self.retries, self.conditions, self.config_invalid, self.leader,
            *(() if "stage" in labels else (self.git, self.git_seconds, self.queue)),
        ):  # fmt: skip
            metric.remove_by_labels(labels)

    def forget_standing(self, labels: dict[str, str]) -> None:
        """Remove how a stage stands, and leave what was counted: somebody else looks after it."""
        for metric in (self.last_pass, self.problems_open, self.remediations, self.held):
            metric.remove_by_labels(labels)
        self.config_invalid.remove_by_labels(labels)

    def _counter(self, name: str, told: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(f"reconciler_{name}_total", told, tuple(labels), registry=self.registry)

    def _gauge(self, name: str, told: str, labels: Iterable[str]) -> Gauge:
        return Gauge(f"reconciler_{name}", told, tuple(labels), registry=self.registry)

    def _histogram(self, name: str, told: str, labels: Iterable[str], buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"reconciler_{name}", told, tuple(labels), buckets=buckets, registry=self.registry)
