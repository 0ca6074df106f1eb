"""Server-side apply: a client says all that it wants of an object, and the server keeps who wants what.

Source: "Server-Side Apply" in the Kubernetes documentation (conflicts, forcing, fields that are wanted no longer).
Field paths are those of `fieldsV1`; lists have identities where the kind is typed, as in `patches`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from reconciler.embedded.cluster.answers import ApiError, bad_request, invalid
from reconciler.embedded.cluster.kinds import Kind
from reconciler.embedded.cluster.ownership import children, leaves
from reconciler.embedded.cluster.patches import json_merge, strategic_merge

Path: TypeAlias = tuple[str, ...]
_ABSENT: Any = object()
_ITEM = "."


@dataclass(frozen=True)
class Applied:
    """What one manager wants of an object: the whole of it, each time."""

    kind: Kind
    name: str
    manager: str
    body: dict[str, Any]
    force: bool

    def check(self) -> None:
        """Refuse what no application may say.

        Raises:
            ApiError: 400, 422.
        """
        if not self.manager:
            cause = [("fieldManager", "Required value: is required for apply patch")]
            raise invalid(Kind("meta.k8s.io", "v1", "", "PatchOptions"), "", cause)
        metadata = self.body.get("metadata")
        if not isinstance(metadata, dict):
            raise bad_request("the body of the request is not an object")
        if metadata.get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        if metadata.get("name", self.name) != self.name:
            raise bad_request("the name of the object does not match the name on the URL")

    def paths(self) -> list[Path]:
        """Return the fields that are wanted."""
        return leaves(self.body, typed=self.kind.builtin)

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return the object as it is to be.

        Raises:
            ApiError: 409 where somebody else wants one of its fields otherwise.
        """
        entries = item["metadata"].get("managedFields", [])
        wanted, typed = self.paths(), self.kind.builtin
        conflicts = [
            (entry, path)
            for entry in entries
            if not self.is_ours(entry)
            for path in wanted
            if _in(entry["fieldsV1"], path) and _differ(item, self.body, path, typed=typed)
        ]
        if conflicts and not self.force:
            raise _refusal(conflicts)
        content = {key: value for key, value in self.body.items() if key != "status"}
        merged = strategic_merge(item, content) if typed else json_merge(item, content)
        others = [entry["fieldsV1"] for entry in entries if not self.is_ours(entry)]
        before = [path for entry in entries if self.is_ours(entry) for path in _flat(entry["fieldsV1"])]
        gone = [path for path in before if path not in wanted and not any(_in(tree, path) for tree in others)]
        for path in sorted(gone, key=len, reverse=True):
            merged = _removed(merged, path, (), typed=typed)
        return {**merged, "metadata": {**merged["metadata"], "name": self.name}}

    def owned(self, old: dict[str, Any] | None, others: list[dict[str, Any]], time: str) -> list[dict[str, Any]]:
        """Return the managedFields that follow; ``others`` are those that an update would leave of ``old``."""
        tree: dict[str, Any] = {}
        for path in self.paths():
            node = tree
            for part in path:
                node = node.setdefault(part, {})
        entries = (old or {}).get("metadata", {}).get("managedFields", [])
        kept = [entry for entry in others if not self.is_ours(entry)]
        ours = next((entry for entry in entries if self.is_ours(entry)), None)
        if ours is None or ours["fieldsV1"] != tree or kept != [entry for entry in entries if entry is not ours]:
            ours = {
                "manager": self.manager, "operation": "Apply", "apiVersion": self.kind.api_version, "time": time,
                "fieldsType": "FieldsV1", "fieldsV1": tree,
            }  # fmt: skip
        return [ours, *kept]

    def is_ours(self, entry: dict[str, Any]) -> bool:
        """Say whether an entry of managedFields is that of this manager's applications."""
        return (entry["manager"], entry["operation"], entry.get("subresource", "")) == (self.manager, "Apply", "")


def _refusal(conflicts: list[tuple[dict[str, Any], Path]]) -> ApiError:
    told = []
    for entry, path in conflicts:
        below = f' with subresource "{entry["subresource"]}"' if entry.get("subresource") else ""
        who = f'conflict with "{entry["manager"]}"{below} using {entry["apiVersion"]}'
        told.append({"reason": "FieldManagerConflict", "message": who, "field": _readable(path)})
    word = "conflict" if len(told) == 1 else "conflicts"
    text = ", ".join(f"{each['message']}: {each['field']}" for each in told)
    return ApiError(409, f"Apply failed with {len(told)} {word}: {text}", details={"causes": told})


def _readable(path: Path) -> str:
    text = "".join(f".{part[2:]}" if part.startswith("f:") else f"[{part[2:]}]" for part in path if part != _ITEM)
    return text.replace("[{", "[").replace("}]", "]").replace('":"', '="').replace('["', "[")


def _in(tree: dict[str, Any], path: Path) -> bool:
    for part in path:
        if part not in tree:
            return False
        tree = tree[part]
    return True


def _flat(tree: dict[str, Any], path: Path = ()) -> Iterator[Path]:
    if not tree and path:
        yield path
    for part, below in tree.items():
        yield from _flat(below, (*path, part))


def _differ(item: dict[str, Any], body: dict[str, Any], path: Path, *, typed: bool) -> bool:
    """Say whether two objects have another value at a path; of an item of a list that both have, its fields decide."""
    mine, theirs = _at(body, path, typed=typed), _at(item, path, typed=typed)
    return path[-1] != _ITEM and mine != theirs


def _at(document: Any, path: Path, *, typed: bool) -> Any:
    for depth, part in enumerate(path):
        if part == _ITEM:
            return document
        document = children(document, path[:depth], typed=typed).get(part, _ABSENT)
        if document is _ABSENT:
            return _ABSENT
    return document


def _removed(document: Any, path: Path, above: Path, *, typed: bool) -> Any:
    """Return the document without what lies at a path."""
    below = children(document, above, typed=typed)
    head, rest = path[0], path[1:]
    if head not in below:
        return document
    ends = not rest or rest == (_ITEM,)
    if isinstance(document, list):
        keys = list(below)
        pairs = zip(keys, document, strict=True)
        if ends:
            return [item for key, item in pairs if key != head]
        return [_removed(item, rest, (*above, head), typed=typed) if key == head else item for key, item in pairs]
    name = head.removeprefix("f:")
    if ends:
        return {key: value for key, value in document.items() if key != name}
    changed = _removed(document[name], rest, (*above, head), typed=typed)
    empty = changed in ({}, []) and document[name] not in ({}, [])
    kept = {key: value for key, value in document.items() if key != name or not empty}
    return kept if empty else {**kept, name: changed}
