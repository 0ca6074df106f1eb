"""Files called `service.yaml` that are no configuration of ours: Kubernetes' Services, and Helm's templates of them.

Such a file makes its folder a service by its name alone, for the engine reads none to find that out; charts' folders
are known by their names (`layout`). Below another service it harms nobody, and nothing is said. Elsewhere a notice says
what its folder is taken for; beside a playbook or objectives it stands where our own file belongs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.cli.findings.finding import Finding, remark
from reconciler.model.errors import Place, UserError
from reconciler.repo.layout import MAKES_A_SERVICE

if TYPE_CHECKING:
    from reconciler.cli.checking import Part

NAME: Final = "service.yaml"
_OBJECT: Final = re.compile(rb"^(?:apiVersion|kind):", re.MULTILINE)
_TEMPLATE: Final = b"{{"
_BOTH: Final = 2


def is_manifest(data: bytes | UserError | None) -> bool:
    """Whether content is an object of Kubernetes, or a template of one."""
    if not isinstance(data, bytes):
        return False
    return _TEMPLATE in data or len(set(_OBJECT.findall(data))) == _BOTH


def lonely(paths: Iterable[str], every: Collection[str]) -> list[str]:
    """Return the `service.yaml` among ``paths`` beside which no other file of ``every`` makes a service."""
    others = MAKES_A_SERVICE - {NAME}
    found: list[str] = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name == NAME and folder and not any(f"{folder}/{other}" in every for other in others):
            found.append(path)
    return found


def nested(paths: Collection[str]) -> list[str]:
    """Return the lonely `service.yaml` that lie somewhere below another service."""
    found: list[str] = []
    for path in lonely(paths, paths):
        above = path.split("/")[:-2]
        folders = ("/".join(above[:count]) for count in range(1, len(above) + 1))
        if any(f"{folder}/{maker}" in paths for folder in folders for maker in MAKES_A_SERVICE):
            found.append(path)
    return found


def without_nested(part: Part) -> Part:
    """Return a part without the manifests below a service, where neither the engine nor anybody else looks."""
    every = part.paths or frozenset(part.files)
    below = frozenset(nested(every)) & part.files.keys()
    gone = frozenset(path for path in below if is_manifest(part.files[path]))
    if not gone:
        return part
    folders = frozenset(path.rpartition("/")[0] for path in gone)
    around = replace(
        part.around, services=part.around.services - folders, near=_without(part.around.near, gone)
    )  # fmt: skip
    return replace(
        part, files=_without(part.files, gone), around=around, paths=part.paths - gone,
        looked_at=part.looked_at + len(gone),
    )  # fmt: skip


def passed_over(part: Part) -> Part:
    """Return a part whose other manifests are not looked at, of each of which a notice tells."""
    every = part.paths or frozenset(part.files)
    gone = frozenset(path for path in lonely(part.files, every) if is_manifest(part.files[path]))
    if not gone:
        return part
    return replace(
        part,
        files=_without(part.files, gone),
        around=replace(part.around, near=_without(part.around.near, gone)),
        told=(*part.told, *map(_told, sorted(gone))),
        looked_at=part.looked_at + len(gone),
    )


def _told(path: str) -> Finding:
    folder = path.rpartition("/")[0]
    name = folder.rpartition("/")[2]
    return remark(
        "manifest",
        f"this is Kubernetes' or Helm's `{NAME}` and none of reconciler's: by its name `{folder}` is taken for a"
        f" service `{name}`, and nothing can be done about its problems",
        Place(path, 1, 1),
        expected="no file of this name, unless its folder is a service's",
        hint=f"rename it, to `{name}-{NAME}` for example; a Helm chart's is passed over in its folder `templates`",
    )


def _without(files: Mapping[str, bytes | UserError], gone: Collection[str]) -> dict[str, bytes | UserError]:
    return {path: data for path, data in files.items() if path not in gone}
