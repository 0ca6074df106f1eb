"""What holds at every moment of a simulation, and what holds at its end.

The names are those of docs/promises.md (I1 to I8); beside them: numbers and moments of steps, bounds, and that all is
over in the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from reconciler.daemon.asked import asked_of
from reconciler.daemon.proposals_heads import approved
from reconciler.decide.effects import effects_of
from reconciler.decide.policy import DEFAULT_BOUNDS
from reconciler.decide.snapshot import ServiceView, Snapshot
from reconciler.forge.telling import mark
from reconciler.model import canonical
from reconciler.model.command import load_command
from reconciler.model.desired import Desired, Key, load_desired
from reconciler.model.errors import UserError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.policy import load_service, load_stage
from reconciler.model.problem import Problem
from reconciler.model.targets import Target
from reconciler.repo.layout import ops_place
from reconciler.repo.mirror import PROPOSALS
from reconciler.repo.project import read_project, settings_at
from reconciler.repo.project_history import ProjectHistory
from reconciler.repo.replay import Part, Replay
from reconciler.repo.replay_chunks import _finished
from reconciler.repo.replay_findings import Kind
from reconciler.repo.replay_reading import order
from reconciler.repo.stage import ProjectSettings, StageRepo, Tips
from reconciler.repo.steps import Claimed, claimed
from tests.daemon.agreement import told
from tests.simulation.clocks import Waits
from tests.simulation.cluster import CONTROLLER, State, World, Write
from tests.simulation.daemons import Daemon
from tests.simulation.estate import PROJECT, Plan
from tests.simulation.forge import HEADS, Requests, changes
from tests.simulation.memory import MemoryMirror, MemoryOffline
from tests.simulation.objects import Objects
from tests.simulation.people import People
from tests.simulation.remote import HEAD, Move, Remote
from tests.simulation.walking import first_parents, ordered

_SKEW: Final = 30.0
"""Seconds by which an observation may be older than the decision that rests on it."""
_SLOWEST: Final = 180.0
"""Seconds that may lie between a decision and its push, where none is kept for a forge that is away."""
_TOLD: Final = frozenset({"drift", "conflict", "blind"})
"""Holds that tell of a field that is not as it is held."""
_IDLE: Final = frozenset({"suspended", "shadow"})
"""Holds of a stage that repairs nothing."""


class Broken(AssertionError):  # noqa: N818  what is broken is no error by itself
    """Something that must hold does not."""


class Checks:
    """Looks at every move of the remote and at every write, as it happens."""

    def __init__(self, plan: Plan, remote: Remote, world: World, requests: Requests) -> None:
        self._plan = plan
        self._remote = remote
        self._world = world
        self._requests = requests
        self._stages = {plan.ops_ref(stage): StageName(stage) for stage in plan.stages}
        self.steps = 0
        self.decided = 0
        self.daemons: Mapping[str, Daemon] = {}
        self._waits = Waits()

    # As it happens

    def moved(self, move: Move) -> None:
        """Look at what a push has brought."""
        if move.who == "people":
            return
        objects = self._remote.objects
        if move.ref.startswith(PROPOSALS) and self._plan.proposes:
            self._proposed(objects, move)
            return
        if move.new is None:
            raise Broken(f"I4: {move.who} took {move.ref} away")
        if move.old is not None and not objects.descends(move.new, move.old):
            raise Broken(f"I4: {move.who} rewrote {move.ref}: {move.old} -> {move.new}")
        stage = self._stages.get(move.ref)
        if stage is None:
            raise Broken(f"I4: {move.who} pushed to {move.ref}")
        for commit in reversed(list(self._new(objects, move))):
            claim = claimed(objects.commit(commit), stage)
            if claim is not None:
                self._step(objects, claim, move)
            elif len(objects.commit(commit).parents) == 1:
                self._answered(objects, commit, stage, move.who)

    def _proposed(self, objects: Objects, move: Move) -> None:
        """A branch of a proposal is made or taken away, and holds one file that approves, on a commit of its stage."""
        if move.new is None:
            return
        stage = move.ref.removeprefix(PROPOSALS).partition("/")[0]
        (parent,) = objects.commit(move.new).parents
        added = changes(objects, parent, move.new)
        ((path, item),) = added.items()
        verb = load_command(objects.get(item[1], "blob"), path.decode()).verb if item is not None else ""
        place = ops_place(path.decode(), StageName(stage))
        if move.old is not None or verb != "approve" or place is None or not place.rest.startswith("commands/"):
            raise Broken(f"I4: {move.who} pushed {added} to {move.ref}")
        if parent not in self._remote.ever.get(self._plan.ops_ref(stage), ()):
            raise Broken(f"{move.who} proposed on {parent}, which was never on {stage}")

    def _answered(self, objects: Objects, commit: str, stage: StageName, who: str) -> None:
        """Nobody but a person approves, and a `decline` is that of a person who closed a pull request."""
        for path, item in changes(objects, objects.commit(commit).parents[0], commit).items():
            if b"/commands/" not in path or item is None:
                continue
            said = load_command(objects.get(item[1], "blob"), path.decode())
            branch = f"{PROPOSALS.removeprefix(HEADS)}{stage}/{said.remediation}-{said.step:02d}"
            closed = [pull for pull in self._requests.pulls if pull.number in self._requests.declined]
            if said.verb != "decline" or not any(pull.branch.startswith(branch) for pull in closed):
                raise Broken(f"{who} wrote {path!r}: {said}, which nobody has said")

    def _new(self, objects: Objects, move: Move) -> Iterator[str]:
        """Yield what a push has brought, the newest first."""
        if move.old is not None and len(objects.commit(move.new or "").parents) > 1:
            known = objects.ancestry(move.old)
            yield from (each for each in ordered(objects, move.new or "") if each not in known)
            return
        current: str | None = move.new
        while current is not None and current != move.old:
            yield current
            parents = objects.commit(current).parents
            if len(parents) > 1 or (move.old is None and current in self._remote.ever.get(HEAD, ())):
                return
            current = parents[0] if parents else None
            if move.old is None and current is not None and not _is_ours(objects, current):
                return

    def _step(self, objects: Objects, claim: Claimed, move: Move) -> None:
        self.steps += 1
        self.decided += claim.event == "decided"
        before = self._before(objects, claim)
        if before is not None:
            if claim.event != "rewritten" and claim.sequence != before.sequence + 1:
                raise Broken(f"step {claim.sequence} ({claim.commit[:8]}) follows step {before.sequence}")
            if claim.sequence <= before.sequence:
                raise Broken(f"step {claim.sequence} after {before.sequence}: a number was used twice")
            if claim.now < before.now:
                raise Broken(f"Now: went back from {before.now} to {claim.now} at step {claim.sequence}")
        data = self._data(objects, claim) if claim.event in ("decided", "applied", "evaluated", "released") else {}
        slowest = math.inf if self._plan.proceeds else _SLOWEST
        clock = self.daemons[move.who].clock
        decided = clock.moments(claim.now, move.at - slowest, move.at)
        early = self._waits.early(claim, data, clock, decided, move.at, lambda each: objects.commit(each).parents)
        if early:
            raise Broken(f"{move.who} evaluated {early:.0f} s too early at step {claim.sequence}")
        if claim.event == "decided":
            self._founded(claim, data, move, min(decided, default=move.at - slowest))

    def _data(self, objects: Objects, claim: Claimed) -> Mapping[str, Any]:
        name = f"-{claim.event}.yaml".encode()
        content = next(objects.get(blob, "blob") for path, _, blob in _changed(objects, claim) if path.endswith(name))
        return canonical.read(content, claim.event)

    def _before(self, objects: Objects, claim: Claimed) -> Claimed | None:
        """Return the newest of the steps that a step stands on, as far as it is ours."""
        parents = claim.info.parents
        while len(parents) == 1:
            info = objects.commit(parents[0])
            found = claimed(info, claim.stage) if _is_ours(objects, info.id) else None
            if found is not None:
                return found
            parents = info.parents
        return None

    def _founded(self, claim: Claimed, data: Mapping[str, Any], move: Move, decided: float) -> None:
        """I8: whoever decides has just seen what it decides about."""
        for want, fact in data.get("facts", {}).items():
            if fact.get("kind") not in ("workload", "flag", "template"):
                continue
            looks, target = self._world.looks, str(Target(**fact["target"]))
            seen = [*looks.get((move.who, want), ()), *looks.get((move.who, target), ())]
            if not any(decided - _SKEW <= when <= move.at for when in seen):
                raise Broken(f"I8: {move.who} decided step {claim.sequence} on {want}, which it had not seen")

    def written(self, write: Write) -> None:
        """Look at a write before it is done: I2 and I3."""
        effect = write.effect
        mark = effect.mark
        stage = mark.stage.rpartition("/")[2]
        ref = self._plan.ops_ref(stage)
        objects = self._source(write, ref)
        if not self._is_decided(objects, write, stage):
            raise Broken(f"I3: {write.by} wrote {effect.target} {effect.value}, which {mark.commit} does not say")
        newer = dict(write.before.fences).get(effect.field, 0) > mark.sequence and _same_stage(write.before, write)
        if newer and effect.target.kind != "Flag":
            raise Broken(f"{write.by} wrote step {mark.sequence} over step {write.before.fences}")
        twice = [
            each for each in self._world.writes
            if (each.effect.target, each.effect.field, each.effect.mark) == (effect.target, effect.field, mark)
        ]  # fmt: skip
        if twice and write.before.replicas == write.after.replicas and effect.target.kind != "Flag":
            raise Broken(f"I2: {write.by} wrote {effect.target} {effect.value} once more for step {mark.sequence}")
        if twice and effect.field == "restartedAt":
            raise Broken(f"I2: {write.by} restarted {effect.target} once more for step {mark.sequence}")

    def _source(self, write: Write, ref: str) -> Objects:
        """Return where the step behind a write is: on the remote, or on the disk of whoever goes on without it."""
        commit = write.effect.mark.commit
        if commit in self._remote.ever.get(ref, ()):
            return self._remote.objects
        disk = self.daemons[write.by].disk
        if self._plan.proceeds and any(disk.objects.descends(tip, commit) for tip in disk.kept()):
            return disk.objects
        raise Broken(f"I3: {write.by} wrote {write.effect.target} for {commit}, which is on no branch")

    def _is_decided(self, objects: Objects, write: Write, stage: str) -> bool:
        effect = write.effect
        commit = effect.mark.commit
        claim = claimed(objects.commit(commit), StageName(stage))
        if claim is None or claim.sequence != effect.mark.sequence:
            return False
        if effect.field == "restartedAt":
            said = (objects.get(blob, "blob") for _, _, blob in _changed(objects, claim))
            return any(str(effect.value).encode() in each for each in said)
        for path, desired in _desired(objects, commit, stage):
            held = desired.get((effect.target, effect.field))
            if held is not None and held.sequence == effect.mark.sequence:
                return held.value == effect.value and (bool(held.claims) or effect.mark.released) and bool(path)
        return False

    # In the end

    def kept(self, people: People) -> None:
        """I1 and I4: everything that was accepted is there."""
        objects = self._remote.objects
        for ref, commits in people.accepted.commits.items():
            lost = commits - objects.ancestry(self._remote.refs[ref]).keys()
            if lost:
                raise Broken(f"I4: dropped from {ref}: {lost}")
        for ref, path in people.accepted.problems:
            if objects.item_at(self._remote.refs[ref], path) is None:
                raise Broken(f"I1: {path} is not on {ref}")

    def bounded(self) -> None:
        """No decision asks for more than the files that it was made on allow."""
        for ref, stage in self._stages.items():
            objects = self._remote.objects
            for commit in objects.ancestry(self._remote.refs[ref]) if ref in self._remote.refs else ():
                claim = claimed(objects.commit(commit), stage) if _is_ours(objects, commit) else None
                if claim is None or claim.event != "decided":
                    continue
                for path, desired in _desired(objects, commit, stage):
                    service = path.removesuffix("/state/desired.yaml")
                    for key, held in desired.items():
                        if held.sequence == claim.sequence and key[1] == "replicas":
                            self._within(objects, claim, service, key, int(held.base), int(held.value))

    def _within(self, objects: Objects, claim: Claimed, service: str, key: Key, base: int, value: int) -> None:
        most = DEFAULT_BOUNDS.maximum or 0
        for path, load in ((f"{service}/service.yaml", load_service), ("stage.yaml", load_stage)):
            text = objects.file(claim.config, path)
            try:
                found = load(text, path).bounds.maximum if text is not None else None
            except UserError:
                return
            if found is not None:
                most = found
                break
        if value > max(most, base):
            raise Broken(f"step {claim.sequence} sets {key[0]} to {value}, and at most {most} are allowed")


class Judge:
    """Somebody who comes when all is over, with nothing but the remote and the world."""

    def __init__(self, plan: Plan, remote: Remote, world: World, requests: Requests) -> None:
        self._plan = plan
        self._remote = remote
        self._world = world
        self._requests = requests

    def reader(self, stage: str) -> Reader:
        return Reader(self._plan, self._remote, stage)

    def unfinished(self) -> list[str]:
        """Return what is not over yet, in words; empty where everything is."""
        found: list[str] = []
        for stage in self._plan.stages:
            if self._plan.ops_ref(stage) in self._remote.refs:
                snapshot = self.reader(stage).newest()
                found += [f"{stage}: {each}" for each in self._open_ends(snapshot)]
                if self._plan.proposes:
                    found += [f"{stage}: {each}" for each in self._unproposed(stage, snapshot)]
        return found

    def _unproposed(self, stage: str, snapshot: Snapshot) -> Iterator[str]:
        """Tell what people are asked and not shown, and what they are shown and not asked."""
        refs, ops = self._remote.refs, self._plan.ops_ref(stage)
        mirror, name, tip = MemoryMirror(self._remote, shared=True), StageName(stage), CommitId(self._remote.refs[ops])
        asked = [
            each for view in snapshot.services.values() for each in asked_of(name, view)
            if not approved(mirror, tip, each)
        ]  # fmt: skip
        shown = {
            pull.branch: pull for pull in self._requests.all("open") if f"{HEADS}{pull.base}" == ops
        }  # fmt: skip
        there = {ref.removeprefix(HEADS) for ref in refs if ref.startswith(f"{PROPOSALS}{stage}/")}
        for each in asked:
            own = mark(each.proposal.effect, each.expires)
            if not any(branch in shown and own in shown[branch].body for branch in there & {*each.branches}):
                yield f"{each.service}: {each.remediation}-{each.number:02d} is asked and no pull request shows it"
        wanted = {branch for each in asked for branch in each.branches}
        for branch in sorted((there | shown.keys()) - wanted):
            yield f"{branch} is shown and not asked"

    def _open_ends(self, snapshot: Snapshot) -> Iterator[str]:
        if snapshot.stage.foreign:
            yield f"{[each.path for each in snapshot.stage.foreign]} are not put back"
        for view in snapshot.services.values():
            if view.foreign:
                yield f"{[each.path for each in view.foreign]} are not put back"
            for each in view.remediations.values():
                if not each.ended and each.phase not in ("held", "refused"):
                    yield f"{view.path}: {each.id} is {each.phase} since step {each.sequence}"
                if each.hold is not None and not (each.hold.condition and each.hold.lifts):
                    yield f"{view.path}: {each.id} is held for no reason"
                if each.pending and each.hold is None and effects_of(snapshot.stage, view, each):
                    yield f"{view.path}: {each.id} is not seen in the world yet"
            known = {problem.id for each in view.remediations.values() for problem in each.problems}
            for name, file in view.problems.items():
                if isinstance(file.problem, Problem) and file.problem.state == "open" and name not in known:
                    yield f"{view.path}: nothing was done about {name}"
            yield from self._differing(snapshot, view)

    def _differing(self, snapshot: Snapshot, view: ServiceView) -> Iterator[str]:
        """Tell what the world has otherwise than it is held, unless somebody has been told to look at it.

        Drift that is only reported is not told of a second time where a remediation waits already.
        """
        stopped = {each.hold.condition for each in view.remediations.values() if each.hold is not None}
        for key, held in view.desired.items():
            state = self._world.states.get(f"{key[0].scope}/{key[0].name}")
            live = None if state is None else bool(state.replicas) if key[1] == "enabled" else state.replicas
            repaired = state is not None and state.manager == CONTROLLER and not stopped & _IDLE
            if live != held.value and not stopped & _TOLD and (repaired or not stopped):
                yield f"{key[0]} {key[1]} is {live} and {held.value} is held"

    def agrees(self) -> None:
        """I6: who followed from the beginning and who has just come see the same."""
        for stage in self._plan.stages:
            ref = self._plan.ops_ref(stage)
            if ref not in self._remote.refs:
                continue
            warm, cold = self.reader(stage), self.reader(stage)
            for commit in reversed(list(first_parents(self._remote.objects, self._remote.refs[ref]))):
                warm.at(commit)
            if told(warm.newest()) != told(cold.newest()):
                raise Broken(f"I6: who has followed {stage} sees something else than who has just come")

    def replays(self) -> None:
        """Every step of the history is decided again and comes out as it is."""
        for stage in self._plan.stages:
            ref = self._plan.ops_ref(stage)
            if ref not in self._remote.refs:
                continue
            mirror, offline = MemoryMirror(self._remote, shared=True), MemoryOffline(self._remote.objects)
            tip, project = CommitId(self._remote.refs[ref]), CommitId(self._remote.refs[HEAD])
            config = CommitId(self._remote.refs[self._plan.config_ref(stage)]) if self._plan.apart else None
            part = Part(StageName(stage), tip, project, config, None, order(offline, tip, None))
            settings = partial(_settings, mirror, stage)
            done = _finished(Replay(offline, mirror, part, settings, lambda _: None).run(whole=True).replayed)
            wrong = [each for each in done.findings if each.error and each.kind != Kind.FOREIGN]
            if wrong:
                raise Broken(f"replay of {stage}: " + "; ".join(str(each) for each in wrong[:3]))


class Reader:
    """Somebody who reads a stage without ever writing."""

    def __init__(self, plan: Plan, remote: Remote, stage: str) -> None:
        mirror = MemoryMirror(remote, shared=True)
        self._project = read_project(mirror, ProjectName(PROJECT))
        self._plan, self._remote, self._stage = plan, remote, stage
        refs = next(each for each in self._project.stages if each.name == stage)
        history = ProjectHistory(mirror, self._project.name, lambda: self._project.commit, lambda: None)
        self.repo = StageRepo(mirror, refs.name, partial(history.settings, refs.name), own_branch=plan.apart)
        self._settings = self._project.settings(refs)

    def at(self, commit: str) -> Snapshot:
        config = self._remote.refs[self._plan.config_ref(self._stage)] if self._plan.apart else commit
        self.repo.sync(Tips(self._project.commit, CommitId(config), CommitId(commit)))
        return self.repo.snapshot(self._settings)

    def newest(self) -> Snapshot:
        return self.at(self._remote.refs[self._plan.ops_ref(self._stage)])


def _desired(objects: Objects, commit: str, stage: str) -> Iterator[tuple[str, Desired]]:
    item = objects.item_at(commit, f"ops/{stage}")
    for path, _, blob in objects.files(item[1]) if item is not None else ():
        if path.endswith(b"/state/desired.yaml"):
            try:
                yield path.decode(), load_desired(objects.get(blob, "blob"), path.decode())
            except UserError:
                continue  # a person has changed it, and a step puts it back


def _settings(mirror: MemoryMirror, stage: str, commit: CommitId) -> ProjectSettings | None:
    return settings_at(mirror, commit, ProjectName(PROJECT), StageName(stage))


def _is_ours(objects: Objects, commit: str) -> bool:
    return objects.commit(commit).author.name == "reconciler"


def _same_stage(state: State, write: Write) -> bool:
    return state.mark is not None and state.mark.stage == write.effect.mark.stage


def _changed(objects: Objects, claim: Claimed) -> Iterator[tuple[bytes, str, str]]:
    parents = claim.info.parents
    before = set(objects.files(objects.commit(parents[0]).tree)) if parents else set()
    return (each for each in objects.files(claim.info.tree) if each not in before)
