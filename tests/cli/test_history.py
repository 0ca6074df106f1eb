"""`history`: what ever happened, found again after it was archived, and nothing that only looks like it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Reconciler, Site, git

PLAYBOOK = """\
remediations:
- {name: slow, actions: [{action: scaling, value: +1}]}
- {name: later, actions: [{action: featuretoggle, value: "Missing:on"}]}
"""


@pytest.fixture
def shop(site: Site) -> Site:
    (site.clone / "carts/remediation.yaml").write_text(PLAYBOOK, "utf-8")
    git(site.clone, "commit", "-qam", "Two entries")
    git(site.clone, "push", "-q")
    return site


def happen(reconciler: Reconciler, site: Site, *titles: str) -> None:
    for title in titles:
        assert reconciler("problem", "open", "--service", "carts", "--title", title, "--id", f"p-{title}").code == 0
    assert reconciler("reconcile", "-c", site.config).code == 0


def listed(reconciler: Reconciler, *more: object) -> list[dict[str, Any]]:
    result = reconciler("history", "-o", "json", *more)
    assert result.code == 0, result.err
    return list(json.loads(result.out)["remediations"])


def test_what_happened_is_listed_the_newest_first(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop, "later")
    happen(reconciler, shop, "slow")
    newest, oldest = listed(reconciler)
    assert (newest["remediation"], newest["entry"], newest["tried"]) == ("p-slow", "slow", ["scaling +1"])
    assert (oldest["remediation"], oldest["outcome"]) == ("p-later", "escalated")
    assert [each["remediation"] for each in listed(reconciler, "--outcome", "open")] == ["p-slow"]
    assert [each["remediation"] for each in listed(reconciler, "--text", "LATE")] == ["p-later"]
    assert [each["remediation"] for each in listed(reconciler, "--service", "carts")] == ["p-slow", "p-later"]
    assert listed(reconciler, "--since", "2999-01-01") == []
