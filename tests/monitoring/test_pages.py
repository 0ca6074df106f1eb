"""What docs/monitoring.md and docs/webhooks.md show of monitoring is what the tools make."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.monitoring.dynatrace_notification import PAYLOAD
from tests.monitoring.making import made, watched

ROOT = Path(__file__).parents[2]
CARTS = ROOT / "config-repo-template" / "stage" / "carts"
MONITORING = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
WEBHOOKS = (ROOT / "docs" / "webhooks.md").read_text("utf-8")


def test_the_payload_for_dynatrace_is_the_one_that_is_printed() -> None:
    (shown,) = re.findall(r"```\w*\n(\{[^`]*\{State\}[^`]*)```", WEBHOOKS)
    assert shown == PAYLOAD
    assert "reconciler monitoring dynatrace --payload" in WEBHOOKS


def test_the_series_that_the_samples_rule_needs_is_named() -> None:
    """The page speaks of a project `shop`; these services are of `sockshop`."""
    service = watched((CARTS / "slo.yaml").read_bytes(), (CARTS / "prometheus" / "sli.yaml").read_bytes())
    (alert,) = made(service).alerts
    (series,) = re.findall(r"(\w+\{[^}]*\})\[", alert.expression)
    assert f"`{series.replace('sockshop', 'shop')}`" in MONITORING
    assert "reconciler validate --online -c" in MONITORING
