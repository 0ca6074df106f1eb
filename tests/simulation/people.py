"""People and monitoring in a simulation: they push, revert, edit, merge, force; a webhook's sender tries again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias

from reconciler.intake.report import Report, Where
from reconciler.model.command import Command, Verb, command_name, render_command
from reconciler.model.names import ProblemId
from reconciler.model.problem import Problem
from tests.simulation.cluster import CONTROLLER, World
from tests.simulation.daemons import Daemon
from tests.simulation.estate import (
    FLAGS,
    PROJECT,
    SERVICES,
    TITLES,
    Plan,
    commit_on,
    playbook,
    service_settings,
    stage_settings,
)
from tests.simulation.forge import Requests
from tests.simulation.objects import Objects
from tests.simulation.remote import Remote
from tests.simulation.reviewing import Reviewer
from tests.simulation.schedule import EPOCH, Life, Schedule
from tests.simulation.walking import parted
from tests.simulation.weather import LONGEST_BEHIND, Weather

Files: TypeAlias = Mapping[str, bytes | None]
_BROKEN: Final = b"remediations:\n- name: [\n"
_PATIENCE: Final = 30.0


@dataclass
class Accepted:
    """What was promised to be kept: problem files by path, and the commits of people, by ref."""

    problems: set[tuple[str, str]] = field(default_factory=set)
    given_up: dict[tuple[str, str], float] = field(default_factory=dict)
    """When a person took a problem's file away again."""
    commits: dict[str, set[str]] = field(default_factory=dict)
    rewrites: dict[str, int] = field(default_factory=dict)


@dataclass
class People:
    """All who are no daemon. ``accepted`` is what must not be lost."""

    schedule: Schedule
    weather: Weather
    plan: Plan
    remote: Remote
    world: World
    requests: Requests
    daemons: Sequence[Daemon]
    say: Callable[[str], None]
    accepted: Accepted = field(default_factory=Accepted)
    _count: int = 0

    @property
    def _chance(self) -> random.Random:
        return self.schedule.random

    def live(self, count: int) -> None:
        """Do so many things."""
        rarer = [(People.fall_behind, 10.0)] * self.plan.replicas + [(People.jump, 14.0)] * self.plan.jumps
        rarer += [(People.lose_forge, 8.0)] * self.plan.proceeds
        rarer += [(People.lose_requests, 2.0)] * self.plan.proposes
        acts, weights = zip(*_ACTS, *rarer, strict=True)
        for _ in range(count):
            self.schedule.sleep(self._chance.choice((0.0, 0.3, 3.0, 20.0, 60.0)))
            act = self._chance.choices(acts, weights)[0]
            act(self, self._chance.choice(self.plan.stages))

    # Pushing

    def push(self, ref: str, message: str, files: Callable[[str], Files]) -> str | None:
        """Push a change of what is there, again if somebody was faster. Returns the commit."""
        objects = Objects(self.remote.objects)
        for _ in range(20):
            tip = self.remote.refs.get(ref)
            if tip is None:
                return None
            changed = {path: data for path, data in files(tip).items() if self.remote.objects.file(tip, path) != data}
            if not changed:
                return None
            commit = commit_on(objects, tip, changed, message, self.schedule.now)
            self.schedule.sleep(self._chance.expovariate(5.0))
            if all(self.remote.push(self.schedule.now, "people", objects, [(ref, tip, commit)]).values()):
                self._pushed(ref, commit, message)
                return commit
            self.schedule.sleep(self._chance.expovariate(2.0))
        return None

    def _pushed(self, ref: str, commit: str, message: str) -> None:
        self.say(f"a person pushes {commit[:8]} to {ref.removeprefix('refs/heads/')}: {message}")
        self.accepted.commits.setdefault(ref, set()).add(commit)

    def _ops(self, stage: str, service: str) -> str:
        return f"ops/{stage}/{service}"

    # Problems

    def open_problem(self, stage: str) -> None:
        service, title = self._chance.choice(SERVICES), self._chance.choice(TITLES)
        self._count += 1
        path = f"{self._ops(stage, service)}/problems/p{self._count}.yaml"
        text = f"title: {title}\nstate: open\n".encode()
        if self.push(self.plan.ops_ref(stage), f"p{self._count}: {title}", lambda _: {path: text}):
            self.accepted.problems.add((self.plan.ops_ref(stage), path))

    def _problems(self, stage: str) -> list[tuple[str, bytes]]:
        """Return the files of problems that are on the branch."""
        tip = self.remote.refs.get(self.plan.ops_ref(stage))
        if tip is None:
            return []
        item = self.remote.objects.item_at(tip, f"ops/{stage}")
        found = self.remote.objects.files(item[1], f"ops/{stage}/".encode()) if item else ()
        return [
            (path.decode(), self.remote.objects.get(blob, "blob")) for path, _, blob in found if b"/problems/" in path
        ]

    def end_problem(self, stage: str) -> None:
        """Resolve a problem, open one again, or delete its file."""
        problems = self._problems(stage)
        if not problems:
            return
        path, text = self._chance.choice(problems)
        if self._chance.random() < 0.2:
            if self.push(self.plan.ops_ref(stage), f"delete {path}", lambda _: {path: None}):
                self._give_up((self.plan.ops_ref(stage), path))
            return
        pair = (b"state: open", b"state: resolved")
        old, new = pair if pair[0] in text else (pair[1], pair[0])
        self.push(self.plan.ops_ref(stage), f"{new.decode()} {path}", lambda _: {path: text.replace(old, new)})

    def _give_up(self, where: tuple[str, str]) -> None:
        self.accepted.problems.discard(where)
        self.accepted.given_up[where] = self.schedule.now

    def report(self, stage: str) -> None:
        """Let monitoring report by a webhook until somebody says that it is durable; then once more."""
        self._count += 1
        chance, name = self._chance, f"w{self._count}"
        report = Report(
            "problem", Where(PROJECT, stage, chance.choice(SERVICES).rpartition("/")[2]), ProblemId(name),
            Problem(chance.choice(TITLES), "open"), day=chance.choice(("", "2026-11-21")),
        )  # fmt: skip

        oldest = math.inf if self.plan.proceeds else LONGEST_BEHIND if self.plan.replicas else 0.0

        def send() -> None:
            repeated = 0
            while repeated < 2:
                began = self.schedule.now
                path, outcome = self._send(report)
                if path:
                    repeated += 1
                    where = self.plan.ops_ref(stage), path
                    # Who reads that it is there while a person takes it away is told the truth of that moment; where
                    # a replica answers, or somebody who goes on without the remote, that of an older one.
                    seen = began if outcome == "accepted" else began - oldest
                    if self.accepted.given_up.get(where, -math.inf) < seen:
                        self.accepted.problems.add(where)
                self.schedule.sleep(chance.choice((1.0, 10.0)))

        self.schedule.spawn(Life(f"sender of {name}"), send)

    def _send(self, report: Report) -> tuple[str, str]:
        """Send a report once; returns the path of its file where somebody says that it is on the remote, and how so."""
        loop = self._chance.choice(self.daemons).loop
        if loop is None:
            return "", ""
        receipts = loop.inbox.submit([report])
        until = self.schedule.now + _PATIENCE
        while not receipts.done() and self.schedule.now < until:
            self.schedule.sleep(0.5)
        if not receipts.done():
            receipts.cancel()
            return "", ""
        receipt = receipts.result()[0]
        if receipt.outcome in ("unknown", "refused"):
            self.say(f"{report.id} is {receipt.outcome}: {receipt.reason}")
            return "", ""
        if receipt.durable:
            self.say(f"{report.id} is {receipt.outcome} as {receipt.path}")
        return (receipt.path, receipt.outcome) if receipt.durable else ("", "")

    # What was done about them

    def _steps(self, stage: str) -> list[tuple[str, str, str]]:
        """Return the steps of remediations on the branch: service, remediation and file's name."""
        tip = self.remote.refs.get(self.plan.ops_ref(stage))
        item = self.remote.objects.item_at(tip, f"ops/{stage}") if tip is not None else None
        found = [path.decode() for path, _, _ in self.remote.objects.files(item[1])] if item else []
        steps = []
        for path in found:
            service, ours, rest = path.partition("/remediations/")
            if ours:
                remediation, _, file = rest.partition("/")
                steps.append((service, remediation, file))
        return steps

    def command(self, stage: str) -> None:
        """Ask for something, sensible or not."""
        steps = self._steps(stage)
        verbs: list[Verb] = ["undo", "abort", "retry", "approve", "decline"]
        now = datetime.fromtimestamp(EPOCH + self.schedule.now, UTC)
        if not steps or self._chance.random() < 0.2:
            verb: Verb = self._chance.choice(("suspend", "resume", "resume"))
            command, about = Command(verb), self._chance.choice(("", *SERVICES))
        else:
            about, remediation, file = self._chance.choice(steps)
            held = [(s, r, f) for s, r, f in steps if f.endswith("-held.yaml")]
            verb = self._chance.choice(verbs)
            if held and verb in ("approve", "decline", "retry"):
                about, remediation, file = self._chance.choice(held)
            command = Command(verb, remediation, int(file.partition("-")[0]) if verb == "undo" else 0)
        name = command_name(now, command.verb, command.remediation, command.step)
        folder = "/".join(filter(None, ("ops", stage, about, "commands")))
        said = render_command(command)
        self.push(self.plan.ops_ref(stage), f"{command}", lambda _: {f"{folder}/{name}": said})

    def revert(self, stage: str) -> None:
        """Revert the newest decision, or another step, as `git revert` does where that does not conflict."""
        ref = self.plan.ops_ref(stage)
        tip = self.remote.refs.get(ref)
        if tip is None:
            return
        objects, current = self.remote.objects, tip
        for _ in range(self._chance.choice((1, 3, 10))):
            info = objects.commit(current)
            if len(info.parents) != 1:
                return
            if "\nEvent: decided\n" in info.message:
                break
            current = info.parents[0]
        info = objects.commit(current)
        if "\nEvent: " not in info.message or len(info.parents) != 1:
            return
        before = {path: (mode, blob) for path, mode, blob in objects.files(objects.commit(info.parents[0]).tree)}
        after = {path: (mode, blob) for path, mode, blob in objects.files(info.tree)}
        paths = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]

        def undone(now: str) -> Files:
            here = {path: (mode, blob) for path, mode, blob in objects.files(objects.commit(now).tree)}
            if any(here.get(path) != after.get(path) for path in paths):
                return {}
            return {
                path.decode(): objects.get(before[path][1], "blob") if path in before else None
                for path in sorted(paths)
            }

        self.push(ref, f'Revert "{info.message.partition(chr(10))[0]}"', undone)

    # Files

    def edit(self, stage: str) -> None:
        """Edit people's files: playbooks, settings; sometimes so that nobody can read them."""
        service = self._chance.choice(SERVICES)
        path, text = self._chance.choice(
            [
                (f"{service}/remediation.yaml", playbook(self._chance)),
                (f"{service}/service.yaml", service_settings(self._chance)),
                ("stage.yaml", stage_settings(self._chance, self.plan)),
                (f"{service}/remediation.yaml", _BROKEN),
                (f"{service}/service.yaml", b"bounds: {replicas: {max: many}}\n"),
                ("stage.yaml", b"mode: perhaps\n"),
            ]
        )
        self.push(self.plan.config_ref(stage), f"edit {path}", lambda _: {path: text})

    def remove(self, stage: str) -> None:
        """Take a service away, or bring it back."""
        service, text = self._chance.choice(SERVICES), playbook(self._chance)
        settings = service_settings(self._chance)

        def turned(tip: str) -> Files:
            item = self.remote.objects.item_at(tip, service)
            if item is None:
                return {f"{service}/remediation.yaml": text, f"{service}/service.yaml": settings}
            found = self.remote.objects.files(item[1], f"{service}/".encode())
            return {path.decode(): None for path, _, _ in found}

        self.push(self.plan.config_ref(stage), f"turn {service} around", turned)

    def tamper(self, stage: str) -> None:
        """Change, delete or add what only the engine writes."""
        ref = self.plan.ops_ref(stage)
        tip = self.remote.refs.get(ref)
        item = self.remote.objects.item_at(tip, f"ops/{stage}") if tip is not None else None
        if item is None:
            return
        machine = [
            path.decode()
            for path, _, _ in self.remote.objects.files(item[1], f"ops/{stage}/".encode())
            if b"/remediations/" in path or b"/state/" in path or b"/steps/" in path
        ]
        if not machine:
            return
        path, how = self._chance.choice(machine), self._chance.choice(("delete", "garble", "value", "add"))

        def changed(now: str) -> Files:
            there = self.remote.objects.file(now, path)
            if there is None:
                return {}
            match how:
                case "delete":
                    return {path: None}
                case "garble":
                    return {path: there[: len(there) // 2]}
                case "add":
                    return {f"{path.rpartition('/')[0]}/99-decided.yaml": there}
            return {path: there.replace(b'"value": 2', b'"value": 5').replace(b"value: 2", b"value: 5")}

        self.push(ref, f"{how} {path} by hand", changed)

    # Branches

    def merge(self, stage: str) -> None:
        """Commit on an older tip and merge what others did meanwhile, as `git pull` does; nobody changed that file."""
        ref = self.plan.config_ref(stage)
        base = self.remote.refs[ref]
        objects = Objects(self.remote.objects)
        path = f"{self._chance.choice(SERVICES)}/remediation.yaml"
        text = playbook(self._chance)
        mine = commit_on(objects, base, {path: text}, f"edit {path} aside", self.schedule.now)
        for _ in range(10):
            self.schedule.sleep(self._chance.choice((0.5, 20.0, 60.0)))
            tip = self.remote.refs[ref]
            if parted(self.remote.objects, base, tip) != base or objects.file(tip, path) != objects.file(base, path):
                return
            tree = objects.changed(objects.commit(tip).tree, {path: text})
            when = f"A Person <person@example.org> {int(EPOCH + self.schedule.now)} +0000"
            pair = (mine, tip) if self._chance.random() < 0.5 else (tip, mine)
            commit = objects.write_commit(tree, pair if tip != base else (mine,), when, when, "Merge\n")
            if all(self.remote.push(self.schedule.now, "people", objects, [(ref, tip, commit)]).values()):
                self._pushed(ref, commit, "a merge")
                return

    def rewrite(self, stage: str) -> None:
        """Force-push the branch of steps to where it was some commits ago; what people lose with it they have given up.

        Not the branch of people's files where that is another one (docs/limits.md).
        """
        ref = self.plan.ops_ref(stage)
        tip = self.remote.refs.get(ref)
        if tip is None:
            return
        objects, current = self.remote.objects, tip
        for _ in range(self._chance.choice((1, 2, 5))):
            parents = objects.commit(current).parents
            if len(parents) != 1:
                break
            current = parents[0]
        if current == tip:
            return
        self.say(f"a person forces {ref.removeprefix('refs/heads/')} back from {tip[:8]} to {current[:8]}")
        self.remote.push(self.schedule.now, "people", objects, [(ref, None, current)], forced=True)
        kept = objects.ancestry(current)
        self.accepted.commits[ref] = {each for each in self.accepted.commits.get(ref, ()) if each in kept}
        for path, _, _ in objects.files(objects.commit(tip).tree):
            if b"/problems/" in path and objects.item_at(current, path.decode()) is None:
                self._give_up((ref, path.decode()))
        self.accepted.rewrites[ref] = self.accepted.rewrites.get(ref, 0) + 1

    # The world

    def meddle(self, stage: str) -> None:
        """Let a controller or a person change what may be held."""
        service = self._chance.choice(SERVICES).rpartition("/")[2]
        name = f"{PROJECT}-{stage}/{service}"
        manager = self._chance.choice((CONTROLLER, "kubectl-edit"))
        value = self._chance.choice((1, 2, 3, 4))
        if self._chance.random() < 0.3:
            name, manager = f"default/{stage}/{self._chance.choice(FLAGS)}", "a person"
            value = 1 - self.world.states[name].replicas
        self.say(f"{manager} sets {name} to {value}")
        self.world.change(name, manager, value)

    def strike(self, stage: str) -> None:
        """Let a daemon die, or a server be away."""
        if self._chance.random() < 0.4:
            self._chance.choice(self.daemons).kill()
        else:
            self.weather.some_outage([each.name for each in self.daemons])

    def jump(self, _: str) -> None:
        """Let a daemon's clock jump."""
        self._chance.choice(self.daemons).jump()

    def lose_forge(self, _: str) -> None:
        """Let nothing get through to the forge from daemons, while people push."""
        self.weather.begin_outage(self._chance.choice(["", *(each.name for each in self.daemons)]), "git", 200.0)

    def review(self) -> None:
        """Answer pull requests, or do with them what is no answer, as long as things go wrong."""
        reviewer = Reviewer(self.schedule, self.remote, self.requests, self.say, self._pushed)
        while not self.weather.calm:
            self.schedule.sleep(self._chance.choice((5.0, 20.0, 60.0)))
            reviewer.act()

    def lose_requests(self, _: str) -> None:
        """Let nobody reach the forge's pull requests for a while."""
        self.weather.begin_outage("", "forge", self._chance.choice((5.0, 40.0, 200.0)))

    def fall_behind(self, _: str) -> None:
        """Let a replica of the remote fall behind."""
        self.weather.begin_behind()

    def mend(self) -> None:
        """Make every file readable that is not."""
        for stage in self.plan.stages:
            ref = self.plan.config_ref(stage)
            tip = self.remote.refs[ref]
            mended: dict[str, bytes | None] = {}
            for path, _, blob in self.remote.objects.files(self.remote.objects.commit(tip).tree):
                text = self.remote.objects.get(blob, "blob")
                if text == _BROKEN:
                    mended[path.decode()] = playbook(self._chance)
                elif text in (b"mode: perhaps\n", b"bounds: {replicas: {max: many}}\n"):
                    mended[path.decode()] = b"wait: 20s\n"
            if mended:
                self.push(ref, "mended", lambda _, files=mended: files)  # type: ignore[misc]  # the default binds it


_ACTS: Final[Sequence[tuple[Callable[[People, str], None], float]]] = (
    (People.open_problem, 8), (People.report, 4), (People.end_problem, 5), (People.command, 4), (People.revert, 2),
    (People.edit, 4), (People.remove, 0.7), (People.tamper, 1.5), (People.merge, 1), (People.rewrite, 0.6),
    (People.meddle, 5), (People.strike, 4),
)  # fmt: skip
