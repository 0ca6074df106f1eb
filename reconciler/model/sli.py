"""`<provider>/sli.yaml`: the queries that measure service level indicators, in Keptn's format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.model.document import open_document
from reconciler.model.errors import Place
from reconciler.model.nodes import MapNode, Scalar


@dataclass(frozen=True)
class Indicator:
    """An indicator's query, with its placeholders as written."""

    name: str
    query: str
    place: Place


@dataclass(frozen=True)
class Sli:
    """A whole `sli.yaml`; names are unique."""

    indicators: tuple[Indicator, ...]
    path: str
    spec_version: str = ""


def load_sli(data: bytes, path: str) -> Sli:
    """Load indicators.

    Raises:
        InvalidFile: with all findings.
    """
    fields = open_document(data, path, "sli")
    node = fields.node("indicators")
    entries = node.entries if isinstance(node, MapNode) else ()
    indicators = (Indicator(key.raw, query.raw, key.place) for key, query in entries if isinstance(query, Scalar))
    return Sli(tuple(indicators), path, fields.text("spec_version"))


def merged(files: Iterable[Sli]) -> dict[str, Indicator]:
    """Merge the files of project, stage and service, given in this order, per name: the more specific one wins."""
    return {indicator.name: indicator for file in files for indicator in file.indicators}
