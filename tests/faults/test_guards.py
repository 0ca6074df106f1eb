"""The guards are those of the sources as they are, though `make faults-mutated` is not run with every change."""

from __future__ import annotations

import pytest

from tests.faults.guards import Mutation
from tests.faults.mutations import ROOT, guards

GUARDS = guards()


@pytest.mark.parametrize("guard", GUARDS, ids=[f"{each.row}-{number}" for number, each in enumerate(GUARDS)])
def test_a_guard_stands_once_in_the_sources(guard: Mutation) -> None:
    assert (ROOT / guard.file).read_text().count(guard.old) == 1, guard.old
    assert guard.old != guard.new
