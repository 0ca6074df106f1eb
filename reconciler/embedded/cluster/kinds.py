"""The resources that the server serves, as data: their names, their subresources and how they may be patched.

What is built in is what the product uses. Anything else a test declares as a custom resource, as a
CustomResourceDefinition would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class ScalePaths:
    """Where the scale subresource finds its numbers; built-in kinds compute the selector from `spec.selector`."""

    replicas: Path = ("spec", "replicas")
    status: Path = ("status", "replicas")
    selector: Path | None = None


@dataclass(frozen=True)
class Kind:
    """One served resource.

    ``builtin`` kinds are typed: they take strategic merge patches and their lists are associative; custom ones take
    neither (as in Kubernetes). ``unconditional`` says whether a replacement without a resourceVersion is accepted,
    ``generation`` what bumps `metadata.generation`: nothing, the spec, or spec and annotations (Deployments, because
    their annotations are copied to their replica sets).
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    scale: ScalePaths | None = None
    status: bool = True
    builtin: bool = False
    unconditional: bool = False
    generation: tuple[str, ...] = ("spec",)
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`deployments.apps`, or `pods` for the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def root(self) -> str:
        """The path under which the group's version is served."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


DEPLOYMENTS = Kind(
    "apps", "v1", "deployments", "Deployment", scale=ScalePaths(), builtin=True, unconditional=True,
    generation=("spec", "annotations"), short_names=("deploy",),
)  # fmt: skip
STATEFUL_SETS = Kind(
    "apps", "v1", "statefulsets", "StatefulSet", scale=ScalePaths(), builtin=True, unconditional=True,
    short_names=("sts",),
)  # fmt: skip
REPLICA_SETS = Kind(
    "apps", "v1", "replicasets", "ReplicaSet", scale=ScalePaths(), builtin=True, unconditional=True,
    short_names=("rs",),
)  # fmt: skip
DAEMON_SETS = Kind(
    "apps", "v1", "daemonsets", "DaemonSet", builtin=True, unconditional=True, short_names=("ds",),
)  # fmt: skip
CONTROLLER_REVISIONS = Kind(
    "apps", "v1", "controllerrevisions", "ControllerRevision", status=False, builtin=True, unconditional=True,
    generation=(),
)  # fmt: skip
PODS = Kind("", "v1", "pods", "Pod", builtin=True, unconditional=True, generation=(), short_names=("po",))
NAMESPACES = Kind(
    "", "v1", "namespaces", "Namespace", namespaced=False, builtin=True, unconditional=True, generation=(),
    short_names=("ns",),
)  # fmt: skip
AUTOSCALERS = Kind(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", builtin=True, unconditional=True,
    generation=(), short_names=("hpa",),
)  # fmt: skip
LEASES = Kind("coordination.k8s.io", "v1", "leases", "Lease", status=False, builtin=True, generation=())

BUILT_IN = (
    DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, REPLICA_SETS, CONTROLLER_REVISIONS, PODS, NAMESPACES, AUTOSCALERS, LEASES,
)  # fmt: skip

SCALED_OBJECTS = Kind("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", generation=("spec",), short_names=("so",))
"""KEDA's resource; a cluster has it only once it is declared, as without KEDA installed."""
VIRTUAL_SERVICES = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService", short_names=("vs",))
"""Istio's routes; served once it is declared. Istio's older versions are the same object under another `version`."""
