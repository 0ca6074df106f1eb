"""Print what a lock file is made from, so that pyproject.toml stays the only place that names dependencies.

`inputs.py run` prints what the product needs, `inputs.py dev` that and what building, testing and checking need.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def inputs(which: str) -> list[str]:
    """Return the requirements of the lock file ``which`` (`run` or `dev`), in the order of pyproject.toml."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))
    wanted: list[str] = list(project["project"]["dependencies"])
    if which == "dev":
        wanted += project["dependency-groups"]["dev"]
        wanted += project["build-system"]["requires"]
    return wanted


if __name__ == "__main__":
    sys.stdout.write("\n".join(inputs(sys.argv[1])) + "\n")
