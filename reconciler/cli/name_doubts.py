"""Files whose names are nearly those that are read, and what a merge has left beside them. Contents don't matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt
from reconciler.model.checks import colliding
from reconciler.model.errors import Place
from reconciler.model.suggest import nearest
from reconciler.repo.layout import MAKES_A_SERVICE, PROVIDERS, SLI_FILES

_ROOT: Final = frozenset({"project.yaml", "shipyard.yaml", "stage.yaml"})
_STEMS: Final = "|".join(sorted(name.removesuffix(".yaml") for name in (*_ROOT, *MAKES_A_SERVICE, "sli.yaml")))
_NEARLY: Final = re.compile(rf"(?P<stem>{_STEMS})\.ya?ml\Z", re.IGNORECASE)
_LEFT: Final = re.compile(
    rf"(?:(?P<plain>{_STEMS})\.yaml(?:\.orig|\.rej|\.mine|\.theirs|\.r[0-9]+|~)"
    rf"|(?P<tool>{_STEMS})[._](?:BACKUP|BASE|LOCAL|REMOTE)[._][0-9]+\.yaml(?:\.orig)?)\Z",
    re.IGNORECASE,
)


def may_be_meant(path: str) -> bool:
    """Whether a file that is none of ours is called so nearly as one that it is worth a look."""
    name = path.rpartition("/")[2]
    return not path.startswith("ops/") and bool(_NEARLY.match(name) or _LEFT.match(name))


def strays(paths: Iterable[str], services: frozenset[str]) -> Iterator[Finding]:
    """Yield what nobody reads among files that `may_be_meant`, beside a service's files or the stage's."""
    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        if (left := _LEFT.match(name)) is not None:
            yield _leftover(path, (left["plain"] or left["tool"]).lower() + ".yaml")
            continue
        found = _NEARLY.match(name)
        stem = found["stem"].lower() if found is not None else ""
        if stem == "sli":
            meant = _sli(folder, services)
        else:
            wanted = f"{stem}.yaml"
            # Under its very name it is where it is not read; Keptn's repositories have such files.
            there = wanted != name and (wanted in _ROOT if not folder else wanted in MAKES_A_SERVICE)
            meant = (f"{folder}/{wanted}" if folder else wanted) if there else ""
        if meant and meant != path:
            reason = f": there is no provider `{folder.rpartition('/')[2]}`" if _elsewhere(folder, meant) else ""
            yield doubt(
                "unread-file",
                f"nobody reads this file{reason}",
                Place(path),
                expected=" or ".join(SLI_FILES) if stem == "sli" else f"`{meant.rpartition('/')[2]}`, spelled so",
                hint=f"did you mean `{meant}`?",
            )


def _sli(folder: str, services: frozenset[str]) -> str:
    """Return how the path of an `sli.yaml` is meant, empty where it is no business of ours."""
    parent, _, name = folder.rpartition("/")
    provider = name if name in PROVIDERS else nearest(name, PROVIDERS)
    if not provider or (parent and parent not in services):
        return ""
    return f"{parent}/{provider}/sli.yaml" if parent else f"{provider}/sli.yaml"


def _elsewhere(folder: str, meant: str) -> bool:
    return meant.endswith("/sli.yaml") and meant.rpartition("/")[0] != folder


def _leftover(path: str, name: str) -> Finding:
    return doubt(
        "merge-leftover",
        "a merge has left this file here; nobody reads it",
        Place(path),
        expected=f"only `{name}`",
        hint=f"take what is missing over into `{name}`, and `git rm` this one",
    )


def same_but_for_capitals(paths: Iterable[str], folders: frozenset[str]) -> Iterator[Finding]:
    """Yield the files of which a machine without capitals in its file names has only one.

    Not in ``folders`` that differ so themselves, which are told already.
    """
    for group in colliding(paths):
        parents = {path.rpartition("/")[0] for path in group}
        if len(parents) > 1 and parents <= folders:
            continue
        yield doubt(
            "case-only",
            f"`{group[0]}` differs in capitals only: where these don't count there is only one of the two",
            Place(group[-1]),
            expected="paths that differ in more",
            hint="rename one of the two",
        )


def hidden_shipyard(paths: frozenset[str]) -> Iterator[Finding]:
    """Yield the shipyard that `project.yaml` beside it hides."""
    if {"project.yaml", "shipyard.yaml"} <= paths:
        yield doubt(
            "shadowed-name",
            "nobody reads this file: `project.yaml` beside it says which stages there are",
            Place("shipyard.yaml"),
            expected="one of the two",
            hint="delete it; what it says of stages belongs into project.yaml",
        )
