"""`<provider>/sli.yaml`: the queries that measure service level indicators, in Keptn's format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.model.document import Fields, open_document
from reconciler.model.errors import Place, UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.nodes import MapNode, Scalar
from reconciler.model.reader import shown

_KEYS: Final = ("spec_version", "indicators")


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
    if not entries:
        _refuse_beside(fields)
    indicators = (Indicator(key.raw, query.raw, key.place) for key, query in entries if isinstance(query, Scalar))
    return Sli(tuple(indicators), path, fields.text("spec_version"))


def _refuse_beside(fields: Fields) -> None:
    """Refuse queries that stand beside an empty `indicators`, not under it: nobody would ask them."""
    beside = [key for key, query in fields.map.entries if key.raw not in _KEYS and isinstance(query, Scalar)]
    if beside:
        first = beside[0]
        raise InvalidFile(
            [
                UserError(
                    f"`{shown(first.raw)}` stands beside `indicators`, which is empty",
                    place=first.place,
                    expected="each query under `indicators`",
                    hint=f"indent it by two columns: `  {shown(first.raw)}: ...`",
                )
            ]
        )


def merged(files: Iterable[Sli]) -> dict[str, Indicator]:
    """Merge the files of project, stage and service, given in this order, per name: the more specific one wins."""
    return {indicator.name: indicator for file in files for indicator in file.indicators}
