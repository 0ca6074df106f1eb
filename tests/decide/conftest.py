"""A fresh stage for every test."""

from __future__ import annotations

import pytest

from tests.decide.world import World


@pytest.fixture
def world() -> World:
    """`carts` in `production`, whose playbook scales by +1 when response times degrade."""
    return World()
