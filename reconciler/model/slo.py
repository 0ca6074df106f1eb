"""`slo.yaml`: service level objectives in Keptn's format, with the defaults of Keptn 1.4.5's lighthouse-service.

Criteria are kept as text with their place: what they mean, and whether they can be parsed, belongs to the evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

from reconciler.model.document import Checks, Fields, open_document
from reconciler.model.errors import Place
from reconciler.model.nodes import ListNode, MapNode, Scalar
from reconciler.model.unread import UnreadKey, of_objectives

CompareWith: TypeAlias = Literal["single_result", "several_results"]
IncludeScore: TypeAlias = Literal["pass", "pass_or_warn", "all"]
Aggregate: TypeAlias = Literal["avg", "p50", "p90", "p95"]

SEVERAL: Final = 3
"""How many earlier evaluations count where a `comparison` does not say (Keptn 1.4.5)."""

WHOLE: Final = 100.0
"""All points, in percent."""


@dataclass(frozen=True)
class Criterion:
    """One comparison as written, such as `<600` or `<=+10%`."""

    text: str
    place: Place


@dataclass(frozen=True)
class CriteriaSet:
    """Criteria that must all hold."""

    criteria: tuple[Criterion, ...]
    place: Place


@dataclass(frozen=True)
class Objective:
    """One indicator. It passes if one set of ``passing`` holds, else it warns if one of ``warning`` does.

    Without ``passing`` it is for information only. ``weight`` is at least 1: 0 or nothing counts as 1 in Keptn.
    """

    sli: str
    passing: tuple[CriteriaSet, ...]
    warning: tuple[CriteriaSet, ...]
    place: Place
    display_name: str = ""
    weight: int = 1
    key_sli: bool = False


@dataclass(frozen=True)
class Comparison:
    """Which earlier evaluations relative criteria compare with. The defaults are those of a file without the block."""

    compare_with: CompareWith = "single_result"
    include_result_with_score: IncludeScore = "all"
    number_of_comparison_results: int = 1
    aggregate_function: Aggregate = "avg"


@dataclass(frozen=True)
class TotalScore:
    """The percentages needed to pass and to warn. ``warning`` None: there is no warning."""

    passing: float
    warning: float | None
    place: Place


@dataclass(frozen=True)
class Slo:
    """A whole `slo.yaml`. ``filter`` holds values for placeholders in the SLI queries.

    ``unread`` are the keys that count for nothing.
    """

    objectives: tuple[Objective, ...]
    total_score: TotalScore
    comparison: Comparison
    path: str
    filter: tuple[tuple[str, str], ...] = ()
    spec_version: str = ""
    unread: tuple[UnreadKey, ...] = field(default=(), compare=False, repr=False)


def load_slo(data: bytes, path: str) -> Slo:
    """Load objectives.

    Raises:
        InvalidFile: with all findings; also for a `total_score.pass` that Keptn's evaluation would stop at.
    """
    fields = open_document(data, path, "slo")
    score, checks = fields.section("total_score"), Checks()
    passing, warning = _percent(score, "pass", checks), _percent(score, "warning", checks)
    checks.done()
    return Slo(
        objectives=tuple(_objective(each) for each in fields.sections("objectives")),
        total_score=TotalScore(passing or 0.0, warning, score.place),
        comparison=_comparison(fields),
        path=path,
        filter=fields.pairs("filter"),
        spec_version=fields.text("spec_version"),
        unread=of_objectives(fields.map),
    )


def _comparison(fields: Fields) -> Comparison:
    if fields.node("comparison") is None:
        return Comparison()
    each = fields.section("comparison")
    compare_with = each.text("compare_with")
    number = each.integer("number_of_comparison_results") or SEVERAL
    return Comparison(
        cast("CompareWith", compare_with or "several_results"),
        cast("IncludeScore", each.text("include_result_with_score") or "all"),
        # Where it isn't said what to compare with, Keptn took three, whatever number stood beside it.
        number if compare_with else SEVERAL,
        cast("Aggregate", each.text("aggregate_function") or "avg"),
    )


def _objective(fields: Fields) -> Objective:
    return Objective(
        sli=fields.text("sli"),
        passing=_sets(fields, "pass"),
        warning=_sets(fields, "warning"),
        place=fields.place,
        display_name=fields.text("displayName"),
        weight=fields.integer("weight") or 1,
        key_sli=fields.flag("key_sli"),
    )


def _sets(fields: Fields, name: str) -> tuple[CriteriaSet, ...]:
    return tuple(_set(item) for item in fields.items(name) if isinstance(item, MapNode))


def _set(item: MapNode) -> CriteriaSet:
    listed = item.get("criteria")
    nodes = listed.items if isinstance(listed, ListNode) else ()
    return CriteriaSet(tuple(Criterion(node.raw, node.place) for node in nodes if isinstance(node, Scalar)), item.place)


def _percent(score: Fields, name: str, checks: Checks) -> float | None:
    """Return a percentage of the total. Beyond 0 and 100 it would be missed, or reached, whatever is measured."""
    text = score.text(name)
    if not text:
        return None
    number = float(text.removesuffix("%"))
    if not 0 <= number <= WHOLE:
        near = f"{min(abs(number), WHOLE):g}%"
        checks.add(
            f"`{name}` is `{text}`, which no total can {'reach' if number > WHOLE else 'miss'}",
            score.place_of(name),
            expected='a percentage from 0 to 100, such as `"90%"`',
            hint=f'write for example `{name}: "{near}"`',
        )
    return number
