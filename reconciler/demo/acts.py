"""The three acts: what brings each problem about, and what is expected to be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.demo import promises
from reconciler.demo.carts import CACHE, PROMOTION
from reconciler.demo.sight import FlagState, Pods
from reconciler.demo.users import Demand
from reconciler.demo.watcher import Rule


@dataclass(frozen=True)
class Scaled:
    """An action that makes replicas more."""

    before: int
    after: int

    def __str__(self) -> str:
        """Render as the commit of the decision says it."""
        return f"scale {self.before} → {self.after}"

    def done(self, pods: Pods) -> bool:
        """Whether the cluster has so many, all of them ready."""
        return (pods.wanted, pods.ready) == (self.after, self.after)


@dataclass(frozen=True)
class Switched:
    """An action that switches a flag."""

    flag: str
    on: bool

    def __str__(self) -> str:
        """Render as the commit of the decision says it."""
        return f"switch {self.flag} {'off → on' if self.on else 'on → off'}"

    def done(self, flag: FlagState) -> bool:
        """Whether the flag stands so."""
        return flag.enabled == self.on


@dataclass(frozen=True)
class Act:
    """One problem from its cause to its end. ``heading`` is the problem's in a table.

    The users' ``demand`` and the flag that somebody switches ``on`` are the cause. Each of ``actions`` but the last
    one does not help.
    """

    title: str
    lines: tuple[str, ...]
    demand: Demand
    rule: Rule
    actions: tuple[Scaled | Switched, ...]
    heading: str
    on: str = ""


CALM: Final = Demand(12.0)
"""Less than half of what one replica can do."""

_SLOW, _FAILING = promises.RULES

ACTS: Final = (
    Act(
        "Act 1: too slow, and one action helps",
        (
            "One replica answers 25 requests a second. Now users want more than that, and the queue grows.",
            f"The playbook for `{promises.SLOW}`: first scaling +1, then {CACHE} on.",
        ),
        Demand(28.0),
        _SLOW,
        (Scaled(1, 2),),
        "1: slow",
    ),
    Act(
        "Act 2: it fails, and a flag is the reason",
        (
            f"Somebody switches {PROMOTION} on. Three of ten who ask for the promotion get an error.",
            f"The playbook for `{promises.FAILING}`: {PROMOTION} off.",
        ),
        Demand(20.0, "promotion", seed=2),
        _FAILING,
        (Switched(PROMOTION, on=False),),
        "2: fails",
        on=PROMOTION,
    ),
    Act(
        "Act 3: too slow again, the first action does not help, the second does",
        ("Three times the load: even three replicas are too few. The playbook is that of act 1; what happens is not.",),
        Demand(90.0, seed=3),
        _SLOW,
        (Scaled(2, 3), Switched(CACHE, on=True)),
        "3: slow",
    ),
)
