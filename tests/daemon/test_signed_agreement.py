"""Several daemons and everybody who reads a branch agree on what was in force, with the policy or without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from reconciler.cli.main import run
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.service import opened, read_config
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.model.names import ProjectName
from tests.daemon.agreement import check_agreement
from tests.daemon.signing_site import TWO, Signed, sign_all
from tests.daemon.site import SCALING, Site, git
from tests.repo.signing_keys import make_key, signed_commit

PLAYBOOK = "carts/remediation.yaml"
COMMANDS = "ops/production/carts/commands"
Command = Callable[..., str]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command of the CLI, which has to find nothing wrong; returns what it said."""

    def call(*words: object, code: int = 0) -> str:
        capsys.readouterr()
        found = run([str(word) for word in words])
        said = capsys.readouterr()
        assert found == code, said.out + said.err
        return said.out + said.err

    return call


@pytest.fixture
def signed(site: Site) -> Signed:
    return sign_all(site)


@contextmanager
def beside(site: Site, name: str = "beside") -> Iterator[ProjectLoop]:
    """Open the loop of another daemon with the configuration as it is now."""
    config, log = read_config(site.config), structlog.get_logger()
    with opened(config, ProjectName("sockshop"), log, clock=site.clock, state=site.folder / name) as loop:
        yield loop


def story(site: Site, signed: Signed) -> None:
    """Let an unsigned playbook wait through a whole remediation, be signed for, and another one come."""
    signed.push({PLAYBOOK: TWO})
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        site.push({"README.md": "nobody reads this\n"})
        site.later()
        loop.tick()
        site.problem("p1", "Response time degradation", "resolved")
        loop.tick()
        site.later()
        loop.tick()
        signed.push({PLAYBOOK: TWO + "# looked at\n"}, by=signed.theirs)
        signed.push({"ops/production/carts/commands/20261122T100000.000Z-suspend.yaml": "verb: suspend\n"})
        site.problem("p2", "Response time degradation")
        loop.tick()
        signed.push({PLAYBOOK: SCALING})
        site.later()
        loop.tick()


def test_replay_and_verify_find_nothing_and_need_no_keys(site: Site, signed: Signed, command: Command) -> None:
    story(site, signed)
    assert "refused" in site.events()
    assert check_agreement(site) == len(site.events())
    assert "all exact" in command("replay", "--repo", site.remote, "--stage", "production")
    command("verify", "--repo", site.remote, "--stage", "production")


def test_a_replay_finds_a_step_that_was_decided_on_another_commit(
    site: Site, signed: Signed, command: Command
) -> None:  # fmt: skip
    story(site, signed)
    steps = git(site.remote, "log", "--format=%H", "--grep=^Sequence: 1$", "production")
    good = git(site.remote, "log", "-1", "--format=%(trailers:key=Config,valueonly,separator=)", steps)
    message = git(site.remote, "log", "-1", "--format=%B", steps).replace(good, git(site.remote, "rev-parse", "main"))
    made = git(site.remote, "commit-tree", f"{steps}^{{tree}}", "-p", f"{steps}^", "-m", message)
    git(site.remote, "update-ref", "refs/heads/forged", made)
    found = command("replay", "--repo", site.remote, "--stage", "production", f"{steps}^..{made}", code=1)
    assert "Config" in found


def test_a_second_daemon_takes_over_in_the_middle(site: Site, signed: Signed) -> None:
    signed.push({PLAYBOOK: TWO})
    site.problem("p1", "Response time degradation")
    with site.loop() as first, beside(site) as second:
        first.tick()
        second.tick()
        assert dict(first.conditions) == dict(second.conditions)
        site.later()
        second.tick()
        first.tick()
        assert first.tick() == second.tick() == ()
    assert len(site.scalings()) == 1
    assert check_agreement(site) == len(site.events())


def test_a_daemon_that_knows_a_key_sooner_is_believed_by_its_signature(site: Site, signed: Signed) -> None:
    late = make_key(site.folder, "late")
    signed.push({PLAYBOOK: TWO}, by=late)
    site.problem("p1", "Response time degradation")
    with site.loop() as behind:
        behind.tick()
        assert site.replicas() == 2
        signed.allow(*signed.lines, ("person@example.org", late))
        with beside(site) as ahead:
            site.later()
            ahead.tick()
        signed.allow(*signed.lines[:2])
        behind.tick()
        assert "restored" not in site.events()
    assert check_agreement(site) == len(site.events())


def unpoliced(site: Site) -> str:
    """Take the policy out of the configuration; returns the configuration with it."""
    whole = site.config.read_text()
    site.config.write_text("".join(line for line in whole.splitlines(keepends=True) if "signing:" not in line))
    return whole


@pytest.fixture
def disputed(tmp_path: Path) -> Iterator[Site]:
    """A site of which those who do not judge signatures come to believe something else for a while."""
    with EmbeddedCluster() as cluster:
        yield Site(tmp_path, cluster)


def test_a_forged_step_on_unsigned_files_is_put_back(disputed: Site) -> None:
    """Whoever may push can make the very steps that a daemon without the policy makes: they replay, and count not."""
    site, signed = disputed, sign_all(disputed)
    site.problem("p1", "Unknown")
    with site.loop() as strict:
        strict.tick()
        good = git(site.remote, "rev-parse", "production")
        signed.push({PLAYBOOK: TWO})
        site.problem("p2", "Response time degradation")
        whole = unpoliced(site)
        with beside(site) as loose:
            loose.tick()
        site.config.write_text(whole)
        assert "decided" in site.events()
        strict.tick()
        assert "restored" in site.events()
        asked = "--format=%(trailers:key=Config,valueonly,separator=)"
        assert git(site.remote, "log", "-1", "--grep=^Event: restored", asked, "production") == good
        condition = strict.conditions["production/unsigned"]
    with site.loop() as again:
        again.tick()
        assert again.conditions == {"production/unsigned": condition}


def test_a_forged_step_that_obeys_an_unsigned_command_is_put_back(disputed: Site) -> None:
    site, signed = disputed, sign_all(disputed)
    signed.push({"stage.yaml": "approval: required\n"}, by=signed.theirs)
    site.problem("p1", "Response time degradation")
    with site.loop() as strict:
        strict.tick()
        signed.push({f"{COMMANDS}/20261122T100000.000Z-approve-p1-00.yaml": "verb: approve\nremediation: p1\n"})
        whole = unpoliced(site)
        with beside(site) as loose:
            loose.tick()
        site.config.write_text(whole)
        assert "released" in site.events()
        strict.tick()
        assert "restored" in site.events()
        refused = git(site.remote, "log", "-1", "--grep=^Event: refused", "--format=%B", "production")
        assert "which does not count: it is not signed" in refused


def test_a_command_that_another_daemon_could_judge_is_believed_by_its_signature(site: Site, signed: Signed) -> None:
    late = make_key(site.folder, "late")
    signed.push({"stage.yaml": "approval: required\n"}, by=signed.theirs)
    site.problem("p1", "Response time degradation")
    with site.loop() as behind:
        behind.tick()
        approve = "verb: approve\nremediation: p1\n"
        signed.push({f"{COMMANDS}/20261122T100000.000Z-approve-p1-00.yaml": approve}, by=late)
        signed.allow(*signed.lines, ("person@example.org", late))
        with beside(site) as ahead:
            ahead.tick()
        signed.allow(*signed.lines[:2])
        behind.tick()
    assert "restored" not in site.events()
    assert "refused" not in site.events()
    assert site.replicas() == 2


def test_a_start_without_a_key_of_its_own_does_not_go_on_from_what_nobody_signed(disputed: Site) -> None:
    site, signed = disputed, sign_all(disputed, steps=False)
    signed.push({PLAYBOOK: TWO})
    site.problem("p1", "Response time degradation")
    whole = unpoliced(site)
    with site.loop() as loose:
        loose.tick()
    site.config.write_text(whole)
    made = len(site.events())
    with site.loop() as strict:
        strict.tick()
        assert "was it nobody who counts that signed" in strict.conditions["production"]
    assert len(site.events()) == made


def test_a_stage_with_a_history_takes_the_policy_up_and_goes_on(site: Site) -> None:
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
    signed = sign_all(site)
    site.later()
    with site.loop() as loop:
        loop.tick()
        assert dict(loop.conditions) == {}
        signed.push({PLAYBOOK: TWO})
        loop.tick()
        assert "production/unsigned" in loop.conditions
    assert "restored" not in site.events()
    assert check_agreement(site) == len(site.events())


def test_people_on_a_branch_of_their_own_are_judged_there(site: Site, signed: Signed, command: Command) -> None:
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    site.write("project.yaml", "name: sockshop\nstages: [production]\nopsBranch: ops/{stage}\n")
    with signed.signing(signed.theirs):
        git(site.clone, "commit", "-qam", "opsBranch")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "checkout", "-q", "production")
    good = git(site.remote, "rev-parse", "production")
    bad = signed.push({PLAYBOOK: TWO})
    git(site.clone, "checkout", "-q", "--orphan", "ops/production")
    git(site.clone, "rm", "-rfq", ".")
    site.write("ops/production/carts/problems/p1.yaml", "title: Response time degradation\nstate: open\n")
    git(site.clone, "add", "-A")
    git(site.clone, "commit", "-qm", "p1")
    git(site.clone, "push", "-q", "origin", "ops/production")
    with site.loop() as loop:
        loop.tick()
        assert bad[:12] in loop.conditions["production/unsigned"]
        assert site.replicas() == 2
        asked = "--format=%(trailers:key=Config,valueonly,separator=)"
        assert set(git(site.remote, "log", asked, "refs/heads/ops/production").split()) == {good}
    assert "all exact" in command("replay", "--repo", site.remote, "--stage", "production")


@pytest.mark.parametrize("who", ["a stranger", "the person"])
def test_who_merges_the_branch_into_own_work_signs_for_that_work(site: Site, signed: Signed, who: str) -> None:
    """The first parent of such a merge was never on the branch: the merge alone moved it."""
    site.problem("p1", "Unknown")
    with site.loop() as loop:
        loop.tick()
    git(site.clone, "fetch", "-q", "origin")
    root = git(site.clone, "rev-list", "--max-parents=0", "origin/production")
    git(site.clone, "checkout", "-q", "-B", "own", root)
    site.write(PLAYBOOK, TWO)
    git(site.clone, "commit", "-qam", "work that nobody signed")
    work = git(site.clone, "rev-parse", "HEAD")
    git(site.clone, "merge", "-q", "--no-commit", "--no-ff", "origin/production")
    key = signed.theirs if who == "the person" else make_key(site.folder, "stranger")
    stage = git(site.clone, "rev-parse", "origin/production")
    made = signed_commit(
        site.clone, git(site.clone, "write-tree"), key, work, stage, email="person@example.org"
    )  # fmt: skip
    git(site.clone, "push", "-q", "origin", f"{made}:refs/heads/production")
    with site.loop() as fresh:
        fresh.tick()
        assert ("production/unsigned" in fresh.conditions) == (who == "a stranger")
