"""What is doubtful about queries: indicators that nothing measures or nobody asks for, placeholders for nothing.

Most of it is found out at the first evaluation only, which then has no data. A plug-in may know an indicator, so these
are doubts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from reconciler.cli import loaded
from reconciler.cli.findings.finding import Finding, doubt, remark
from reconciler.cli.query_doubts import about_form, about_reading
from reconciler.cli.surroundings import Contents
from reconciler.model.checks import colliding
from reconciler.model.instant import Instant
from reconciler.model.measures import WantMeasures
from reconciler.model.placeholders import values
from reconciler.model.sli import Sli
from reconciler.model.suggest import CONFUSED, did_you_mean, nearest
from reconciler.repo.layout import SLI_FILES

DEFAULTS: Final = frozenset({"throughput", "error_rate", "response_time_p50", "response_time_p90", "response_time_p95"})
"""What providers measure without a query. Their own modules need what connects to servers, which takes long to load."""
_PROBLEMS_STATE: Final = "problem_open"
"""What Keptn's dynatrace-service measured without a query: whether the remediation's own problem was open (0 or 1)."""
_OF_ITSELF: Final = (
    "delete this objective: whether the problem is over is waited for anyway, as its source says it; or add a query"
    " (docs/migration.md)"
)
_PLACEHOLDER: Final = re.compile(r"\$(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<label>\.[A-Za-z0-9_])?")


@dataclass(frozen=True)
class Queries:
    """Where indicators may be measured: ``near`` is content of the branch, ``wide`` the SLI files of the project."""

    near: Contents = field(default_factory=dict)
    wide: Contents = field(default_factory=dict)

    def known(self, folder: str) -> frozenset[str] | None:
        """Return what is measured for the service in ``folder``, which ends in `/`; None where that cannot be read."""
        own = [f"{folder}{name}" for name in SLI_FILES]
        found = [self.near[path] for path in dict.fromkeys((*own, *SLI_FILES)) if path in self.near]
        files = [loaded.indicators(data) for data in (*found, *self.wide.values())]
        if None in files:
            return None
        return DEFAULTS | {each.name for file in files if file is not None for each in file.indicators}

    def own(self, folder: str) -> frozenset[str]:
        """Return what the service's own files measure, as far as they can be read."""
        files = [loaded.indicators(self.near.get(f"{folder}{name}")) for name in SLI_FILES]
        return frozenset(each.name for file in files if file is not None for each in file.indicators)


def about_measuring(data: bytes, folder: str, queries: Queries) -> Iterator[Finding]:
    """Yield the objectives of a valid `slo.yaml` that are about an indicator which nothing measures."""
    known, found = queries.known(folder), loaded.objectives(data)
    if known is None or found is None:
        return
    # A query that another objective is about already is less likely to be meant.
    asked = {each.sli for each in found.objectives}
    own = sorted(queries.own(folder) - asked)
    for each in found.objectives:
        if each.sli not in known:
            yield doubt(
                "no-query",
                f"nothing says how to measure `{each.sli}`, so this objective will have no data",
                each.place,
                expected="an indicator of an sli.yaml of the service, the stage or the project, or one with a default",
                hint=_OF_ITSELF
                if each.sli == _PROBLEMS_STATE
                else did_you_mean(each.sli, own)
                or did_you_mean(each.sli, sorted(known))
                or f"add `{each.sli}` to {folder}prometheus/sli.yaml, or the folder of another provider",
            )


def about_queries(data: bytes, folder: str, name: str, near: Contents) -> Iterator[Finding]:
    """Yield what is doubtful about `sli.yaml`, called ``name`` from the service's ``folder`` or the stage's root."""
    file = loaded.indicators(data)
    if file is None:
        return
    yield from _placeholders(file, folder, name, near)
    for each in file.indicators:
        yield from about_reading(each, name.partition("/")[0])
    yield from _capitals(file)
    yield from _shadowed(file, folder, name, near)
    if folder:
        yield from _unused(file, folder, near)


def unused_everywhere(data: bytes, used: frozenset[str]) -> Iterator[Finding]:
    """Yield the indicators of the stage's own `sli.yaml` that no objective of any service is about."""
    file = loaded.indicators(data)
    for each in file.indicators if file is not None else ():
        if each.name not in used:
            yield remark(
                "unused-query",
                f"no objective of any service is about `{each.name}`",
                each.place,
                expected="an indicator that some slo.yaml has an objective about",
                hint=did_you_mean(each.name, sorted(used)) or "delete it, or add an objective",
            )


def _unused(file: Sli, folder: str, near: Contents) -> Iterator[Finding]:
    data = near.get(f"{folder}slo.yaml")
    slo = loaded.objectives(data)
    if data is None and file.indicators:
        yield remark(
            "unused-query",
            "nobody asks these queries: the service has no objectives",
            file.indicators[0].place,
            expected=f"{folder}slo.yaml with objectives about them",
            hint=f"add {folder}slo.yaml, or delete this file",
        )
    used = {each.sli for each in slo.objectives} if slo is not None else set()
    known = Queries(near).known(folder) or frozenset()
    for each in file.indicators if slo is not None else ():
        if each.name not in used:
            meant = nearest(each.name, sorted(used))
            # Of an objective that nothing measures it is told which query was meant; nothing else is to be said here.
            lost = f"write `sli: {each.name}` in the objective about `{meant}`, which nothing measures"
            hint = f"did you mean `{meant}`?" if meant in known else lost
            yield remark(
                "unused-query",
                f"no objective of this service is about `{each.name}`",
                each.place,
                expected=f"an indicator that {folder}slo.yaml has an objective about",
                hint=hint if meant else "delete it, or add an objective",
            )


def _capitals(file: Sli) -> Iterator[Finding]:
    places = {each.name: each.place for each in file.indicators}
    for group in colliding(places):
        yield doubt(
            "case-only",
            f"the indicators {', '.join(f'`{name}`' for name in group)} differ in capitals only",
            max(places[name] for name in group),
            expected="names that differ in more",
            hint="keep the one that slo.yaml names",
        )


def _shadowed(file: Sli, folder: str, name: str, near: Contents) -> Iterator[Finding]:
    """Yield queries that say what a wider file says, or that another provider's file beside this one has too."""
    others = [(path, loaded.indicators(near.get(f"{folder}{path}"))) for path in SLI_FILES if path != name]
    same = loaded.indicators(near.get(name)) if folder else None
    wider = {each.name: each.query for each in same.indicators} if same is not None else {}
    for each in file.indicators:
        # Told once, in the later of the two files.
        before = [path for path, other in others if path < name and other is not None and _has(other, each.name)]
        if before:
            yield remark(
                "shadowed-name",
                f"`{each.name}` has a query in {folder}{before[0]} too; only the provider that the daemon's"
                " configuration names first is asked",
                each.place,
                expected="one provider for one indicator",
                hint="delete one of the two, or give them different names",
            )
        if wider.get(each.name) == each.query:
            yield remark(
                "shadowed-name",
                f"`{each.name}` says what the stage's {name} says, and hides every later change there",
                each.place,
                expected="a query of the service's own",
                hint="delete it: the stage's counts then",
            )


def _has(file: Sli, name: str) -> bool:
    return any(each.name == name for each in file.indicators)


def _placeholders(file: Sli, folder: str, name: str, near: Contents) -> Iterator[Finding]:
    """Yield the placeholders in queries that stand for nothing.

    What a service's `filter` has is known where its `slo.yaml` can be read. In a file of the stage or the project a
    placeholder may be of any service's filter, so only what is nearly one of ours is taken for a slip.
    """
    filters = _filters(folder, near) if folder else ()
    if filters is None:
        return
    known = values(WantMeasures("", "", "", Instant(0), Instant(0), (), filters))
    fits = re.compile("|".join(re.escape(name) for name in known))
    # Of two that differ in capitals only the one in capitals is offered, which is how they are written.
    offered = [*sorted(known, reverse=True), "LABEL"]
    for each in file.indicators:
        yield from about_form(each, offered, promql=name.startswith("prometheus/"))
        for word in dict.fromkeys(_names(each.query)):
            if fits.match(word) or not (folder or nearest(word, offered, cutoff=CONFUSED)):
                continue
            meant = nearest(word, offered).replace("LABEL", "LABEL.name")
            yield doubt(
                "unknown-placeholder",
                f"`${word}` in the query of `{each.name}` stands for nothing, and is sent as it is",
                each.place,
                expected="$PROJECT, $STAGE, $SERVICE, $DEPLOYMENT, $DURATION_SECONDS, $LABEL.name, or a key of `filter`"
                " in slo.yaml",
                hint=f"did you mean `${meant}`?" if meant else f"add `{word}` to `filter` in slo.yaml",
            )


def _names(query: str) -> Iterator[str]:
    """Yield the words after a `$`; labels are the problem's, and not known before there is one."""
    for found in _PLACEHOLDER.finditer(query):
        if not (found["name"] == "LABEL" and found["label"]):
            yield found["name"]


def _filters(folder: str, near: Contents) -> tuple[tuple[str, str], ...] | None:
    data = near.get(f"{folder}slo.yaml")
    slo = loaded.objectives(data)
    if data is None:
        return ()
    return slo.filter if slo is not None else None
