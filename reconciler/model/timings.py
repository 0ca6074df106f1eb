"""The lengths of time that several files have in common, and what must hold between them."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.document import Checks, Fields


@dataclass(frozen=True)
class Times:
    """How long to wait for an effect, over what time to measure it, what to leave out before; seconds.

    None: the next wider level.
    """

    wait: int | None = None
    window: int | None = None
    settle: int | None = None


def times(fields: Fields, checks: Checks) -> Times:
    """Read `wait`, `window` and `settle`. A window longer than its wait would measure the time before the change."""
    found = Times(length(fields, "wait", checks), positive(fields, "window", checks), length(fields, "settle", checks))
    if found.window and found.wait and found.window > found.wait:
        checks.add(
            f"`window` ({fields.text('window')}) is longer than `wait` ({fields.text('wait')})",
            fields.place_of("window"),
            expected=f"at most {fields.text('wait')}, so that only the time since the change is measured",
            hint="shorten `window`, or wait longer",
        )
    return found


def length(fields: Fields, name: str, checks: Checks) -> int | None:
    """Read a duration in seconds; `0s` is one."""
    return checks.run(lambda: fields.seconds(name), None)


def positive(fields: Fields, name: str, checks: Checks) -> int | None:
    """Read a duration above zero in seconds."""
    found = length(fields, name, checks)
    if found == 0:
        checks.add(
            f"`{name}` is no time at all", fields.place_of(name), expected="a duration above 0", hint="write `10m`"
        )
    return found
