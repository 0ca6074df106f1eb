"""Daemons over real Git, with a world in memory: what they push are true steps, made by `decide`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.decide.effects import due_effects
from reconciler.decide.engine import Decision, decide
from reconciler.decide.snapshot import Snapshot
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, ServicePath
from reconciler.model.step import Step
from reconciler.model.targets import Fact, Want
from reconciler.repo.mirror import Mirror
from reconciler.repo.stage import ProjectSettings, StageRepo, Tips
from reconciler.repo.steps import as_commit
from tests.decide.surroundings import Surroundings, by_exact_name
from tests.repo.branch import NOW, SETTINGS, STAGE
from tests.repo.conftest import PRODUCTION, Hub

PLAYBOOK = b"remediations:\n- name: slow\n  actions:\n  - {action: scaling, value: +1}\n"
OPS = "ops/production/carts"
OPS_REF = "refs/heads/ops/production"


def problem(name: str, service: str = "carts", state: str = "open") -> dict[str, bytes | None]:
    return {f"ops/production/{service}/problems/{name}.yaml": f"title: slow\nstate: {state}\n".encode()}


@dataclass
class Remote:
    """The remote and the world around it. ``projects`` are what the project said, by commit."""

    hub: Hub
    around: Surroundings = field(default_factory=Surroundings)
    projects: dict[CommitId, ProjectSettings] = field(default_factory=dict)
    project: CommitId = CommitId("d" * 40)
    now: Instant = Instant(NOW)
    apart: bool = False

    def settings_at(self, commit: CommitId) -> ProjectSettings | None:
        return self.projects.get(commit, SETTINGS if commit == "d" * 40 else None)

    def tips(self, mirror: Mirror) -> Tips:
        found = mirror.tips([PRODUCTION, OPS_REF])
        mirror.fetch(found)
        config = found[PRODUCTION]
        assert config is not None
        ops = found[OPS_REF] if self.apart else config
        return Tips(self.project, config, ops or config, fresh=ops is None)

    def land(self, steps: Iterable[Step], tips: Tips | None = None) -> list[CommitId]:
        """Push steps as reconciler does."""
        branch = "ops/production" if self.apart else "production"
        if tips is not None and tips.fresh:
            self.hub.point(tips.ops, branch)
        new = [as_commit(step) for step in steps]
        return [self.hub.land(each.files, branch, each.message) for each in new]


class Reader:
    """Somebody who follows the branch and writes nothing."""

    def __init__(self, remote: Remote, mirror: Mirror) -> None:
        self.remote = remote
        self.mirror = mirror
        self.repo = StageRepo(
            mirror, STAGE, remote.settings_at, own_branch=remote.apart, newer_config=lambda: self.tips().config
        )

    def tips(self) -> Tips:
        return self.remote.tips(self.mirror)

    def look(self) -> Snapshot:
        """Follow the branch to its tip."""
        self.repo.sync(self.tips())
        return self.repo.snapshot(self.settings())

    def settings(self) -> ProjectSettings:
        found = self.remote.settings_at(self.remote.project)
        assert found is not None
        return found

    def sequence(self) -> int:
        return self.look().stage.sequence

    def foreign(self, service: str = "carts") -> dict[str, str]:
        """Return what is foreign of a service, and how it differs."""
        return {each.path: each.change for each in self.look().services[ServicePath(service)].foreign}

    def values(self, service: str = "carts") -> list[object]:
        return [held.value for held in self.look().services[ServicePath(service)].desired.values()]


class Deciding(Reader):
    """A daemon: decides, pushes, applies. ``known`` False: it forgets at once that its steps are its own."""

    known = True

    def decide(self, facts: dict[Want, Fact], services: Iterable[str] | None = None) -> Decision:
        """Decide on the branch as it is, with what the world says."""
        snapshot = self.look()
        chosen = sorted(snapshot.services) if services is None else [ServicePath(each) for each in services]
        while True:
            decision = decide(snapshot, facts, self.remote.now, chosen)
            missing = decision.wants - facts.keys()
            if not missing:
                return decision
            came = {want: self.remote.around.observe(want) for want in missing}
            facts.update({**by_exact_name(came), **came})

    def tick(self, services: Iterable[str] | None = None, *, apply: bool = True) -> list[Step]:
        """Decide, push and apply until nothing is left to do now."""
        made: list[Step] = []
        facts: dict[Want, Fact] = {}
        tried: set[tuple[object, int]] = set()
        while True:
            decision = self.decide(facts, services)
            if decision.steps:
                commits = self.remote.land(decision.steps, self.repo.tips)
                if self.known:
                    self.repo.expect(commits)
                made += decision.steps
                continue
            snapshot = self.look()
            views = [snapshot.services[path] for path in sorted(snapshot.services)]
            due = [each for view in views for each in due_effects(snapshot.stage, view)]
            due = [each for each in due if (each.key, each.sequence) not in tried]
            if not due or not apply:
                return made
            for each in due:
                tried.add((each.key, each.sequence))
                facts[each.want] = self.remote.around.apply(each, f"{each.sequence:040x}")


def forged(step: Step, files: Mapping[str, bytes | None] | None = None, **changed: object) -> dict[str, bytes | None]:
    """Return the files of a step's commit with others besides."""
    return {**as_commit(step).files, **(files or {})}
