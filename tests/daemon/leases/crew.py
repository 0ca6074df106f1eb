"""Daemons that share four stages through an API server, each with clocks of its own, looked at one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from reconciler.daemon.clock import SystemClock
from reconciler.daemon.leases.keeper import Keeper, keeper_of
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.service import opened, read_config
from reconciler.model.daemon_config import DaemonConfig
from reconciler.model.names import ProjectName
from tests.daemon.site import Site, deployment, git

STAGES = ("dev", "production", "staging", "test")
SHOP = ProjectName("sockshop")
SPACE = "reconciler"
LEASES = f"leases: {{namespace: {SPACE}, kubernetes: {{kubeconfig: kubeconfig}}}}\n"


class Own(SystemClock):
    """A machine's clocks, that stand still unless a test lets time go by."""

    def __init__(self) -> None:
        self._wall, self._monotonic = super().wall(), super().monotonic()

    def pass_by(self, seconds: float) -> None:
        self._wall += seconds
        self._monotonic += seconds

    def wall(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic


@dataclass
class Mate:
    """One daemon: what keeps its leases, and its loop."""

    keeper: Keeper
    loop: ProjectLoop
    metrics: Metrics
    stack: ExitStack

    def turn(self) -> None:
        """Look at the leases and at the stages, as often as what is taken or left asks for."""
        for _ in range(3):
            self.keeper.look()
            self.loop.tick()

    def stages(self) -> set[str]:
        """Return the stages that this daemon may write for."""
        view = self.keeper.of(SHOP)
        return {stage for stage in STAGES if view.holds(stage)}  # type: ignore[arg-type]  # a NewType of str

    def has(self, count: int) -> bool:
        """Whether this daemon looks after so many stages."""
        return len(self.stages()) == count

    def leads(self) -> dict[str, float]:
        """Return what the metric says."""
        return {
            sample.labels["stage"]: sample.value
            for family in self.metrics.registry.collect()
            if family.name == "reconciler_leader"
            for sample in family.samples
        }

    def end(self) -> None:
        """End in order, as the daemon does: first the loop, then the leases."""
        self.loop.close()
        for write in self.keeper.election.releases():
            written = self.keeper.shelf.write(write)
            assert written is not None
            self.keeper.election.wrote(write, written, self.keeper.clock.monotonic(), self.keeper.clock.wall())


class Crew:
    """The site with four stages, and those who look after it."""

    def __init__(self, site: Site, clock: Own, stack: ExitStack) -> None:
        self.site = site
        self.clock = clock
        self._stack = stack
        self._count = 0
        site.cluster.namespace(SPACE)
        site.cluster.now = lambda: datetime.fromtimestamp(clock.wall(), UTC)
        for stage in STAGES:
            if stage != "production":
                git(site.clone, "push", "-q", "origin", f"HEAD:refs/heads/{stage}")
                site.cluster.create(_deployment(stage))
        git(site.clone, "checkout", "-q", "main")
        site.write("project.yaml", f"name: sockshop\nstages: [{', '.join(STAGES)}]\n")
        git(site.clone, "commit", "-qam", "four stages")
        git(site.clone, "push", "-q", "origin", "main")
        git(site.clone, "checkout", "-q", "production")
        site.config.write_text(LEASES + site.config.read_text().replace("production:", '"*":'))

    def join(self, clock: Own | None = None) -> Mate:
        """Start one more daemon."""
        self._count += 1
        path = self.site.folder / f"daemon-{self._count}.yaml"
        path.write_text(self.site.config.read_text().replace("stateDir: state", f"stateDir: state-{self._count}"))
        config: DaemonConfig = read_config(path)
        assert config.leases is not None
        own, log, metrics = clock or self.clock, structlog.get_logger(), Metrics()
        keeper = keeper_of(config.leases, own, log, seed=self._count)
        self._stack.callback(keeper.shelf.close)
        loop = self._stack.enter_context(
            opened(
                config, SHOP, log, clock=own, metrics=metrics, leases=keeper.of(SHOP), seed=self._count, patience=15.0
            )
        )
        return Mate(keeper, loop, metrics, self._stack)

    def until(self, met: Callable[[], object], what: str, *mates: Mate) -> None:
        """Let daemons have their turns, half a second apart, until something has happened."""
        for _ in range(200):
            if met():
                return
            self.clock.pass_by(0.5)
            for each in mates:
                each.turn()
        raise AssertionError(f"never happened: {what}")

    def problem(self, stage: str, name: str) -> None:
        """Push a problem onto a stage as monitoring does."""
        where = Path(self.site.folder / f"of-{stage}")
        if not where.exists():
            git(self.site.folder, "clone", "-q", "-b", stage, str(self.site.remote), str(where))
        git(where, "pull", "-q", "--rebase", "origin", stage)
        file = where / f"ops/{stage}/carts/problems/{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("title: Response time degradation\nstate: open\n")
        git(where, "add", "-A")
        git(where, "commit", "-q", "-m", name)
        git(where, "push", "-q", "origin", stage)

    def events(self, stage: str) -> list[str]:
        """Return the events of a stage's steps, oldest first."""
        found = git(self.site.remote, "log", "--reverse", "--format=%(trailers:key=Event,valueonly)", stage)
        return [line for line in found.splitlines() if line]

    def replicas(self, stage: str) -> int:
        """Return how many carts a stage is to have."""
        return int(self.site.cluster.get("Deployment", f"sockshop-{stage}", "carts-primary")["spec"]["replicas"])


@contextmanager
def crew(site: Site) -> Iterator[Crew]:
    """Open a site for several daemons."""
    with ExitStack() as stack:
        yield Crew(site, Own(), stack)


def _deployment(stage: str) -> dict[str, object]:
    item = deployment("carts-primary")
    item["metadata"]["namespace"] = f"sockshop-{stage}"
    return item
