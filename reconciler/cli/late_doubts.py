"""Values that come later than anybody looks for them: what such an objective judges always ends `unverified`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.cli import loaded
from reconciler.cli.evidence_doubts import Queries
from reconciler.cli.findings.finding import Finding, doubt
from reconciler.decide.evaluating import last_look
from reconciler.decide.policy import timing
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.repo.layout import SLI_FILES

SETTLED: Final = 120
"""Seconds after a window until Dynatrace has it. Its own module needs what connects to servers, which loads long."""
SESSIONS_SETTLED: Final = 360
_DYNATRACE: Final = "dynatrace/sli.yaml"


def about_late_values(
    data: bytes, folder: str, queries: Queries, policy: tuple[Stage, ServiceView] | None
) -> Iterator[Finding]:
    """Yield the first objective of a valid `slo.yaml` whose values are there only after the last look."""
    found = loaded.objectives(data)
    if found is None or policy is None:
        return
    wait = timing(*policy, {}).wait
    only = _only_dynatrace(folder, queries)
    for each in found.objectives:
        late = _late(only.get(each.sli, ""))
        if last_look(wait) < late:
            enough = next(seconds for seconds in range(wait, late + 1) if last_look(seconds) >= late)
            yield doubt(
                "late-values",
                f"Dynatrace has the values of `{each.sli}` only {late} s after the wait of {wait} s, and the last look"
                f" comes {last_look(wait)} s after it, so this objective will have no data",
                each.place,
                expected=f"a wait of {enough} s or more",
                hint=f"wait {enough}s or longer (`wait` in service.yaml or stage.yaml; docs/dynatrace.md)",
            )
            return


def _only_dynatrace(folder: str, queries: Queries) -> Mapping[str, str]:
    """Return the queries of indicators that no file of another provider measures."""
    found: dict[str, str] = {}
    others: set[str] = set()
    near = [
        (path, queries.near[path]) for name in SLI_FILES for path in (name, f"{folder}{name}") if path in queries.near
    ]
    for path, data in (*queries.wide.items(), *near):
        file = loaded.indicators(data)
        for each in file.indicators if file is not None else ():
            if path.endswith(_DYNATRACE):
                found[each.name] = each.query
            else:
                others.add(each.name)
    return {name: query for name, query in found.items() if name not in others}


def _late(query: str) -> int:
    if not query:
        return 0
    return SESSIONS_SETTLED if query.startswith("USQL;") else SETTLED
