"""Secrets: read where they are needed, each time, so that a changed file is picked up without a restart.

Nothing here is kept, logged or put into an argument list.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from reconciler.model.errors import BlindError
from reconciler.repo.remote import secret_file


def secret_source(file: Path | None, variable: str, what: str) -> Callable[[], str] | None:
    """Return how to read a secret from its file or environment variable; None where neither is configured.

    The returned function raises BlindError where the secret is not there now.
    """
    if file is not None:
        return secret_file(file)
    if not variable:
        return None

    def read() -> str:
        value = os.environ.get(variable, "").strip()
        if not value:
            raise BlindError(f"{what}: the environment variable {variable} is empty", hint=f"set {variable}")
        return value

    return read
