"""`python -m benchmarks.scaling`: 100,000 services over 20 stages, shared by eight daemons on this one machine.

The daemons are processes of the command itself with Leases at their defaults, one embedded API server in a process of
its own, one bare repository with all stages, read as a folder or over smart HTTP. Everything is niced, and ends by
itself; what has to be smaller than it says is told. Exit status 1: something that was to happen did not.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import httpx

from benchmarks import aside, fleet, machine, repositories
from benchmarks.fleet import Daemon, Leases, busy_over, cost
from benchmarks.plain_git import FastImport, commit_stream, git, read_ref, sharing
from benchmarks.repositories import PROJECT, Shape
from benchmarks.scaling_told import Found, told
from benchmarks.site import deployment, workload, write_kubeconfig

STAGES = 20
DAEMONS = 8
_AT_ONCE = 10
"""Problems of a stage in one push, when all stages have some at the same time."""
_PATIENCE = 120.0


@dataclass
class Sight:
    """When each deployment was seen with two replicas, `time.perf_counter`."""

    seen: dict[tuple[str, str], float] = field(default_factory=dict)

    def watch(self, url: str, stopped: threading.Event) -> None:
        """Follow the deployments of all namespaces until told to stop."""
        with httpx.Client(base_url=url, trust_env=False, timeout=None) as client:
            while not stopped.is_set():
                query = {"watch": "1", "timeoutSeconds": "5"}
                with client.stream("GET", "/apis/apps/v1/deployments", params=query) as answer:
                    for line in answer.iter_lines():
                        item = json.loads(line)["object"]
                        if item["spec"].get("replicas") == 2:
                            key = item["metadata"]["namespace"], item["metadata"]["name"]
                            self.seen.setdefault(key, time.perf_counter())


@dataclass
class World:
    """One repository with its stages, an API server, and somebody who pushes problems."""

    folder: Path
    remote: Path
    shape: Shape
    url: str
    writer: FastImport
    clone: Path
    address: str = ""

    @staticmethod
    def stage(number: int) -> str:
        """Return the name of a stage."""
        return f"stage-{number:02}"

    def push(self, stage: str, numbers: Sequence[int]) -> float:
        """Push a problem of each of these services in one commit, and return when that was done."""
        files = {}
        for number in numbers:
            identity, content = repositories.problem(number)
            files[f"ops/{stage}/{self.shape.path(number)}/problems/{identity}.yaml"] = content
        ref, now = f"refs/heads/{stage}", int(time.time())
        for _ in range(20):
            old = read_ref(self.remote, ref)
            stream = commit_stream(old, files, "Problems\n", mark=1, ref="refs/person/new", seconds=now)
            new = self.writer.write(stream, 1)[0]
            try:
                git(self.clone, "push", "--quiet", self.address or str(self.remote), f"{new}:{ref}")
            except subprocess.CalledProcessError:
                continue  # a daemon's push came first: as Git says, take it in and push again
            return time.perf_counter()
        raise RuntimeError(f"nothing can be pushed to {stage}")


def main(words: list[str]) -> int:
    """Measure; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description="Measure daemons that share.")
    parser.add_argument("--services", type=int, default=5_000, help="of each stage, as a folder (default 5000)")
    parser.add_argument("--http-services", type=int, default=250, help="of each stage, over HTTP (default 250)")
    parser.add_argument("--daemons", type=int, default=DAEMONS)
    parser.add_argument("--stages", type=int, default=STAGES)
    parser.add_argument("--rounds", type=int, default=2, help="problems of each stage, one after the other (default 2)")
    parser.add_argument("--seconds", type=int, default=300, help="end after so many, whatever is missing (default 300)")
    parser.add_argument("--folder", type=Path, help="where the repositories lie meanwhile")
    options = parser.parse_args(words)
    os.nice(10)
    _end_after(options.seconds)
    began, before = time.monotonic(), os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="scaling-", dir=options.folder) as made:
        print(f"Machine: {machine.describe(Path(made))}; load {before[0]:.1f} before.", flush=True)
        found: list[Found] = []
        try:
            for kind, services in (("folder", options.services), ("smart HTTP", options.http_services)):
                if services:
                    found.append(measure(Path(made) / kind.replace(" ", "-"), kind, services, options))
        finally:
            if found:
                print(told(found, options), flush=True)
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


def _end_after(seconds: int) -> None:
    def end(number: int, _: object) -> NoReturn:
        raise SystemExit(f"ended by {signal.Signals(number).name} with something missing")

    for each in (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, end)
    signal.alarm(seconds)


def measure(folder: Path, kind: str, services: int, options: argparse.Namespace) -> Found:
    """Measure one kind of remote."""
    found = Found(kind, services * options.stages)
    names = [World.stage(number) for number in range(options.stages)]
    folder.mkdir()
    with ExitStack() as stack:
        began = time.monotonic()
        remote = _repository(folder, Shape(services), names)
        found.made = time.monotonic() - began
        url, create = stack.enter_context(aside.cluster())
        address = f"{stack.enter_context(aside.git_http(folder))}/{remote.name}" if kind != "folder" else ""
        servers = _children()
        clone = sharing(folder / "person.git", remote)
        writer = stack.enter_context(FastImport(clone))
        world = World(folder, remote, Shape(services), url, writer, clone, address)
        numbers = world.shape.spread(options.rounds + _AT_ONCE + 1)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": fleet.SPACE}}
        create([namespace, *(
            deployment(f"{PROJECT}-{name}", Shape.name(number)) for name in names for number in numbers
        )])  # fmt: skip
        sight = stack.enter_context(_watching(url))
        leases = Leases(url)
        stack.callback(leases.close)
        began = time.monotonic()
        daemons = stack.enter_context(
            fleet.fleet(folder, address or str(remote), write_kubeconfig(folder, url), options.daemons)
        )
        _until(lambda: fleet.shared(leases.holders(), len(names), len(daemons)), "shared", daemons)
        found.shared = time.monotonic() - began
        print(f"{kind}: shared after {found.shared:.0f} s", file=sys.stderr, flush=True)
        _idle(found, daemons, servers, create)
        _paced(found, world, sight, names, numbers[: options.rounds], daemons)
        print(f"{kind}: {len(found.paced)} answered", file=sys.stderr, flush=True)
        create("calls")
        _burst(found, world, sight, names, numbers[options.rounds : -1], daemons)
        found.calls = json.loads(create("calls"))
        _killed(found, world, sight, leases, daemons, numbers[-1])
    began = time.monotonic()
    git(folder, "clone", "--quiet", "--mirror", "--no-local", str(remote), str(folder / "cloned.git"))
    found.cloned = time.monotonic() - began
    found.size = sum(each.stat().st_size for each in (remote / "objects").rglob("*") if each.is_file()) / (1 << 20)
    found.pushes = _pushes(folder, remote, names, http=kind != "folder")
    return found


def _repository(folder: Path, shape: Shape, names: Sequence[str]) -> Path:
    """Make the repository: every file of every service is another one."""
    remote = folder / "remote.git"
    git(remote, "init", "--quiet", "--bare", "--template=", "--initial-branch=main")
    files = {"project.yaml": f"name: {PROJECT}\nstages: [{', '.join(names)}]\n".encode()}
    with FastImport(remote) as writer:
        writer.write(_first(files, "main"), 1)
        for name in names:
            own = b"# %s\n" % name.encode()
            writer.write(_first({path: text + own for path, text in repositories.stage(shape)}, name), 1)
    git(remote, "config", "http.receivepack", "true")
    return remote


def _first(files: Mapping[str, bytes], branch: str) -> bytes:
    return commit_stream(None, files, "Begin\n", mark=1, ref=f"refs/heads/{branch}", seconds=repositories.BEGAN)


@contextmanager
def _watching(url: str) -> Iterator[Sight]:
    sight, stopped = Sight(), threading.Event()
    thread = threading.Thread(target=sight.watch, args=(url, stopped), daemon=True)
    thread.start()
    try:
        yield sight
    finally:
        stopped.set()
        thread.join(10)


def _until(met: Callable[[], object], what: str, daemons: Sequence[Daemon]) -> None:
    ends = time.monotonic() + _PATIENCE
    while not met():
        if time.monotonic() > ends:
            running = [each.name for each in daemons if each.process.poll() is None]
            raise SystemExit(f"never happened: {what}; running: {', '.join(running)}")
        time.sleep(0.05)


def _idle(found: Found, daemons: Sequence[Daemon], servers: Sequence[int], create: Callable[[object], str]) -> None:
    time.sleep(5.0)  # what was begun at the start ends
    create("calls")
    began = time.monotonic()
    busy = busy_over([*(each.process.pid for each in daemons), *servers], 15.0)
    found.idle_seconds = time.monotonic() - began
    found.idle_calls = json.loads(create("calls"))
    found.idle, found.idle_servers = busy[: len(daemons)], busy[len(daemons) :]
    found.memory = [cost(each.process.pid).memory for each in daemons]


def _paced(
    found: Found, world: World, sight: Sight, names: Sequence[str], numbers: Sequence[int], daemons: Sequence[Daemon]
) -> None:
    """Push one problem after the other, twice a second, and see when the cluster has its change."""
    pushed: dict[tuple[str, str], float] = {}
    for number in numbers:
        for name in names:
            next_one = time.monotonic() + 0.5
            pushed[f"{PROJECT}-{name}", workload(Shape.name(number))] = world.push(name, [number])
            time.sleep(max(next_one - time.monotonic(), 0.0))
    _until(lambda: pushed.keys() <= sight.seen.keys(), "every paced problem was answered", daemons)
    found.paced = [sight.seen[key] - at for key, at in pushed.items()]


def _burst(
    found: Found, world: World, sight: Sight, names: Sequence[str], numbers: Sequence[int], daemons: Sequence[Daemon]
) -> None:
    """Let every stage have many problems at the same time."""
    before = [cost(each.process.pid).busy for each in daemons]
    began = time.perf_counter()
    for name in names:
        world.push(name, numbers)
    keys = {(f"{PROJECT}-{name}", workload(Shape.name(number))) for name in names for number in numbers}
    _until(lambda: keys <= sight.seen.keys(), "every problem of the burst was answered", daemons)
    found.burst, found.burst_seconds = len(keys), max(sight.seen[key] for key in keys) - began
    found.busy = [cost(each.process.pid).busy - then for each, then in zip(daemons, before, strict=True)]


def _killed(found: Found, world: World, sight: Sight, leases: Leases, daemons: Sequence[Daemon], number: int) -> None:
    """Kill one of them, and see when others have its stages, and have answered a problem there."""
    gone = daemons[0]
    orphans = [name for name, holder in leases.holders().items() if holder == gone.name]
    began = time.monotonic()
    gone.kill()
    for name in orphans:
        world.push(name, [number])
    found.orphans = len(orphans)

    def taken() -> bool:
        holders = leases.holders()
        return all(holders.get(name, gone.name) != gone.name for name in orphans)

    _until(taken, "taken over", daemons)
    found.takeover = time.monotonic() - began
    keys = {(f"{PROJECT}-{name}", workload(Shape.name(number))) for name in orphans}
    _until(lambda: keys <= sight.seen.keys(), "answered by who took over", daemons)
    found.takeover_applied = time.monotonic() - began


def _pushes(folder: Path, remote: Path, names: Sequence[str], *, http: bool) -> float:
    """Return how many pushes a second one repository takes, to as many branches at a time as there are processors."""
    with ExitStack() as stack:
        address = f"{stack.enter_context(aside.git_http(folder))}/{remote.name}" if http else str(remote)
        counts: list[int] = []
        ends = time.monotonic() + 5.0

        def push(stage: str) -> None:
            clone = sharing(folder / f"pusher-{stage}.git", remote)
            ref, count = f"refs/heads/{stage}", 0
            with FastImport(clone) as writer:
                while time.monotonic() < ends:
                    files = {f"ops/{stage}/pushed": f"{count}\n".encode()}
                    tip, now = read_ref(remote, ref), int(time.time())
                    stream = commit_stream(tip, files, "One\n", mark=1, ref="refs/x/y", seconds=now)
                    git(clone, "push", "--quiet", address, f"{writer.write(stream, 1)[0]}:{ref}")
                    count += 1
            counts.append(count)

        threads = [threading.Thread(target=push, args=(name,)) for name in names[: os.cpu_count() or 1]]
        began = time.monotonic()
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return sum(counts) / (time.monotonic() - began)


def _children() -> list[int]:
    """Return the processes that this one has started: the servers."""
    pid = os.getpid()
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
