"""What a new configuration repository holds: `config-repo-template/` with the project's own names in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from reconciler import __version__
from reconciler.model.errors import BugError
from reconciler.model.published_schema import PUBLISHED, published
from reconciler.repo.create import NewBranch

_NAME: Final = "sockshop"
_STAGES: Final = "stages: [dev, staging, production]"
_PINNED: Final = "gitops-reconciler==0.1.0"
"""What pull requests are checked with; a new repository gets the version that laid it out."""
_REQUIREMENTS: Final = "ci/requirements.txt"
_SCHEMAS: Final = tuple(name for name in PUBLISHED if name not in ("reconciler", "shipyard"))
"""The schemas of the files that people edit there; they lie beside them, so that editors need no network."""


def branches(project: str, stages: Sequence[str], head: str) -> list[NewBranch]:
    """Return the branches: ``head`` with the project's files, then one a stage.

    What checks pull requests is on all of them: forges take it from the branches that are merged.

    The last stage, where users are, is `automated`; those before it are `shadow`. All stages start from one commit, so
    that they can be merged into each other without a conflict.
    """
    root = _root()
    said = "As `reconciler init` does it.\n"
    whole = _named(_files(root / "project"), project)
    whole["project.yaml"] = _replaced(whole["project.yaml"], _STAGES, f"stages: [{', '.join(stages)}]")
    whole |= _named(_files(root / "shared"), project)
    whole[_REQUIREMENTS] = _replaced(whole[_REQUIREMENTS], _PINNED, f"gitops-reconciler=={__version__}")
    whole |= {f".schemas/{name}.schema.json": _json(published(name)) for name in _SCHEMAS}
    # Only the project's own branch, from which it is installed on a server, needs what lies in hooks/.
    gone: dict[str, bytes | None] = dict.fromkeys(
        ["project.yaml", *(name for name in whole if name.startswith("hooks/"))]
    )
    shadow = _named([*_files(root / "stage"), *_files(root / "modes" / "shadow")], project)
    automated = _named(_files(root / "modes" / "automated"), project)
    *before, last = stages
    result = [NewBranch(head, whole, f"Lay out {project}: {', '.join(stages)}\n\n{said}")]
    for stage in before:
        if len(result) == 1:
            message = f"Lay out a stage with carts as its service\n\n{said}"
            result.append(NewBranch(stage, {**gone, **shadow}, message, head))
        else:
            result.append(NewBranch(stage, {}, parent=before[0]))
    files: dict[str, bytes | None] = {**automated} if before else {**gone, **shadow, **automated}
    message = f"Act on problems in {last}, within bounds\n\n{said}"
    return [*result, NewBranch(last, files, message, before[0] if before else head)]


def _json(schema: Mapping[str, Any]) -> bytes:
    return (json.dumps(schema, indent=2, ensure_ascii=False) + "\n").encode()


def _named(files: Iterable[tuple[str, bytes]], project: str) -> dict[str, bytes]:
    return {path: data.replace(_NAME.encode(), project.encode()) for path, data in files}


def _replaced(data: bytes, old: str, new: str) -> bytes:
    if data.count(old.encode()) != 1:
        raise BugError(f"the template has not exactly one {old!r}")
    return data.replace(old.encode(), new.encode())


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _files(item, f"{prefix}{item.name}/")
        else:
            yield prefix + item.name, item.read_bytes()


def _root() -> Traversable:
    installed = resources.files("reconciler") / "config-repo-template"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "config-repo-template"
