"""What the files name and the servers don't have: workloads, flags, environments, queries (`validate --online`).

The servers are those of the daemon's configuration, looked at and never written to, and only where that allows it.
Whatever they answer makes nothing invalid: what is missing now may come before it is needed. A server that cannot be
reached is told once, however much it was to be asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Final

from reconciler.cli.checking import Part
from reconciler.cli.context import now
from reconciler.cli.findings.finding import Finding, doubt, ordered, remark
from reconciler.cli.questions import Question, questions
from reconciler.daemon.clock import SystemClock
from reconciler.daemon.connections import connect
from reconciler.daemon.dispatch import Servers, lane
from reconciler.daemon.service import read_config
from reconciler.evidence.providers import Providers
from reconciler.model.copies import replace
from reconciler.model.daemon_config import DaemonConfig, ProjectConnections
from reconciler.model.errors import ConfigError, Place, ReconcilerError
from reconciler.model.instant import Instant
from reconciler.model.measures import MeasuresFact, WantMeasures
from reconciler.model.names import ProjectName, StageName
from reconciler.model.targets import Fact, NoFact, Want

AT_MOST: Final = 2000
"""Questions to the servers of one stage."""
WITHIN: Final = 60.0
"""Seconds that the servers of one stage have for all of them; each call has its connection's deadline besides."""
_AT_ONCE: Final = 16
_WORDS: Final = {"kubernetes": "workload", "flags": "flag", "evidence": "query", "endpoints": "endpoint"}


def ask(part: Part, config: Path, stage: str | None) -> list[Finding]:
    """Ask about all that the services of a part name.

    Raises:
        ConfigError: the configuration is not there, or does not know the project; or nothing says which stage is meant.
    """
    if not part.around.services and not any("/" in path for path in part.files):
        return []  # the default branch has no services
    read = read_config(config)
    project = _project(read, part.around.project.name, config)
    name = stage or part.around.stage
    if not name:
        raise ConfigError("which stage's servers shall be asked?", hint="name the stage with --stage")
    with closing(connect(project, StageName(name), SystemClock())) as servers:
        found = ask_servers(part, servers, project.name, StageName(name), Instant(int(now().timestamp())), WITHIN)
    return [
        Finding(each.check, each.error, each.severity, part.label, part.branch) for each in ordered(found)
    ]  # fmt: skip


def ask_servers(
    part: Part, servers: Servers, project: ProjectName, stage: StageName, when: Instant, seconds: float
) -> list[Finding]:
    """Ask and tell what is missing. ``seconds`` is for all answers together; what comes later is told as unanswered."""
    asked = list(questions(part.around, part.files, project, stage, when))
    answers = _answers(servers, asked[:AT_MOST], seconds)
    found = list(_told(asked[:AT_MOST], answers))
    if (rest := len(asked) - AT_MOST) > 0:
        found.append(_not_asked(rest, asked[AT_MOST].place))
    return found


def _project(config: DaemonConfig, name: str, file: Path) -> ProjectConnections:
    if name and ProjectName(name) in config.projects:
        return config.projects[ProjectName(name)]
    if not name and len(config.projects) == 1:
        return next(iter(config.projects.values()))
    told = f"has no project `{name}`" if name else "has several projects, and project.yaml has no `name`"
    raise ConfigError(f"{file} {told}", hint=f"it has: {', '.join(config.projects)}")


def _answers(servers: Servers, asked: Sequence[Question], seconds: float) -> Mapping[Question, Fact]:
    """Ask everything at once; the same want of several services is asked once."""
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="online")
    try:
        by_want: dict[object, Future[Fact]] = {}
        for each in asked:
            if each.want not in by_want:
                by_want[each.want] = pool.submit(servers.observe, _late(each.want, servers))
        wait(by_want.values(), timeout=seconds)
        return {each: _fact(by_want[each.want], seconds) for each in asked}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _late(want: Want, servers: Servers) -> Want:
    """Return what is asked for now: a window ends when its providers have all of its values, as in `evaluate`."""
    if not isinstance(want, WantMeasures) or not isinstance(servers.evidence, Providers):
        return want
    late = servers.evidence.settles(want)
    return replace(want, start=Instant(want.start - late), end=Instant(want.end - late))


def _fact(future: Future[Fact], seconds: float) -> Fact:
    if not future.done():
        return NoFact("blind", f"no answer within {seconds:g} s", "look at the server, or ask about fewer services")
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, ReconcilerError):
        raise error
    return NoFact("blind", error.message, error.hint)


def _told(asked: Sequence[Question], answers: Mapping[Question, Fact]) -> Iterator[Finding]:
    unseen: dict[tuple[str, str], list[tuple[Question, NoFact]]] = {}
    for each in asked:
        fact = answers[each]
        if isinstance(fact, MeasuresFact):
            yield from _without_values(each, fact)
        elif isinstance(fact, NoFact):
            if fact.trouble in ("missing", "invalid"):
                yield _missing(each, fact)
            else:
                unseen.setdefault((lane(each.want), fact.message), []).append((each, fact))
    for (server, message), every in unseen.items():
        first, fact = every[0]
        more = f" (and {len(every) - 1} more)" if len(every) > 1 else ""
        yield doubt(
            "online-unseen",
            f"whether the {_WORDS[server]} exists could not be seen: {message}{more}",
            first.place,
            expected=f"an answer about {first.what}",
            hint=fact.hint or "see that the server can be reached with the daemon's configuration, then ask again",
        )


def _missing(each: Question, fact: NoFact) -> Finding:
    near = f"did you mean {' or '.join(f'`{name}`' for name in fact.near)}? " if fact.near else ""
    return doubt(
        f"online-no-{_WORDS[lane(each.want)]}",
        f"{each.what} is not there: {fact.message}",
        each.place,
        expected="what the server has",
        hint=(near + fact.hint).strip() or "create it, or correct the name",
    )


def _without_values(each: Question, fact: MeasuresFact) -> Iterator[Finding]:
    for measure in fact.measures:
        if measure.value is None:
            yield doubt(
                "online-no-query",
                f"`{measure.sli}` has no value now: {measure.message}",
                each.places.get(measure.sli, each.place),
                expected="one value over the last minutes",
                hint="try the query on the server; where the service has no traffic yet, this is no mistake",
            )


def _not_asked(count: int, place: Place) -> Finding:
    return remark(
        "online-unasked",
        f"{count:,} questions more were not asked",
        place,
        expected=f"at most {AT_MOST:,} at a time",
        hint="ask about one folder at a time: `reconciler validate --online FOLDER`",
    )
