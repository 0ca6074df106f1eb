"""An API server and its controllers in one process: the demo's cluster and the tests' fake.

Real clients talk to it over HTTP, so what is tested is what runs. It keeps the API's documented semantics for the part
that the product uses (versions and conflicts, patches, scale and status, field ownership, watches, access) and nothing
beyond; tables, admission webhooks and aggregated discovery are not there.
"""

from __future__ import annotations

from reconciler.embedded.cluster.answers import ApiError
from reconciler.embedded.cluster.cluster import EmbeddedCluster
from reconciler.embedded.cluster.faults import Before, Cut, Drop, Hang, Refuse, Reset, Stale, matching
from reconciler.embedded.cluster.kinds import SCALED_OBJECTS, VIRTUAL_SERVICES, Kind, ScalePaths
from reconciler.embedded.cluster.rollout import (
    Failing,
    Immediate,
    Manual,
    PodState,
    Progress,
    Quota,
    Report,
    Rollout,
    Wanted,
    WorkloadKey,
)
from reconciler.embedded.cluster.users import Rule, User

__all__ = [
    "SCALED_OBJECTS",
    "VIRTUAL_SERVICES",
    "ApiError",
    "Before",
    "Cut",
    "Drop",
    "EmbeddedCluster",
    "Failing",
    "Hang",
    "Immediate",
    "Kind",
    "Manual",
    "PodState",
    "Progress",
    "Quota",
    "Refuse",
    "Report",
    "Reset",
    "Rollout",
    "Rule",
    "ScalePaths",
    "Stale",
    "User",
    "Wanted",
    "WorkloadKey",
    "matching",
]
