"""Files of a service's folder that are ours by what is in them, and not by their names: nobody reads those.

A playbook that was copied and not renamed looks to its author as if it held. Only YAML right in the folder of a service
is looked at, and only the beginning of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt, remark
from reconciler.model.errors import Place, UserError
from reconciler.repo.layout import MAKES_A_SERVICE, of_a_chart

_LOOKED_AT: Final = 16384
_BY_CONTENT: Final = (
    ("remediation.yaml", "a playbook", re.compile(rb"^(?:remediations:|kind: *[\"']?Remediation\b)", re.MULTILINE)),
    ("slo.yaml", "objectives", re.compile(rb"\A(?=(?:.*\n)*?total_score:)(?=(?:.*\n)*?objectives:)")),
    ("prometheus/sli.yaml", "queries", re.compile(rb"^indicators:", re.MULTILINE)),
)  # fmt: skip


def may_be_ours(path: str) -> bool:
    """Whether a file without a kind is worth a look if its folder turns out to be a service's."""
    folder, _, name = path.rpartition("/")
    return (
        bool(folder)
        and name.endswith((".yaml", ".yml"))
        and not name.startswith(".")
        and not path.startswith("ops/")
        and not of_a_chart(folder)
    )


def in_services(candidates: Iterable[str], paths: Collection[str]) -> list[str]:
    """Return the files that lie right in the folder of a service, as ``paths`` of the branch show."""
    folders = {path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] in MAKES_A_SERVICE}
    return [path for path in candidates if path.rpartition("/")[0] in folders]


def by_content(files: Mapping[str, bytes | UserError]) -> dict[str, str]:
    """Return which file of a service each one would be by its content, those of other people left out."""
    found: dict[str, str] = {}
    for path, data in files.items():
        head = data[:_LOOKED_AT] if isinstance(data, bytes) else b""
        meant = next((name for name, _, pattern in _BY_CONTENT if pattern.search(head)), "")
        if meant:
            found[path] = meant
    return found


def called_otherwise(strange: Mapping[str, str], paths: Collection[str]) -> Iterator[Finding]:
    """Yield what there is to say of files `by_content`; ``paths`` are those that have a kind."""
    for path, name in sorted(strange.items()):
        meant = f"{path.rpartition('/')[0]}/{name}"
        what = next(what for each, what, _ in _BY_CONTENT if each == name)
        yield doubt(
            "unread-file",
            f"nobody reads this file: it holds {what}, and is not called `{name}`",
            Place(path),
            expected=f"`{meant}`",
            hint=f"take what shall hold over into `{meant}`, and delete this file"
            if meant in paths
            else f"rename it to `{meant}`",
        )


def library_as_service(paths: Iterable[str]) -> Iterator[Finding]:
    """Yield the playbook of the library whose name makes a service of it."""
    if "playbooks/remediation.yaml" in paths:
        yield remark(
            "library-service",
            "by its name this playbook makes a service `playbooks`, and is none to copy from",
            Place("playbooks/remediation.yaml"),
            expected="playbooks of the library under other names; the service's folder for one that shall hold",
            hint="rename it, for example to `playbooks/default.yaml`",
        )
