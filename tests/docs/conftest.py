"""The daemon's site is used here too: what its documentation says is tried on it."""

from __future__ import annotations

from tests.daemon.conftest import site

__all__ = ["site"]
