"""What a guard is: the text in the sources without which a row of the table of faults does not hold.

Each module `guards_*.py` has those of one part of the table, as `GUARDS`; `mutations.py` takes them away.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One guard. ``tests`` is what pytest is to be told; empty for all tests of the row in tests/faults."""

    row: str
    file: str
    old: str
    new: str
    tests: str = ""
