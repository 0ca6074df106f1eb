"""With a key of ours only what we signed is a step: whatever else has a step's form is somebody's change."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.service import opened, read_config
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.model.names import CommitId, ProjectName
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Entry
from tests.daemon.signing_site import PERSON, TWO, Signed, sign_all
from tests.daemon.site import SCALING, Site, deployment, git
from tests.repo.signing_keys import OURS, allow, make_key

PLAYBOOK = "carts/remediation.yaml"


@pytest.fixture
def disputed(tmp_path: Path) -> Iterator[Site]:
    """A site of which those who do not judge signatures come to believe something else for a while."""
    with EmbeddedCluster() as cluster:
        yield Site(tmp_path, cluster)


@contextmanager
def another(
    site: Site, edit: Callable[[str], str] = str, name: str = "another", project: str = "sockshop"
) -> Iterator[ProjectLoop]:
    """Open the loop of another daemon, with a changed configuration and a disk of its own."""
    path = site.folder / f"{name}.yaml"
    path.write_text(edit(site.config.read_text()).replace("stateDir: state", f"stateDir: state-{name}"))
    with opened(read_config(path), ProjectName(project), structlog.get_logger(), clock=site.clock) as loop:
        yield loop


def unpoliced(text: str) -> str:
    return re.sub(r"    signing: .*\n", "", text)


def steps_of_ours(site: Site, count: int) -> None:
    for number in range(count):
        site.problem(f"r{number}", "unknown")
        with site.loop() as loop:
            loop.tick()


def check_fresh(site: Site) -> None:
    """Check that who starts with nothing goes on from the same steps."""
    with another(site, name="fresh") as fresh:
        assert "restored" not in [step.event for step in fresh.tick()]
        assert set(fresh.conditions) == {"production/unsigned"}


def test_forged_steps_do_not_hold_a_fresh_stage(disputed: Site) -> None:
    site, signed = disputed, sign_all(disputed)
    good = git(site.remote, "rev-parse", "production")
    signed.push({PLAYBOOK: TWO})
    site.problem("p1", "Response time degradation")
    with another(site, unpoliced) as loose:
        loose.tick()
    with site.loop() as loop:
        loop.tick()
        assert f"files of {good[:12]} are in force" in loop.conditions["production/unsigned"]
        assert set(loop.conditions) == {"production/unsigned"}
    assert "restored" in site.events()
    check_fresh(site)


@pytest.mark.parametrize("count", [3, 20])
@pytest.mark.parametrize("running", [True, False])
def test_forged_steps_do_not_hold_a_stage_with_a_history(disputed: Site, count: int, running: bool) -> None:
    site, signed = disputed, sign_all(disputed)
    steps_of_ours(site, 2)
    with site.loop() as loop:
        if running:
            loop.tick()
        signed.push({PLAYBOOK: TWO})
        for number in range(count):
            site.problem(f"f{number}", "unknown")
        with another(site, unpoliced) as loose:
            loose.tick()
        loop.tick()
        loop.tick()
        assert set(loop.conditions) == {"production/unsigned"}
    assert "restored" in site.events()
    check_fresh(site)


@pytest.mark.parametrize("running", [True, False])
def test_facts_that_somebody_invented_are_not_acted_upon(disputed: Site, running: bool) -> None:
    """The invented workload has 8 replicas; the forged decision on them replays, and is nobody's."""
    site = disputed
    sign_all(site)
    with EmbeddedCluster() as fake:
        fake.now = site.cluster.now
        fake.write_kubeconfig(site.folder / "fakekube")
        workload = deployment("carts-primary")
        workload["spec"]["replicas"] = 8
        fake.create(workload)

        def forger(text: str) -> str:
            return unpoliced(text).replace("kubeconfig: kubeconfig", "kubeconfig: fakekube")

        with site.loop() as loop:
            if running:
                loop.tick()
            site.problem("p1", "Response time degradation")
            with another(site, forger) as bad:
                bad.tick()
            assert "decided" in site.events()
            loop.tick()
            loop.tick()
            assert dict(loop.conditions) == {}
    assert site.replicas() == 2


class Trial:
    """A copy of the repository for trials, served with the same key of ours, where Mallory may sign."""

    def __init__(self, site: Site, signed: Signed, name: str) -> None:
        self.site, self.name = site, name
        self.remote, self.clone = site.folder / "trial.git", site.folder / "trial"
        mallory = make_key(site.folder, "mallory")
        allow(site.folder / "allowed-trial", (OURS, signed.ours), (PERSON, mallory))
        self.mallory = mallory

    def _edit(self, text: str) -> str:
        text = text.replace("remote.git", "trial.git").replace(
            "allowedSigners: allowed", "allowedSigners: allowed-trial"
        )
        main = git(self.remote, "rev-parse", "main")
        text = re.sub(r"signedSince: \[[0-9a-f]+", f"signedSince: [{main}", text)
        return text.replace("  sockshop:", f"  {self.name}:")

    def live(self, pushes: int) -> None:
        git(self.site.folder, "clone", "-q", str(self.remote), str(self.clone))
        if self.name != "sockshop":
            git(self.clone, "checkout", "-q", "main")
            (self.clone / "project.yaml").write_text(f"name: {self.name}\nstages: [production]\n")
            git(self.clone, "commit", "-qam", "a name")
            git(self.clone, "push", "-q", "origin", "main")
        git(self.clone, "checkout", "-q", "production")
        for setting in (("gpg.format", "ssh"), ("user.signingKey", str(self.mallory.private))):
            git(self.clone, "config", *setting)
        (self.clone / PLAYBOOK).write_text(SCALING.replace("+1", "+7"))
        git(self.clone, "commit", "-q", "-a", "-S", "-m", "a playbook for trials")
        for push in range(pushes):
            for number in range(4):
                file = self.clone / f"ops/production/carts/problems/t{push}{number}.yaml"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("title: unknown thing\nstate: open\n")
            git(self.clone, "add", "-A")
            git(self.clone, "commit", "-qm", "problems")
            git(self.clone, "push", "-q", "origin", "HEAD:production")
            with another(self.site, self._edit, "trial", self.name) as loop:
                loop.tick()
                assert dict(loop.conditions) == {}
            git(self.clone, "pull", "-q", "--rebase", "origin", "production")

    def merge_into(self, site: Site, how: str) -> str:
        """Let Mallory, who may push there, merge the trial's stage into the real one and take all that it has."""
        git(self.clone, "fetch", "-q", str(site.remote), "production:real")
        tree = git(self.clone, "rev-parse", "HEAD^{tree}")
        one, other = ("real", "HEAD") if how == "merge" else ("HEAD", "real")
        made = git(self.clone, "commit-tree", tree, "-p", one, "-p", other, "-m", "a merge")
        git(self.clone, "push", "-q", str(site.remote), f"{made}:refs/heads/production")
        git(site.clone, "fetch", "-q", "origin")
        git(site.clone, "checkout", "-q", "-B", "production", "origin/production")
        return made


@pytest.mark.parametrize("how", ["merge", "foxtrot"])
@pytest.mark.parametrize(("name", "running"), [("sockshop", True), ("sockshop", False), ("trial", False)])
def test_another_repository_of_the_same_key_does_not_take_the_stage_over(
    disputed: Site, how: str, name: str, running: bool
) -> None:
    site = disputed
    shutil.copytree(site.remote, site.folder / "trial.git")
    signed = sign_all(site)
    trial = Trial(site, signed, name)
    steps_of_ours(site, 2)
    made = len(site.events())
    trial.live(5)
    with site.loop() as loop:
        if running:
            loop.tick()
        merge = trial.merge_into(site, how)
        site.problem("p1", "Response time degradation")
        for _ in range(3):
            loop.tick()
        assert set(loop.conditions) == {"production/unsigned"}
    assert site.replicas() == 2
    asked = "--format=%(trailers:key=Sequence,valueonly,separator=)"
    numbers = git(site.remote, "log", "--reverse", asked, f"{merge}..production").split()
    assert int(numbers[0]) == made + 1


@pytest.mark.parametrize("how", ["merge", "foxtrot"])
@pytest.mark.parametrize("running", [True, False])
def test_what_another_repository_added_to_our_steps_holds_the_stage_until_somebody_signs(
    disputed: Site, how: str, running: bool
) -> None:
    """The copy was made of all that there is, so that its steps follow ours; nobody here signed for their files."""
    site = disputed
    signed = sign_all(site)
    steps_of_ours(site, 2)
    shutil.copytree(site.remote, site.folder / "trial.git")
    trial = Trial(site, signed, "sockshop")
    real = git(site.remote, "rev-parse", "production")
    trial.live(5)
    with site.loop() as loop:
        if running:
            loop.tick()
        merge = trial.merge_into(site, how)
        loop.tick()
        assert "may be another repository's" in loop.conditions["production"]
        git(site.clone, "checkout", "-q", "--detach", real)
        with signed.signing(signed.theirs):
            git(site.clone, "merge", "-q", "-s", "ours", "-S", "-m", "ours", merge)
        git(site.clone, "push", "-q", "origin", "HEAD:refs/heads/production")
        git(site.clone, "checkout", "-q", "-B", "production", "HEAD")
        site.problem("p1", "Response time degradation")
        loop.unblock()
        loop.tick()
        assert dict(loop.conditions) == {}
        assert site.replicas() == 2
    with another(site, name="fresh") as fresh:
        fresh.tick()
        assert dict(fresh.conditions) == {}


def test_our_own_key_has_to_be_allowed_before_anything_is_decided(site: Site) -> None:
    signed = sign_all(site)
    signed.allow((PERSON, signed.theirs))
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        assert "reconciler's own key does not count" in loop.conditions["production"]
    assert site.events() == []


def test_a_stage_whose_steps_a_former_key_signed_is_held_rather_than_begun_anew(site: Site) -> None:
    signed = sign_all(site)
    steps_of_ours(site, 2)
    made = site.events()
    make_key(site.folder, "next")
    for end in ("", ".pub"):
        shutil.copy(site.folder / f"next{end}", site.folder / f"ours{end}")
    signed.allow((OURS, signed.ours), (PERSON, signed.theirs))
    with site.loop() as loop:
        loop.tick()
        assert "no step of production is signed by a key that is allowed" in loop.conditions["production"]
    assert site.events() == made


def test_a_held_stage_is_not_listed_anew_at_each_look(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    text = site.config.read_text()
    sign_all(site)
    site.config.write_text(re.sub(r", signedSince: \[[^]]*\]", "", site.config.read_text()))
    assert text != site.config.read_text()
    listed: list[str] = []
    entries = Mirror.entries

    def counted(mirror: Mirror, commit: CommitId, under: str = "") -> Iterator[Entry]:
        listed.append(commit)
        return entries(mirror, commit, under)

    monkeypatch.setattr(Mirror, "entries", counted)
    with site.loop() as loop:
        loop.tick()
        count = len(listed)
        loop.unblock()
        loop.tick()
        assert len(listed) == count
