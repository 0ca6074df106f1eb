"""The value that a target has now, asked of the servers that the daemon's configuration names; never written to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from reconciler.cli.workspace import OpenStage
from reconciler.daemon.clock import SystemClock
from reconciler.daemon.connections import connect
from reconciler.daemon.dispatch import Servers
from reconciler.daemon.service import read_config
from reconciler.decide.claims import live_value, want_of
from reconciler.decide.policy import effective
from reconciler.model.desired import Held, Key
from reconciler.model.errors import ConfigError, ReconcilerError
from reconciler.model.names import ProjectName, StageName
from reconciler.model.targets import Fact, FlagFact, NoFact, Want, WantFlag, WantWorkload, WorkloadFact


class LiveValues:
    """Asks the servers of one stage."""

    def __init__(self, servers: Servers) -> None:
        """Use `of`."""
        self._servers = servers

    @classmethod
    def of(cls, file: Path, project: ProjectName, stage: StageName) -> Self:
        """Connect as the configuration says. Raises ConfigError where it does not know the project."""
        config = read_config(file)
        known = config.projects.get(project)
        if known is None:
            raise ConfigError(f"{file} has no project `{project}`", hint=f"it has: {', '.join(config.projects)}")
        return cls(connect(known, stage, SystemClock()))

    def held(self, key: Key, held: Held) -> dict[str, Any]:
        """Return the live value of a held field, or why it was not seen."""
        fact = self._see(want_of(key, held))
        if isinstance(fact, NoFact):
            return {"error": fact.message}
        value = live_value(key, fact)
        return {"value": value} if value is not None else {"error": "the server does not show it"}

    def unheld(self, here: OpenStage, kind: str, name: str) -> dict[str, Any] | None:
        """Return the live value of what nobody holds; None where Git does not say where it would be looked for."""
        want = _want(here, kind, name)
        if want is None:
            return None
        fact = self._see(want)
        match fact:
            case FlagFact():
                return {"value": fact.enabled}
            case WorkloadFact():
                return {"value": fact.replicas, "target": str(fact.target)}
            case NoFact():
                return {"error": fact.message}
            case _:
                return None

    def _see(self, want: Want) -> Fact:
        try:
            return self._servers.observe(want)
        except ReconcilerError as error:
            return NoFact("blind", error.message, error.hint)


def _want(here: OpenStage, kind: str, name: str) -> Want | None:
    views = [view for view in here.snapshot.services.values() if name in (view.name, view.path)]
    if kind == "flag":
        return WantFlag("flags", "default", str(here.name), name)
    if len(views) != 1 or kind not in ("deployment", "statefulset"):
        return None
    held = effective(here.snapshot.stage, views[0])
    names = (held.workload.name,) if held.workload.name else (f"{name}-primary", name)
    return WantWorkload("kubernetes", held.namespace, held.workload.kind or "Deployment", names)
