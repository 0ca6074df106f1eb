"""What can be changed, what was seen of it, and what it shall become.

These types are the whole vocabulary between `decide` (which asks by `Want` and answers with claims) and the
target servers (which turn a `Want` into a `Fact` and an `Effect` into the world's state).
Facts travel into steps and back, so each is plain data with a stable form (`fact_data`, `fact_from_data`).
"""

from __future__ import annotations

import dataclasses
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Field: TypeAlias = Literal["replicas", "minReplicas", "minReplicaCount", "enabled"]
"""A field that can be claimed: a workload's replicas, an autoscaler's minimum (HPA, KEDA), a flag's state."""
FieldValue: TypeAlias = int | bool


@dataclass(frozen=True, order=True)
class Target:
    """The identity of what is changed: (server, namespace, kind, name) or (server, project/environment, flag).

    ``server`` is the connection's name in the daemon's configuration (`kubernetes`, `flags`), ``scope`` the
    namespace of an object or ``<project>/<environment>`` of a flag, ``kind`` a Kubernetes kind
    (`Deployment`, `HorizontalPodAutoscaler`, `ScaledObject.keda.sh`) or `Flag`.
    """

    server: str
    scope: str
    kind: str
    name: str

    def __str__(self) -> str:
        """Render as ``server/scope/kind/name``, the key used in state files."""
        return f"{self.server}/{self.scope}/{self.kind}/{self.name}"

    @staticmethod
    def parse(text: str) -> Target:
        """Read the form that `__str__` writes; the scope may hold slashes, the other parts may not."""
        server, rest = text.split("/", 1)
        scope, kind, name = rest.rsplit("/", 2)
        return Target(server, scope, kind, name)


@dataclass(frozen=True, order=True)
class WantWorkload:
    """Ask for a workload: the first of ``names`` that exists as ``kind`` in ``namespace``, with its autoscaler."""

    server: str
    namespace: str
    kind: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        """Render as the key under which the fact is recorded."""
        return f"{self.server}/{self.namespace}/{self.kind}/{'|'.join(self.names)}"


@dataclass(frozen=True, order=True)
class WantFlag:
    """Ask for a feature flag's state in one environment."""

    server: str
    project: str
    environment: str
    flag: str

    def __str__(self) -> str:
        """Render as the key under which the fact is recorded."""
        return f"{self.server}/{self.project}/{self.environment}/Flag/{self.flag}"


Want: TypeAlias = WantWorkload | WantFlag


@dataclass(frozen=True)
class Mark:
    """What we left on a target: whose it is and which decision was the last to write it.

    ``owner`` is ``project/stage/service``; ``sequence`` the stage's step number, ``commit`` that step. ``lost``: the
    branch does not have that step (any more); whoever looks at the target knows nothing of that, the daemon adds it.
    """

    owner: str
    sequence: int
    commit: str
    lost: bool = False


@dataclass(frozen=True)
class Autoscaler:
    """An HPA or KEDA object that targets the workload; while there is one, its minimum is what is claimed."""

    target: Target
    field: Field
    minimum: int
    maximum: int
    mark: Mark | None = None
    manager: str = ""


@dataclass(frozen=True)
class WorkloadFact:
    """A workload as observed.

    ``replicas`` is the desired number in its spec, ``ready`` those updated and available, ``settled`` whether the
    rollout of exactly this spec is complete, ``trouble`` why it will not get there by itself (crash loop, image
    error, deadline exceeded) or empty. ``manager`` is the field manager that owns the replicas field.
    """

    target: Target
    replicas: int
    ready: int
    settled: bool
    trouble: str = ""
    mark: Mark | None = None
    manager: str = ""
    autoscaler: Autoscaler | None = None
    kind: Literal["workload"] = "workload"


@dataclass(frozen=True)
class FlagFact:
    """A feature flag as observed in one environment.

    ``caveat`` says why the state may not mean the same for everybody (30 % rollout, parent off); ``manager`` is who
    changed it last, where the server tells, ``ours`` whether that was us.
    """

    target: Target
    enabled: bool
    caveat: str = ""
    mark: Mark | None = None
    manager: str = ""
    ours: bool = False
    kind: Literal["flag"] = "flag"


Trouble: TypeAlias = Literal["missing", "forbidden", "invalid", "blind"]


@dataclass(frozen=True)
class NoFact:
    """The answer where there is no state to tell.

    ``missing``: looked and it is not there; ``near`` holds names alike. ``forbidden``: not allowed, by the server or
    by our own allow-list. ``invalid``: it is there and cannot be used (archived flag, object being deleted).
    ``blind``: could not look; to be tried again, nothing new may be done meanwhile.
    """

    trouble: Trouble
    message: str
    hint: str = ""
    near: tuple[str, ...] = ()
    kind: Literal["none"] = "none"


Fact: TypeAlias = WorkloadFact | FlagFact | NoFact


@dataclass(frozen=True)
class Effect:
    """One field of one target and the absolute value that it shall have, with the decision that says so.

    Applying is level-triggered: however often it runs, the field has the value afterwards; converged means no write.
    ``note`` is the remediation's id, for servers that can carry a reason (an Unleash tag).
    """

    target: Target
    field: Field
    value: FieldValue
    mark: Mark
    note: str = dataclasses.field(default="", compare=False)


def fact_data(fact: Fact) -> dict[str, Any]:
    """Return a fact as plain data for a step's file; fields that hold their default are left out."""
    return _told(asdict(fact))


def _told(data: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in data.items() if key in _ALWAYS or value not in ("", None, False, ())}
    return {key: _told(value) if isinstance(value, dict) else value for key, value in kept.items()}


_ALWAYS = frozenset({"kind", "replicas", "ready", "minimum", "maximum", "sequence"})
"""Numbers, whose 0 equals False."""


def fact_from_data(data: dict[str, Any]) -> Fact:
    """Read back what `fact_data` wrote. Raises KeyError or TypeError on anything else."""
    kind = data["kind"]
    if kind == "none":
        return NoFact(data["trouble"], data["message"], data.get("hint", ""), tuple(data.get("near", ())))
    values = dict(data)
    values["target"] = Target(**data["target"])
    if data.get("mark"):
        values["mark"] = Mark(**data["mark"])
    if kind == "flag":
        return FlagFact(**{"enabled": False, **values})
    if data.get("autoscaler"):
        inner = dict(data["autoscaler"])
        inner["target"] = Target(**inner["target"])
        inner["mark"] = Mark(**inner["mark"]) if inner.get("mark") else None
        values["autoscaler"] = Autoscaler(**inner)
    return WorkloadFact(**{"settled": False, **values})
