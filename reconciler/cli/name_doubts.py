"""Files whose names are nearly those that are read, and what a merge has left beside them. Contents don't matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt
from reconciler.cli.stray_names import ROOT, Tree, may_be_near, near
from reconciler.model.checks import colliding
from reconciler.model.errors import Place
from reconciler.model.names import StageName
from reconciler.model.reader import shown
from reconciler.model.suggest import nearest
from reconciler.repo.layout import MAKES_A_SERVICE, PROVIDERS, SLI_FILES, of_a_chart, passed_over

_STEMS: Final = "|".join(sorted(name.removesuffix(".yaml") for name in (*ROOT, *MAKES_A_SERVICE, "sli.yaml")))
_NEARLY: Final = re.compile(rf"(?P<stem>{_STEMS})\.ya?ml\Z", re.IGNORECASE)
_LEFT: Final = re.compile(
    rf"(?:(?P<plain>{_STEMS})\.yaml(?:\.orig|\.rej|\.mine|\.theirs|\.r[0-9]+|~)"
    rf"|(?P<tool>{_STEMS})[._](?:BACKUP|BASE|LOCAL|REMOTE)[._][0-9]+\.yaml(?:\.orig)?)\Z",
    re.IGNORECASE,
)

_COPY: Final = re.compile(
    rf"(?P<stem>{_STEMS})(?:s\.ya?ml|\.json|\.ya?ml\.(?:txt|bak|old|tmp|save|sw[op])"
    r"|[-_. ]*(?:copy|kopie|old|bak|\([0-9]+\))\.ya?ml)\Z",
    re.IGNORECASE,
)
"""Plurals, other endings and copies."""
_AGAIN: Final = re.compile(
    r"(?P<stem>slo|sli|remediation)[-_. ]*(?:new|neu|final|tmp|v?[0-9]{1,3})\.ya?ml\Z", re.IGNORECASE
)
"""Other editions; numbers behind the other names are manifests'."""
_FOR_SLI: Final = re.compile(rf"[^/].*/(?:sli|(?P<provider>{'|'.join(PROVIDERS)}))\.ya?ml\Z", re.IGNORECASE)
_OPS_FOLDERS: Final = frozenset({"problems", "commands"})
_OPS_SLIP: Final = re.compile(r"\Aops/(?:[^/]+/)+?(problem|command)/[^/]+\Z")
_DAEMONS: Final = ("reconciler.yaml", "reconciler.yml")
_PAIR: Final = 2
_ENDINGS: Final = (".yaml", ".yml", ".json")


def may_be_meant(path: str) -> bool:
    """Whether a file that is none of ours is called so nearly as one that it is worth a look."""
    folder, _, name = path.rpartition("/")
    if path in _DAEMONS:
        return True
    if path.startswith("ops/"):
        return bool(_OPS_SLIP.search(path)) or may_be_near(path)
    if _instead_of_file(path) or may_be_near(path):
        return True
    return bool(
        _NEARLY.match(name) or _LEFT.match(name) or _COPY.match(name) or _AGAIN.match(name) or _FOR_SLI.match(path)
    ) or (folder.rpartition("/")[2] in _OPS_FOLDERS and name.endswith(_ENDINGS))


def _instead_of_file(path: str) -> str:
    """Return the folder above a path that stands where a file of ours belongs, empty where there is none."""
    parts = path.split("/")
    for number, name in enumerate(parts[:-1]):
        if name in (MAKES_A_SERVICE if number else ROOT):
            return "/".join(parts[: number + 1])
    return ""


def strays(paths: Iterable[str], services: frozenset[str], tree: Tree | None = None) -> Iterator[Finding]:
    """Yield what nobody reads among files that `may_be_meant`, beside a service's files or the stage's."""
    tree = tree or Tree(frozenset(), services)
    for path in sorted(path for path in paths if not _is_a_charts(path)):
        folder, _, name = path.rpartition("/")
        if (unwritable := _unwritable(path)) is not None:
            yield unwritable
            continue
        if (apart := _apart(path, folder)) is not None:
            yield apart
            continue
        if (elsewhere := _meant_elsewhere(path, tree)) is not None:
            yield elsewhere
            continue
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
            there = wanted != name and (wanted in ROOT if not folder else wanted in MAKES_A_SERVICE)
            meant = (f"{folder}/{wanted}" if folder else wanted) if there else ""
        if not meant or meant == path:
            if (nearly := near(path, tree)) is not None:
                yield _unread(path, *nearly)
        else:
            reason = f": there is no provider `{folder.rpartition('/')[2]}`" if _elsewhere(folder, meant) else ""
            yield doubt(
                "unread-file",
                f"nobody reads this file{reason}",
                Place(path),
                expected=" or ".join(SLI_FILES) if stem == "sli" else f"`{meant.rpartition('/')[2]}`, spelled so",
                hint=f"did you mean `{meant}`?",
            )


def _unwritable(path: str) -> Finding | None:
    """Return what there is to say of a file under `ops/` that is passed over because of a name in its path."""
    first, _, rest = path.partition("/")
    stage, _, below = rest.partition("/")
    why = passed_over(path, StageName(stage)) if first == "ops" and below else ""
    if not why:
        return None
    return doubt(
        "unread-file",
        f"nobody reads this file: {why}",
        Place(path),
        expected="names without control and invisible characters, none of which means Git's own directory",
        hint="rename what is named so, or delete this file",
    )


def _meant_elsewhere(path: str, tree: Tree) -> Finding | None:
    """Return what there is to say of a file whose name or folder is one of ours in another form."""
    folder, _, name = path.rpartition("/")
    above, _, last = folder.rpartition("/")
    services = tree.services
    inside = folder in services or not services
    if path.startswith("ops/"):
        slip = _OPS_SLIP.search(path)
        if slip is None:
            return None
        return _unread(path, path.replace(f"/{slip[1]}/", f"/{slip[1]}s/", 1), f"there is no folder `{slip[1]}`")
    if last in _OPS_FOLDERS and name.endswith(_ENDINGS) and (above in services or not above):
        meant = f"ops/<stage>/{above}/{last}/{name}" if above else f"ops/<stage>/<service>/{last}/{name}"
        return _unread(path, meant, f"`{last}` lie under `ops/`")
    if (found := _COPY.match(name)) is not None and (inside or not folder):
        wanted = f"{found['stem'].lower().rstrip('s')}.yaml"
        known = wanted in MAKES_A_SERVICE if folder else wanted in ROOT or wanted in MAKES_A_SERVICE
        return _edition(path, _placed(folder, wanted), tree) if known else None
    if (found := _AGAIN.match(name)) is not None:
        wanted = f"{found['stem'].lower()}.yaml"
        measured = last in PROVIDERS and (above in services or not above)
        known = measured if wanted == "sli.yaml" else bool(folder) and inside
        return _edition(path, f"{folder}/{wanted}", tree) if known else None
    if name in MAKES_A_SERVICE and not folder and services:
        return _unread(path, f"<service>/{name}", "it is a service's, and lies in no service's directory")
    if name == "stage.yaml" and folder in services:
        return _unread(path, "stage.yaml", "a stage has one, at the root of its branch")
    if (found := _FOR_SLI.match(path)) is not None and folder in services:
        provider = (found["provider"] or PROVIDERS[0]).lower()
        return _unread(path, f"{folder}/{provider}/sli.yaml", "indicators lie in the folder of their provider")
    return None


def _edition(path: str, meant: str, tree: Tree) -> Finding:
    """Return what there is to say of a copy, or another edition, of a file that is there or is missing."""
    if meant not in tree.paths:
        return _unread(path, meant)
    return doubt(
        "unread-file",
        f"nobody reads this file: `{meant}` beside it is the one that counts",
        Place(path),
        expected=f"only `{meant.rpartition('/')[2]}`",
        hint=f"take what shall hold over into `{meant}`, and delete this file",
    )


def _is_a_charts(path: str) -> bool:
    """Whether a file is one that charts have, of which nothing is said."""
    folder, _, name = path.rpartition("/")
    return of_a_chart(folder) and name not in MAKES_A_SERVICE - {"service.yaml"}


def _apart(path: str, folder: str) -> Finding | None:
    """Return what there is to say of a file that is where, or what, none of ours can be."""
    if path in _DAEMONS:
        return _of_the_daemon(path)
    if of_a_chart(folder):
        return _in_a_chart(path, folder)
    if instead := _instead_of_file(path):
        return doubt(
            "unread-file",
            f"`{instead}` is a folder, and nobody reads what is in it",
            Place(path),
            expected=f"a file `{instead}`",
            hint=f"move the content into a file `{instead}`",
        )
    return None


def _of_the_daemon(path: str) -> Finding:
    return doubt(
        "unread-file",
        "nobody reads this file here: it is the daemon's own configuration, which says where tokens are sent",
        Place(path),
        expected="the daemon's configuration beside the daemon, where no pull request reaches it",
        hint=f"take it out of this repository, and start the daemon with `--config <path>/{path}`",
    )


def _in_a_chart(path: str, folder: str) -> Finding:
    return doubt(
        "unread-file",
        "nobody reads this file: a folder `templates` below another one is a Helm chart's",
        Place(path),
        expected="a service's folder of another name",
        hint=f"rename the folder `{f'{folder}/'.partition('/templates/')[0]}/templates`",
    )


def _placed(folder: str, name: str) -> str:
    if name in MAKES_A_SERVICE and not folder:
        return f"<service>/{name}"
    return f"{folder}/{name}" if folder else name


def _unread(path: str, meant: str, why: str = "") -> Finding:
    return doubt(
        "unread-file",
        "nobody reads this file" + (f": {why}" if why else ""),
        Place(path),
        expected=f"`{meant}`",
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


def problems_but_for_capitals(paths: Iterable[str], concerned: frozenset[str]) -> Iterator[Finding]:
    """Yield the problems of ``concerned`` whose ids differ in capitals only from those of others of the service.

    Their files may lie in folders of different days, and their remediations would still be one folder on such machines.
    """
    seen: dict[tuple[str, str], dict[str, str]] = {}
    for path in sorted(path for path in paths if path.startswith("ops/")):
        folder, found, rest = path.partition("/problems/")
        stem = rest.rpartition("/")[2].rpartition(".")[0]
        if found and stem:
            seen.setdefault((folder, stem.casefold()), {}).setdefault(stem, path)
    for group in seen.values():
        told = [stem for stem, path in group.items() if path in concerned]
        if len(group) < _PAIR or not told:
            continue
        stem = told[-1]
        other = next(each for each in group if each != stem)
        yield doubt(
            "case-only",
            f"the problem `{shown(stem)}` differs in capitals only from `{shown(other)}`,"
            f" which is at {shown(group[other], 200)}",
            Place(group[stem]),
            expected="ids that differ in more: where capitals don't count, their remediations are one folder",
            hint="give one of the two another name, or delete it if both are the same problem",
        )


def same_but_for_capitals(paths: Iterable[str], folders: frozenset[str]) -> Iterator[Finding]:
    """Yield the files of which a machine without capitals in its file names has only one.

    Not in ``folders`` that differ so themselves, which are told already, as problems are.
    """
    for group in colliding(path for path in paths if "/problems/" not in path):
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
