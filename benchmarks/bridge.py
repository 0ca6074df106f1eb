"""`python -m benchmarks.bridge`: how long pages take over 10,000 services and a past of 100,000 remediations.

Everything that is read is on the disk; the pages come over HTTP from a server in this process, one after the other.
Each address is asked once or twice at most, so that what is kept of a page does not make the next one look better.
Exit status 1: the 95th percentile of a kind of page is over the bar.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import httpx
import structlog

from benchmarks.past import REF, STAGE, START, _files, _past, _problem, _Writer, service
from benchmarks.plain_git import environment
from reconciler.bridge.app import Bridge, Served
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
_BATCH: Final = 2000
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

    def _believed(self, mirror: Mirror, project: Project, stage: StageRefs, tips: Tips) -> tuple[CommitId, ...]:
        del project
        walk = mirror.commits(tips.ops, limit=1000)
        return next((claim.commit,) for info in walk if (claim := claimed(info, stage.name)) is not None)


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


def main(words: list[str]) -> int:
    """Measure; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bridge", description="Measure the bridge's pages.")
    parser.add_argument("--problems", type=int, default=100_000)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=60, help="pages of each kind (default 60)")
    parser.add_argument("--folder", type=Path, help="keep the repository here, and use it again")
    options = parser.parse_args(words)
    structlog.configure(processors=[lambda *_: ""], logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as made:
        folder = options.folder or Path(made)
        remote = folder / f"bridge-{options.problems}-{options.services}.git"
        if not remote.exists():
            begun = time.perf_counter()
            make(folder, options.problems, options.services)
            print(f"the repository was made in {time.perf_counter() - begun:.0f} s", flush=True)
        (folder / "chronicles").mkdir(exist_ok=True)
        return _measured(PastSource(remote, None, folder / "chronicles", lambda: None), options)


def _measured(source: PastSource, options: argparse.Namespace) -> int:
    log = structlog.get_logger()
    hall = Hall(source, log, time.time)
    server = HttpServer(Bridge(Served({"bench": hall}, time.time, log)).app, Listen("127.0.0.1", 0), "bench", log,
                        limits=Limits(gone=600.0))  # fmt: skip
    begun = time.perf_counter()
    hall.start()
    server.start()
    over = False
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=600.0) as client:
            while client.get(f"/bench/{STAGE}").status_code == 503:
                time.sleep(0.1)
            print(f"the first page was there after {time.perf_counter() - begun:.1f} s", flush=True)
            while "still being read" in client.get(f"/bench/{STAGE}").text:
                time.sleep(0.5)
            print(f"the whole past was read after {time.perf_counter() - begun:.1f} s", flush=True)
            steps = int(client.get(f"/bench/{STAGE}").text.partition('max="')[2].partition('"')[0])
            chance = random.Random(20_261_122)
            pages = dict(_addresses(chance, options.rounds, options.services, steps))
            pages["remediation"] = _remediations(client, chance, options.rounds, steps)
            for kind, addresses in pages.items():
                over |= _kind(client, kind, addresses)
    finally:
        hall.close()
        server.stop()
    return 1 if over else 0


def _kind(client: httpx.Client, kind: str, addresses: list[str]) -> bool:
    taken: list[float] = []
    wrong = 0
    for address in addresses:
        begun = time.perf_counter()
        answer = client.get(address)
        taken.append(time.perf_counter() - begun)
        wrong += answer.status_code != 200
    taken.sort()
    last = taken[min(len(taken) - 1, int(len(taken) * 0.95))]
    said = f" ({wrong} were not there)" if wrong else ""
    print(f"{kind:32} median {statistics.median(taken) * 1000:6.1f} ms, 95% within {last * 1000:6.1f} ms, "
          f"slowest {taken[-1] * 1000:6.1f} ms{said}", flush=True)  # fmt: skip
    return last > BAR


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
