"""What is called in a namespace that we act in, as RBAC names it: the one list that Roles and checks are made of.

A right is for kinds as `service.yaml` and `allow.kinds` write them. `list` on a workload reads many together, and names
what is alike where one is missing; pods tell why a rollout fails; replica sets and revisions are what a rollback goes
back to. That nothing is missing and nothing too much is held by a test, which compares it with what an API server saw.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from reconciler.model.targets import ROUTE


@dataclass(frozen=True)
class Right:
    """Verbs on a resource of an API group. ``kinds``: needed where one of these is acted on; none of them: always."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    kinds: tuple[str, ...] = ()

    def needed(self, kinds: Collection[str]) -> bool:
        """Whether somebody needs it who acts on these kinds."""
        return not self.kinds or not set(self.kinds).isdisjoint(kinds)


_ALL: Final = ("get", "list", "patch")
RIGHTS: Final = (
    Right("", "pods", ("list",)),
    Right("apps", "daemonsets", _ALL, ("DaemonSet",)),
    Right("apps", "deployments", _ALL, ("Deployment",)),
    Right("apps", "replicasets", _ALL, ("ReplicaSet",)),
    Right("apps", "statefulsets", _ALL, ("StatefulSet",)),
    Right("apps", "replicasets", ("list",), ("Deployment",)),
    Right("apps", "controllerrevisions", ("list",), ("DaemonSet", "StatefulSet")),
    Right(ROUTE.partition(".")[2], "virtualservices", _ALL, (ROUTE,)),
    Right("autoscaling", "horizontalpodautoscalers", _ALL),
)
KEDA: Final = Right("keda.sh", "scaledobjects", _ALL)
"""For clusters with KEDA; where it is denied there is none, as far as we are concerned."""
LEASES: Final = Right("coordination.k8s.io", "leases", ("list", "create", "update"))
"""For the namespace of `leases`."""


def scalable(group: str, resource: str) -> tuple[Right, ...]:
    """Return what a kind of another group needs that is scaled by its scale subresource."""
    return Right(group, resource, _ALL), Right(group, f"{resource}/scale", ("get", "patch"))
