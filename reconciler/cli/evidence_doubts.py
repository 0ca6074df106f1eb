"""What is doubtful about objectives and queries: indicators that nothing measures, placeholders that stand for nothing.

Both are found out at the first evaluation only, which then has no data for them. A plug-in may know an indicator, so
these are doubts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.model.errors import Place, UserError
from reconciler.model.instant import Instant
from reconciler.model.measures import WantMeasures
from reconciler.model.placeholders import values
from reconciler.model.sli import Sli, load_sli
from reconciler.model.slo import load_slo
from reconciler.model.suggest import CONFUSED, did_you_mean, nearest
from reconciler.repo.layout import PROVIDERS, SLI_FILES, config_place

Contents = Mapping[str, bytes | UserError]
DEFAULTS: Final = frozenset({"throughput", "error_rate", "response_time_p50", "response_time_p90", "response_time_p95"})
"""What providers measure without a query. Their own modules need what connects to servers, which takes long to load."""
_PLACEHOLDER: Final = re.compile(r"\$(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<label>\.[A-Za-z0-9_])?")


@dataclass(frozen=True)
class Queries:
    """Where indicators may be measured: ``near`` is content of the branch, ``wide`` the SLI files of the project."""

    near: Contents = field(default_factory=dict)
    wide: Contents = field(default_factory=dict)

    def known(self, folder: str) -> frozenset[str] | None:
        """Return what is measured for the service in ``folder``, which ends in `/`; None where that cannot be read."""
        own = [f"{folder}{name}" for name in SLI_FILES]
        found = [(path, self.near[path]) for path in dict.fromkeys((*own, *SLI_FILES)) if path in self.near]
        files = [_sli(data, path) for path, data in (*found, *self.wide.items())]
        if None in files:
            return None
        return DEFAULTS | {each.name for file in files if file is not None for each in file.indicators}


def about_objectives(data: bytes, path: str, queries: Queries) -> Iterator[UserError]:
    """Yield the objectives of a valid `slo.yaml` that are about an indicator which nothing measures."""
    service = path.rpartition("/")[0]
    folder = service and f"{service}/"
    known = queries.known(folder)
    try:
        objectives = load_slo(data, path).objectives if known is not None else ()
    except UserError:
        return  # told by the check of the file
    for each in objectives:
        if known is not None and each.sli not in known:
            yield UserError(
                f"nothing says how to measure `{each.sli}`, so this objective will have no data",
                place=each.place,
                expected="an indicator of an sli.yaml of the service, the stage or the project, or one with a default",
                hint=did_you_mean(each.sli, sorted(known))
                or f"add `{each.sli}` to {service}/prometheus/sli.yaml, or the folder of another provider",
            )


def about_queries(data: bytes, path: str, near: Contents) -> Iterator[UserError]:
    """Yield the placeholders in Prometheus' queries that stand for nothing.

    What a service's `filter` has is known where its `slo.yaml` can be read. In a file of the stage or the project a
    placeholder may be of any service's filter, so only what is nearly one of ours is taken for a slip.
    """
    place = config_place(path)
    file = _sli(data, path)
    if place is None or place[1] != "prometheus/sli.yaml" or file is None:
        return
    filters = _filters(place[0], near) if place[0] else ()
    if filters is None:
        return
    known = values(WantMeasures("", "", "", Instant(0), Instant(0), (), filters))
    fits = re.compile("|".join(re.escape(name) for name in known))
    # Of two that differ in capitals only the one in capitals is offered, which is how they are written.
    offered = [*sorted(known, reverse=True), "LABEL"]
    for each in file.indicators:
        for name in dict.fromkeys(_names(each.query)):
            if fits.match(name) or not (place[0] or nearest(name, offered, cutoff=CONFUSED)):
                continue
            meant = nearest(name, offered).replace("LABEL", "LABEL.name")
            yield UserError(
                f"`${name}` in the query of `{each.name}` stands for nothing, and is sent as it is",
                place=each.place,
                expected="$PROJECT, $STAGE, $SERVICE, $DEPLOYMENT, $DURATION_SECONDS, $LABEL.name, or a key of `filter`"
                " in slo.yaml",
                hint=f"did you mean `${meant}`?" if meant else f"add `{name}` to `filter` in slo.yaml",
            )


def strays(paths: Iterable[str], services: frozenset[str]) -> Iterator[UserError]:
    """Yield the `sli.yaml` in folders that are called nearly as a provider, beside a service's files or the stage's."""
    for path in sorted(paths):
        folder = path.removesuffix("/sli.yaml")
        parent, _, name = folder.rpartition("/")
        meant = nearest(name, PROVIDERS)
        if name not in PROVIDERS and meant and (not parent or parent in services):
            yield UserError(
                f"nobody reads this file: there is no provider `{name}`",
                place=Place(path),
                expected=" or ".join(SLI_FILES),
                hint=f"did you mean `{path.removesuffix(f'{name}/sli.yaml')}{meant}/sli.yaml`?",
            )


def _names(query: str) -> Iterator[str]:
    """Yield the words after a `$`; labels are the problem's, and not known before there is one."""
    for found in _PLACEHOLDER.finditer(query):
        if not (found["name"] == "LABEL" and found["label"]):
            yield found["name"]


def _filters(service: str, near: Contents) -> tuple[tuple[str, str], ...] | None:
    data = near.get(f"{service}/slo.yaml")
    if data is None:
        return ()
    try:
        return None if isinstance(data, UserError) else load_slo(data, "slo.yaml").filter
    except UserError:
        return None


def _sli(data: bytes | UserError, path: str) -> Sli | None:
    try:
        return None if isinstance(data, UserError) else load_sli(data, path)
    except UserError:
        return None
