"""What pods do once a workload wants them: the hook of the simulated controllers, and the usual behaviours.

A `Rollout` is told "this workload now wants n replicas" and reports which pods there are and how they fare, at once or
later, from any thread, as often as it likes. The demo plugs real processes in here, the tests trouble.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias


@dataclass(frozen=True, order=True)
class WorkloadKey:
    """Which workload: its kind's qualified name (`deployments.apps`), namespace and name."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Wanted:
    """What a workload wants now: so many pods of this template (read only), as of this generation.

    ``revision`` names the template: another one means that pods have to be replaced.
    """

    key: WorkloadKey
    replicas: int
    generation: int
    template: Mapping[str, Any]
    revision: str = ""


@dataclass(frozen=True)
class PodState:
    """How one pod fares. ``reason`` is why its container waits (`CrashLoopBackOff`, ...), empty where it doesn't.

    ``updated`` is whether it runs the template that is wanted now.
    """

    ready: bool = True
    reason: str = ""
    message: str = ""
    updated: bool = True


@dataclass(frozen=True)
class Progress:
    """All pods of a workload. ``refused`` is why no more can be created (a quota), ``late`` a passed deadline."""

    pods: tuple[PodState, ...] = ()
    refused: str = ""
    late: bool = False

    @staticmethod
    def ready(count: int) -> Progress:
        """Return ``count`` pods, all ready."""
        return Progress((PodState(),) * count)


Report: TypeAlias = Callable[[Progress], None]


class Rollout(Protocol):
    """Whatever runs the pods."""

    def wants(self, wanted: Wanted, report: Report) -> None:
        """Take note of what a workload wants; report progress through ``report``, now or later."""

    def gone(self, key: WorkloadKey) -> None:
        """Take note that the workload was deleted."""


class Immediate:
    """Every pod is ready at once."""

    def wants(self, wanted: Wanted, report: Report) -> None:
        """Report that all pods are ready."""
        report(Progress.ready(wanted.replicas))

    def gone(self, key: WorkloadKey) -> None:
        """Nothing to do."""


@dataclass
class Failing:
    """The first ``healthy`` pods are ready, the others never; ``reason`` and ``message`` are their containers'."""

    reason: str = ""
    message: str = ""
    healthy: int = 1
    late: bool = False

    def wants(self, wanted: Wanted, report: Report) -> None:
        """Report the healthy pods and the others."""
        healthy = min(self.healthy, wanted.replicas)
        bad = PodState(ready=False, reason=self.reason, message=self.message)
        pods = (PodState(),) * healthy + (bad,) * (wanted.replicas - healthy)
        report(Progress(pods, late=self.late and healthy < wanted.replicas))

    def gone(self, key: WorkloadKey) -> None:
        """Nothing to do."""


@dataclass
class Quota:
    """No more than ``limit`` pods can be created; the refusal is worded as a ResourceQuota's."""

    limit: int

    def wants(self, wanted: Wanted, report: Report) -> None:
        """Report as many pods as the quota lets through."""
        count = min(self.limit, wanted.replicas)
        text = ""
        if count < wanted.replicas:
            text = (
                f'pods "{wanted.key.name}" is forbidden: exceeded quota: pods, requested: pods=1, '
                f"used: pods={self.limit}, limited: pods={self.limit}"
            )
        report(Progress((PodState(),) * count, refused=text))

    def gone(self, key: WorkloadKey) -> None:
        """Nothing to do."""


@dataclass
class Manual:
    """Nothing happens until the test says so; remembers what was wanted and how to report it."""

    wanted: dict[WorkloadKey, Wanted] = field(default_factory=dict)
    reports: dict[WorkloadKey, Report] = field(default_factory=dict)
    _told: threading.Condition = field(default_factory=threading.Condition)

    def wants(self, wanted: Wanted, report: Report) -> None:
        """Remember."""
        with self._told:
            self.wanted[wanted.key] = wanted
            self.reports[wanted.key] = report
            self._told.notify_all()

    def gone(self, key: WorkloadKey) -> None:
        """Forget."""
        with self._told:
            self.wanted.pop(key, None)
            self.reports.pop(key, None)

    def report(self, key: WorkloadKey, progress: Progress, timeout: float = 10.0) -> None:
        """Report for a workload once it has wanted anything; waits up to ``timeout`` seconds for that.

        Raises:
            TimeoutError: where it never did.
        """
        with self._told:
            if not self._told.wait_for(lambda: key in self.reports, timeout):
                raise TimeoutError(f"{key} wanted nothing within {timeout} s")
            report = self.reports[key]
        report(progress)
