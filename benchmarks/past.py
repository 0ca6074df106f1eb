"""A stage with a long past: problems remediated over months, most of them archived since, as steps of the real form.

Values and moments differ from problem to problem. `decide` would need hours for so many; the steps are written by what
it is made of: its step files, its evaluations, its records.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.plain_git import environment
from reconciler.decide.draft import RULES
from reconciler.decide.evaluation.evaluate import evaluate
from reconciler.decide.evaluation.measured import Measured
from reconciler.decide.evaluation.objectives import Objectives, load_objectives
from reconciler.decide.evaluation.record import plain
from reconciler.model.facts import fact_data
from reconciler.model.instant import Instant, format_instant
from reconciler.model.measures import Measure, MeasuresFact
from reconciler.model.names import CommitId, RemediationId, ServicePath, StageName
from reconciler.model.step import Event, Step
from reconciler.model.targets import FlagFact, Mark, Target, WorkloadFact
from reconciler.repo.objects import Identity
from reconciler.repo.steps import as_commit
from reconciler.repo.stream import NewCommit, commit_stream

STAGE: Final = StageName("production")
REF: Final = f"refs/heads/{STAGE}"
HEAD: Final = "refs/heads/proposal"
START: Final = 1_790_000_000
_SEED: Final = 20_261_122
_EVERY: Final = 700
"""Seconds from one problem to the next: ten thousand are about 80 days."""
_ARCHIVED_EACH: Final = 250
"""Problems that one step archives."""
_KEPT: Final = 2_000
"""Problems that are not archived yet."""
_ENTRIES: Final = ("Response time degradation", "cpu_usage", "Failure rate increase", "Memory leak")
_WHO: Final = Identity("reconciler", "reconciler@localhost")
_PINS: Final = "0" * 40

PLAYBOOK: Final = "remediations:\n" + "".join(
    f"- name: {name}\n  actions:\n  - action: {action}\n    value: {value}\n"
    for name, action, value in (
        (_ENTRIES[0], "scaling", "+1"), (_ENTRIES[1], "scaling", "+2"),
        (_ENTRIES[2], "featuretoggle", "{EnablePromotion: off}"), (_ENTRIES[3], "scaling", "+1"),
    )
)  # fmt: skip
SLO: Final = """\
objectives:
- sli: response_time_p90
  pass: [{criteria: ["<=600"]}]
  warning: [{criteria: ["<=800"]}]
- sli: response_time_p50
  pass: [{criteria: ["<=300"]}]
- sli: error_rate
  key_sli: true
  pass: [{criteria: ["<=5"]}]
- sli: throughput
total_score: {pass: "90%", warning: "60%"}
"""
STAGE_FILE: Final = "bounds:\n  replicas: {min: 1, max: 6}\nwait: 5m\n"
SLI: Final = "indicators:\n" + "".join(
    f"  {name}: '{name}{{job=\"$SERVICE\"}}[$DURATION_SECONDS]'\n"
    for name in ("response_time_p90", "response_time_p50", "error_rate", "throughput")
)


def make(folder: Path, problems: int, services: int) -> Path:
    """Make the bare repository with the stage's branch, and a branch that proposes to change every file of people."""
    remote = folder / f"past-{problems}-{services}.git"
    command = ["git", "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(remote)]
    subprocess.run(command, env=environment(), check=True)
    main = NewCommit({"project.yaml": b"name: bench\nstages: [production]\n"}, "Begin\n", _when(START))
    history = [NewCommit(dict(_files(services)), "Begin\n", _when(START)), *_past(problems, services)]
    proposal = NewCommit(dict(_proposed(services)), "Other bounds, actions and objectives\n", _when(START))
    stream = [
        *commit_stream("refs/heads/main", None, [main], _WHO),
        *commit_stream(REF, None, history, _WHO),
        f"reset {HEAD}\nfrom {REF}\n\n".encode(),
    ]
    tail = b"".join(commit_stream(HEAD, None, [proposal], _WHO)[1:])
    made = b"".join(stream) + tail + b"done\n"
    command = ["git", f"--git-dir={remote}", "fast-import", "--quiet", "--done", "--date-format=raw"]
    subprocess.run(command, env=environment(), check=True, input=made)
    return remote


def service(number: int) -> ServicePath:
    """Return the path of one service."""
    return ServicePath(f"group-{number % 20:02}/service-{number:04}")


def _when(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _files(services: int) -> Iterator[tuple[str, bytes]]:
    yield "stage.yaml", STAGE_FILE.encode()
    yield "prometheus/sli.yaml", SLI.encode()
    for number in range(services):
        here = service(number)
        # A comment makes each file one of its own, as those of different teams are.
        yield f"{here}/remediation.yaml", f"# {here}\n{PLAYBOOK}".encode()
        yield f"{here}/slo.yaml", f"# {here}\n{SLO}".encode()
        yield f"{here}/service.yaml", f"# {here}\nbounds:\n  replicas: {{max: {5 + number % 3}}}\n".encode()


def _proposed(services: int) -> Iterator[tuple[str, bytes]]:
    """Yield the same files with something changed in each."""
    slo = SLO.replace("<=600", "<=550").replace("<=300", "<=280")
    playbook = PLAYBOOK.replace("value: +2", "value: +3").replace("- name: Memory leak", "- name: Memory")
    yield "stage.yaml", STAGE_FILE.replace("max: 6", "max: 4").encode()
    for number in range(services):
        here = service(number)
        yield f"{here}/remediation.yaml", f"# {here}\n{playbook}".encode()
        yield f"{here}/slo.yaml", f"# {here}\n{slo}".encode()
        yield f"{here}/service.yaml", f"# {here}\nbounds:\n  replicas: {{max: {3 + number % 4}}}\n".encode()


class _Writer:
    """Makes the commits of one problem after the other, with sequences that count up."""

    def __init__(self) -> None:
        self.chance = random.Random(_SEED)
        self.sequence = 0
        self.objectives: Objectives = load_objectives(SLO.encode(), "slo.yaml")

    def step(
        self, event: Event, now: int, about: tuple[ServicePath, str] | None, number: int, data: Mapping[str, Any],
        facts: Mapping[str, Mapping[str, Any]] | None = None, files: Mapping[str, bytes | None] | None = None,
    ) -> NewCommit:  # fmt: skip
        self.sequence += 1
        step = Step(
            event, STAGE, self.sequence, Instant(now), RULES, f"service: {event}", "", data,
            about[0] if about else None, RemediationId(about[1]) if about else None, number, facts or {}, files or {},
            CommitId("c" * 40), CommitId("d" * 40),
        )  # fmt: skip
        return as_commit(step)


def _past(problems: int, services: int) -> Iterator[NewCommit]:
    writer = _Writer()
    archive: list[list[str]] = []
    for number in range(problems):
        commits = list(_problem(writer, number, services))
        yield from commits
        archive.append([path for commit in commits for path in commit.files])
        if number % _ARCHIVED_EACH == _ARCHIVED_EACH - 1 and len(archive) > _KEPT:
            old, archive = archive[:_ARCHIVED_EACH], archive[_ARCHIVED_EACH:]
            gone: dict[str, bytes | None] = {path: None for paths in old for path in paths if "/state/" not in path}
            yield writer.step("archived", START + number * _EVERY, None, 0, {"count": len(old)}, files=gone)


def _problem(writer: _Writer, number: int, services: int) -> Iterator[NewCommit]:
    chance = writer.chance
    path, entry = service(chance.randrange(services)), chance.choice(_ENTRIES)
    identity = f"alertmanager-{number:016x}"
    title = f"{entry}: {path}" if number % 5 == 0 else entry
    now, about = START + number * _EVERY, (path, identity)
    here = f"ops/{STAGE}/{path}"
    file = f"{here}/problems/{identity}.yaml"
    yield NewCommit({file: f"title: {title}\nstate: open\n".encode()}, f"{title}\n", _when(now))
    playbook = [{"action": "scaling", "value": "+2" if entry == "cpu_usage" else "+1"}]
    if entry == "Failure rate increase":
        playbook = [{"action": "featuretoggle", "value": {"EnablePromotion": "off"}}]  # type: ignore[dict-item]  # plain data
    opened = {
        "problem": {"id": identity, "occurrence": 1, "file": f"{file}@{_PINS}", "title": title},
        "reported": format_instant(Instant(now)), "entry": entry, "actions": playbook, "pinned": _pinned(path),
    }  # fmt: skip
    yield writer.step("opened", now, about, 1, opened)
    data, facts, state = _decision(writer, path, entry)
    yield writer.step("decided", now + 2, about, 2, data, facts, {f"{here}/state/desired.yaml": state})
    window = {"start": format_instant(Instant(now + 30)), "end": format_instant(Instant(now + 330))}
    yield writer.step("applied", now + 30, about, 3, {"until": window["end"], "window": window}, facts)
    evaluation, measured = _evaluation(writer, path, window)
    good = evaluation["evaluation"]["result"] in ("pass", "warning")
    yield NewCommit({file: f"title: {title}\nstate: resolved\n".encode()}, f"{title}\n", _when(now + 200))
    yield writer.step(
        "evaluated", now + 331, about, 4, {**evaluation, "next": "remediated" if good else "resolved"}, measured
    )
    end: Event = "remediated" if good else "resolved"
    yield writer.step(end, now + 331, about, 5, {"resolved": [identity]}, None, {f"{here}/state/desired.yaml": None})


_BLOBS: dict[str, str] = {}


def _pinned(path: ServicePath) -> list[str]:
    """Return what a step pins: the stage's queries and the service's objectives, by their real ids."""

    def ref(where: str, text: str) -> str:
        if where not in _BLOBS:
            content = text.encode()
            _BLOBS[where] = hashlib.sha1(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()
        return f"{where}@{_BLOBS[where]}"

    return [
        ref(f"{path}/remediation.yaml", f"# {path}\n{PLAYBOOK}"), ref("prometheus/sli.yaml", SLI),
        ref(f"{path}/slo.yaml", f"# {path}\n{SLO}"),
    ]  # fmt: skip


def _decision(
    writer: _Writer, path: ServicePath, entry: str
) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]], bytes]:  # fmt: skip
    name = path.rpartition("/")[2]
    mark = Mark(f"bench/{STAGE}/{name}", writer.sequence, "c" * 40)
    if entry == "Failure rate increase":
        flag = Target("flags", f"default/{STAGE}", "Flag", "EnablePromotion")
        change = {"target": str(flag), "field": "enabled", "base": True, "set": False, "before": True, "value": False}
        data = {"action": "featuretoggle EnablePromotion:off", "index": 1, "count": 1, "changes": [change]}
        return data, {str(flag): fact_data(FlagFact(flag, True, mark=mark))}, b"targets: {}\n"
    by = 2 if entry == "cpu_usage" else 1
    before = writer.chance.randint(1, 4)
    workload = Target("kubernetes", f"bench-{STAGE}", "Deployment", f"{name}-primary")
    change = {
        "target": str(workload), "field": "replicas", "base": before, "by": by, "before": before, "value": before + by,
    }  # fmt: skip
    data = {"action": f"scaling +{by}", "index": 1, "count": 1, "changes": [change]}
    fact = WorkloadFact(workload, before, before, True, mark=mark, manager="reconciler")
    return data, {f"kubernetes/bench-{STAGE}/Deployment/{name}-primary|{name}": fact_data(fact)}, b"targets: {}\n"


def _evaluation(
    writer: _Writer, path: ServicePath, window: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:  # fmt: skip
    chance = writer.chance
    values = {
        "response_time_p90": round(chance.uniform(300, 900), 3),
        "response_time_p50": round(chance.uniform(100, 350), 3),
        "error_rate": round(chance.uniform(0, 5.4), 4), "throughput": round(chance.uniform(50, 500), 1),
    }  # fmt: skip
    evaluated = evaluate(writer.objectives, [Measured(name, value) for name, value in values.items()])
    fact = MeasuresFact(tuple(Measure(name, value, "", "prometheus") for name, value in values.items()))
    want = f"evidence/{path.rpartition('/')[2]}/{window['start']}..{window['end']}/1"
    return {"evaluation": {**window, **plain(evaluated)}}, {want: fact_data(fact)}
