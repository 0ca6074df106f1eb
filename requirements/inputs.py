"""Print what a lock file is made from, so that pyproject.toml stays the only place that names dependencies.

`inputs.py run` prints what the product needs with all of its options, as in the image; `inputs.py build` what makes its
wheel, and `inputs.py dev` both of these and what testing and checking need.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def inputs(which: str) -> list[str]:
    """Return the requirements of the lock file ``which`` (`run`, `build` or `dev`), in the order of pyproject.toml."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))
    options = [each for option in project["project"]["optional-dependencies"].values() for each in option]
    run, build = [*project["project"]["dependencies"], *options], project["build-system"]["requires"]
    groups = {"run": run, "build": build, "dev": [*run, *project["dependency-groups"]["dev"], *build]}
    return list(groups[which])


if __name__ == "__main__":
    sys.stdout.write("\n".join(inputs(sys.argv[1])) + "\n")
