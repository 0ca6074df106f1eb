"""An action as a playbook spells it, and a context that answers its wants with facts of one's choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.decide.actions.protocol import Context, Spec
from reconciler.decide.actions.registry import parse_action, pin, unpin
from reconciler.model.desired import Held, Key
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, MeasuresFact
from reconciler.model.names import ProjectName, ServiceName, StageName
from reconciler.model.playbook import ActionEntry, load_playbook
from reconciler.model.policy import Bounds, FlagPlace, Workload
from reconciler.model.targets import (
    ENDPOINTS,
    ROUTE,
    Autoscaler,
    CallFact,
    Fact,
    FlagFact,
    Mark,
    NoFact,
    RouteFact,
    Target,
    TemplateFact,
    Want,
    WorkloadFact,
)

NOW = Instant(1_795_000_000)
SPACE = "sockshop-production"
DEPLOYMENT = Target("kubernetes", SPACE, "Deployment", "carts-primary")
VIRTUAL_SERVICE = Target("kubernetes", SPACE, ROUTE, "carts")
MARK = Mark("sockshop/production/carts", 7, "0123456789abcdef")
SCALER = Autoscaler(
    Target("kubernetes", SPACE, "HorizontalPodAutoscaler", "carts"), "minReplicas", 1, 5, MARK, "kubectl"
)

FACTS: tuple[Fact, ...] = (
    WorkloadFact(DEPLOYMENT, 1, 1, settled=True),
    WorkloadFact(DEPLOYMENT, 6, 0, settled=False, trouble="CrashLoopBackOff", mark=MARK, manager="kubectl"),
    WorkloadFact(DEPLOYMENT, 2, 2, settled=True, autoscaler=SCALER),
    FlagFact(Target("flags", "default/production", "Flag", "A"), enabled=True),
    FlagFact(Target("flags", "default/production", "Flag", "A"), enabled=False, caveat="30 % only.", mark=MARK),
    TemplateFact(DEPLOYMENT, "", "5d8f7c9b4", "6bc94d7f5", settled=True),
    TemplateFact(DEPLOYMENT, "2026-11-18T06:26:40Z", "5d8f7c9b4", "", settled=False, trouble="late", mark=MARK),
    TemplateFact(DEPLOYMENT, "", "", "", settled=False),
    TemplateFact(DEPLOYMENT, "", "5d8f7c9b4", "6bc94d7f5", settled=True, manager="argocd-controller"),
    RouteFact(VIRTUAL_SERVICE),
    RouteFact(VIRTUAL_SERVICE, (("abort", "503 50%"), ("delay", "5s 100%")), MARK, "istioctl"),
    RouteFact(VIRTUAL_SERVICE, foreign="delay 3s 50% on route 1"),
    CallFact(Target(ENDPOINTS, "", "Endpoint", "runbooks"), "key", answered=False),
    CallFact(Target(ENDPOINTS, "", "Endpoint", "runbooks"), "key", answered=True),
    MeasuresFact((Measure("response_time_p90", 80.0),)),
    NoFact("missing", "there is no such thing", "create it", ("carts-primry",)),
    NoFact("forbidden", "not allowed", "allow it"),
    NoFact("invalid", "it is being deleted"),
    NoFact("blind", "no answer in time"),
)
"""One of everything that a server may say, whatever was asked."""


def entry(action: str, value: str | None) -> ActionEntry:
    """Return an action as a playbook has it; ``value`` is YAML on one line, None where none is written."""
    line = "" if value is None else f"    value: {value}\n"
    text = f"remediations:\n- name: slow\n  actions:\n  - action: {action}\n{line}"
    return load_playbook(text.encode(), "carts/remediation.yaml").entries[0].actions[0]


def spec(action: str, value: str | None = None) -> Spec:
    """Return an action understood, as it is read from the playbook and again from the step that pins it."""
    one = entry(action, value)
    made = parse_action(one.action, one.value, one.place)
    assert unpin(pin(one), "carts/remediation.yaml") == made
    return made


def context(
    answer: Callable[[Want], Fact],
    *,
    labels: Mapping[str, str] | None = None,
    held: Mapping[Key, Held] | None = None,
    workload: Workload | None = None,
    now: Instant = NOW,
) -> Context:
    """Return what an action may know, with ``answer`` for every want."""
    return Context(
        project=ProjectName("sockshop"), stage=StageName("production"), service=ServiceName("carts"), namespace=SPACE,
        workload=workload or Workload(), bounds=Bounds(1, 6), flags=FlagPlace(), held=held or {}, now=now,
        identity="sockshop/production/carts/p1/2", title="Response time degradation", labels=labels or {},
        see=lambda wants: tuple(answer(want) for want in wants),
    )  # fmt: skip
