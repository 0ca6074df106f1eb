"""Machines for the embedded cluster: what they cannot run fails by itself, as on real ones, and nobody has to say so.

So the contract's tests do the same things to either cluster: an image that is nowhere, a quota that is used up.
"""

from __future__ import annotations

from typing import Any

from reconciler.embedded.cluster import EmbeddedCluster, Failing, Immediate, Kind, Quota, Report, Wanted, WorkloadKey
from reconciler.embedded.cluster.store import Event

QUOTAS = Kind("", "v1", "resourcequotas", "ResourceQuota", builtin=True, unconditional=True, generation=())


class Machines:
    """A rollout: every pod is ready at once where its image is to be had and its namespace's quota lets it be."""

    def __init__(self) -> None:
        self.cluster: EmbeddedCluster | None = None

    def wants(self, wanted: Wanted, report: Report) -> None:
        """Report how the pods fare."""
        limits = [int(quota["spec"]["hard"]["pods"]) for quota in self._quotas(wanted.key.namespace)]
        if _unreachable(wanted):
            told = 'Back-off pulling image "nowhere"'
            Failing("ImagePullBackOff", told, healthy=0).wants(wanted, report)
        elif limits:
            Quota(min(limits)).wants(wanted, report)
        else:
            Immediate().wants(wanted, report)

    def gone(self, key: WorkloadKey) -> None:
        """Nothing to do."""

    def noticed(self, event: Event) -> None:
        """Say of a quota that is new that it is in force; called under the store's lock."""
        if event.kind is not QUOTAS or event.type != "ADDED" or self.cluster is None:
            return
        metadata, hard = event.object["metadata"], event.object["spec"]["hard"]
        status = {"status": {"hard": hard}}
        self.cluster.patch("ResourceQuota", metadata["namespace"], metadata["name"], status, subresource="status")

    def _quotas(self, namespace: str) -> list[dict[str, Any]]:
        return self.cluster.items("ResourceQuota", namespace) if self.cluster is not None else []


def _unreachable(wanted: Wanted) -> bool:
    """Whether an image is of a host that does not exist (RFC 2606)."""
    containers = wanted.template.get("spec", {}).get("containers", ())
    return any(each.get("image", "").partition("/")[0].endswith(".invalid") for each in containers)


def cluster_of_machines() -> EmbeddedCluster:
    """Return a cluster, not yet started, whose pods are run by `Machines`."""
    machines = Machines()
    cluster = EmbeddedCluster(rollout=machines, kinds=(QUOTAS,))
    machines.cluster = cluster
    cluster.store.listeners.append(machines.noticed)
    cluster.store.compact()  # a real server has been there for longer than it remembers
    return cluster
