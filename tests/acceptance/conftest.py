"""Tests against real servers run where they are asked for (`make acceptance`), and not with all the others.

They need programs that `install.sh` sets up and that not every machine has.
"""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out this folder unless the command line names it, or a file in it."""
    named = (Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(_HERE) for path in named) else True
