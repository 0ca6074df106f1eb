"""What `validate` warns of where values come later than anybody looks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.late_doubts import SESSIONS_SETTLED, SETTLED
from reconciler.decide.evaluating import last_look
from reconciler.evidence.dynatrace import provider
from tests.cli.conftest import Reconciler
from tests.cli.test_evidence_doubts import SLO, stage, warned, write

METRIC = "indicators:\n  slow: metricSelector=builtin:service.response.time:avg\n"
SESSIONS = "indicators:\n  slow: USQL;SINGLE_VALUE;;SELECT AVG(duration) FROM usersession\n"
__all__ = ["stage"]


def test_when_dynatrace_has_its_values_is_known() -> None:
    assert (SETTLED, SESSIONS_SETTLED) == (provider.SETTLED, provider.SESSIONS_SETTLED)


@pytest.mark.parametrize(("wait", "seconds"), [(0, 7), (60, 84), (90, 126), (300, 420), (900, 420)])
def test_the_last_look_comes_a_fifth_of_the_wait_and_its_doubles_later(wait: int, seconds: int) -> None:
    assert last_look(wait) == seconds


@pytest.mark.parametrize(
    ("query", "short", "enough", "late"), [(METRIC, "1m", "90s", 120), (SESSIONS, "4m", "260s", 360)]
)
@pytest.mark.parametrize("place", ["carts/dynatrace", "dynatrace"])
def test_a_wait_that_is_too_short_for_dynatrace(
    reconciler: Reconciler, stage: Path, query: str, short: str, enough: str, late: int, place: str
) -> None:
    write(stage, "carts/slo.yaml", SLO.format("slow"))
    write(stage, f"{place}/sli.yaml", query)
    assert "Dynatrace" not in warned(reconciler)
    for file in ("stage.yaml", "carts/service.yaml"):
        write(stage, file, f"wait: {short}\n")
        said = warned(reconciler)
        assert f"carts/slo.yaml:2:3: warning: Dynatrace has the values of `slow` only {late} s after" in said
        assert f"hint: wait {enough} or longer (`wait` in service.yaml or stage.yaml" in said
        write(stage, file, f"wait: {enough}\n")
        assert "Dynatrace" not in warned(reconciler)


def test_what_another_provider_may_measure_is_no_doubt(reconciler: Reconciler, stage: Path) -> None:
    write(stage, "stage.yaml", "wait: 1m\n")
    write(stage, "carts/slo.yaml", SLO.format("slow"))
    write(stage, "carts/dynatrace/sli.yaml", METRIC)
    write(stage, "carts/prometheus/sli.yaml", "indicators:\n  slow: rate(x[1m])\n")
    assert "Dynatrace has" not in warned(reconciler)
