"""What `forgeOutage: proceed` needs beside the stage's file, said before the forge is away: a disk, and leases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding, ok, problem
from reconciler.model.daemon_config import DaemonConfig, ProjectConnections
from reconciler.model.errors import ConfigError
from reconciler.repo.away import fleeting
from reconciler.repo.remote import parse_remote

_CHECK = "outage"


def proceeding(config: DaemonConfig, project: ProjectConnections, stages: Iterable[Content]) -> Iterator[Finding]:
    """Look at the stages of a project that want to go on without the forge; nothing is said of others."""
    names = ", ".join(each.stage for each in stages if each.config.forge_outage == "proceed")
    if not names:
        return
    about = f"{project.name}, forgeOutage of {names}"
    lacks = False
    why = fleeting(config.state_dir)
    if why:
        do = "mount a disk that outlives the pod at `stateDir` (the chart's `state.kind: persistentVolumeClaim`)"
        yield problem(_CHECK, about, f"`proceed` is not kept: stateDir {config.state_dir} {why}", do)
        lacks = True
    if _is_local(project.repository.url):
        told = "`proceed` is not kept: the remote is a folder of this machine, whose objects are read in place"
        yield problem(_CHECK, about, told, "take `forgeOutage` away, or name the repository by HTTPS or SSH")
        lacks = True
    if config.leases is None:
        told = "`proceed` is not kept: without `leases` nobody can say that no other daemon goes on too"
        yield problem(_CHECK, about, told, "add `leases: {namespace: ..., kubernetes: ...}` to reconciler.yaml")
        lacks = True
    if not lacks:
        yield ok(_CHECK, about, "`proceed`: stateDir is no folder that is known to be lost, and there are leases")


def _is_local(url: str) -> bool:
    try:
        return parse_remote(url).scheme == "file"
    except ConfigError:
        return False  # told where the repository is looked at
