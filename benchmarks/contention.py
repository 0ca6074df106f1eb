"""People and the product push to one branch: how long each waits for the other, and whether anything is lost.

First ten people push, together once a second, while single problems come: how long until the decision about one is
on the remote. Then a thousand problems come at once while eight people push: how long each of their pushes takes.
Beside both is a naive loop, which commits and pushes the same decisions and tries again at once when it is refused. All
of it is run some times, each with new repositories, a new cluster and a new daemon, which is a process of its own.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import aside, command, product, repositories
from benchmarks.machine import Quiet
from benchmarks.people import GIVES_UP, GaveUpError, Pushed, Pusher, crowd, lost, tip_of
from benchmarks.plain_git import Files, git
from benchmarks.report import Section, ms, percentile, table
from benchmarks.repositories import STAGE, Shape
from benchmarks.site import deployment, write_kubeconfig

SHAPE = Shape(2_000)
STORM = 1_000
RUNS = 5
PEOPLE = 8
PUSHERS = 10
"""Who push while single problems come, together once in `EVERY`."""
EVERY = 1.0
"""Seconds between two pushes of one person, more or less."""
LANDING_BAR, PERSON_BAR = 0.5, 2.0
"""Seconds at the 95th percentile: until a decision is on the remote, and until a person's push is."""
_PATIENCE, _NAIVE_PATIENCE = 120.0, 30.0
"""Seconds after which a storm is looked at as far as it has come, and the naive loop's, which does not come far."""


@dataclass(frozen=True)
class Contention:
    """One run. Seconds each: of decisions and of people's pushes, the product's and the naive loop's; what was lost.

    ``storm`` and ``naive_storm`` are decisions a second, ``decided`` is how many of the storm's landed in time.
    ``watched`` are all pushes of people beside the product, of which ``lost`` are not on the branch.
    """

    landing: tuple[float, ...]
    naive_landing: tuple[float, ...]
    people: tuple[Pushed, ...]
    naive_people: tuple[Pushed, ...]
    watched: int
    lost: int
    storm: float
    naive_storm: float
    decided: int


def run(folder: Path, rounds: int, quiet: Quiet, storm: int = STORM, people: int = PEOPLE) -> Section:
    """Measure and return the page's section; the rounds of single problems are divided among the runs."""
    each = -(-rounds // RUNS)
    return section([measure(folder / f"run-{nth}", each, quiet, storm, people) for nth in range(RUNS)], storm, people)


def measure(folder: Path, rounds: int, quiet: Quiet, storm: int, people: int) -> Contention:
    """Measure in a folder that is made and removed."""
    folder.mkdir()
    made = repositories.make(folder, SHAPE)
    singles, many = list(range(rounds)), [number + rounds for number in range(storm)]
    with ExitStack() as stack:
        url, create = stack.enter_context(aside.cluster())
        create([deployment(product.NAMESPACE, SHAPE.name(number)) for number in [*singles, *many]])
        kubeconfig = write_kubeconfig(folder, url)
        ours = _copied(folder / "product", made)
        with _daemon(folder / "product", ours, kubeconfig):
            quiet.wait()
            landing, notes = _landing(folder / "one", ours, singles)
            quiet.wait()
            pushed, rate, decided = _storm(folder / "many", ours, many, people)
    theirs = _copied(folder / "naive", made)
    naive_landing = _naive_landing(folder / "naive-one", theirs, singles)
    naive_pushed, naive_rate = _naive_storm(folder / "naive-many", theirs, many, people)
    missing = lost(ours, [*notes, *pushed])
    shutil.rmtree(folder)
    return Contention(
        tuple(landing),
        tuple(naive_landing),
        tuple(pushed),
        tuple(naive_pushed),
        len(notes) + len(pushed),
        missing,
        rate,
        naive_rate,
        decided,
    )


def _copied(folder: Path, made: Path) -> Path:
    folder.mkdir()
    return Path(shutil.copytree(made, folder / "remote.git"))


@contextmanager
def _daemon(folder: Path, remote: Path, kubeconfig: Path) -> Iterator[None]:
    port = command.free_port()
    config = command.configure(folder, str(remote), kubeconfig, f"{{status: '127.0.0.1:{port}'}}")
    with command.running(config) as daemon:
        daemon.await_ready(port)
        yield


def _landing(folder: Path, remote: Path, numbers: Sequence[int]) -> tuple[list[float], list[Pushed]]:
    """Return the seconds from each problem's arrival to its decision's, while others push once a second."""
    reporter = Pusher(folder / "reporter", remote)
    seconds: list[float] = []
    with crowd(folder, remote, PUSHERS, PUSHERS * EVERY) as notes:
        for number in numbers:
            tip = reporter.push(repositories.problems(SHAPE, [number]), f"Problem of {SHAPE.name(number)}\n").commit
            began = time.perf_counter()
            if not _await(remote, tip, SHAPE.name(number), 1):
                raise RuntimeError(f"nothing was decided about {SHAPE.name(number)}")
            seconds.append(time.perf_counter() - began)
            time.sleep(0.37)  # no whole part of a second: the person's pushes come at any moment of a round
    reporter.close()
    return seconds, notes


def _await(remote: Path, since: str, service: str, count: int) -> int:
    """Wait until so many decisions, of one service or of any, are on the branch; return how many there are in time."""
    deadline = time.monotonic() + _PATIENCE
    wanted = ["--all-match", "--grep=^Event: decided$", *([f"--grep=^Service: .*{service}$"] if service else [])]
    tip, found = since, 0
    while found < count and time.monotonic() < deadline:
        now = tip_of(remote)
        if now != tip:
            tip = now
            found = int(git(remote, "rev-list", "--count", *wanted, f"{since}..{tip}"))
        else:
            time.sleep(0.005)
    return found


def _storm(
    folder: Path, remote: Path, numbers: Sequence[int], people: int
) -> tuple[list[Pushed], float, int]:  # fmt: skip
    """Return people's pushes while the problems of one push are decided, decisions a second, and how many."""
    reporter = Pusher(folder / "reporter", remote)
    with crowd(folder, remote, people, EVERY) as pushed:
        tip = reporter.push(repositories.problems(SHAPE, numbers), "Everything is slow\n").commit
        began = time.perf_counter()
        decided = _await(remote, tip, "", len(numbers))
        took = time.perf_counter() - began
    reporter.close()
    return pushed, decided / took, decided


def _naive_landing(folder: Path, remote: Path, numbers: Sequence[int]) -> list[float]:
    naive = Pusher(folder / "naive", remote)
    seconds = []
    with crowd(folder, remote, PUSHERS, PUSHERS * EVERY):
        for number in numbers:
            seconds.append(naive.push(_decision(number), f"Decide {number}\n").seconds)
            time.sleep(0.37)
    naive.close()
    return seconds


def _naive_storm(folder: Path, remote: Path, numbers: Sequence[int], people: int) -> tuple[list[Pushed], float]:
    naive = Pusher(folder / "naive", remote)
    with crowd(folder, remote, people, EVERY) as pushed:
        began, landed = time.perf_counter(), 0
        # It may starve among people who push all the time; what it did until then is its rate.
        with suppress(GaveUpError):
            for number in numbers:
                if time.perf_counter() - began > _NAIVE_PATIENCE:
                    break
                naive.push(_decision(number), f"Decide {number}\n")
                landed += 1
        took = time.perf_counter() - began
    naive.close()
    return pushed, landed / took


def _decision(number: int) -> Files:
    return {f"ops/{STAGE}/{SHAPE.path(number)}/state/decided-{number}.yaml": b"replicas: 2\n"}


def section(runs: Sequence[Contention], storm: int, people: int) -> Section:
    """Say what came out."""
    landings = [one for each in runs for one in each.landing]
    pushed = [one for each in runs for one in each.people]
    gone = sum(each.lost for each in runs)
    given_up = sum(not each.commit for each in pushed)
    undecided = sum(storm - each.decided for each in runs)
    rows = [_row("product", landings), _row("naive loop", [one for each in runs for one in each.naive_landing])]
    pushes = [
        _pushes("product", pushed, [each.storm for each in runs]),
        _pushes(
            "naive loop", [one for each in runs for one in each.naive_people], [each.naive_storm for each in runs]
        ),
    ]  # fmt: skip
    head = ["a decision's landing", "rounds", "p50", "p95", "slowest"]
    other = ["a person's push in a storm", "pushes", "p50", "p95", "slowest", "most tries", "decisions/s"]
    text = (
        f"`reconciler run` over {SHAPE.services:,} services, with a remote on this machine; {len(runs)} runs, each "
        "with new repositories and a new daemon. *A decision's landing*: from the moment a problem is on the remote "
        f"until its decision is, while {PUSHERS} people push to the same branch, together once a second. "
        f"*A person's push in a storm*: "
        f"{people} people push once a second each while {storm:,} problems of one push are decided; from the first try "
        "until it is on the remote. Each person has a clone with objects of its own; a try is a `git fetch` of the "
        "branch, a commit on top of it and a `git push`, and where that is refused the next one comes within a tenth "
        "of a second. The *naive loop* pushes as many commits in the same way, one by one, and tries again at once; it "
        f"decides nothing, and its storm ends after {_NAIVE_PATIENCE:g} s. Percentiles are of all pushes of all runs, "
        "decisions a second the median of the runs. "
        f"Of the storms' problems {len(runs) * storm - undecided:,} of {len(runs) * storm:,} were decided within "
        f"{_PATIENCE:g} s each. Of the people's {sum(each.watched for each in runs):,} pushes {gone} were lost, and "
        f"{given_up} did not land within {GIVES_UP:g} s, which is what they count with. "
        f"Limits: {SHAPE.services:,} services in group folders and not more, and no remote behind a network, where "
        "each push takes longer for everybody.\n\n"
        f"Bars: {LANDING_BAR:g} s and {PERSON_BAR:g} s at the 95th percentile, none lost.\n\n"
        + "\n\n".join([table(head, rows), table(other, pushes)])
    )
    landing = percentile(landings, 95)
    person = percentile([each.seconds for each in pushed] or [0.0], 95)
    missed = [
        what
        for what, over in (
            (f"{landing:.2f} s until a decision was on the remote", landing > LANDING_BAR),
            (f"{person:.2f} s until a person's push was on the remote", person > PERSON_BAR),
            (f"{gone} pushes of people were lost", bool(gone)),
            (f"{given_up} pushes of people never landed", bool(given_up)),
            (f"{undecided:,} problems not decided within {_PATIENCE:g} s", bool(undecided)),
        )
        if over
    ]
    return Section("People push, too", text, tuple(missed))


def _row(name: str, seconds: Sequence[float]) -> list[str]:
    return [name, str(len(seconds)), *_quantiles(seconds)]


def _pushes(name: str, pushed: Sequence[Pushed], rates: Sequence[float]) -> list[str]:
    most = max((one.tries for one in pushed), default=0)
    return [
        name, str(len(pushed)), *_quantiles([one.seconds for one in pushed]), str(most), f"{median(rates):.1f}",
    ]  # fmt: skip


def _quantiles(seconds: Sequence[float]) -> list[str]:
    if not seconds:
        return ["", "", ""]
    return [ms(percentile(seconds, 50)), ms(percentile(seconds, 95)), ms(max(seconds))]
