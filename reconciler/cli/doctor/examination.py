"""From a configuration to all that is looked at: first what needs nothing else, then the servers of each stage.

A server that several stages share is asked once. Which stages there are the repositories say; where one cannot be read,
the stages that the configuration names by themselves are looked at all the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from reconciler.cli.doctor import machine
from reconciler.cli.doctor.allowed import allowed
from reconciler.cli.doctor.called import Called, allowed_endpoints, endpoint, receiver
from reconciler.cli.doctor.clusters import Cluster
from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding
from reconciler.cli.doctor.flag_servers import FlagServer
from reconciler.cli.doctor.flags_there import flags_there
from reconciler.cli.doctor.forges import ForgeOf
from reconciler.cli.doctor.listeners import Listeners
from reconciler.cli.doctor.needed import needed
from reconciler.cli.doctor.proceeding import proceeding
from reconciler.cli.doctor.providers import ProviderOf
from reconciler.cli.doctor.repositories import Repository
from reconciler.cli.doctor.running import Examination, examine
from reconciler.cli.doctor.secrets import secrets
from reconciler.cli.doctor.signing import signing
from reconciler.cli.doctor.told import told
from reconciler.model.connections import Endpoint, FlagsConnection, KubernetesConnection
from reconciler.model.daemon_config import EVERY_STAGE, DaemonConfig, ProjectConnections, Reach
from reconciler.model.evidence_config import ProviderConnection
from reconciler.model.names import StageName

CALL: Final = 10.0
"""Seconds of a call for which the configuration has no deadline."""


@dataclass(frozen=True)
class _Stage:
    """A stage that is looked after, with what it reaches. ``read``: its branch could be read."""

    about: str
    project: ProjectConnections
    content: Content
    reach: Reach
    read: bool = False


def doctor(
    config: DaemonConfig, now: Callable[[], datetime], seconds: float, tell: Callable[[int, int], None]
) -> list[Finding]:
    """Look at everything and return all findings. ``seconds`` is for each server or repository, not for one call.

    ``tell`` hears how many are done of how many there are by then.
    """

    def wall() -> float:
        return now().timestamp()

    repositories = [Repository(project, min(seconds, 60.0), wall) for project in config.projects.values()]
    first = [
        Examination("this machine", partial(machine.git, seconds), seconds),
        Examination("actions of other packages", machine.actions, seconds),
        Examination("stateDir", partial(machine.disk, config.state_dir), seconds),
        Examination("secrets", partial(secrets, config, os.environ), seconds),
        Examination("listeners", Listeners(config, min(seconds, CALL), now()).examine, seconds),
        *(Examination(str(each.connections.name), each.examine, seconds) for each in repositories),
        *(
            Examination(str(each.name), partial(signing, each), seconds)
            for each in config.projects.values()
            if each.signing.ssh_key_file or each.signing.gpg_key or each.signing.allowed_signers
        ),
    ]
    found = examine(first, time.monotonic, lambda done: tell(done, len(first)))
    second = list(_servers(config, repositories, wall, seconds))
    whole = len(first) + len(second)
    return found + examine(second, time.monotonic, lambda done: tell(len(first) + done, whole))


def _servers(
    config: DaemonConfig, repositories: Iterable[Repository], wall: Callable[[], float], seconds: float
) -> Iterator[Examination]:
    stages = [stage for each in repositories for stage in _stages(each)]
    for stage in (each for each in stages if each.read):
        yield Examination(stage.about, partial(allowed, stage.about, stage.content, stage.reach), seconds)
        yield Examination(stage.about, partial(needed, stage.about, stage.content, stage.reach), seconds)
        yield Examination(stage.about, partial(allowed_endpoints, stage.about, stage.content, stage.reach), seconds)
    yield from (Examination(each.about, each.examine, seconds) for each in _clusters(config, stages, wall))
    yield from (Examination(each.about, each.examine, seconds) for each in _flags(stages))
    for stage in (each for each in stages if each.read):
        yield Examination(stage.about, partial(flags_there, stage.about, stage.content, stage.reach), seconds)
    yield from (Examination(each.about, each.examine, seconds) for each in _providers(stages, wall()))
    yield from (Examination(each.about, each.examine, seconds) for each in _called(config, stages, seconds))
    for repository in repositories:
        project = repository.connections
        about = f"{project.name}, forgeOutage"
        yield Examination(about, partial(proceeding, config, project, repository.stages or ()), seconds)
        yield Examination(str(project.name), partial(told, project, repository.stages or ()), seconds)
        if project.forge is not None:
            forge = ForgeOf(f"{project.name}, forge", project.forge, repository.pushed, wall)
            yield Examination(forge.about, forge.examine, seconds)


def _stages(repository: Repository) -> Iterator[_Stage]:
    project = repository.connections
    known = {each.stage: each for each in repository.stages or ()}
    # A name that the project does not have is told with the stages; what would be made of it misleads.
    named = [StageName(name) for name in project.stages if name != EVERY_STAGE and name not in repository.unknown]
    for name in dict.fromkeys((*known, *named)):
        about = f"{project.name}/{name}"
        yield _Stage(about, project, known.get(name, Content(project.name, name)), project.reach(name), name in known)
    if not known and not named and EVERY_STAGE in project.stages:
        # Nobody knows which stages there are, hence no namespace or environment; the servers are there all the same.
        every = StageName(EVERY_STAGE)
        nothing = frozenset[str]()
        reach = replace(project.reach(every), namespaces=nothing, flag_projects=nothing, flag_environments=nothing)
        yield _Stage(f"{project.name}/{every}", project, Content(project.name, every), reach)


def _clusters(config: DaemonConfig, stages: Iterable[_Stage], wall: Callable[[], float]) -> Iterator[Cluster]:
    by_connection: dict[KubernetesConnection, list[_Stage]] = {}
    for stage in stages:
        if stage.reach.kubernetes is not None:
            by_connection.setdefault(stage.reach.kubernetes, []).append(stage)
    leases = config.leases
    if leases is not None:
        by_connection.setdefault(leases.kubernetes, [])
    for connection, those in by_connection.items():
        shared = leases.namespace if leases is not None and leases.kubernetes == connection else ""
        yield Cluster(
            f"cluster of {_names(those) or 'the Leases'}", connection, {each.about: each.reach for each in those},
            tuple(each.content for each in those), wall, shared,
        )  # fmt: skip


def _flags(stages: Iterable[_Stage]) -> Iterator[FlagServer]:
    by_connection: dict[FlagsConnection, dict[str, tuple[frozenset[str], frozenset[str]]]] = {}
    for stage in stages:
        if stage.reach.flags is not None:
            plain = replace(stage.reach.flags, project="", environment="")
            allowed = (stage.reach.flag_projects, stage.reach.flag_environments)
            by_connection.setdefault(plain, {})[stage.about] = allowed
    for connection, places in by_connection.items():
        yield FlagServer(f"flags of {', '.join(places)}", connection, places)


def _providers(stages: Iterable[_Stage], now: float) -> Iterator[ProviderOf]:
    seen: list[tuple[str, ProviderConnection]] = []
    for stage in stages:
        blocks: Mapping[str, ProviderConnection] = stage.reach.evidence.providers if stage.reach.evidence else {}
        for name, connection in blocks.items():
            # What is asked of the same address in the same words is asked once; others name stage and services.
            if name in {"prometheus", "dynatrace"} and (name, connection) in seen:
                continue
            seen.append((name, connection))
            content = stage.content
            yield ProviderOf(
                stage.about, name, connection, stage.project.name, content.stage, content.services, now
            )  # fmt: skip


def _called(config: DaemonConfig, stages: Iterable[_Stage], seconds: float) -> Iterator[Called]:
    """Yield whom the daemon posts to; an endpoint that several stages share is connected to once."""
    seen: list[Endpoint] = []
    for stage in stages:
        for name, there in stage.reach.endpoints.items():
            if there not in seen:
                seen.append(there)
                yield endpoint(stage.about, name, there, min(seconds, CALL))
    for project in config.projects.values():
        yield from (receiver(project.name, each, min(seconds, CALL)) for each in project.notifications)


def _names(stages: Iterable[_Stage]) -> str:
    return ", ".join(each.about for each in stages)
