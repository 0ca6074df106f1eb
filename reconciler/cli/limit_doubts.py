"""Limits that contradict each other: within `stage.yaml`, and between it and a service's own file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.cli import loaded
from reconciler.cli.findings.finding import Finding, doubt, remark
from reconciler.cli.freeze_doubts import about_freezes
from reconciler.cli.pace_doubts import Placed, about_pace, long_waits
from reconciler.decide.policy import DEFAULT_BOUNDS, DEFAULT_WAIT
from reconciler.model.errors import Place
from reconciler.model.nodes import MapNode, Node
from reconciler.model.policy import WORKLOADS, Bounds, StageConfig
from reconciler.model.reader import read_yaml

_REPLICAS: Final = ("bounds", "replicas")
_KEYS: Final = {
    "actionsPerHour": "actions_per_hour",
    "servicesAtOnce": "services_at_once",
    "servicesPerHour": "services_per_hour",
}


def about_stage(data: bytes, wide: StageConfig | None) -> Iterator[Finding]:
    """Yield what contradicts in `stage.yaml`; ``wide`` is what holds with the project's defaults."""
    own = loaded.stage(data)
    if own is not None and wide is not None:
        yield from _about_limits(data, own, wide, ())


def about_defaults(data: bytes, own: StageConfig) -> Iterator[Finding]:
    """Yield what contradicts in the `defaults` of `project.yaml`."""
    yield from _about_limits(data, own, own, ("defaults",))


def _about_limits(data: bytes, own: StageConfig, wide: StageConfig, under: tuple[str, ...]) -> Iterator[Finding]:
    def place(*keys: str) -> Place:
        return _place(data, *under, *keys)

    yield from _narrow(place, wide.bounds, DEFAULT_BOUNDS, "the product's default")
    yield from _windows(place, wide.wait, wide.window, own.wait, own.window)
    yield from about_freezes(own.freeze or (), _node(data, *under, "freeze"))
    yield from about_pace(own, wide, place)
    if own.forge_outage == "proceed":
        yield remark(
            "forge-outage",
            "`proceed` asks for what no file here can say: the daemon's `stateDir` on a disk that outlives it, and"
            " `leases`",
            place("forgeOutage"),
            expected="a daemon that has both; without them the stage waits for the forge all the same",
            hint="run `reconciler doctor` where the daemon runs, which looks at both",
        )
    if own.bounds.maximum == 0:
        yield doubt(
            "limits-contradict",
            "with `max: 0` no replica is ever allowed: whatever scales a service leaves nothing of it",
            place(*_REPLICAS, "max"),
            expected="1 or more",
            hint="write the most replicas that a service may have; `mode: suspended` if nothing shall be done",
        )
    for key, name in _KEYS.items():
        if getattr(own.budgets, name) == 0 and wide.mode in (None, "automated"):
            yield doubt(
                "limits-contradict",
                f"with `{key}: 0` nothing is ever done, though the stage is automated",
                place("budgets", key),
                expected="1 or more",
                hint="write `mode: suspended` if nothing shall be done, or raise the budget",
            )
    budgets = own.budgets
    if budgets.services_at_once and budgets.services_per_hour and budgets.services_at_once > budgets.services_per_hour:
        yield remark(
            "limits-contradict",
            f"`servicesAtOnce` ({budgets.services_at_once}) is above `servicesPerHour` ({budgets.services_per_hour}),"
            " which is reached before",
            place("budgets", "servicesAtOnce"),
            expected=f"at most {budgets.services_per_hour}",
            hint="lower it, or raise `servicesPerHour`",
        )


def about_service(data: bytes, wide: StageConfig | None) -> Iterator[Finding]:
    """Yield what of `service.yaml` contradicts the stage."""
    own = loaded.service(data)
    if own is None:
        return

    def place(*keys: str) -> Place:
        return _place(data, *keys)

    yield from long_waits({"wait": own.wait, "settle": own.settle, "rollout": own.rollout}, place)
    kind = own.workload.kind
    if kind and "." not in kind and kind not in WORKLOADS:
        yield doubt(
            "unscalable-workload",
            f"`{kind}` is no kind of workload that can be scaled or restarted: every action on it will fail",
            place("workload", "kind"),
            expected=f"one of {', '.join(sorted(WORKLOADS))}, or `<Kind>.<group>` with a scale subresource",
            hint=f"name what owns it, for example `Deployment`, or write the group, as in `{kind}.example.com`",
        )
    if wide is None:
        return
    told = list(_narrow(place, own.bounds, wide.bounds, "the stage's"))
    yield from told
    low, high = own.bounds.minimum, own.bounds.maximum
    if not told and high is not None and wide.bounds.maximum is not None and high > wide.bounds.maximum:
        yield remark(
            "bounds-wider-than-stage",
            f"`max` ({high}) is above the stage's ({wide.bounds.maximum}), and counts for this service",
            place(*_REPLICAS, "max"),
            expected=f"at most {wide.bounds.maximum}, unless it is meant",
            hint="leave it if this service may have more than the others",
        )
    if not told and low is not None and wide.bounds.minimum is not None and low < wide.bounds.minimum:
        yield remark(
            "bounds-wider-than-stage",
            f"`min` ({low}) is below the stage's ({wide.bounds.minimum}), and counts for this service",
            place(*_REPLICAS, "min"),
            expected=f"at least {wide.bounds.minimum}, unless it is meant",
            hint="leave it if this service may have less than the others",
        )
    wait = own.wait if own.wait is not None else wide.wait
    window = own.window if own.window is not None else wide.window
    yield from _windows(place, wait, window, own.wait, own.window)


def _narrow(place: Placed, own: Bounds, wider: Bounds, whose: str) -> Iterator[Finding]:
    """Yield where a bound that is given meets one of the wider level that it cannot hold together with."""
    low, high = own.minimum, own.maximum
    most = wider.maximum if wider.maximum is not None else DEFAULT_BOUNDS.maximum
    least = wider.minimum if wider.minimum is not None else DEFAULT_BOUNDS.minimum
    if low is not None and high is not None and low > high:
        # In one file that is refused; here one of the two is the project's default.
        yield doubt(
            "limits-contradict",
            f"`min` ({low}) is above `max` ({high}) where the project's defaults fill in the other",
            place(*_REPLICAS),
            expected="a minimum that is not above the maximum",
            hint="write both here, or change `defaults` in project.yaml",
        )
    if low is not None and high is None and most is not None and low > most:
        yield doubt(
            "limits-contradict",
            f"`min` ({low}) is above `max` ({most}), {whose}, which is what counts",
            place(*_REPLICAS, "min"),
            expected=f"at most {most}",
            hint=f"add `max: {low}` or more beside it, or lower `min`",
        )
    if high is not None and low is None and least is not None and high < least:
        yield doubt(
            "limits-contradict",
            f"`max` ({high}) is below `min` ({least}), {whose}, which does not count any more",
            place(*_REPLICAS, "max"),
            expected=f"at least {least}",
            hint=f"add `min: {high}` beside it if that is meant, or raise `max`",
        )


def _windows(
    place: Placed, wait: int | None, window: int | None, own_wait: int | None, own_window: int | None
) -> Iterator[Finding]:
    """Yield a window that is longer than its wait, where the two come from different files."""
    held = wait if wait is not None else DEFAULT_WAIT
    if window is None or not held or window <= held or (own_wait is None) == (own_window is None):
        return
    yield doubt(
        "limits-contradict",
        f"`window` ({window} s) is longer than `wait` ({held} s) where both hold, and will be cut to it",
        place("window" if own_window is not None else "wait"),
        expected=f"a window of at most {held}s",
        hint="write both here, the window not longer than the wait",
    )


def _place(data: bytes, *keys: str) -> Place:
    """Return where a value stands, or the innermost mapping above it that is there."""
    node: Node = read_yaml(data, "")
    for key in keys:
        inner = node.get(key) if isinstance(node, MapNode) else None
        if inner is None:
            break
        node = inner
    return node.place


def _node(data: bytes, *keys: str) -> Node | None:
    """Return what stands under keys, None where nothing does."""
    node: Node | None = read_yaml(data, "")
    for key in keys:
        node = node.get(key) if isinstance(node, MapNode) else None
    return node
