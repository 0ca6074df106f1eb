"""A stage with a long past, every step of which `decide` made: what a replay has to come to again.

Problems come one after the other to many services; each is remediated, or its source resolves it. Unlike the past of
`benchmarks.past`, whose steps only have the form of steps, nothing here is written but what the rules decide on the
facts of a small world. Nothing is archived: what is not in the tree any more would only make it easier.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from benchmarks.past import PLAYBOOK, REF, SLI, SLO, STAGE, START
from benchmarks.plain_git import environment
from reconciler.decide.actions.registry import check_playbook
from reconciler.decide.claims import mark_of
from reconciler.decide.effects import due_effects
from reconciler.decide.engine import decide
from reconciler.decide.folding import advance
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import FileRef, ProblemFile, ServiceView, Snapshot, Stage
from reconciler.model.desired import load_desired
from reconciler.model.evaluations import load_evaluations
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, MeasuresFact, WantMeasures
from reconciler.model.names import BlobId, CommitId, ProblemId, ProjectName, ServicePath
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import load_service, load_stage
from reconciler.model.problem import load_problem
from reconciler.model.step import Step, StepFile
from reconciler.model.targets import Fact, FlagFact, Mark, NoFact, Target, Want, WantFlag, WantWorkload, WorkloadFact
from reconciler.repo.pins import PinReader
from reconciler.repo.proof import _blob_id
from reconciler.repo.steps import as_commit
from reconciler.repo.tally import Tally

_SEED: Final = 20_261_123
_EFFECT: Final = 30
"""Seconds until what was decided has taken effect."""
_ENTRIES: Final = ("Response time degradation", "cpu_usage", "Failure rate increase", "Memory leak")
_US, _MONITORING, _PERSON = (
    f"{who} <{who}@localhost>" for who in ("reconciler", "monitoring", "ann")
)  # fmt: skip


@dataclass(frozen=True)
class Pace:
    """When problems come, seconds: the first one since 1970, from one to the next, from an effect to its evaluation."""

    start: int = START
    every: int = 700
    wait: int = 300


def make(folder: Path, steps: int, services: int) -> Path:
    """Make the bare repository with so many steps, or some more. Returns it."""
    remote = folder / f"decided-{steps}-{services}.git"
    command = ["git", "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(remote)]
    subprocess.run(command, env=environment(), check=True)
    write(remote, [_service(number) for number in range(services)], Pace(), lambda made, _: made < steps)
    return remote


def write(
    remote: Path, services: Sequence[ServicePath], pace: Pace, goes_on: Callable[[int, int], bool],
    reported: Iterable[Mapping[str, bytes]] = (),
) -> None:  # fmt: skip
    """Write the project and the stage into an empty repository, and what the rules decide about problems.

    Another one comes as long as it ``goes_on`` after so many steps of so many problems. ``reported`` are files that
    monitoring commits before all that, and that ask for nothing.
    """
    with Import(remote) as written:
        world = _World(written, services, pace)
        for files in reported:
            world.report(files)
        number = 0
        while goes_on(world.sequence, number):
            world.problem(number)
            number += 1
    command = ["git", f"--git-dir={remote}", "commit-graph", "write", "--reachable"]
    subprocess.run(command, env=environment(), check=True, capture_output=True)


def _service(number: int) -> ServicePath:
    return ServicePath(f"group-{number % 20:02}/service-{number:04}")


class Import:
    """`git fast-import`, asked for the id of each commit, since steps name those that they stand on."""

    def __init__(self, remote: Path) -> None:
        words = ["git", f"--git-dir={remote}", "fast-import", "--quiet", "--date-format=raw"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())

    def commit(self, ref: str, files: Mapping[str, bytes | None], message: str, who: str, when: int) -> CommitId:
        """Write a commit on top of the ref's and return its id."""
        text = message.encode()
        parts = [f"commit {ref}\nmark :1\ncommitter {who} {when} +0000\ndata {len(text)}\n".encode(), text, b"\n"]
        for path, content in files.items():
            if content is None:
                parts.append(f"D {path}\n".encode())
            else:
                parts += [f"M 100644 inline {path}\ndata {len(content)}\n".encode(), content, b"\n"]
        parts.append(b"get-mark :1\n")
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("Popen was asked for pipes")
        self._process.stdin.write(b"".join(parts))
        self._process.stdin.flush()
        return CommitId(self._process.stdout.readline().decode().strip())

    def __enter__(self) -> Self:
        """Do nothing; it runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, all refs written."""
        self._process.communicate()


@dataclass
class _Live:
    replicas: int
    mark: Mark | None = None
    manager: str = "helm"


class _World:
    """The stage as it stands, and what there is in the world."""

    def __init__(self, written: Import, services: Sequence[ServicePath], pace: Pace) -> None:
        self.sequence = 0
        self._written = written
        self._pace = pace
        self._paths = services
        stage_file = f"bounds:\n  replicas: {{min: 1, max: 6}}\nwait: {pace.wait}s\n".encode()
        self._chance = random.Random(_SEED)
        self._floor = Instant(0)
        self._live: dict[str, _Live] = {}
        self._flags: dict[str, tuple[bool, Mark | None, str]] = {}
        self._contents: dict[BlobId, bytes] = {}
        self._pins = PinReader(lambda ids, _: {blob: self._contents[blob] for blob in ids})
        self._tally = Tally()
        self._views: dict[ServicePath, ServiceView] = {}
        self._came: dict[str, int] = {}
        project = {"project.yaml": b"name: bench\nstages: [production]\n"}
        self._project = written.commit("refs/heads/main", project, "Begin\n", _PERSON, pace.start)
        files: dict[str, bytes | None] = {"stage.yaml": stage_file, "prometheus/sli.yaml": SLI.encode()}
        for number, path in enumerate(services):
            files.update(self._configured(path, number))
        self._tip = written.commit(REF, files, "Begin\n", _PERSON, pace.start)
        self._stage = Stage(
            ProjectName("bench"), STAGE, load_stage(stage_file, "stage.yaml"), project_commit=self._project
        )

    def _configured(self, path: ServicePath, number: int) -> dict[str, bytes]:
        # A comment makes each file one of its own, as those of different teams are.
        files = {
            f"{path}/remediation.yaml": f"# {path}\n{PLAYBOOK}".encode(),
            f"{path}/slo.yaml": f"# {path}\n{SLO}".encode(),
            f"{path}/service.yaml": f"# {path}\nbounds:\n  replicas: {{max: {5 + number % 3}}}\n".encode(),
        }
        refs = {name: self._ref(name, content) for name, content in files.items()}
        playbook = load_playbook(files[f"{path}/remediation.yaml"], f"{path}/remediation.yaml")
        check_playbook(playbook)
        self._views[path] = ServiceView(
            path, config=load_service(files[f"{path}/service.yaml"], f"{path}/service.yaml"),
            config_file=refs[f"{path}/service.yaml"], playbook=playbook,
            playbook_file=refs[f"{path}/remediation.yaml"],
            pinned=(self._ref("prometheus/sli.yaml", SLI.encode()), refs[f"{path}/slo.yaml"]),
        )  # fmt: skip
        return files

    def _ref(self, path: str, content: bytes) -> FileRef:
        blob = _blob_id(content)
        if not path.startswith("ops/"):
            self._contents[blob] = content
        return FileRef(path, blob)

    def problem(self, number: int) -> None:
        """Let one problem come and go."""
        path, entry = self._chance.choice(self._paths), self._chance.choice(_ENTRIES)
        now, wait = self._pace.start + number * self._pace.every, self._pace.wait
        identity, title = f"alertmanager-{number:016x}", f"{entry}: {path}" if number % 5 == 0 else entry
        self._report(path, identity, title, "open", now)
        self._tick(path, now + 2)
        self._effects(path)
        self._tick(path, now + _EFFECT)
        resolved = now + _EFFECT + wait // 2
        self._report(path, identity, title, "resolved", resolved)
        self._tick(path, resolved + 1)
        self._tick(path, now + _EFFECT + wait + 5)

    def report(self, files: Mapping[str, bytes]) -> None:
        """Let monitoring commit files that ask for nothing."""
        self._tip = self._written.commit(REF, files, "Reported and over\n", _MONITORING, self._pace.start)

    def _report(self, path: ServicePath, identity: str, title: str, state: str, now: int) -> None:
        file = f"ops/{STAGE}/{path}/problems/{identity}.yaml"
        content = f'title: "{title}"\nstate: {state}\n'.encode()
        self._tip = self._written.commit(REF, {file: content}, f"{title}\n", _MONITORING, now)
        view, known = self._views[path], ProblemId(identity)
        found = ProblemFile(known, self._ref(file, content), load_problem(content, file))
        self._views[path] = replace(view, problems={**view.problems, known: found})
        self._came[file] = now

    def _tick(self, path: ServicePath, now: int) -> None:
        facts: dict[Want, Fact] = {}
        while True:
            stage = replace(
                self._stage, sequence=self.sequence, now_floor=self._floor, config_commit=self._tip,
            )  # fmt: skip
            before = Snapshot(
                stage, self._views, self._tally.claimants, self._tally.acting, self._tally.acted, self._pins,
                lambda file: Instant(self._came[file.path]),
            )  # fmt: skip
            decision = decide(before, facts, Instant(now), [path])
            missing = decision.wants - facts.keys()
            if not missing:
                break
            for want in missing:
                facts[want] = fact = self._seen(want)
                if isinstance(want, WantWorkload) and isinstance(fact, WorkloadFact):
                    facts[replace(want, names=(fact.target.name,))] = fact
        self._take(path, decision.steps)

    def _take(self, path: ServicePath, steps: Sequence[Step]) -> None:
        for step in steps:
            new = as_commit(step)
            self._tip = self._written.commit(REF, new.files, new.message, _US, int(new.when.timestamp()))
            view = self._views[path]
            if step.remediation is not None:
                known = view.remediations.get(step.remediation, Remediation(step.remediation))
                after = advance(known, StepFile(step.event, step.sequence, step.now, step.number, step.data))
                view = replace(view, remediations={**view.remediations, step.remediation: after})
            for name, content in step.files.items():
                if name.endswith("state/desired.yaml"):
                    view = replace(view, desired=load_desired(content, name) if content is not None else {})
                elif name.endswith("state/evaluations.yaml") and content is not None:
                    view = replace(view, evaluations=load_evaluations(content, name))
            self._views[path] = view
            self._tally.count(view)
            self.sequence, self._floor = step.sequence, step.now

    def _effects(self, path: ServicePath) -> None:
        stage = replace(self._stage, sequence=self.sequence)
        for due in due_effects(stage, self._views[path]):
            name, mark = due.key[0].name, Mark(due.owner, due.sequence, self._tip)
            seen = self._seen(due.want)
            known = mark_of(due.key, seen)
            if known is not None and not known.yields_to(mark):
                continue
            if due.key[0].kind == "Flag":
                self._flags[due.key[0].scope + name] = (bool(due.value), mark, "reconciler")
            else:
                self._live[name] = _Live(int(due.value), mark, "reconciler")

    def _seen(self, want: Want) -> Fact:
        if isinstance(want, WantMeasures):
            chance = self._chance
            values = {
                "response_time_p90": round(chance.uniform(300, 900), 3),
                "response_time_p50": round(chance.uniform(100, 350), 3),
                "error_rate": round(chance.uniform(0, 5.4), 4), "throughput": round(chance.uniform(50, 500), 1),
            }  # fmt: skip
            return MeasuresFact(tuple(Measure(each.sli, values[each.sli], "", "prometheus") for each in want.queries))
        if isinstance(want, WantFlag):
            scope = f"{want.project}/{want.environment}"
            enabled, mark, manager = self._flags.get(scope + want.flag, (True, None, ""))
            return FlagFact(Target(want.server, scope, "Flag", want.flag), enabled, "", mark, manager)
        if isinstance(want, WantWorkload):
            name = want.names[0]
            live = self._live.setdefault(name, _Live(self._chance.randint(1, 4)))
            target = Target(want.server, want.namespace, want.kind, name)
            return WorkloadFact(target, live.replicas, live.replicas, True, "", live.mark, live.manager)
        return NoFact("missing", "there is no such thing")
