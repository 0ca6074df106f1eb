"""Copies of plain frozen dataclasses with some fields changed, for what is folded and decided step by step.

`dataclasses.replace` reads every field by name and sets it again through `__init__`, which for the state of a
remediation costs ten times as much as copying its fields at once; a fold does little else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    # For the type checker it is the same function: it knows which fields there are.
    from dataclasses import replace as replace  # noqa: PLC0414 - offered from here
else:
    T = TypeVar("T")

    def replace(value: T, /, **changes: Any) -> T:
        """Return the value with some fields changed, as `dataclasses.replace` does.

        For dataclasses without slots, `__post_init__` and cached properties alone, and names that are fields: nothing
        of that is looked at.
        """
        new = object.__new__(type(value))
        object.__setattr__(new, "__dict__", {**value.__dict__, **changes})
        return new
