"""Where not all of a branch counts, whatever tells of its history says so, once, and what to do."""

from __future__ import annotations

import json

import pytest

from reconciler.model.names import CommitId, StageName
from reconciler.repo.chronicle_following import Chronicler, Trail
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import whole
from tests.cli.conftest import Reconciler, Site, git

ASKING = (
    ("history",), ("history", "--remediation", "p1"), ("report", "--since", "30d"), ("explain", "deployment/carts"),
    ("explain", "problem/p1"), ("status",), ("status", "--at", "1s"),
    ("bisect", "--service", "carts", "--problem", "p1"),
)  # fmt: skip
REMEDIATION = "ops/production/carts/remediations/p1"


@pytest.fixture
def shop(site: Site, reconciler: Reconciler) -> Site:
    playbook = "remediations:\n- {name: slow, actions: [{action: scaling, value: +1}]}\n"
    (site.clone / "carts/remediation.yaml").write_text(playbook, "utf-8")
    git(site.clone, "commit", "-qam", "A playbook")
    git(site.clone, "push", "-q")
    assert reconciler("problem", "open", "--service", "carts", "--title", "slow", "--id", "p1").code == 0
    assert reconciler("reconcile", "-c", site.config).code == 0
    git(site.clone, "pull", "-q", "--no-rebase")
    return site


def told(reconciler: Reconciler, words: tuple[str, ...]) -> list[str]:
    return [line for line in reconciler(*words).err.splitlines() if "run `reconciler replay`" in line]


def test_steps_that_do_not_count_are_told(shop: Site, reconciler: Reconciler) -> None:
    assert {words: told(reconciler, words) for words in ASKING} == {words: [] for words in ASKING}
    count = len(list((shop.clone / REMEDIATION).iterdir()))
    newest = shop.clone / REMEDIATION / f"{count:02d}-decided.yaml"
    newest.write_text(newest.read_text("utf-8").replace('"value": 2', '"value": 3'), "utf-8")
    git(shop.clone, "commit", "-q", "-a", "--amend", "--no-edit")
    git(shop.clone, "push", "-qf")
    commit = git(shop.clone, "rev-parse", "HEAD")
    expected = f"production: the steps from {count} on (commit {commit[:12]}) do not count: run `reconciler replay`"
    assert {words: told(reconciler, words) for words in ASKING} == {words: [expected] for words in ASKING}


def test_an_index_that_was_written_without_knowing_what_counts_raises_no_alarm(
    shop: Site, reconciler: Reconciler
) -> None:
    path, stage = shop.clone / ".git/reconciler/chronicle-production.sqlite", StageName("production")
    path.parent.mkdir(exist_ok=True)
    tip = CommitId(git(shop.clone, "rev-parse", "origin/production"))
    with (
        LocalRepository.open(shop.clone) as local,
        whole(local) as source,
        Chronicler.open(path, stage, source) as chronicler,
    ):
        chronicler.follow(Trail(tip, tip, ()))
    (each,) = json.loads(reconciler("history", "-o", "json").out)["remediations"]
    assert each["remediation"] == "p1"
    assert told(reconciler, ("history",)) == []


def test_what_somebody_changed_of_ours_is_told(shop: Site, reconciler: Reconciler) -> None:
    git(shop.clone, "rm", "-q", f"{REMEDIATION}/01-opened.yaml")
    git(shop.clone, "commit", "-qm", "cleanup")
    git(shop.clone, "push", "-q")
    commit = git(shop.clone, "rev-parse", "HEAD")
    what = f"no step has answered that Ada changed {REMEDIATION}/01-opened.yaml (commit {commit[:12]})"
    expected = f"production: {what}: run `reconciler replay`"
    assert {words: told(reconciler, words) for words in ASKING} == {words: [expected] for words in ASKING}
    (each,) = json.loads(reconciler("history", "-o", "json").out)["remediations"]
    assert "outcome" not in each
