"""Both scenarios of the product, from the pushed file to the effect."""

from __future__ import annotations

from reconciler.embedded.cluster.faults import Before, matching
from tests.daemon.site import SCALING, THREE_ENTRIES, Site, git, until


def test_scenario_1_response_time_degradation_scales_carts_primary(site: Site) -> None:
    with site.loop() as loop:
        loop.tick()
        site.problem("p1", "Response time degradation")
        loop.tick()
        until(loop, lambda: site.events()[-1:] == ["applied"], "the rollout is seen")

    assert site.replicas() == 2
    assert site.events() == ["opened", "decided", "applied"]
    assert site.subjects()[1] == "carts: scale 1 → 2 (Response time degradation)"
    desired = site.file("ops/production/carts/state/desired.yaml")
    assert desired is not None
    assert '"remediation": "p1", "step": 2, "sequence": 2, "by": 1' in desired
    marks = site.cluster.get("Deployment", "sockshop-production", "carts-primary")["metadata"]["annotations"]
    assert marks["reconciler.dev/owner"] == "sockshop/production/carts"
    decided = git(site.remote, "log", "--format=%H", "--grep=^Event: decided$", "production")
    assert marks["reconciler.dev/step"] == f"2:{decided}"


def test_the_decision_is_pushed_before_the_cluster_is_touched(site: Site) -> None:
    seen: list[list[str]] = []
    site.cluster.faults.add(Before(lambda: seen.append(site.events())), when=matching("PATCH"))
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        loop.tick()
    assert seen
    assert seen[0] == ["opened", "decided"]


def test_scenario_1_ends_when_the_source_resolves_and_keeps_what_it_did(site: Site) -> None:
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        site.problem("p1", "Response time degradation", "resolved")
        assert loop.tick() == ()
        site.later()
        loop.tick()
        assert site.events() == ["opened", "decided", "applied", "evaluated", "remediated"]
        assert loop.tick() == ()
    assert site.replicas() == 2
    assert site.file("ops/production/carts/state/desired.yaml") is None


def test_scenario_2_three_entries(site: Site) -> None:
    site.push({"carts/remediation.yaml": THREE_ENTRIES})
    with site.loop() as loop:
        site.problem("cpu", "cpu_usage")
        site.problem("slow", "Response time degradation")
        site.problem("fails", "Failure rate increase")
        until(loop, lambda: site.events().count("applied") == 3, "all three took effect")
        assert loop.tick() == ()
    assert site.replicas() == 2
    assert site.flag("EnableItemsCache") == "on"
    assert site.flag("EnablePromotion") == "off"
    assert "carts: switch EnablePromotion on → off (Failure rate increase)" in site.subjects()


def test_many_problems_of_one_push_share_one_push_back(site: Site) -> None:
    site.push({"carts/remediation.yaml": THREE_ENTRIES})
    with site.loop() as loop:
        loop.tick()
        site.push({
            f"ops/production/carts/problems/{name}.yaml": f"title: {title}\nstate: open\n"
            for name, title in (("a", "cpu_usage"), ("b", "Response time degradation"), ("c", "Failure rate increase"))
        })  # fmt: skip
        loop.tick()
    assert site.events()[:6] == ["opened", "opened", "opened", "decided", "decided", "decided"]


def test_a_git_revert_of_the_decision_takes_the_replicas_back_and_is_not_fought(site: Site) -> None:
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        git(site.clone, "pull", "-q", "--rebase", "origin", "production")
        decided = git(site.clone, "log", "--format=%H", "--grep=^Event: decided$")
        git(site.clone, "revert", "--no-edit", decided)
        site.push_head()
        until(loop, lambda: site.replicas() == 1, "given back")
        until(loop, lambda: site.events()[-1:] == ["applied"], "seen to be given back")
        before = site.tree()
        assert loop.tick() == ()
        assert site.tree() == before
    assert site.events() == ["opened", "decided", "applied", "reverted", "applied"]
    assert site.subjects()[3] == "carts: reverted by A Person (Response time degradation)"
    with site.loop() as restarted:
        assert restarted.tick() == ()
    assert site.replicas() == 1


def test_a_hand_edit_of_machine_files_is_put_back_and_told(site: Site) -> None:
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        ours = site.file("ops/production/carts/state/desired.yaml")
        assert ours is not None
        site.push({"ops/production/carts/state/desired.yaml": ours.replace("value: 2", "value: 9")})
        loop.tick()
        assert site.file("ops/production/carts/state/desired.yaml") == ours
        assert site.events()[-1] == "restored"
    assert site.replicas() == 2
    assert site.subjects()[-1] == "carts: put back what A Person changed"


def test_one_bad_file_stops_only_its_own_service(site: Site) -> None:
    site.push(
        {"orders/remediation.yaml": "remediations:\n- name: x\n   actions: [\n", "carts/remediation.yaml": SCALING}
    )
    with site.loop() as loop:
        site.push({
            "ops/production/orders/problems/o1.yaml": "title: x\nstate: open\n",
            "ops/production/carts/problems/p1.yaml": "title: Response time degradation\nstate: open\n",
        })  # fmt: skip
        loop.tick()
        until(loop, lambda: site.replicas() == 2, "carts is healed")
    refused = site.file("ops/production/orders/remediations/o1/01-refused.yaml")
    assert refused is not None
    assert "orders/remediation.yaml:" in refused
