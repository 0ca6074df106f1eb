"""Queries of providers other than Prometheus are read as these will; a total that cannot be missed is told."""

from __future__ import annotations

import pytest

from reconciler.cli.evidence_doubts import about_queries
from reconciler.cli.objective_doubts import about_objectives


@pytest.mark.parametrize(
    ("provider", "query", "said", "hint"),
    [
        ("scrape", "sum(rate(x[1m])", "has `sum` in column 1", "correct it"),
        ("scrape", "rate(x", "", ""),
        ("http", "https://example.com/z", "the query names no endpoint", "name an endpoint of `evidence.http`"),
        ("http", "orders zone", "`zone` sets nothing", "write `name=value`"),
        ("dynatrace", "builtin:service.errors.total.rate:avg(", "the `(` in column 38 is not closed", "correct it"),
        ("dynatrace", "SLI;abc", "`SLI;` is no kind of query", "did you mean `SLO`?"),
    ],
)
def test_a_query_that_cannot_be_asked(provider: str, query: str, said: str, hint: str) -> None:
    data = f"indicators:\n  throughput: '{query}'\n".encode()
    (only,) = about_queries(data, "", f"{provider}/sli.yaml", {})
    assert (only.severity, only.check, str(only.place)) == ("warning", "broken-query", ":2:3")
    assert said in only.error.message
    assert hint in only.error.hint


@pytest.mark.parametrize(
    ("provider", "query"),
    [
        ("scrape", '0.5 * quantile(0.9, x{a="$SERVICE"})'),
        ("http", "orders jsonPath=data.x zone=$LABEL.zone"),
        ("dynatrace", 'builtin:x:filter(eq(a,"(b"))'),
        ("dynatrace", "USQL;TABLE;x;SELECT a FROM b"),
        ("prometheus", "up"),
    ],
)
def test_a_query_that_can_be_asked(provider: str, query: str) -> None:
    assert list(about_queries(f"indicators:\n  throughput: '{query}'\n".encode(), "", f"{provider}/sli.yaml", {})) == []


@pytest.mark.parametrize(("total", "told"), [("0%", 1), ("0", 1), ("0.0", 1), ("1.5", 0), ("90%", 0)])
def test_a_total_that_nothing_misses(total: str, told: int) -> None:
    data = f"objectives: [{{sli: x, pass: [{{criteria: ['<5']}}]}}]\ntotal_score: {{pass: '{total}'}}\n"
    assert len(list(about_objectives(data.encode()))) == told
