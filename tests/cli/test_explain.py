"""`explain`: from a value back to the alert and to whoever wrote the line; and that a value may be nobody's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.instant import Instant, format_instant
from tests.cli.conftest import Reconciler, Site, git
from tests.repo.told_history import TARGET, Told, told

ACTION_LINES = 2
PLAYBOOK = """\
remediations:
- name: slow
  actions:
  - action: scaling
    value: +1
"""


@pytest.fixture
def shop(site: Site) -> Site:
    """A site whose playbook came by a merge of somebody else's branch."""
    git(site.clone, "switch", "-qc", "more")
    (site.clone / "carts/remediation.yaml").write_text(PLAYBOOK, "utf-8")
    git(site.clone, "-c", "user.name=Grace", "-c", "user.email=grace@example.com", "commit", "-qam", "Scale when slow")
    git(site.clone, "switch", "-q", "production")
    git(site.clone, "merge", "-q", "--no-ff", "-m", "Merge the playbook (#7)", "more")
    git(site.clone, "push", "-q")
    return site


def happen(reconciler: Reconciler, site: Site) -> None:
    arguments = ("--service", "carts", "--title", "slow", "--id", "p1", "--url", "https://monitoring.example.com/p1")
    assert reconciler("problem", "open", *arguments).code == 0
    assert reconciler("reconcile", "-c", site.config).code == 0


def explained(reconciler: Reconciler, what: str, *more: object) -> dict[str, Any]:
    result = reconciler("explain", what, "-o", "json", *more)
    assert result.code == 0, result.err
    return dict(json.loads(result.out))


def test_a_value_leads_back_to_the_line_its_author_and_the_alert(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop)
    (value,) = explained(reconciler, "deployment/carts")["values"]
    assert (value["desired"], value["base"], value["field"]) == (2, 1, "replicas")
    (claim,) = value["claims"]
    assert (claim["by"], claim["remediation"]) == (1, "p1")
    assert claim["decision"]["commit"] == git(
        shop.remote, "log", "-1", "--format=%H", "--grep=Event: decided", "production"
    )
    playbook = claim["playbook"]
    assert (playbook["file"], playbook["line"], playbook["action"]) == ("carts/remediation.yaml", 5, "scaling +1")
    assert playbook["written"]["author"] == "Grace <grace@example.com>"
    assert playbook["merged"]["subject"] == "Merge the playbook (#7)"
    assert claim["problems"][0]["url"] == "https://monitoring.example.com/p1"
    assert playbook["text"] == "value: +1"


def test_it_reads_well_on_a_terminal(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop)
    text = reconciler("explain", "deployment/carts", "-c", shop.config).out
    assert max(map(len, text.splitlines())) <= 80
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[:4] == [
        "Deployment carts-primary: replicas", "in shop-production (kubernetes), of production/carts", "live 2",
        "desired 2 = 1 +1, within its bounds",
    ]  # fmt: skip
    for words in ("written by Grace <grace@example.com>", "merged by Ada", "https://monitoring.example.com/p1"):
        assert words in "\n".join(lines)


def test_only_servers_that_are_named_are_asked(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop)
    assert "live" not in explained(reconciler, "deployment/carts")["values"][0]
    shop.cluster.patch("Deployment", "shop-production", "carts-primary", {"spec": {"replicas": 3}})
    assert explained(reconciler, "deployment/carts", "-c", shop.config)["values"][0]["live"] == {"value": 3}
    assert "3, which is not what is desired" in reconciler("explain", "deploy/carts", "-c", shop.config).out


def test_a_value_that_nobody_holds_is_nobodys(reconciler: Reconciler, shop: Site) -> None:
    (before,) = explained(reconciler, "deployment/carts", "--stage", "production")["nobodys"]
    assert before == {"stage": "production", "name": "deployment/carts"}
    assert "no step ever changed it" in reconciler("explain", "deployment/carts", "--stage", "production").out
    happen(reconciler, shop)
    assert reconciler("abort", "--service", "carts").code == 0
    assert reconciler("reconcile", "-c", shop.config).code == 0
    assert "1, given back: nobody wishes for anything" in reconciler("explain", "deployment/carts").out
    assert reconciler("reconcile", "-c", shop.config).code == 0
    (after,) = explained(reconciler, "deployment/carts", "-c", shop.config, "--stage", "production")["nobodys"]
    assert after["live"]["value"] == 1
    assert after["last"]["changes"][0]["after"] == 1
    assert after["last"]["outcome"] == "aborted"
    text = reconciler("explain", "deployment/carts", "--stage", "production").out
    assert "nobody's: no remediation holds it" in text
    assert "replicas 2 → 1" in text


def test_a_problem_and_a_remediation_are_explained_too(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop)
    (by_problem,) = explained(reconciler, "problem/p1")["remediations"]
    assert explained(reconciler, "remediation/p1")["remediations"] == [by_problem]
    assert by_problem["decisions"][0]["changes"][0]["before"] == 1
    assert by_problem["playbook"]["merged"]["author"] == "Ada <ada@example.com>"
    unknown = reconciler("explain", "problem/p2")
    assert (unknown.code, "nothing was ever done about a problem `p2`" in unknown.err) == (1, True)
    assert reconciler("explain", "carts").code == 2


def test_who_reverted_it_and_when_is_told(reconciler: Reconciler, shop: Site) -> None:
    happen(reconciler, shop)
    git(shop.clone, "pull", "-q", "--no-rebase")
    decided = git(shop.clone, "log", "-1", "--format=%H", "--grep=Event: decided")
    git(shop.clone, "-c", "user.name=Heidi", "revert", "--no-edit", decided)
    git(shop.clone, "push", "-q")
    commit = git(shop.clone, "rev-parse", "HEAD")
    assert reconciler("reconcile", "-c", shop.config).code == 0
    (about,) = explained(reconciler, "problem/p1")["remediations"]
    ended = about["endedBy"]
    assert (about["outcome"], ended["by"], ended["commit"]) == ("reverted", "Heidi", commit)
    assert ended["step"]["now"] == about["ended"]
    assert f"by Heidi, {commit[:12]}" in reconciler("explain", "problem/p1").out


def twice(past: Told) -> None:
    """Let one remediation decide again after an evaluation that failed."""
    about = {"service": "carts", "remediation": "p1"}
    file, playbook = past.problem("p1", "slow"), "carts/remediation.yaml"
    problem = {"id": "p1", "occurrence": 1, "file": file, "title": "slow", "source": "watcher"}
    when = format_instant(Instant(past.now))
    pinned = [f"{playbook}@{past.blobs[playbook]}"]
    past.happen("opened", {"problem": problem, "reported": when, "entry": "slow", "pinned": pinned}, **about)
    for index, result in ((1, "fail"), (2, "pass")):
        change = {"target": TARGET, "field": "replicas", "base": 1, "by": index, "before": index, "value": 2 * index}
        past.happen(
            "decided", {"action": f"scaling +{index}", "index": index, "count": 2, "changes": [change]}, **about
        )
        past.happen("applied", {"until": when}, **about)
        evaluation = {"start": when, "end": when, "result": result, "score": 0.0, "indicators": []}
        past.happen("evaluated", {"evaluation": evaluation, "next": "none"}, **about)
    past.happen("remediated", {"resolved": ["p1"]}, **about)


def test_each_of_several_decisions_has_its_line_and_its_evaluation(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first action did not help, and that is why there was another."""
    past = told(tmp_path)
    past.people({"carts/remediation.yaml": PLAYBOOK + "  - action: scaling\n    value: +2\n"}, "Try harder")
    twice(past)
    git(tmp_path, "clone", "-q", "shop.git", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    (about,) = explained(reconciler, "remediation/p1")["remediations"]
    first, second = about["decisions"]
    assert [each["playbook"]["action"] for each in (first, second)] == ["scaling +1", "scaling +2"]
    assert second["playbook"]["line"] == first["playbook"]["line"] + ACTION_LINES
    assert [[one["result"] for one in each["evaluations"]] for each in (first, second)] == [["fail"], ["pass"]]
    lines = [line.split()[0] for line in reconciler("explain", "remediation/p1").out.splitlines() if line.strip()]
    order = [word for word in lines if word in ("decided", "playbook", "evaluated", "outcome", "problem")]
    assert order == ["decided", "playbook", "evaluated"] * 2 + ["outcome", "problem"]


def test_why_it_was_escalated_is_told(reconciler: Reconciler, shop: Site) -> None:
    more = PLAYBOOK + "- {name: later, actions: [{action: featuretoggle, value: 'Missing:on'}]}\n"
    (shop.clone / "carts/remediation.yaml").write_text(more, "utf-8")
    git(shop.clone, "commit", "-qam", "A flag that there is not")
    git(shop.clone, "push", "-q")
    assert reconciler("problem", "open", "--service", "carts", "--title", "later", "--id", "p1").code == 0
    assert reconciler("reconcile", "-c", shop.config).code == 0
    (only,) = explained(reconciler, "problem/p1")["remediations"]
    assert only["outcome"] == "escalated"
    text = " ".join(reconciler("explain", "problem/p1").out.split())
    assert f"outcome escalated, {only['ended']} {only['reason']}" in text
