"""Patterns of JSON Schemas, which are ECMA 262's: there `$` is the end of the text, not also a line end before it."""

from __future__ import annotations

import functools
import re


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the pattern as Python's."""
    return re.compile(re.sub(r"\$\Z", r"\\Z", pattern))
