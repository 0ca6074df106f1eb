"""Where a report belongs: rules, then what was said, then labels, then defaults; each name by itself."""

from __future__ import annotations

import pytest

from reconciler.intake.belonging import where
from reconciler.intake.report import Where
from reconciler.model.webhooks import Belonging, Rule

LABELS = {"project": "shop", "Stage": "production", "service": "carts", "team": "a"}


@pytest.mark.parametrize(
    ("belonging", "said", "found"),
    [
        pytest.param(Belonging(), None, Where("shop", "production", "carts"), id="labels, in any case"),
        pytest.param(Belonging(service_label="team"), None, Where("shop", "production", "a"), id="another label"),
        pytest.param(Belonging(project="x", stage="y"), None, Where("shop", "production", "carts"), id="labels win"),
        pytest.param(
            Belonging(service_label="app", service="d"), None, Where("shop", "production", "carts"), id="ours"
        ),
        pytest.param(Belonging(), Where(stage="qa"), Where("shop", "qa", "carts"), id="a field wins over labels"),
        pytest.param(
            Belonging(rules=(Rule({"team": "b"}, stage="b"), Rule({"TEAM": "a"}, stage="a"), Rule({}, stage="c"))),
            Where(stage="qa"),
            Where("shop", "a", "carts"),
            id="the first rule that fits wins over all",
        ),
        pytest.param(
            Belonging(rules=(Rule({"team": "a", "tier": "1"}, stage="x"),)),
            None,
            Where("shop", "production", "carts"),
            id="a rule fits with all its labels",
        ),
    ],
)
def test_where_a_report_belongs(belonging: Belonging, said: Where | None, found: Where) -> None:
    assert where(LABELS, belonging, said) == found


def test_the_name_as_given_wins_over_other_capitals() -> None:
    assert where({"STAGE": "a", "stage": "b"}, Belonging()).stage == "b"


def test_who_says_nothing_belongs_nowhere_and_long_claims_are_short() -> None:
    assert where({}, Belonging()) == Where()
    assert where({"stage": " \n "}, Belonging(stage="qa")).stage == "qa"
    assert len(where({"stage": "x" * 9999}, Belonging()).stage) == 256


GENERATED = {"project": "shop", "stage": "staging", "service": "carts"}


def test_what_carries_all_three_standard_names_belongs_there_whatever_else_is_configured() -> None:
    renamed = Belonging(
        project_label="team", stage_label="environment", service_label="app",
        project="other", stage="production", service="else",
    )  # fmt: skip
    assert where(GENERATED, renamed) == Where("shop", "staging", "carts")
    assert where({**GENERATED, "environment": "production"}, renamed).stage == "production", "the named label wins"


def test_a_standard_name_alone_comes_after_the_default() -> None:
    renamed = Belonging(service_label="app", service="carts")
    assert where({"service": "kube-state-metrics"}, renamed).service == "carts"
    assert where({"service": "carts"}, Belonging(service_label="app")).service == "carts"
