"""A stage without Git: files in, steps and effects out, and everything that must hold of every step checked on the way.

Files go through the loaders and the folding that read a branch, so every look at the stage is what a daemon that was
just started would see. `tick` is one pass of the engine: decide, commit, apply, and decide again on what came of it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from jsonschema import Draft202012Validator

from reconciler.decide.claims import want_of
from reconciler.decide.draft import RULES
from reconciler.decide.effects import Due, due_effects
from reconciler.decide.engine import Decision, decide
from reconciler.decide.policy import DEFAULT_WAIT, over
from reconciler.decide.remediation import Remediation
from reconciler.decide.replay import redo
from reconciler.decide.snapshot import FAR, FileRef, Rewritten, ServiceView, Shelves, Snapshot, Stage
from reconciler.model.desired import Desired, Key
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant
from reconciler.model.measures import MeasuresFact
from reconciler.model.names import CommitId, ProjectName, RemediationId, ServicePath
from reconciler.model.policy import Mode, StageConfig
from reconciler.model.step import EVENTS, Step, load_step, render_file, trailers
from reconciler.model.targets import (
    CallFact,
    Fact,
    Mark,
    NoFact,
    Trouble,
    Want,
)
from reconciler.repo.index import Moved, StageIndex, Stored
from reconciler.repo.layout import ops_place, ops_prefix
from reconciler.repo.pins import PinReader
from reconciler.repo.tally import Tally
from reconciler.repo.views import Views
from tests.decide.files import PLAYBOOK, SLO, STAGE, Blobs, is_machine, quoted
from tests.decide.surroundings import Surroundings, by_exact_name

START = Instant(1_795_000_000)
Files = dict[str, bytes]
STEP_SCHEMA = Draft202012Validator(json.loads((Path(__file__).parents[2] / "schemas/step.schema.json").read_text()))


class World:
    """One stage, `production` of `sockshop`, with the service `carts`, whose deployment is `carts-primary`."""

    def __init__(self, playbook: str | None = PLAYBOOK) -> None:
        self.files: Files = {}
        self.trusted: Files = {}
        self.now = START
        self.sequence = 0
        self.floor = Instant(0)
        self.around = Surroundings()
        self.steps: list[Step] = []
        self.due: Instant | None = None
        self.rewritten: Rewritten | None = None
        self.implied_mode: Mode | None = None
        self.timers = True
        self.alone = False
        self.arrived: dict[str, Instant] = {}
        self._commits = 0
        self._commands = 0
        self._version = 0
        self._seen: tuple[object, Snapshot] | None = None
        self._blobs = Blobs()
        self._views = Views(StageIndex(STAGE), self._blobs)
        self._pins = PinReader(self._blobs.known_blobs)
        if playbook is not None:
            self.push({"carts/remediation.yaml": playbook})

    # what people and monitoring do

    def push(self, files: Mapping[str, str | bytes | None], author: str = "Ann") -> str:
        """Commit files (None deletes) as somebody. Returns the commit."""
        self._commits += 1
        self._version += 1
        commit = f"{self._commits:07x}"
        for path, content in files.items():
            self._blobs.authors[path] = (author, CommitId(commit))
            written = content.encode() if isinstance(content, str) else content
            if written is None:
                self.files.pop(path, None)
            elif self.files.get(path) != written:
                self.files[path], self.arrived[path] = written, self.now
        return commit

    def open(self, problem: str, title: str = "Response time degradation", service: str = "carts", **more: str) -> None:
        """Report a problem as open."""
        self._problem(problem, {"title": title, "state": "open", **more}, service)

    def resolve(self, problem: str, title: str = "Response time degradation", service: str = "carts") -> None:
        """Report a problem as resolved."""
        self._problem(problem, {"title": title, "state": "resolved"}, service)

    def over(self, *problems: str, title: str = "Response time degradation", service: str = "carts") -> list[Step]:
        """Report problems as resolved, let the wait for their actions go by, and look. Returns the steps made."""
        for problem in problems:
            self.resolve(problem, title, service)
        return self.waited()

    def waited(self, seconds: int = DEFAULT_WAIT) -> list[Step]:
        """Let the wait for an action go by, the default one unless told otherwise, and look. Returns the steps."""
        self.later(seconds)
        return self.tick()

    def objectives(self, text: str | None = SLO, service: str = "carts") -> None:
        """Push `slo.yaml`: the 90th percentile is to stay below 100, and below 200 is a warning. Values: `around`."""
        self.push({f"{service}/slo.yaml": text})

    def delete(self, problem: str, service: str = "carts") -> None:
        """Delete a problem's file."""
        self.push({self.problem_path(problem, service): None})

    def _problem(self, problem: str, data: Mapping[str, str], service: str) -> None:
        text = "".join(f"{key}: {quoted(value)}\n" for key, value in data.items())
        self.push({self.problem_path(problem, service): text}, "monitoring")

    @staticmethod
    def problem_path(problem: str, service: str = "carts") -> str:
        return f"ops/{STAGE}/{service}/problems/{problem}.yaml"

    def command(
        self, verb: str, remediation: str = "", step: int = 0, service: str = "carts", author: str = "Bea", **more: str
    ) -> str:
        """Push a command file. Returns its path."""
        self._commands += 1
        about = f"-{remediation}-{step:02d}" if remediation else ""
        here = f"ops/{STAGE}/{service}" if service else f"ops/{STAGE}"
        path = f"{here}/commands/20261121T{self._commands:06d}Z-{verb}{about}.yaml"
        data: dict[str, str | int] = {"verb": verb}
        data |= {"remediation": remediation} if remediation else {}
        data |= {"step": step} if step else {}
        self.push({path: "".join(f"{key}: {value}\n" for key, value in {**data, **more}.items())}, author)
        return path

    def stage_yaml(self, text: str | None) -> None:
        """Push `stage.yaml`."""
        self.push({"stage.yaml": text})

    def service_yaml(self, text: str | None, service: str = "carts") -> None:
        """Push `service.yaml`."""
        self.push({f"{service}/service.yaml": text})

    def playbook(self, text: str | None, service: str = "carts") -> None:
        """Push `remediation.yaml`."""
        self.push({f"{service}/remediation.yaml": text})

    def revert(self, remediation: str, number: int, author: str = "Ann") -> str:
        """`git revert` a step's commit: its file goes, the files that it changed are as before it."""
        path = next(p for p in self.files if f"/remediations/{remediation}/{number:02d}-" in p)
        index = next(i for i, step in enumerate(self.steps) if step.path == path)
        back: dict[str, bytes | None] = {path: None}
        for changed in self.steps[index].files:
            earlier = [step.files[changed] for step in self.steps[:index] if changed in step.files]
            back[changed] = earlier[-1] if earlier else None
        return self.push(back, author)

    def blind(self, server: str = "kubernetes", trouble: Trouble = "blind") -> None:
        """Let a server, a workload or a flag not be seen."""
        self.around.troubles[server] = NoFact(trouble, f"{server} does not answer")

    def see_again(self) -> None:
        """Let everything be seen again."""
        self.around.troubles.clear()

    def later(self, seconds: int) -> None:
        """Let time go by."""
        self.now = Instant(self.now + seconds)

    # what is there

    def services(self) -> list[ServicePath]:
        return sorted(self.snapshot().services)

    def view(self, service: str = "carts") -> ServiceView:
        return self.snapshot().services[ServicePath(service)]

    def remediation(self, name: str, service: str = "carts") -> Remediation:
        return self.view(service).remediations[RemediationId(name)]

    def desired(self, service: str = "carts") -> Desired:
        return self.view(service).desired

    def values(self, service: str = "carts") -> dict[str, object]:
        """Return what is held, by the target's name; fields that are being given back are left out."""
        return {key[0].name: held.value for key, held in self.desired(service).items() if held.claims}

    def events(self, remediation: str, service: str = "carts") -> list[str]:
        """Return the events of a remediation's step files, in the order of their numbers."""
        prefix = f"ops/{STAGE}/{service}/remediations/{remediation}/"
        names = [path.removeprefix(prefix).removesuffix(".yaml") for path in self.files if path.startswith(prefix)]
        return [name.partition("-")[2] for name in sorted(names, key=lambda each: int(each.partition("-")[0]))]

    def stage_events(self) -> list[str]:
        """Return the events of the steps of no remediation."""
        return [step.event for step in self.steps if step.remediation is None]

    def last(self, remediation: str | None = None) -> Step:
        """Return the newest step, of one remediation or of all."""
        return [step for step in self.steps if remediation is None or step.remediation == remediation][-1]

    def replicas(self, name: str = "carts-primary") -> int:
        return self.around.workloads[name].replicas

    def flag(self, name: str) -> bool:
        return self.around.flags[name].enabled

    # the engine

    def tick(self, *, apply: bool = True, kill_at: int | None = None) -> list[Step]:
        """Reconcile until nothing is left to do now.

        Without ``apply``, or at the n-th push or write with ``kill_at``, it stops there as if killed.
        """
        made: list[Step] = []
        facts: dict[Want, Fact] = {}
        tried: set[tuple[Key, int]] = set()
        left = kill_at
        while True:
            decision = self.decide(facts)
            self.due = decision.due
            if decision.steps:
                self.land(decision.steps)
                self.check_quiet(facts)
                made += decision.steps
                left = None if left is None else left - 1
            if left == 0:
                return made
            if decision.steps:
                continue
            due = [each for each in self._due_effects() if (each.key, each.sequence) not in tried]
            if not due or not apply:
                return made
            for each in due:
                tried.add((each.key, each.sequence))
                facts[each.want] = self.around.apply(each, f"c{each.sequence:06d}")
                left = None if left is None else left - 1
                if left == 0:
                    return made

    def archive(self, seconds: int = 0) -> Step | None:
        """Let time go by and look at the stage alone, as the daemon does where nothing else is left to do."""
        self.later(seconds)
        self.alone = True
        decision = self.decide({})
        self.alone = False
        self.due = decision.due
        self.land(decision.steps)
        return decision.steps[0] if decision.steps else None

    def sweep(self) -> list[Step]:
        """Look at everything that is held, as the daemon does now and then, and decide on it."""
        views = [self.snapshot().services[service] for service in self.services()]
        wants = {want_of(key, held) for view in views for key, held in view.desired.items()}
        facts = {want: self._with_history(self.around.observe(want)) for want in wants}
        decision = self.decide(facts)
        self.land(decision.steps)
        self.check_quiet(facts)
        return [*decision.steps, *self.tick()]

    def decide(self, facts: dict[Want, Fact]) -> Decision:
        """Decide, giving it the facts that it wants; ``facts`` is filled."""
        while True:
            services = () if self.alone else self.services()
            decision = decide(self.snapshot(), facts, self.now, services, timers=self.timers)
            missing = decision.wants - facts.keys()
            if not missing:
                return decision
            came = {want: self._with_history(self.around.observe(want)) for want in missing}
            facts.update({**by_exact_name(came), **came})

    def _with_history(self, fact: Fact) -> Fact:
        if isinstance(fact, NoFact | CallFact | MeasuresFact) or fact.mark is None or not self._is_lost(fact.mark):
            return fact
        return dataclasses.replace(fact, mark=dataclasses.replace(fact.mark, lost=True))

    def _is_lost(self, mark: Mark) -> bool:
        known = {step.sequence for step in self.steps}
        return mark.owner.startswith(f"sockshop/{STAGE}/") and mark.sequence not in known

    def check_quiet(self, facts: Mapping[Want, Fact]) -> None:
        """Deciding twice decides nothing new."""
        again = decide(self.snapshot(), facts, self.now, self.services(), timers=self.timers)
        assert [step.path for step in again.steps] == []

    def _due_effects(self) -> list[Due]:
        snapshot = self.snapshot()
        return [due for path in self.services() for due in due_effects(snapshot.stage, snapshot.services[path])]

    def land(self, steps: Iterable[Step]) -> None:
        """Commit steps one by one; each must be what deciding again, on what was there before it, gives first."""
        for step in steps:
            before = self.snapshot()
            self.check_step(before, step)
            content = render_file(step)
            for path, changed in {**step.files, step.path: content}.items():
                if changed is None:
                    self.files.pop(path, None)
                else:
                    self.files[path] = changed
            self._trust({step.path, *step.files, *step.data.get("paths", ())})
            self.sequence, self.floor = step.sequence, step.now
            self.rewritten = None
            self.steps.append(step)
        self._trust(set(self.files) | set(self.trusted))

    def _trust(self, paths: set[str]) -> None:
        self._version += 1
        for path in paths:
            if path in self.files:
                self.trusted[path] = self.files[path]
            else:
                self.trusted.pop(path, None)

    def check_step(self, before: Snapshot, step: Step) -> None:
        """Check what holds of every step: it replays, it reads back, it counts up, it stays in its own folders."""
        place = load_step(render_file(step), step.path)
        STEP_SCHEMA.validate(place.data)
        assert place.event == step.event in EVENTS
        others = before.services[step.service].foreign if step.remediation and step.service else before.stage.foreign
        assert step.path not in self.files or step.path in {each.path for each in others}
        assert step.sequence > self.sequence
        assert step.now >= self.floor
        assert step.rules == RULES
        assert step.subject
        assert all(ops_place(path, STAGE) for path in step.files)
        again = redo(before, step.service, step.remediation, place)
        assert again is not None, f"{step.path} cannot be decided again"
        assert render_file(again) == render_file(step)
        assert (again.path, again.subject, again.body) == (step.path, step.subject, step.body)
        assert again.files == step.files
        assert trailers(again) == trailers(step)

    # how a started daemon sees it

    def snapshot(self) -> Snapshot:
        state = (self._version, self.sequence, self.floor, self.rewritten, self.implied_mode)
        if self._seen is None or self._seen[0] != state:
            self._seen = (state, self._look())
        return self._seen[1]

    def _look(self) -> Snapshot:
        index = self._index()
        views = self._views
        views._index = index  # what was parsed stays parsed; everything else is read and folded anew
        config, file = views.stage_config()
        own = index.ops.get(ServicePath(""), {})
        here = ops_prefix(STAGE)
        steps = views.steps(here, own)
        stage = Stage(
            project=ProjectName("sockshop"),
            name=STAGE,
            config=config if isinstance(config, UserError) else over(config, StageConfig()),
            config_file=file,
            implied_mode=self.implied_mode,
            commands=views.commands(here, own, frozenset()),
            steps=tuple(steps),
            answered=frozenset(str(step.data["file"]) for step in steps if "file" in step.data),
            foreign=views.foreign(ServicePath("")),
            rewritten=self.rewritten,
            sequence=self.sequence,
            now_floor=self.floor,
            config_commit=CommitId("c" * 40),
            project_commit=CommitId("d" * 40),
        )
        services = {path: views.service(path) for path in sorted(index.services())}
        tally = Tally()
        for view in services.values():
            tally.count(view)
        shelves = Shelves(
            tally.oldest_finished, tally.finished_until,
            lambda path: tuple(f"{here}/{path}/{rest}" for rest in index.ops.get(path, {})),
            lambda path: stored.blob if (stored := self._stored(index, path)) is not None else None,
            lambda: views.closed(here, own),
        )  # fmt: skip
        return Snapshot(stage, services, tally.claimants, tally.acting, tally.acted, self._pins, self._arrived, shelves)

    @staticmethod
    def _stored(index: StageIndex, path: str) -> Stored | None:
        place = ops_place(path, STAGE)
        return index.ops.get(place.service, {}).get(place.rest) if place is not None else None

    def _arrived(self, file: FileRef) -> Instant:
        return self.arrived.get(file.path, FAR)

    def _index(self) -> StageIndex:
        index = StageIndex(STAGE)
        index.load_config(Moved(path, self._blobs.put(content)) for path, content in self.files.items())
        machine = {path: content for path, content in self.files.items() if not is_machine(path)} | self.trusted
        index.change_ops((Moved(path, self._blobs.put(content)) for path, content in machine.items()), ours=True)
        moved = [path for path in {*self.files, *self.trusted} if self.files.get(path) != self.trusted.get(path)]
        index.change_ops(
            (Moved(p, self._blobs.put(self.files[p]) if p in self.files else None) for p in sorted(moved)), ours=False
        )
        return index
