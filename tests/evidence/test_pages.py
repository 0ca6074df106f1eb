"""What docs/scrape.md and docs/dynatrace.md show can be used as it is shown."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from reconciler.evidence.scrape.addresses import Addresses, split
from reconciler.evidence.scrape.defaults import DEFAULTS
from reconciler.evidence.scrape.query import read_query
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.evidence_config import DynatraceConnection, ScrapeConnection
from reconciler.model.names import ProjectName, StageName
from reconciler.model.sli import load_sli

AROUND = """\
projects:
  shop:
    repository: {url: "https://git.example.com/a.git"}
    stages:
      production:
"""
DOCS = Path(__file__).parents[2] / "docs"


def block(page: str, first: str) -> str:
    found = re.finditer(r"```yaml\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    return next(str(each[1]) for each in found if each[1].startswith(first))


@pytest.mark.parametrize(("page", "name"), [("scrape.md", "scrape"), ("dynatrace.md", "dynatrace")])
def test_the_configuration_loads(page: str, name: str) -> None:
    text = AROUND + textwrap.indent(block(page, "evidence:"), " " * 8)
    stage = load_daemon_config(text.encode(), "reconciler.yaml").projects[ProjectName("shop")].stages["production"]
    assert stage.evidence is not None
    connection = stage.evidence.providers[name]
    if isinstance(connection, DynatraceConnection):
        assert connection.access.token_file is not None
        return
    assert isinstance(connection, ScrapeConnection)
    addresses = Addresses(ProjectName("shop"), StageName("production"), connection.url, connection.targets)
    assert [split(url) for url in addresses.of("carts")] == [
        ("http://10.0.0.7:8080", "/metrics"), ("http://10.0.0.8:8080", "/metrics"),
    ]  # fmt: skip
    assert addresses.of("orders") == ("http://orders.shop-production.svc:8080/metrics",)


def test_the_queries_are_understood() -> None:
    indicators = load_sli(block("scrape.md", "indicators:").encode(), "scrape/sli.yaml").indicators
    assert [indicator.name for indicator in indicators] == ["response_time_p90", "error_rate", "queue"]
    assert [read_query(indicator.query).factor for indicator in indicators] == [1000, 100, 1]


def test_the_defaults_are_queries_and_are_named() -> None:
    text = (DOCS / "scrape.md").read_text("utf-8")
    for sli, choices in DEFAULTS.items():
        assert f"`{sli}`" in text or f"`{sli.removeprefix('response_time')}`" in text
        assert [read_query(choice.text).text for choice in choices] == [choice.text for choice in choices]
