"""What is there at the beginning of a simulation: a project, its stages and services, and their targets."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.simulation.cluster import State, World
from tests.simulation.objects import Objects
from tests.simulation.remote import HEAD, Remote
from tests.simulation.schedule import EPOCH

PROJECT: Final = "sockshop"
SERVICES: Final = ("carts", "shop/orders", "users")
FLAGS: Final = ("promotion", "cache")
TITLES: Final = ("Response time degradation", "Failure rate increase", "cpu usage", "unheard of")
PERSON: Final = "A Person <person@example.org>"
_PROPOSES: Final = 0.2
"""The part of the seeds in which people answer by pull requests."""
_SLO: Final = b"""spec_version: "1.0"
objectives:
- sli: response_time
  pass:
  - criteria: ["<500"]
total_score: {pass: "90%", warning: "75%"}
"""
_SLI: Final = b'spec_version: "1.0"\nindicators:\n  response_time: rt{job="$SERVICE"}\n'
_ACTIONS: Final = (
    "- {action: scaling, value: +1}", "- {action: scaling, value: +2}", "- {action: scaling, value: {replicas: 3}}",
    "- {action: featuretoggle, value: 'promotion:off'}", "- {action: featuretoggle, value: 'cache:on'}",
    "- {action: restart}", "- {action: scaling, value: -1}", "- {action: scaling, value: +1, onResolve: revert}",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How the project of a seed is laid out, and which rarer troubles it has: then it has many of them."""

    stages: tuple[str, ...]
    apart: bool
    shared: bool
    daemons: int
    leases: bool
    replicas: bool
    jumps: bool
    proceeds: bool
    proposes: bool = False

    def config_ref(self, stage: str) -> str:
        return f"refs/heads/{stage}"

    def ops_ref(self, stage: str) -> str:
        return f"refs/heads/ops/{stage}" if self.apart else f"refs/heads/{stage}"


def planned(chance: random.Random, seed: int) -> Plan:
    """Return a layout. What is proposed has a chance of its own: with it came no other history for the others."""
    shared, daemons = chance.random() < 0.4, chance.choice((1, 2, 2, 3))
    proceeds = not shared and chance.random() < 0.5
    return Plan(
        stages=("production", "staging") if chance.random() < 0.2 else ("production",),
        apart=chance.random() < 0.25,
        shared=shared,
        daemons=daemons,
        leases=chance.random() < 0.3 or proceeds,
        replicas=not shared and chance.random() < 0.3,
        jumps=chance.random() < 0.25,
        proceeds=proceeds,
        proposes=proposes(seed),
    )


def proposes(seed: int) -> bool:
    """Tell whether people answer by pull requests in a seed."""
    return random.Random(f"proposals of {seed}").random() < _PROPOSES


def playbook(chance: random.Random) -> bytes:
    """Return a playbook of some entries."""
    lines = ["remediations:"]
    for title in chance.sample(TITLES[:3], chance.choice((2, 3))):
        lines += [f"- name: {title}", "  actions:"]
        lines += [f"  {action}" for action in chance.sample(_ACTIONS, chance.choice((1, 2, 2)))]
    return "\n".join([*lines, ""]).encode()


def service_settings(chance: random.Random) -> bytes:
    """Return a `service.yaml`."""
    bounds = f"bounds: {{replicas: {{min: 1, max: {chance.choice((2, 3, 4, 6))}}}}}\n"
    drift = chance.choice(("", "drift: {controller: adopt}\n", "drift: {person: repair}\n"))
    return f"{bounds}{drift}wait: {chance.choice((20, 45, 90))}s\n".encode()


def stage_settings(chance: random.Random, plan: Plan) -> bytes:
    """Return a `stage.yaml`."""
    mode = chance.choice(("automated", "automated", "automated", "shadow"))
    budgets = chance.choice(("", "budgets: {servicesAtOnce: 1}\n", "budgets: {actionsPerHour: 3}\n"))
    approval = "approval: required\n" if chance.random() < 0.15 or plan.proposes else ""
    more = chance.choice(("", "cooldown: 2m\n", "onFail: revert\n", "retries: 1\n", "onResolve: revert\n"))
    return f"mode: {mode}\nrollout: 90s\nwait: 30s\n{budgets}{approval}{more}".encode() + _outage(plan)


def _outage(plan: Plan) -> bytes:
    return b"forgeOutage: proceed\n" if plan.proceeds else b""


def lay_out(chance: random.Random, plan: Plan, remote: Remote, world: World) -> None:
    """Make the branches and the targets."""
    objects = remote.objects
    apart = "opsBranch: ops/{stage}\n" if plan.apart else ""
    text = f"name: {PROJECT}\nstages: [{', '.join(plan.stages)}]\n{apart}"
    first = commit_on(objects, None, {"project.yaml": text.encode()}, "the project", 0.0)
    remote.push(0.0, "people", objects, [(HEAD, None, first)])
    for stage in plan.stages:
        approval = b"approval: required\n" if plan.proposes else b""
        files: dict[str, bytes | None] = {"stage.yaml": b"rollout: 90s\nwait: 30s\n" + approval + _outage(plan)}
        for service in SERVICES:
            files[f"{service}/remediation.yaml"] = playbook(chance)
            files[f"{service}/service.yaml"] = service_settings(chance)
            if chance.random() < 0.6:
                files |= {f"{service}/slo.yaml": _SLO, f"{service}/prometheus/sli.yaml": _SLI}
        tip = commit_on(objects, None, files, "the services", 0.0)
        remote.push(0.0, "people", objects, [(plan.config_ref(stage), None, tip)])
        if plan.apart and chance.random() < 0.7:
            remote.push(0.0, "people", objects, [(plan.ops_ref(stage), None, tip)])
        for service in SERVICES:
            world.put(f"{PROJECT}-{stage}/{service.rpartition('/')[2]}", State(chance.choice((1, 2)), 0))
        for flag in FLAGS:
            world.put(f"default/{stage}/{flag}", State(chance.choice((0, 1)), 0))


def commit_on(
    objects: Objects, parent: str | None, files: Mapping[str, bytes | None], message: str, at: float, who: str = PERSON
) -> str:
    """Write a commit of a person's on another one."""
    tree = objects.changed(objects.commit(parent).tree if parent else objects.put("tree", b""), files)
    when = f"{who} {int(EPOCH + at)} +0100"
    return objects.write_commit(tree, (parent,) if parent else (), when, when, f"{message}\n")
