"""What `enabled` means for the users of a flag: its strategies, and the flags that it depends on.

`enabled: true` with a 30 % rollout is still on for Unleash, and a flag whose parent is off reads enabled in the admin
API while every SDK evaluates it to off. A person who reads "the flag is on" must be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.model.errors import BlindError

_ROLLOUTS = ("rollout", "percentage")
"""The parameter of `flexibleRollout`, and that of the `gradualRollout*` family of 3.x."""
_FOR_EVERYBODY = frozenset(
    {"default", "flexibleRollout", "gradualRolloutRandom", "gradualRolloutUserId", "gradualRolloutSessionId"}
)


@dataclass(frozen=True)
class Strategy:
    """One activation strategy. ``rollout`` is in per cent, None where it has no such parameter."""

    name: str
    disabled: bool
    rollout: int | None
    narrowed: bool
    """Whether constraints or segments narrow it further."""

    @property
    def whole(self) -> bool:
        """Whether it is on for everybody."""
        return self.name in _FOR_EVERYBODY and self.rollout in {None, 100} and not self.narrowed

    def __str__(self) -> str:
        """Render as a person would say it: ``flexibleRollout 30 % with constraints``."""
        share = "" if self.rollout in {None, 100} else f" {self.rollout} %"
        return f"{self.name}{share}{' with constraints' if self.narrowed else ''}"


@dataclass(frozen=True)
class Parent:
    """A flag that must be on (``enabled``) or off for its child to be on."""

    name: str
    enabled: bool


def strategies(data: Any) -> tuple[Strategy, ...]:
    """Read the `strategies` of a feature's environment. Raises BlindError where they are unreadable."""
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise BlindError("the flag server's answer has no readable strategies")
    return tuple(_strategy(item) for item in data)


def parents(data: Any) -> tuple[Parent, ...]:
    """Read the `dependencies` of a feature; servers before 5.7 have none."""
    if not isinstance(data, list):
        return ()
    return tuple(
        Parent(str(item["feature"]), item.get("enabled") is not False)
        for item in data
        if isinstance(item, dict) and "feature" in item
    )


def caveat(active: tuple[Strategy, ...]) -> str:
    """Return why an enabled flag is not on for everybody, as a sentence; empty where it is.

    Strategies are alternatives, so one that is on for everybody is enough; none at all means on (Unleash's SDKs).
    """
    if not active:
        return ""
    live = [strategy for strategy in active if not strategy.disabled]
    if not live:
        return "All its strategies are disabled."
    if any(strategy.whole for strategy in live):
        return ""
    return f"It is on only for some: {', '.join(map(str, live))}."


def _strategy(item: dict[str, Any]) -> Strategy:
    parameters = item.get("parameters")
    written = [str(parameters[key]) for key in _ROLLOUTS if key in parameters] if isinstance(parameters, dict) else []
    rollout = int(written[0]) if written and written[0].isdigit() and len(written[0]) < 4 else None
    narrowed = bool(item.get("constraints")) or bool(item.get("segments"))
    # A rollout that is no number cannot be called "everybody".
    return Strategy(
        str(item.get("name", "")),
        item.get("disabled") is True,
        rollout,
        narrowed or (bool(written) and rollout is None),
    )
