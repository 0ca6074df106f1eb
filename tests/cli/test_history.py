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


def test_one_remediation_is_told_step_by_step(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop, "slow")
    told = json.loads(reconciler("history", "--remediation", "p-slow", "-o", "json").out)
    assert [step["event"] for step in told["steps"]] == ["opened", "decided"]
    assert told["steps"][1]["told"]["changes"][0]["value"] == 2
    assert told["steps"][1]["commit"] == git(shop.remote, "rev-parse", "production")
    assert "carts: scale 1 → 2 (slow)" in reconciler("history", "--remediation", "p-slow").out
    unknown = reconciler("history", "--remediation", "p-fast")
    assert (unknown.code, "there never was a remediation `p-fast`" in unknown.err) == (1, True)


def test_what_somebody_pushed_in_our_name_is_not_listed(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop, "slow")
    git(shop.clone, "pull", "-q", "--no-rebase")
    step = shop.clone / "ops/production/carts/remediations/p-slow/03-remediated.yaml"
    step.write_text('event: "remediated"\nsequence: 3\nnow: "2026-11-22T10:00:00Z"\nrules: 2\n', "utf-8")
    git(shop.clone, "add", ".")
    trailers = "Stage: production\nService: carts\nRemediation: p-slow\nEvent: remediated\nSequence: 3"
    message = f"carts: remediated (slow)\n\n{trailers}\nNow: 2026-11-22T10:00:00Z\nRules: 2"
    git(shop.clone, "commit", "-qm", message)
    git(shop.clone, "push", "-q")
    (found,) = listed(reconciler)
    assert (found["count"], "outcome" in found) == (2, False)


def test_the_index_lies_beside_the_objects_and_may_go_at_any_time(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop, "slow")
    before = listed(reconciler)
    files = {path.name for path in (shop.clone / ".git/reconciler").iterdir()}
    assert "chronicle-production.sqlite" in files
    for path in (shop.clone / ".git/reconciler").iterdir():
        path.unlink()
    assert listed(reconciler) == before
    assert git(shop.clone, "status", "--porcelain") == ""


def test_there_is_more_than_is_shown(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop, "later", "slow")
    result = reconciler("history", "--stage", "production", "--limit", "1")
    assert (len(result.out.splitlines()), "production: there are older ones" in result.err) == (2, True)
    nothing = reconciler("history", "--stage", "production", "--text", "nothing of the kind")
    assert (nothing.code, nothing.out, "no such remediation in production" in nothing.err) == (0, "", True)
