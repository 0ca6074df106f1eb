"""Other people, other daemons: the push is the only place where they meet."""

from __future__ import annotations

import contextlib
from pathlib import Path

import structlog

from reconciler.daemon.service import opened, read_config
from reconciler.model.names import ProjectName
from tests.daemon.site import SCALING, Site, git, until


def test_a_person_who_pushes_in_between_is_followed_within_the_tick(site: Site) -> None:
    """The push loses, everything is decided anew on the new tip, and both commits stay."""
    hook = site.remote / "hooks" / "pre-receive"
    marker = site.folder / "once"
    other = site.folder / "other"
    git(site.folder, "clone", "-q", "-b", "production", str(site.remote), str(other))
    site.problem("p1", "Response time degradation")
    git(other, "pull", "-q", "--rebase", "origin", "production")
    (other / "NOTES").write_text("a person's commit\n")
    git(other, "add", "NOTES")
    git(other, "commit", "-q", "-m", "a person was faster")
    hook.write_text(
        "#!/bin/sh\n"
        f"[ -e {marker} ] && exit 0\n"
        f"touch {marker}\n"
        "unset GIT_DIR GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n"
        f"git -C {other} push -q origin production >/dev/null 2>&1\n"
        "exit 0\n"
    )
    hook.chmod(0o755)
    with site.loop() as loop:
        steps = loop.tick()
        assert [step.event for step in steps][:2] == ["opened", "decided"]
        until(loop, lambda: site.events()[-1] == "applied", "applied")
    log = git(site.remote, "log", "--format=%s", "production").splitlines()
    assert "a person was faster" in log
    assert log.index("a person was faster") > log.index("carts: scale 1 → 2 (Response time degradation)")
    assert site.replicas() == 2


def test_two_daemons_at_once_act_once(site: Site, tmp_path: Path) -> None:
    second = tmp_path / "second.yaml"
    second.write_text(site.config.read_text().replace("stateDir: state", "stateDir: state2"))
    site.problem("p1", "Response time degradation")
    with site.loop() as one, opened(read_config(second), ProjectName("sockshop"), structlog.get_logger()) as two:
        for _ in range(5):
            one.tick()
            two.tick()
        until(two, lambda: site.events()[-1] == "applied", "applied")
        one.tick()
    assert site.events() == ["opened", "decided", "applied"]
    assert [body["spec"]["replicas"] for body in site.scalings()] == [2]


def test_a_declining_remote_is_told_and_not_hammered(site: Site) -> None:
    hook = site.remote / "hooks" / "pre-receive"
    site.problem("p1", "Response time degradation")
    hook.write_text("#!/bin/sh\necho only people may push here >&2\nexit 1\n")
    hook.chmod(0o755)
    with site.loop() as loop:
        assert loop.tick() == ()
        assert "only people may push here" in loop.conditions["production"]
        assert "opsBranch" in loop.conditions["production"]
        assert loop.tick() == ()
        assert site.replicas() == 1
        hook.unlink()
        loop.unblock()
        until(loop, lambda: site.replicas() == 2, "goes on where it stood")
        assert "production" not in loop.conditions


def test_a_branch_that_is_gone_leaves_everything_as_it_is(site: Site) -> None:
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        tip = git(site.remote, "rev-parse", "production")
        git(site.remote, "update-ref", "-d", "refs/heads/production")
        assert loop.tick() == ()
        assert "refs/heads/production" in loop.conditions["production"]
        assert site.replicas() == 2
        git(site.remote, "update-ref", "refs/heads/production", tip)
        loop.unblock()
        assert loop.tick() == ()
        assert not loop.conditions


def test_a_rewritten_branch_is_recorded_and_old_actions_are_not_run_again(site: Site) -> None:
    before = git(site.remote, "rev-parse", "production")
    site.problem("p1", "Response time degradation")
    pushed = git(site.remote, "rev-parse", "production")
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        assert site.replicas() == 2
        git(site.remote, "update-ref", "refs/heads/production", pushed)
        until(loop, lambda: "rewritten" in site.events(), "the rewriting is recorded")
        until(loop, lambda: site.events()[-1] == "held", "the problem is looked at again")
        assert loop.tick() == ()
    assert site.replicas() == 2
    assert site.events() == ["rewritten", "opened", "held"]
    held = site.file("ops/production/carts/remediations/p1/02-held.yaml")
    assert held is not None
    assert 'condition: "drift"' in held
    assert before != pushed


def test_a_fresh_daemon_after_a_rewritten_branch_does_not_act_twice_either(site: Site) -> None:
    site.problem("p1", "Response time degradation")
    pushed = git(site.remote, "rev-parse", "production")
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
    git(site.remote, "update-ref", "refs/heads/production", pushed)
    with site.loop() as loop:
        until(loop, lambda: "rewritten" in site.events(), "the mark on the target tells")
        assert loop.tick() == ()
    assert site.replicas() == 2


def test_steps_on_a_branch_of_their_own(site: Site) -> None:
    """`opsBranch`: people's branch is protected, everything else lies apart."""
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    site.write("project.yaml", "name: sockshop\nstages: [production]\nopsBranch: ops/{stage}\n")
    git(site.clone, "commit", "-qam", "opsBranch")
    git(site.clone, "push", "-q", "origin", "main")
    people = git(site.remote, "rev-parse", "production")
    git(site.clone, "checkout", "-q", "--orphan", "ops/production")
    git(site.clone, "rm", "-rfq", ".")
    site.write("ops/production/carts/problems/p1.yaml", "title: Response time degradation\nstate: open\n")
    git(site.clone, "add", "-A")
    git(site.clone, "commit", "-qm", "p1")
    git(site.clone, "push", "-q", "origin", "ops/production")
    with site.loop() as loop:
        until(loop, lambda: site.replicas() == 2, "scaled")
        found = "%(trailers:key=Event,valueonly)"
        until(
            loop,
            lambda: "applied" in git(site.remote, "log", f"--format={found}", "refs/heads/ops/production"),
            "applied",
        )
        assert loop.tick() == ()
    assert git(site.remote, "rev-parse", "production") == people
    config = "%(trailers:key=Config,valueonly)"
    assert git(site.remote, "log", "-1", f"--format={config}", "refs/heads/ops/production") == people


def test_a_second_service_is_not_touched_by_the_first(site: Site) -> None:
    site.push({"shop/orders/remediation.yaml": SCALING})
    from tests.daemon.site import deployment

    site.cluster.create(deployment("orders"))
    with site.loop() as loop:
        site.push({"ops/production/shop/orders/problems/p9.yaml": "title: Response time degradation\nstate: open\n"})
        until(loop, lambda: site.replicas("orders") == 2, "orders is scaled by its plain name")
    assert site.replicas() == 1
    assert site.file("ops/production/shop/orders/remediations/p9/02-decided.yaml") is not None


def test_a_row_of_steps_that_is_merged_back_makes_no_two_daemons_fight(site: Site, tmp_path: Path) -> None:
    """Force-pushed back while no daemon runs, gone on with, and then merged again by a person's stale clone."""
    second = tmp_path / "second.yaml"
    second.write_text(site.config.read_text().replace("stateDir: state", "stateDir: state2"))
    title = "Response time degradation"
    with site.loop() as loop:
        site.problem("p1", title)
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        back = git(site.remote, "rev-parse", "production")
        site.problem("p1", title, "resolved")
        site.later()
        until(loop, lambda: site.events()[-1] == "remediated", "remediated")
        for name in ("q1", "q2"):
            site.problem(name, title)
            until(loop, lambda: site.events()[-1] == "applied", "applied")
            site.problem(name, title, "resolved")
            site.later()
            until(loop, lambda: site.events()[-1] == "remediated", "remediated")
    git(site.clone, "pull", "-q", "--rebase", "origin", "production")
    git(site.remote, "update-ref", "refs/heads/production", back)
    other = tmp_path / "other"
    with site.loop() as one:
        one.tick()
        git(tmp_path, "clone", "-q", "-b", "production", str(site.remote), str(other))
        (other / "ops/production/carts/problems/z.yaml").write_text(f"title: {title}\nstate: open\n")
        git(other, "add", "-A")
        git(other, "commit", "-qm", "z")
        git(other, "push", "-q", "origin", "production")
        for _ in range(3):
            one.tick()
        site.write("README.md", "a person's change\n")
        git(site.clone, "add", "-A")
        git(site.clone, "commit", "-q", "-m", "readme")
        with contextlib.suppress(AssertionError):  # what one side deleted and the other changed is left to the person
            git(site.clone, "pull", "-q", "--no-rebase", "--no-edit", "-X", "theirs", "origin", "production")
        git(site.clone, "add", "-A")
        git(site.clone, "commit", "-q", "--allow-empty", "-m", "merged")
        site.push_head()
        for _ in range(3):
            one.tick()
        with opened(read_config(second), ProjectName("sockshop"), structlog.get_logger(), clock=site.clock) as two:
            for _ in range(6):
                two.tick()
                one.tick()
            before = git(site.remote, "rev-parse", "production")
            for _ in range(3):
                two.tick()
                one.tick()
            assert git(site.remote, "rev-parse", "production") == before


def test_a_deleted_ops_folder_is_put_back_by_both_and_by_a_restart(site: Site, tmp_path: Path) -> None:
    second = tmp_path / "second.yaml"
    second.write_text(site.config.read_text().replace("stateDir: state", "stateDir: state2"))
    with site.loop() as one:
        site.problem("p1", "Response time degradation")
        until(one, lambda: site.events()[-1:] == ["applied"], "applied")
        git(site.clone, "pull", "-q", "--rebase", "origin", "production")
        git(site.clone, "rm", "-rq", "ops")
        git(site.clone, "commit", "-q", "-m", "away with it")
        site.push_head()
        with opened(read_config(second), ProjectName("sockshop"), structlog.get_logger()) as two:
            for _ in range(5):
                two.tick()
                one.tick()
            before = git(site.remote, "rev-parse", "production")
            two.tick()
            one.tick()
            assert git(site.remote, "rev-parse", "production") == before
    told = git(site.remote, "log", "--reverse", "--format=%(trailers:key=Sequence,valueonly)", "production")
    numbers = [int(number) for number in told.split()]
    assert numbers == sorted(set(numbers))
    assert site.replicas() == 1
