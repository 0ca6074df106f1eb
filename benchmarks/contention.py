"""People and the product push to one branch: how long each waits for the other, and whether anything is lost.

First ten people push, together once a second, while single problems come: how long until the decision about one is
on the remote. Then a thousand problems come at once while eight people push, more often each time: how long each of
their pushes takes. Beside both is a naive loop, which commits and pushes the same decisions and tries again at once
when it is refused; and beside the storms are the same people with nobody else there, for with enough of them they
stand in each other's way. All of it is run some times, each with new repositories, new clusters and new daemons, which
are processes of their own.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import aside, command, product, repositories
from benchmarks.machine import Quiet
from benchmarks.people import GIVES_UP, GaveUpError, Pushed, Pusher, crowd, lost, tip_of
from benchmarks.plain_git import Files, git
from benchmarks.report import Section, ms, percentile, table
from benchmarks.repositories import STAGE, STAGE_REF, Shape
from benchmarks.site import deployment, write_kubeconfig

SHAPE = Shape(2_000)
STORM = 1_000
RUNS = 5
PEOPLE = 8
PUSHERS = 10
"""Who push while single problems come, together once in `EVERY`."""
EVERY = 1.0
"""Seconds between two pushes of all of them together, more or less."""
RATES = (8.0, 2.0, 1.0)
"""Seconds between two pushes of one of the storm's people: together once, four times and eight times a second."""
LANDING_BAR, PERSON_BAR = 0.5, 2.0
"""Seconds at the 95th percentile: until a decision is on the remote, and until a person's push is."""
_PATIENCE, _NAIVE_PATIENCE = 40.0, 10.0
"""Seconds after which a storm is looked at as far as it has come, and the naive loop's, which does not come far."""
ALONE = 10.0
"""Seconds for which people are watched with nobody else there."""
LOCKED, SETTLES = 3.0, 7.0
"""Seconds for which nobody can push, and that people have afterwards until they are watched again."""


@dataclass(frozen=True)
class Storm:
    """A storm among people: their pushes, decisions a second, and how many problems were decided in time."""

    people: tuple[Pushed, ...]
    rate: float = 0.0
    decided: int = 0


@dataclass(frozen=True)
class Contention:
    """One run.

    ``landing`` and ``naive_landing`` are the seconds of decisions, the product's and the naive loop's. ``storms``,
    ``naive`` and ``alone``, where nobody decides, are by the seconds between two pushes of a person; ``locked`` is what
    people push for themselves most often, after nobody could for a while. ``watched`` are all pushes of people beside
    the product, of which ``lost`` are not on the branch.
    """

    landing: tuple[float, ...]
    naive_landing: tuple[float, ...]
    storms: Mapping[float, Storm]
    naive: Mapping[float, Storm]
    watched: int
    lost: int
    alone: Mapping[float, tuple[Pushed, ...]] = field(default_factory=dict)
    locked: tuple[Pushed, ...] = ()


def run(folder: Path, rounds: int, quiet: Quiet, storm: int = STORM, people: int = PEOPLE) -> Section:
    """Measure and return the page's section; the rounds of single problems are divided among the runs."""
    each = -(-rounds // RUNS)
    return section([measure(folder / f"run-{nth}", each, quiet, storm, people) for nth in range(RUNS)], storm, people)


def measure(folder: Path, rounds: int, quiet: Quiet, storm: int, people: int) -> Contention:
    """Measure in a folder that is made and removed."""
    folder.mkdir()
    made = repositories.make(folder, SHAPE)
    singles, many = list(range(rounds)), list(range(storm))
    with _world(folder / "single", made, singles) as remote:
        quiet.wait()
        landing, notes = _landing(folder / "one", remote, singles)
        watched, missing = len(notes), lost(remote, notes)
    storms: dict[float, Storm] = {}
    for every in RATES:
        with _world(folder / f"storm-{every:g}", made, many) as remote:
            quiet.wait()
            storms[every] = _storm(folder / f"many-{every:g}", remote, many, people, every)
            pushed = storms[every].people
            watched, missing = watched + len(pushed), missing + lost(remote, pushed)
    theirs = _copied(folder / "naive", made)
    naive_landing = _naive_landing(folder / "naive-one", theirs, singles)
    naive = {every: _naive_storm(folder / f"naive-{every:g}", theirs, many, people, every) for every in RATES}
    alone = {every: _alone(folder / f"alone-{every:g}", theirs, people, every) for every in RATES}
    locked = _locked(folder / "locked", theirs, people, min(RATES))
    shutil.rmtree(folder)
    return Contention(tuple(landing), tuple(naive_landing), storms, naive, watched, missing, alone, locked)


@contextmanager
def _world(folder: Path, made: Path, numbers: Sequence[int]) -> Iterator[Path]:
    """Run a daemon, with a cluster that has these services; yields its remote."""
    remote = _copied(folder, made)
    with aside.cluster() as (url, create):
        create([deployment(product.NAMESPACE, SHAPE.name(number)) for number in numbers])
        with _daemon(folder, remote, write_kubeconfig(folder, url)):
            yield remote


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


def _storm(folder: Path, remote: Path, numbers: Sequence[int], people: int, every: float) -> Storm:
    """Let people push while the problems of one push are decided."""
    reporter = Pusher(folder / "reporter", remote)
    with crowd(folder, remote, people, every) as pushed:
        tip = reporter.push(repositories.problems(SHAPE, numbers), "Everything is slow\n").commit
        began = time.perf_counter()
        decided = _await(remote, tip, "", len(numbers))
        took = time.perf_counter() - began
    reporter.close()
    return Storm(tuple(pushed), decided / took, decided)


def _alone(folder: Path, remote: Path, people: int, every: float) -> tuple[Pushed, ...]:
    """Return what people push while nobody else is there."""
    with crowd(folder, remote, people, every) as pushed:
        time.sleep(ALONE)
    return tuple(pushed)


def _locked(folder: Path, remote: Path, people: int, every: float) -> tuple[Pushed, ...]:
    """Return what people push while nobody else is there, some time after nobody could push for a while."""
    lock = remote / f"{STAGE_REF}.lock"
    with crowd(folder, remote, people, every) as pushed:
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
        try:
            time.sleep(LOCKED)
        finally:
            lock.unlink()
        time.sleep(SETTLES)
        before = len(pushed)
        time.sleep(ALONE)
        return tuple(pushed[before:])


def _naive_landing(folder: Path, remote: Path, numbers: Sequence[int]) -> list[float]:
    naive = Pusher(folder / "naive", remote)
    seconds = []
    with crowd(folder, remote, PUSHERS, PUSHERS * EVERY):
        for number in numbers:
            seconds.append(naive.push(_decision(number), f"Decide {number}\n").seconds)
            time.sleep(0.37)
    naive.close()
    return seconds


def _naive_storm(folder: Path, remote: Path, numbers: Sequence[int], people: int, every: float) -> Storm:
    naive = Pusher(folder / "naive", remote)
    with crowd(folder, remote, people, every) as pushed:
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
    return Storm(tuple(pushed), landed / took, landed)


def _decision(number: int) -> Files:
    return {f"ops/{STAGE}/{SHAPE.path(number)}/state/decided-{number}.yaml": b"replicas: 2\n"}


def section(runs: Sequence[Contention], storm: int, people: int) -> Section:
    """Say what came out."""
    landings = [one for each in runs for one in each.landing]
    gone = sum(each.lost for each in runs)
    rows = [_row("product", landings), _row("naive loop", [one for each in runs for one in each.naive_landing])]
    head = ["a decision's landing", "rounds", "p50", "p95", "slowest"]
    other = ["a person's push in a storm", "pushes", "p50", "p95", "slowest", "most tries", "decisions/s", "decided"]
    text = (
        f"`reconciler run` over {SHAPE.services:,} services, with a remote on this machine; {len(runs)} runs, each "
        "with new repositories and a new daemon. *A decision's landing*: from the moment a problem is on the remote "
        f"until its decision is, while {PUSHERS} people push to the same branch, together once a second. "
        f"*A person's push in a storm*: {people} people push while {storm:,} problems of one push are decided, with a "
        "new repository and a new daemon for each rate of pushes, which is that of all people together; from the first "
        "try until it is on the remote. Each person has a clone with objects of its own; a try is a `git fetch` of the "
        "branch, a commit on top of it and a `git push`, and where that is refused the next one comes within a tenth "
        "of a second. The *naive loop* pushes as many commits in the same way, one by one, and tries again at once; it "
        f"decides nothing, and its storm ends after {_NAIVE_PATIENCE:g} s. *Nobody else*: the same people, "
        f"{ALONE:g} s long, with nobody who decides; *after a pause*: some seconds after nobody could push for "
        f"{LOCKED:g} s. Percentiles are of all pushes of all runs, decisions a second the median of the runs; "
        f"*decided* is how many of the storms' problems were, within {_PATIENCE:g} s each. Of the people's "
        f"{sum(each.watched for each in runs):,} pushes beside the product {gone} were lost. Who does not land within "
        f"{GIVES_UP:g} s counts with that. Limits: {SHAPE.services:,} services in group folders and not more, and no "
        "remote behind a network, where each push takes longer for everybody.\n\n"
        f"Bars: {LANDING_BAR:g} s and {PERSON_BAR:g} s at the 95th percentile, none lost, every problem decided. Each "
        "try of a person costs git some twelve processes, and the more of them try at once, the more are refused and "
        "try again. So beyond some rate people do not come to an end with nobody else there either: what the same "
        "people do then stands beside each bar that is missed.\n\n"
        + "\n\n".join([table(head, rows), table(other, _storm_rows(runs, storm, people))])
    )
    landing = percentile(landings, 95)
    missed = [
        *([f"{landing:.2f} s until a decision was on the remote"] if landing > LANDING_BAR else []),
        *([f"{gone} pushes of people were lost"] if gone else []),
        *(said for every in runs[0].storms for said in _missed(runs, every, storm, people)),
    ]
    return Section("People push, too", text, tuple(missed))


def _missed(runs: Sequence[Contention], every: float, storm: int, people: int) -> list[str]:
    pushed = [one for each in runs for one in each.storms[every].people]
    given_up = sum(not each.commit for each in pushed)
    undecided = sum(storm - each.storms[every].decided for each in runs)
    person = percentile([each.seconds for each in pushed] or [0.0], 95)
    reason = "".join(
        f"; {percentile([one.seconds for one in them], 95):.2f} s for them {where}"
        for where, them in (
            ("with nobody else there", [one for each in runs for one in each.alone.get(every, ())]),
            ("after a pause", [one for each in runs for one in each.locked if every == min(each.storms)]),
        )
        if them
    )
    return [
        f"{_rate(people, every)}: {what}{reason}"
        for what, over in (
            (f"{person:.2f} s until a person's push was on the remote", person > PERSON_BAR),
            (f"{given_up} pushes of people never landed", bool(given_up)),
            (f"{undecided:,} problems not decided within {_PATIENCE:g} s", bool(undecided)),
        )
        if over
    ]


def _rate(people: int, every: float) -> str:
    return f"{people / every:g} a second"


def _storm_rows(runs: Sequence[Contention], storm: int, people: int) -> list[list[str]]:
    rows: list[list[str]] = []
    for every in runs[0].storms:
        rate = _rate(people, every)
        storms = [each.storms[every] for each in runs]
        decided = f"{sum(each.decided for each in storms):,} of {len(runs) * storm:,}"
        rows += [
            [*_pushes(f"{rate}, product", storms), f"{median(each.rate for each in storms):.1f}", decided],
            [
                *_pushes(f"{rate}, naive loop", [each.naive[every] for each in runs]),
                f"{median(each.naive[every].rate for each in runs):.1f}", "",
            ],
            [*_pushes(f"{rate}, nobody else", [Storm(each.alone.get(every, ())) for each in runs]), "", ""],
        ]  # fmt: skip
    fullest = _rate(people, min(runs[0].storms))
    return [*rows, [*_pushes(f"{fullest}, nobody else, after a pause", [Storm(e.locked) for e in runs]), "", ""]]


def _row(name: str, seconds: Sequence[float]) -> list[str]:
    return [name, str(len(seconds)), *_quantiles(seconds)]


def _pushes(name: str, storms: Sequence[Storm]) -> list[str]:
    pushed = [one for each in storms for one in each.people]
    most = max((one.tries for one in pushed), default=0)
    return [name, str(len(pushed)), *_quantiles([one.seconds for one in pushed]), str(most)]


def _quantiles(seconds: Sequence[float]) -> list[str]:
    if not seconds:
        return ["", "", ""]
    return [ms(percentile(seconds, 50)), ms(percentile(seconds, 95)), ms(max(seconds))]
