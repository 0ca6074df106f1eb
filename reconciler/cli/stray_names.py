"""Files that are called nearly as one that is read, or lie nearly where one is: what the name of each was meant to be.

Contents don't matter. Other people's files lie in these repositories too, manifests above all, so a name that is only
near counts where the file that it is near to is missing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from reconciler.model.suggest import nearest
from reconciler.repo.layout import MAKES_A_SERVICE, PROVIDERS

ROOT: Final = frozenset({"project.yaml", "shipyard.yaml", "stage.yaml"})
_STEMS: Final = ("project", "shipyard", "stage", "service", "slo", "sli", "remediation")
_YAML: Final = re.compile(r"(?P<stem>[^/.][^/]*?)\.ya?ml\Z", re.IGNORECASE)
_LONG: Final = 9
"""Letters from which on two slips make no other word."""
_TWO: Final = 2
_SHORT: Final = 3
"""Words of so many letters have too many neighbours: only swapped letters count."""
_CALLED: Final = {"objectives": "slo", "objective": "slo", "playbook": "remediation", "playbooks": "remediation"}
_PUT_AWAY: Final = frozenset({"old", "archive", "attic", "backup", "bak", "disabled", "draft", "drafts", "unused"})
"""Folders in which nobody expects that a file is read."""
_WORDS: Final = frozenset({"state", "storage", "stages", "services", "projects", "staged", "devices", "stag", "age"})
"""Words of their own, and plurals, which are told elsewhere."""
_QUERIES: Final = re.compile(
    r"(?:slis|sil|lsi|slo|sli[-_ ].+|quer(?:y|ies)|indicators?|metrics)\.ya?ml\Z", re.IGNORECASE
)
_BESIDE: Final = re.compile(
    r"(?:(?P<before>[^/]+)[-_.](?P<last>slo|remediation)|(?P<first>slo|remediation)[-_.][^/]+)\.ya?ml\Z", re.IGNORECASE
)
"""With the service's name before or behind it; `carts-service.yaml` is a manifest."""
_READ: Final = (".yaml", ".yml", ".json")
_MAILBOX: Final = re.compile(r"/(?:problems|commands)(?:/|\Z)")
_COPY_OF: Final = re.compile(r"(?:copy of|kopie von|copy|old|new|backup)[-_ ]+(?P<rest>.+)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Tree:
    """What is known of the branch: its ``paths`` of files that have a kind, its services' and the stages' names."""

    paths: Collection[str]
    services: Collection[str]
    stages: Collection[str] = ()
    stage: str = ""


def may_be_near(path: str) -> bool:
    """Whether it is worth asking `near` about a file that has no kind; fast, for there may be many of other people."""
    folder, _, name = path.rpartition("/")
    first, _, _ = path.partition("/")
    if first != "ops" and first.casefold() == "ops":
        return True
    if first == "ops":
        return not name.startswith((".", "README")) and (name.endswith(_READ) or bool(_MAILBOX.search(folder)))
    return bool(
        name in _STEMS
        or (not folder and _YAML.match(name))
        or slipped(name)
        or _called(name)
        or _BESIDE.match(name)
        or _COPY_OF.match(name)
        or name in ("stage.yaml", "sli.yaml")
        or (folder.rpartition("/")[2] in PROVIDERS and _QUERIES.match(name))
        or (folder.endswith("/sli") and name.removesuffix(".yaml") in PROVIDERS)
    )


def near(path: str, tree: Tree) -> tuple[str, str] | None:
    """Return the path that was meant and why this one is not read, None where it is no business of ours."""
    if path.partition("/")[0].casefold() == "ops":
        return _in_ops(path)
    folder, _, name = path.rpartition("/")
    if (found := _indicators(folder, name, tree)) is not None:
        return found
    wanted = _wanted(folder, name, tree)
    if not wanted:
        return None
    if wanted == "stage.yaml" and folder:
        return ("stage.yaml", "a stage has one, at the root of its branch")
    if wanted in MAKES_A_SERVICE and not folder:
        return (f"<service>/{wanted}", "it is a service's, and lies in no service's directory")
    return (f"{folder}/{wanted}" if folder else wanted, "")


def _wanted(folder: str, name: str, tree: Tree) -> str:
    """Return the file's name as it would be read, empty where that is there already or where nothing is read."""
    missing = {each for each in (*ROOT, *MAKES_A_SERVICE) if f"{folder}/{each}".lstrip("/") not in tree.paths}
    inside, root = folder in tree.services, not folder
    if (copy := _COPY_OF.match(name)) is not None and (inside or root):
        wanted = copy["rest"].lower().replace(".yml", ".yaml")
        return wanted if wanted in (MAKES_A_SERVICE if inside else ROOT | MAKES_A_SERVICE) else ""
    wanted = slipped(name) or (_called(name) if inside else "")
    if inside and not wanted and (found := _BESIDE.match(name)) is not None:
        wanted = f"{(found['last'] or found['first']).lower()}.yaml"
    if inside and name in _STEMS:
        wanted = f"{name}.yaml"
    if root and tree.stage and name in (f"{tree.stage}.yaml", f"{tree.stage}.yml"):
        wanted = "stage.yaml"
    if name == "stage.yaml" and not root and tree.stage and "stage.yaml" not in tree.paths:
        return name
    if root:
        return wanted if wanted in missing and (wanted in ROOT or wanted == "remediation.yaml") else ""
    far = wanted == "remediation.yaml" and slipped(name) == wanted
    return wanted if (inside or far) and wanted in MAKES_A_SERVICE and wanted in missing else ""


def _indicators(folder: str, name: str, tree: Tree) -> tuple[str, str] | None:
    """Tell an `sli.yaml` that lies in no provider's folder of a service or stage, and what lies in its place there."""
    above, _, last = folder.rpartition("/")
    why = "indicators lie in the folder of their provider"
    if last in PROVIDERS and _QUERIES.match(name) and (above in tree.services or not above):
        meant = f"{folder}/sli.yaml"
        return None if meant in tree.paths else (meant, "")
    provider, _, rest = folder.partition("/")
    match name:
        case "sli.yaml" if not folder:
            return ("prometheus/sli.yaml", why)
        case "sli.yaml" if provider in PROVIDERS and rest in tree.services:
            return (f"{rest}/{provider}/sli.yaml", why)
        case "sli.yaml" if above in tree.services and last.lower() not in _PUT_AWAY and last[0] not in "._":
            meant = next(
                (each for each in PROVIDERS if each.startswith(last)), nearest(last, PROVIDERS) or "prometheus"
            )
            return (f"{above}/{meant}/sli.yaml", f"there is no provider `{last}`, but {', '.join(PROVIDERS)}")
        case _ if last == "sli" and above in tree.services and name.removesuffix(".yaml") in PROVIDERS:
            return (f"{above}/{name.removesuffix('.yaml')}/sli.yaml", why)
    return None


def _in_ops(path: str) -> tuple[str, str] | None:
    """Tell what lies under `ops/` and is nothing there; the folders that are there have been looked for before."""
    parts = path.split("/")
    if parts[0] != "ops":
        return ("/".join(["ops", *parts[1:]]), f"there is no folder `{parts[0]}`, for capitals count")
    name = parts[-1]
    if name in MAKES_A_SERVICE or name == "sli.yaml":
        return ("/".join(parts[1:]), "people's files of a service do not lie under `ops/`")
    stem = re.sub(r"\.[A-Za-z0-9]{1,4}\Z", "", name)
    folder = next((each for each in ("problems", "commands") if each in parts[2:-1]), "")
    if folder:
        return ("/".join([*parts[:-1], f"{stem}.yaml"]), "names end in .yaml, .yml or .json here")
    stage = parts[1] if len(parts) > len(("ops", "stage")) else "<stage>"
    service = "/".join(parts[2:-1]) or "<service>"
    return (f"ops/{stage}/{service}/problems/{stem}.yaml", "a problem lies in the folder `problems` of its service")


def _called(name: str) -> str:
    found = _YAML.match(name)
    meant = _CALLED.get(found["stem"].lower(), "") if found is not None else ""
    return f"{meant}.yaml" if meant else ""


@lru_cache(4096)
def slipped(name: str) -> str:
    """Return the name of the file that one slip of the fingers made this of, empty where there is none."""
    found = _YAML.match(name)
    stem = found["stem"].lower() if found is not None else ""
    for each in _STEMS:
        if not stem or stem == each or abs(len(stem) - len(each)) > _TWO:
            continue
        slips = _slips(stem, each)
        swapped = sorted(stem) == sorted(each)
        if (slips <= 1 and (len(each) > _SHORT or swapped)) or (len(each) >= _LONG and slips <= _TWO):
            return f"{each}.yaml" if stem not in _WORDS else ""
    return ""


def _slips(one: str, other: str) -> int:
    """Count the letters that are left out, doubled, mistaken or swapped with their neighbour (Damerau)."""
    before, row = list[int](), list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        last, before, row = before, row, [i, *([0] * len(other))]
        for j, right in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                row[j] = min(row[j], last[j - 2] + 1)
    return row[-1]
