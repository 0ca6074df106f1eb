"""Files of services and stages on the project's own branch, where nobody reads them: a stage's branch has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.validation import is_library, kind_of
from reconciler.model.errors import Place

_READ: Final = frozenset({"project", "shipyard", "sli", "step", "desired", "machine", None})
"""What is read there, or came by a merge of a stage. Queries are read at the root alone."""
_TOLD: Final = 20
"""Files that are named; ten thousand services may have been merged."""


def on_the_projects_branch(paths: Iterable[str], around: Surroundings) -> Iterator[Finding]:
    """Yield the files of stages among ``paths``, which are of the branch that says which stages there are."""
    found = sorted(path for path in paths if _of_a_stage(path, around))
    stages = ", ".join(f"`{name}`" for name in around.stages[:_TOLD])
    for number, path in enumerate(found[:_TOLD], 1):
        left = len(found) - _TOLD if number == _TOLD else 0
        more = f" (and {left:,} more files)" if left > 0 else ""
        yield doubt(
            "unread-file",
            f"nobody reads this file on the project's own branch{more}",
            Place(path),
            expected=f"`{path}` on the branch of a stage: {stages}",
            hint=f"`git switch {around.stages[-1]}`, or another stage's branch, and commit it there",
        )


def _of_a_stage(path: str, around: Surroundings) -> bool:
    if is_library(path):
        return False
    kind = kind_of(path)
    if kind == "sli":
        return path.count("/") > 1
    if kind in ("problem", "command"):
        return path.split("/")[1] not in around.working
    return kind not in _READ
