"""The stories that people, flag servers and endpoints are part of, for `test_crash_stories.py`.

A flag of Unleash is switched off, and a person takes that back. Three actions do not help, a call of an endpoint, a
restart and a rollback, and a person is called. A person reverts the decision and wants it after all; then a controller
undoes it. A remediation is aborted and tried again, and its service goes away. What is decided needs approval, and a
person gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Final

from reconciler.embedded.unleash import Account, UnleashDouble
from reconciler.embedded.unleash.world import ADMIN
from tests.daemon.measured import TITLE
from tests.daemon.site import git
from tests.faults.crashing import How
from tests.faults.effects import ROBOT
from tests.faults.stories import REPORTED, SPACE, Phase, Story, World

RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
_TOKEN: Final = "tok-4714-of-flags"
_FLAG: Final = "EnablePromotion"
_COMMANDS: Final = "ops/production/carts/commands"


def playbook(*actions: str) -> dict[str, str | None]:
    lines = "".join(f"  - {{{each}}}\n" for each in actions)
    return {"carts/remediation.yaml": f"remediations:\n- name: {TITLE}\n  actions:\n{lines}"}


def nothing(made: World) -> None:
    """It has been reported, and that is all."""


def asks(verb: str, number: int, made: World) -> None:
    """Let a person push a command about the remediation."""
    name = f"{_COMMANDS}/20261122T10000{number}Z-{verb}-{REPORTED}-00.yaml"
    made.scene.person({name: f"verb: {verb}\nremediation: {REPORTED}\n"}, f"{verb}, please")


def scaled(made: World) -> bool:
    return made.site.replicas() == 2


def applied(made: World) -> bool:
    return made.ends_with("applied")


# A flag of Unleash


def unleashed(made: World, stack: ExitStack) -> Mapping[str, str | None]:
    site = made.site
    double = stack.enter_context(UnleashDouble("modern"))
    double.world.accounts[_TOKEN] = Account(7, ROBOT)
    double.world.create(ADMIN, "default", _FLAG, "release", None)
    double.world.switch(ADMIN, double.world.flags[_FLAG], "production", True)
    made.scene.watch_flags(double)
    made.scene.secrets.append(_TOKEN)
    made.unleash = double
    (site.folder / "flags").write_text(_TOKEN)
    there = f"{{kind: unleash, url: '{double.url}', tokenFile: flags}}"
    site.config.write_text(site.config.read_text().replace("{kind: flagd, file: flags.json}", there))
    return playbook(f'action: featuretoggle, value: "{_FLAG}:off"')


def is_on(made: World) -> bool:
    assert made.unleash is not None
    with made.unleash.world.lock:
        return made.unleash.world.flags[_FLAG].places["production"].enabled


UNLEASH: Final = Story(
    (
        Phase(nothing, lambda made: applied(made) and not is_on(made), report=REPORTED),
        Phase(partial(asks, "undo", 0), lambda made: "reverted" in made.site.events() and is_on(made)),
    ),
    unleashed,
)


# Three actions in vain


def called(made: World, stack: ExitStack) -> Mapping[str, str | None]:
    site = made.site
    container = {**made.template()["spec"]["containers"][0], "image": "carts:2"}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    site.cluster.patch("Deployment", SPACE, "carts-primary", patch, manager="kubectl-set")
    made.ready()
    made.monitoring.value = 200
    endpoint = f"{{runbooks: {{url: 'http://127.0.0.1:{made.endpoint.port}/run'}}}}"
    site.config.write_text(f"{site.config.read_text()}        allow: {{endpoints: {endpoint}}}\n")
    return playbook("action: webhook, value: runbooks", "action: restart", "action: rollback")


def restarted(made: World) -> bool:
    return RESTARTED in made.template()["metadata"].get("annotations", {})


def rolled_back(made: World) -> bool:
    return bool(made.template()["spec"]["containers"][0]["image"] == "carts:1")


IN_VAIN: Final = Story(
    (
        Phase(nothing, applied, report=REPORTED),
        Phase(World.waited, restarted),
        Phase(World.ready, applied),
        Phase(World.waited, rolled_back),
        Phase(World.ready, applied),
        Phase(World.waited, lambda made: made.ends_with("escalated")),
    ),
    called,
)


# People and controllers

SWEEPS: Final = How(turns=2, seconds=31)
"""Long enough for what is held to be looked at without a reason."""


def unhurried(made: World, stack: ExitStack) -> Mapping[str, str | None]:
    made.wait = 3600
    return {}


def reverts(made: World) -> None:
    """Let a person push a `git revert` of the decision."""
    clone = made.site.clone
    git(clone, "pull", "-q", "--rebase", "origin", "production")
    git(clone, "revert", "--no-edit", git(clone, "log", "-1", "--grep=Event: decided", "--format=%H"))
    made.scene.people.add(made.site.push_head())


def drifts(made: World) -> None:
    patch = {"spec": {"replicas": 1}}
    made.site.cluster.patch("Deployment", SPACE, "carts-primary", patch, manager="some-operator")
    made.ready()


def given_back(event: str, replicas: int, made: World) -> bool:
    return made.site.replicas() == replicas and event in made.site.events()


REVERTED: Final = Story(
    (
        Phase(nothing, scaled, report=REPORTED),
        Phase(World.ready, applied),
        Phase(reverts, partial(given_back, "reverted", 1)),
        Phase(World.ready, applied),
        Phase(partial(asks, "retry", 1), scaled),
        Phase(World.ready, applied),
        Phase(drifts, scaled, how=SWEEPS),
        Phase(World.ready, applied),
        Phase(World.resolved, lambda made: made.ends_with("remediated")),
    ),
    unhurried,
)


# A service that goes away


def reverting(made: World, stack: ExitStack) -> Mapping[str, str | None]:
    return playbook("action: scaling, value: +1, onResolve: revert")


def goes(made: World) -> None:
    made.scene.person({f"carts/{name}": None for name in ("remediation.yaml", "slo.yaml", "prometheus/sli.yaml")})


ORPHANED: Final = Story(
    (
        Phase(nothing, scaled, report=REPORTED),
        Phase(World.ready, applied),
        Phase(partial(asks, "abort", 0), lambda made: made.ends_with("aborted")),
        Phase(partial(asks, "retry", 1), lambda made: made.site.replicas() == 3),
        Phase(World.ready, applied),
        Phase(World.waited, lambda made: "evaluated" in made.site.events()),
        Phase(goes, partial(given_back, "orphaned", 2)),
        Phase(World.ready, applied),
    ),
    reverting,
)

# An approval that is given


def approving(made: World, stack: ExitStack) -> Mapping[str, str | None]:
    return playbook("action: scaling, value: +1, approval: required")


def proposed(made: World) -> bool:
    """Whether it waits for a person, and nothing was done."""
    assert made.site.replicas() == 1 or "released" in made.site.events()
    return made.ends_with("opened", "held")


def approved(made: World) -> bool:
    return scaled(made) and made.site.events()[:4] == ["opened", "held", "released", "decided"]


APPROVED: Final = Story(
    (
        Phase(nothing, proposed, report=REPORTED),
        Phase(partial(asks, "approve", 0), approved),
        Phase(World.ready, applied),
        Phase(World.resolved, lambda made: made.ends_with("remediated")),
    ),
    approving,
)

STORIES: Final[Mapping[str, Story]] = {
    "undone": UNLEASH, "in vain": IN_VAIN, "reverted": REVERTED, "orphaned": ORPHANED, "approved": APPROVED,
}  # fmt: skip
