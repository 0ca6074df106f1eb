"""Plain frozen dataclasses made and copied faster, for what is folded and decided step by step.

`dataclasses.replace` reads every field by name and sets it again through `__init__`, which for the state of a
remediation costs ten times as much as copying its fields at once; a fold does little else. And the `__init__` of a
frozen dataclass sets field by field through `object.__setattr__`, where all of them can be set at once.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

C = TypeVar("C", bound=type)


def quick(kind: C) -> C:
    """Give a frozen dataclass an `__init__` that takes the same and sets all fields at once.

    For the dataclasses that `replace` is for.
    """
    if hasattr(kind, "__post_init__") or "__slots__" in vars(kind):
        raise AssertionError(f"{kind.__name__} is more than its fields")
    known: dict[str, Any] = {"_set": object.__setattr__, "_absent": object()}
    words, values = ["self"], []
    for each in dataclasses.fields(kind):
        value = name = each.name
        if each.default_factory is not dataclasses.MISSING:
            known[f"_made_{name}"] = each.default_factory
            words.append(f"{name}=_absent")
            value = f"_made_{name}() if {name} is _absent else {name}"
        elif each.default is not dataclasses.MISSING:
            known[f"_usual_{name}"] = each.default
            words.append(f"{name}=_usual_{name}")
        else:
            words.append(name)
        values.append(f"{name!r}: {value}")
    lines = f"def __init__({', '.join(words)}):\n    _set(self, '__dict__', {{{', '.join(values)}}})\n"
    exec(lines, known)  # noqa: S102  (as the standard library makes its own, of the names of fields alone)
    made = known["__init__"]
    made.__qualname__, made.__module__, made.__doc__ = f"{kind.__qualname__}.__init__", kind.__module__, None
    made.__annotations__ = vars(kind)["__init__"].__annotations__
    type.__setattr__(kind, "__init__", made)
    return kind


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
