"""Numbers for people: short, but never so short that two different ones look alike where they are compared.

600.001 beside a limit of 600 is shown as 600.001, while 612.3456 is shown as 612.3.
"""

from __future__ import annotations

import math
from typing import Final

_DIGITS: Final = 4
"""Significant digits that are shown where nothing asks for more; no digit before the point is ever dropped."""
_DECIMALS: Final = 12
"""With more decimals than these a number is shown in full, with an exponent where it is shorter so."""
_LARGEST: Final = 1e15


def shown(*values: float) -> tuple[str, ...]:
    """Return the values as text, in their order; any two that differ look different.

    All have the same number of decimals before trailing zeros are dropped, so their order can be seen too.
    """
    decimals = max((_wanted(value) for value in values), default=0)
    while decimals <= _DECIMALS:
        texts = tuple(_text(value, decimals) for value in values)
        if len(set(texts)) == len(set(values)):
            return texts
        decimals += 1
    return tuple(_full(value) for value in values)


def _wanted(value: float) -> int:
    if value == 0 or not math.isfinite(value):
        return 0
    if abs(value) >= _LARGEST:
        return _DECIMALS + 1
    return max(0, _DIGITS - 1 - math.floor(math.log10(abs(value))))


def _text(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _full(value: float) -> str:
    text = repr(value + 0.0)
    return text.removesuffix(".0")
