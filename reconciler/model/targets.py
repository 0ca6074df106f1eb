"""What can be changed, what was seen of it, and what it shall become.

These types are the whole vocabulary between `decide` (which asks by `Want` and answers with claims) and the
target servers (which turn a `Want` into a `Fact` and an `Effect` into the world's state).
Facts travel into steps and back, so each is plain data with a stable form (`model.facts`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from reconciler.model.copies import quick
from reconciler.model.measures import MeasuresFact, WantMeasures

Field: TypeAlias = str
"""What of a target is changed.

Held by a claim: `replicas` of a workload; `minReplicas`, `minReplicaCount` of its autoscaler (HPA, KEDA); `enabled` of
a flag; `delay` and `abort` of a route, or `delay@<address>` for one client alone. Done once: `restartedAt` and
`revision` of a workload's template; `call` of an endpoint.
"""
FieldValue: TypeAlias = int | bool | str


@quick
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


@quick
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


@quick
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


@dataclass(frozen=True, order=True)
class WantTemplate:
    """Ask for the revisions of a workload's pod template: the first of ``names`` that exists as ``kind``."""

    server: str
    namespace: str
    kind: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        """Render as the key under which the fact is recorded."""
        return f"{self.server}/{self.namespace}/{self.kind}/{'|'.join(self.names)}#template"


@dataclass(frozen=True, order=True)
class WantRoute:
    """Ask for the faults that an Istio VirtualService injects: the first of ``names`` that exists in ``namespace``."""

    server: str
    namespace: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        """Render as the key under which the fact is recorded."""
        return f"{self.server}/{self.namespace}/{ROUTE}/{'|'.join(self.names)}"


@dataclass(frozen=True, order=True)
class WantCall:
    """Ask whether a named endpoint has answered a call. ``key`` is the call's idempotency key."""

    endpoint: str
    key: str

    def __str__(self) -> str:
        """Render as the key under which the fact is recorded."""
        return f"{ENDPOINTS}/{self.endpoint}/{self.key}"


ROUTE = "VirtualService.networking.istio.io"
"""The kind of a route's target."""
ENDPOINTS = "endpoints"
"""The server of targets that are called; their scope is empty, their kind `Endpoint`, their name the endpoint's."""

Want: TypeAlias = WantWorkload | WantFlag | WantTemplate | WantRoute | WantCall | WantMeasures


@quick
@dataclass(frozen=True)
class Mark:
    """What we left on a target: whose it is and which decision was the last to write it.

    ``owner`` is ``project/stage/service``, or ``project/stage`` alone once the service has given the target back: then
    anybody may take it. ``sequence`` is the stage's step number, ``commit`` that step. ``lost``: the branch does not
    have that step (any more); whoever looks at the target knows nothing of that, the daemon adds it.
    """

    owner: str
    sequence: int
    commit: str
    lost: bool = False

    @property
    def stage(self) -> str:
        """Whose steps ``sequence`` counts: ``project/stage``. Between different ones numbers mean nothing."""
        return "/".join(self.owner.split("/")[:2])

    @property
    def released(self) -> bool:
        """Whether the service that was the owner has given the target back. One word alone is nobody's of ours."""
        return self.owner.count("/") == 1

    def yields_to(self, other: Mark) -> bool:
        """Whether a target that carries this mark may be written by the decision with the other one.

        Within a stage the higher sequence counts, whichever service it is about: `decide` has seen to it that only one
        of them claims the target. What another stage or project owns is left alone until it was given back.
        """
        return self.sequence <= other.sequence if self.stage == other.stage else self.released


@dataclass(frozen=True)
class Autoscaler:
    """An HPA or KEDA object that targets the workload; while there is one, its minimum is what is claimed."""

    target: Target
    field: Field
    minimum: int
    maximum: int
    mark: Mark | None = None
    manager: str = ""


@quick
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


@quick
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


@dataclass(frozen=True)
class TemplateFact:
    """The pod template of a workload as observed.

    ``restarted_at`` is the moment of the restart that we asked for last, as long as no older template came back since;
    without one, the value of its restart annotation; empty without either. ``revision`` names the template that its
    pods shall have, empty while its controller has not seen it yet; ``previous`` the newest one on record that came
    before it and differs in more than a restart, empty where there is none. ``settled`` and ``trouble`` are as for a
    workload; ``manager`` is the field manager other than ours that owns the template, empty where that is nobody but
    the tools of people (kubectl, helm's first install) and nothing would write it again.
    """

    target: Target
    restarted_at: str
    revision: str
    previous: str
    settled: bool
    trouble: str = ""
    mark: Mark | None = None
    manager: str = ""
    kind: Literal["template"] = "template"


@dataclass(frozen=True)
class RouteFact:
    """The faults that a VirtualService injects by our doing: (field, value) as claims have them, sorted.

    ``foreign`` says what faults it injects by somebody else's doing; beside them we add none.
    """

    target: Target
    faults: tuple[tuple[Field, str], ...] = ()
    mark: Mark | None = None
    manager: str = ""
    foreign: str = ""
    kind: Literal["route"] = "route"


@dataclass(frozen=True)
class CallFact:
    """Whether an endpoint has answered the call with this idempotency key. There is nothing to see of it elsewhere."""

    target: Target
    key: str
    answered: bool
    kind: Literal["call"] = "call"


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


Fact: TypeAlias = WorkloadFact | FlagFact | TemplateFact | RouteFact | CallFact | MeasuresFact | NoFact


@dataclass(frozen=True)
class Effect:
    """One field of one target and the absolute value that it shall have, with the decision that says so.

    Applying is level-triggered: however often it runs, the field has the value afterwards; converged means no write.
    ``note`` is the remediation's id, for servers that can carry a reason (an Unleash tag). ``payload`` is what an
    endpoint is told. Giving back is an effect whose mark's owner is the stage alone (`Mark.released`).
    """

    target: Target
    field: Field
    value: FieldValue
    mark: Mark
    note: str = dataclasses.field(default="", compare=False)
    payload: Mapping[str, Any] = dataclasses.field(default_factory=dict, compare=False)
