"""How long the bridge's pages take over 10,000 services and a long past, by kind, for one visitor and for several.

`make bench` has a past of some thousand remediations; `python -m benchmarks.bridge --problems 100000 --folder DIR` has
what is promised, and keeps the repository in DIR for the next run. Pages come over HTTP from a process of their own.
Each address is asked once or twice at most, so that what is kept of a page does not make the next one look better.
Processor time is that of the server and of its children, so that it means something beside other work too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import httpx
import structlog

from benchmarks.past import REF, STAGE, START, _files, _past, _problem, _Writer, service
from benchmarks.plain_git import environment
from benchmarks.report import Section, ms, percentile, table
from reconciler.bridge.app import Bridge, Served
from reconciler.bridge.building import due
from reconciler.bridge.hall import Hall
from reconciler.bridge.sources import CloneSource
from reconciler.daemon.web.limits import Limits
from reconciler.daemon.web.serving import HttpServer
from reconciler.model.names import CommitId
from reconciler.model.webhooks import Listen
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Identity
from reconciler.repo.project import Project, StageRefs
from reconciler.repo.stage import Tips
from reconciler.repo.steps import claimed
from reconciler.repo.stream import NewCommit, commit_stream

BAR: Final = 0.100
"""Seconds within which 95 of 100 pages of each kind are there."""
VISITORS: Final = (1, 4)
SERVICES: Final = 10_000
PROBLEMS: Final = 5_000
"""Remediations of the past where nothing else is asked for; making them takes half a minute."""
_BATCH: Final = 2000
_CROWD: Final = 10
"""Visitors at once, after whom the memory is told again."""
_PATIENCE: Final = 1800.0
"""Seconds within which the whole past has to be read."""
_RUNNING: Final = 200
"""Remediations that run at the end."""
_WHO: Final = Identity("reconciler", "reconciler@localhost")


def make(folder: Path, problems: int, services: int) -> Path:
    """Make the bare repository: a long past, most of it archived, and some remediations that run."""
    remote = folder / f"bridge-{problems}-{services}.git"
    command = ["git", "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(remote)]
    subprocess.run(command, env=environment(), check=True)
    begun = datetime.fromtimestamp(START, UTC)
    words = ["git", f"--git-dir={remote}", "fast-import", "--quiet", "--done", "--date-format=raw"]
    with subprocess.Popen(words, env=environment(), stdin=subprocess.PIPE) as importing:
        if importing.stdin is None:
            raise RuntimeError("nothing can be written to git")
        main = NewCommit({"project.yaml": b"name: bench\nstages: [production]\n"}, "Begin\n", begun)
        importing.stdin.writelines(commit_stream("refs/heads/main", None, [main], _WHO))
        commits = _history(problems, services, begun)
        first = True
        while batch := list(islice(commits, _BATCH)):
            # The first part takes the branch back to nothing.
            importing.stdin.writelines(commit_stream(REF, None, batch, _WHO)[0 if first else 1 :])
            first = False
        importing.stdin.write(b"done\n")
    if importing.returncode:
        raise RuntimeError("git could not make the repository")
    return remote


def _history(problems: int, services: int, begun: datetime) -> Iterator[NewCommit]:
    yield NewCommit(dict(_files(services)), "Begin\n", begun)
    last = 0
    for commit in _past(problems, services):
        found = [line for line in commit.message.splitlines() if line.startswith("Sequence: ")]
        last = int(found[0].partition(" ")[2]) if found else last
        yield commit
    writer = _Writer()
    writer.sequence = last
    for number in range(problems, problems + _RUNNING):
        yield from islice(_problem(writer, number, services), 4)


class PastSource(CloneSource):
    """A bare repository whose newest step is believed: its steps have the form of steps and do not replay."""

    def _replaying(self, mirror: Mirror, project: Project, stage: StageRefs, tips: Tips) -> tuple[CommitId, ...]:
        del project
        current = tips.ops
        while (claim := claimed(mirror.commit(current), stage.name)) is None:
            current = mirror.commit(current).parents[0]
        return (claim.commit,)


def _addresses(chance: random.Random, rounds: int, services: int, steps: int) -> Mapping[str, list[str]]:
    """Return the pages that are asked for, by their kind."""
    stage = f"/bench/{STAGE}"

    def somewhere() -> str:
        return service(chance.randrange(services))

    def step() -> int:
        return chance.randrange(steps // 4, steps)

    remote = [f"{stage}?at={step()}" for _ in range(rounds)]
    near = [f"{stage}?at={steps - number}" for number in range(1, rounds + 1)]
    texts = ("latency", "cpu", "Memory leak", "service-00", "alertmanager-0000000000000", "group-07/service-0107")
    outcomes = ("", "open", "remediated", "resolved", "unhealed", "escalated")
    return {
        "overview, now": [f"{stage}?page={number % 8 + 1}" for number in range(rounds)],
        "overview, a few steps back": near,
        "overview, anywhere in the past": remote,
        "all services, searched": [f"{stage}?show=all&q={chance.randrange(1000):03}" for _ in range(rounds)],
        "all services, a page": [f"{stage}?show=all&page={chance.randrange(1, 300)}" for _ in range(rounds)],
        "service, now": [f"{stage}/service/{somewhere()}" for _ in range(rounds)],
        "service, in the past": [f"{stage}/service/{somewhere()}?at={step()}" for _ in range(rounds)],
        "history": [f"/bench/-/history?before={step()}" for _ in range(rounds)],
        "history, searched": [f"/bench/-/history?text={chance.choice(texts)}" for _ in range(rounds)],
        "history, searched in the past": [
            f"/bench/-/history?at={step()}&text={chance.choice(texts)}&outcome={chance.choice(outcomes)}"
            for _ in range(rounds)
        ],
        "history by outcome": [
            f"/bench/-/history?outcome={chance.choice(outcomes)}&at={chance.choice(['', step()])}"
            for _ in range(rounds)
        ],
        "history of a period": [
            f"/bench/-/history?outcome={chance.choice(outcomes)}&since={chance.randrange(1, 900)}d&at={step()}"
            for _ in range(rounds)
        ],
        "history of a service": [f"/bench/-/history?service={somewhere()}" for _ in range(rounds)],
        "steps": [f"{stage}/steps?before={step()}" for _ in range(rounds)],
        "file": [f"{stage}/file/{somewhere()}/slo.yaml?at={step()}" for _ in range(rounds)],
    }


def _remediations(client: httpx.Client, chance: random.Random, rounds: int, steps: int) -> list[str]:
    """Return remediations from all over the past, as the history links to them."""
    found: list[str] = []
    for _ in range(rounds):
        text = client.get(f"/bench/-/history?before={chance.randrange(steps // 4, steps)}").text
        known = re.findall(rf'href="(/bench/{STAGE}/remediation/[^"]+)"', text)
        found += [chance.choice(known)] if known else []
    return found


@dataclass
class Kind:
    """What was measured of one kind of page: seconds by the number of visitors, processor seconds of a page."""

    taken: dict[int, list[float]] = field(default_factory=dict)
    spent: float = 0.0
    wrong: int = 0


@dataclass
class Measured:
    """Everything that was measured. Seconds, and MiB of the server's process."""

    problems: int
    services: int
    steps: int = 0
    first: float = 0.0
    whole: float = 0.0
    kinds: dict[str, Kind] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)


def serve(remote: Path, chronicles: Path) -> None:
    """Serve until the standard input ends; the port is the first line of the output."""
    structlog.configure(processors=[lambda *_: ""], logger_factory=structlog.ReturnLoggerFactory())
    log = structlog.get_logger()
    hall = Hall(PastSource(remote, None, chronicles, lambda: None), log, time.time)
    server = HttpServer(Bridge(Served({"bench": hall}, time.time, log)).app, Listen("127.0.0.1", 0), "bench", log,
                        limits=Limits(gone=600.0))  # fmt: skip
    hall.start()
    server.start()
    try:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        hall.close()
        server.stop()


class _Server:
    """The server as a process of its own."""

    def __init__(self, remote: Path, chronicles: Path) -> None:
        words = [sys.executable, "-m", "benchmarks.bridge", "--serve", str(remote), str(chronicles)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdout is None or self._process.stdin is None:
            raise RuntimeError("nothing can be read from the server")
        self.port = int(self._process.stdout.readline())

    def client(self) -> httpx.Client:
        """Return a visitor."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=600.0)

    def memory(self) -> int:
        """Return the MiB that the process has in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) >> 10

    def spent(self) -> float:
        """Return the processor seconds of the process and its children."""
        return sum(_spent(each) for each in Path("/proc").iterdir() if each.name.isdigit() and self._is_ours(each))

    def _is_ours(self, folder: Path) -> bool:
        return str(self._process.pid) in (folder.name, next(iter(_stat(folder)[1:2]), ""))

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def _stat(folder: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return (folder / "stat").read_text().rpartition(")")[2].split()
    return []  # it has ended


def _spent(folder: Path) -> float:
    return sum(map(int, _stat(folder)[11:15])) / os.sysconf("SC_CLK_TCK")


def measure(remote: Path, chronicles: Path, problems: int, services: int, rounds: int) -> Measured:
    """Measure all kinds of pages; the chronicle is made where there is none yet."""
    found = Measured(problems, services)
    chance = random.Random(20_261_122)
    begun = time.perf_counter()
    server = _Server(remote, chronicles)
    try:
        with server.client() as client:
            _first(client, found, chance, begun)
            found.memory["once the past was read"] = server.memory()
            while due(chronicles, STAGE):
                time.sleep(0.5)
            found.steps = int(client.get(f"/bench/{STAGE}").text.partition('max="')[2].partition('"')[0])
            for visitors in VISITORS:
                pages = dict(_addresses(chance, rounds, services, found.steps))
                pages["remediation"] = _remediations(client, chance, rounds, found.steps)
                for name, addresses in pages.items():
                    _kind(server, found.kinds.setdefault(name, Kind()), addresses, visitors)
            found.memory["after all these pages"] = server.memory()
            crowd = [f"/bench/{STAGE}?at={chance.randrange(found.steps // 4, found.steps)}" for _ in range(_CROWD * 3)]
            _kind(server, Kind(), crowd, _CROWD)
            found.memory[f"after {_CROWD} visitors at once, far in the past"] = server.memory()
    finally:
        server.close()
    return found


def _first(client: httpx.Client, found: Measured, chance: random.Random, begun: float) -> None:
    """Visit while the past is read, for the first time or because what was kept of it has an older form."""
    while client.get(f"/bench/{STAGE}").status_code != 200:
        time.sleep(0.05)
    found.first = time.perf_counter() - begun
    meanwhile = Kind({1: []})
    reading = True
    while reading:
        somewhere = service(chance.randrange(found.services))
        for address in (f"/bench/{STAGE}", f"/bench/{STAGE}/service/{somewhere}"):
            asked = time.perf_counter()
            answer = client.get(address)
            meanwhile.taken[1].append(time.perf_counter() - asked)
            meanwhile.wrong += answer.status_code != 200
            reading = answer.status_code != 200 or "still being read" in answer.text
        if time.perf_counter() - begun > _PATIENCE:
            raise RuntimeError(
                f"the past was not read within {_PATIENCE:.0f} seconds; the last page was\n{answer.text}"
            )
        time.sleep(0.1)
    found.whole = time.perf_counter() - begun
    if len(meanwhile.taken[1]) > 2:
        found.kinds["overview and service, while the past is read"] = meanwhile


def _kind(server: _Server, kind: Kind, addresses: Sequence[str], visitors: int) -> None:
    def visit(part: Sequence[str]) -> list[tuple[float, int]]:
        taken = []
        with server.client() as client:
            client.get("/-/static/bridge.css")
            for address in part:
                begun = time.perf_counter()
                answer = client.get(address)
                taken.append((time.perf_counter() - begun, answer.status_code))
        return taken

    before = server.spent()
    with ThreadPoolExecutor(visitors) as pool:
        parts = [addresses[first::visitors] for first in range(visitors)]
        answers = [each for part in pool.map(visit, parts) for each in part]
    kind.taken[visitors] = [seconds for seconds, _ in answers]
    kind.wrong += sum(status != 200 for _, status in answers)
    if visitors == 1:
        kind.spent = (server.spent() - before) / max(1, len(answers))


def section(found: Measured) -> Section:
    """Render what was measured."""
    rows, missed = [], []
    for name, kind in found.kinds.items():
        cells = [name]
        for visitors in VISITORS:
            taken = kind.taken.get(visitors, [])
            cells += [ms(statistics.median(taken)), ms(percentile(taken, 95))] if taken else ["", ""]
        rows.append([*cells, ms(kind.spent) if kind.spent else ""])
        last = percentile(kind.taken[1], 95)
        if last > BAR:
            missed.append(f"{name}: {ms(last)} ms at the 95th percentile, above {ms(BAR)}")
        if kind.wrong:
            missed.append(f"{name}: {kind.wrong} pages were not there")
    memory = ", ".join(f"{size} MiB {when}" for when, size in found.memory.items())
    text = (
        f"Pages of {found.services:,} services after {found.problems:,} remediations ({found.steps:,} steps), over "
        f"HTTP. The first page was there {found.first:.1f} s after the start, the whole past {found.whole:.1f} s "
        f"after it. The server had {memory}. *CPU* is the processor time of the server and its children for a page, "
        f"for one visitor.\n\nBar: {ms(BAR)} ms at the 95th percentile for one visitor.\n\n"
        + table(["page", "p50", "p95", *(f"{part}, {VISITORS[1]} at once" for part in ("p50", "p95")), "CPU"], rows)
    )
    return Section("Pages of the bridge", text, tuple(missed))


def run(folder: Path, rounds: int, problems: int = PROBLEMS, services: int = SERVICES) -> Section:
    """Measure; a repository of this size that lies in the folder is used again."""
    remote = folder / f"bridge-{problems}-{services}.git"
    if not remote.exists():
        make(folder, problems, services)
    chronicles = folder / f"chronicles-{problems}-{services}"
    chronicles.mkdir(exist_ok=True)
    return section(measure(remote, chronicles, problems, services, rounds))


def main(words: list[str]) -> int:
    """Measure, or serve; returns the exit status, 1 where the bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bridge", description="Measure the bridge's pages.")
    parser.add_argument("--problems", type=int, default=PROBLEMS)
    parser.add_argument("--services", type=int, default=SERVICES)
    parser.add_argument("--rounds", type=int, default=60, help="pages of each kind (default 60)")
    parser.add_argument("--folder", type=Path, help="keep the repository and its chronicle here, and use them again")
    parser.add_argument("--serve", type=Path, nargs=2, metavar=("REPO", "CHRONICLES"), help="only serve a repository")
    options = parser.parse_args(words)
    if options.serve:
        serve(*options.serve)
        return 0
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as made:
        found = run(options.folder or Path(made), options.rounds, options.problems, options.services)
    sys.stdout.write(f"{found.text}\n" + "".join(f"missed: {each}\n" for each in found.missed))
    return 1 if found.missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
