"""What stands in the way of a stage, by name, so that each reason is told once and goes when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Condition:
    """What stands in the way of a stage as a whole; empty where nothing does. Logged, and part of the project's."""

    reasons: dict[str, str] = field(default_factory=dict)

    def set(self, name: str, reason: str) -> bool:
        """Set or clear one reason. Returns whether it is new."""
        if not reason:
            self.reasons.pop(name, None)
            return False
        new = self.reasons.get(name) != reason
        self.reasons[name] = reason
        return new
