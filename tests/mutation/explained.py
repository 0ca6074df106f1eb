"""Mistakes that no test can notice, and why: by file and by what the mistake is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXPLAINED: Final[Mapping[tuple[str, str], str]] = {}
