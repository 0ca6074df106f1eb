"""The daemon as a whole, and its single passes for the command line: `run`, `reconcile_once`, `preview`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import randbits
from tempfile import TemporaryDirectory

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.clock import Clock, SystemClock
from reconciler.daemon.connections import (
    access_of,
    check_legacy_flags,
    check_signing,
    connect,
    mirror_path,
    open_mirror,
    policy,
    signer,
)
from reconciler.daemon.dispatch import PATIENCE
from reconciler.daemon.forging import forging
from reconciler.daemon.leases.keeper import keeper_of
from reconciler.daemon.leases.protocol import EveryStage, StageLeases
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.notifying import notifier
from reconciler.daemon.plugins import load_actions
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.secrets import know_secrets, secret_files, take_variables
from reconciler.daemon.sight import Sight, watched
from reconciler.daemon.stopping import begin, end, limited
from reconciler.daemon.surroundings import SWEEP_EVERY, Surroundings
from reconciler.daemon.tracing_otlp import tracer
from reconciler.model.daemon_config import DaemonConfig, ProjectConnections, load_daemon_config
from reconciler.model.errors import BugError, ConfigError, ReconcilerError, UserError
from reconciler.model.names import ProjectName, StageName
from reconciler.model.step import Step
from reconciler.model.webhooks_config import webhook_files
from reconciler.net.bell import Bell
from reconciler.net.threads import NoThreadError, start
from reconciler.repo.watch import FileWatcher

_TOLD_WITHIN = 2.0
"""Seconds that receivers and a forge have together for what they are being told when a project is closed."""
_ANSWER_WITHIN = 15.0
"""Seconds that a single pass waits for servers: nothing looks again later, so it gives them all of their deadlines."""


def read_config(path: Path) -> DaemonConfig:
    """Read `reconciler.yaml`. Raises ConfigError where it is missing or wrong, with every finding."""
    try:
        return load_daemon_config(path.read_bytes(), str(path.absolute()))
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", hint="name the daemon's configuration with `-c FILE`"
        ) from error
    except UserError as error:
        raise ConfigError(str(error)) from error


@dataclass(frozen=True)
class Result:
    """What one pass over a project did, and what stands in the way of which stage."""

    steps: tuple[Step, ...]
    conditions: Mapping[str, str]


def reconcile_once(
    config: DaemonConfig, log: FilteringBoundLogger, *, clock: Clock | None = None
) -> Mapping[ProjectName, Result]:
    """Make one pass over every project."""
    done: dict[ProjectName, Result] = {}
    for name in config.projects:
        with opened(config, name, log, clock=clock, patience=_ANSWER_WITHIN, settle=_ANSWER_WITHIN, once=True) as loop:
            done[name] = Result(loop.tick(), dict(loop.conditions))
    return done


def preview(
    config: DaemonConfig, log: FilteringBoundLogger, *, clock: Clock | None = None
) -> Mapping[ProjectName, Result]:
    """Return what the next pass would do, and what could not be found out; nothing is written.

    Raises what stands in the way of a whole project or stage.

    It reads through a mirror of its own that is thrown away, so a running daemon and its state are left alone.
    """
    found: dict[ProjectName, Result] = {}
    with TemporaryDirectory(prefix="reconciler-plan-", ignore_cleanup_errors=True) as state:
        for name in config.projects:
            with opened(config, name, log, clock=clock, state=Path(state), patience=_ANSWER_WITHIN, tell=False) as loop:
                steps = [step for decision in loop.preview().values() for step in decision.steps]
                found[name] = Result(tuple(steps), dict(loop.conditions))
    return found


@contextmanager
def opened(
    config: DaemonConfig, name: ProjectName, log: FilteringBoundLogger, *, clock: Clock | None = None,
    watch: bool = False, seed: int | None = None, state: Path | None = None,
    patience: float = PATIENCE, tell: bool = True, settle: float = 0.0, metrics: Metrics | None = None,
    sight: Sight | None = None, leases: StageLeases | None = None, once: bool = False,
) -> Iterator[ProjectLoop]:  # fmt: skip
    """Open a project's loop and close it again, with everything it connected to.

    ``seed`` is that of all jitter; without one each process has its own, so that many do not move in step. ``state``
    is where the mirror lies, and without it where the configuration says. ``patience`` is for how many seconds a pass
    waits for servers. ``tell``: receivers are told of steps; ``settle`` is for how many seconds they are waited for at
    the end. ``metrics`` are those of the daemon, if it is one; ``sight`` is what its bridge sees. ``leases`` say which
    stages may be written; without them all may. ``once``: each pass looks at all that is held, and not at a part.

    Raises:
        ConfigError: an action of another maker cannot be loaded.
    """
    load_actions()
    take_variables(config)
    know_secrets(config)
    project = config.projects[name]
    own = clock or SystemClock()
    where, chance = state or config.state_dir, randbits(32) if seed is None else seed
    told = notifier(project, where, own, log.bind(project=name), seed=chance) if tell else None
    forge = forging(project, where, own, log.bind(project=name), seed=chance) if tell else None
    counting = metrics or Metrics()
    counted = counting.project(name)
    traced = tracer(
        config.tracing, name, where, own, log.bind(project=name), seed=chance, counted=counting.traced
    ) if tell else None  # fmt: skip
    around = Surroundings(
        clock=own, connect=lambda stage: watched(sight, stage, connect(project, stage, own)),
        log=log.bind(project=name), poll=project.poll, watch=watch,
        check=lambda stages: check_legacy_flags(project, stages), seed=chance,
        patience=patience, notifier=told, forge=forge, tracer=traced, metrics=counted, policy=policy(project.signing),
        leases=leases or EveryStage(), looked=sight.note if sight is not None else lambda *_: None,
        sweep_every=0.0 if once else SWEEP_EVERY,
    )  # fmt: skip
    loop = ProjectLoop(
        lambda: open_mirror(
            project.repository, where, counted.conversed, signer(project.signing), wall=own.wall, project=name
        ),
        name, around, _named_stages(project),
    )  # fmt: skip
    tellers = [each for each in (told, traced, forge) if each is not None]
    try:
        for each in tellers:
            each.start(loop.wake)
        yield loop
        for notified in (told, traced):
            if notified is not None and settle:
                notified.settle(own.monotonic() + settle, own.monotonic)
        if forge is not None and settle:
            forge.settle(settle)
            if forge.has_news:  # nobody looks again later: what people did there is pushed now, and answered
                loop.tick()
                loop.tick()
                forge.settle(settle)
    finally:
        loop.close()
        for each in tellers:
            each.stop()
        until = own.monotonic() + _TOLD_WITHIN
        for each in tellers:
            each.join(until, own.monotonic)


def check_connections(config: DaemonConfig, clock: Clock) -> None:
    """Connect everything that a configuration names, and let go of it again; no server is asked anything.

    Raises:
        ConfigError: a connection cannot work as configured, with the project and the stage; or a key cannot sign.
        BlindError: the key is not there.
    """
    if config.leases is not None:
        access_of(config.leases.kubernetes)
    for name, project in config.projects.items():
        check_signing(project.signing)
        stages = [StageName(stage) for stage in project.stages]
        check_legacy_flags(project, [stage for stage in stages if stage != "*"])
        for stage in stages:
            try:
                connect(project, stage, clock).close()
            except ConfigError as error:
                raise ConfigError(f"{name}/{stage}: {error.message}", hint=error.hint) from error


def _named_stages(project: ProjectConnections) -> frozenset[str]:
    """Return the stages that the configuration names; empty, which is all of them, where it has a `*`."""
    return frozenset() if "*" in project.stages else frozenset(project.stages)


@dataclass
class Daemon:
    """Runs all projects of a configuration file, each on a thread of its own, until stopped.

    A changed configuration is taken up without a restart; one that cannot be used leaves the old one in force, and what
    runs with it alone, as one does that says the same in other words.
    """

    path: Path
    log: FilteringBoundLogger
    clock: Clock = field(default_factory=SystemClock)
    on_ready: Callable[[], None] = lambda: None
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self._stopping = False
        self._bell = Bell()
        self._loops: list[ProjectLoop] = []
        self._failed: list[BaseException] = []
        self._unusable = ""

    def stop(self) -> None:
        """Ask for an orderly stop: the commit in hand is finished. Safe in a signal handler."""
        self._stopping = True
        self._bell.ring()

    def run(self) -> None:
        """Run until `stop`.

        Raises:
            ConfigError: the configuration is wrong at the start, or an address to listen on is taken.
            BugError: a loop ended.
        """
        seen, config = _content(self.path), read_config(self.path)
        while not self._stopping:
            try:
                seen, fresh = self._run_with(config, seen)
            except NoThreadError as error:
                self.log.warning("held", of="daemon", reason=error.message, hint=error.hint)
                self._bell.wait(error.retry_after)
                continue
            if self._failed:
                raise _as_bug(self._failed[0])
            if fresh == config:
                continue
            try:
                _check_servers(fresh)  # once more: what ran until now may have been in the way of being sure
            except ReconcilerError as error:
                self._refuse(error)
            else:
                config = fresh

    def _reread(self, config: DaemonConfig) -> DaemonConfig:
        """Return what the file says now, or the configuration that is in force where that cannot be used."""
        try:
            fresh = read_config(self.path)
            if fresh != config:
                check_connections(fresh, self.clock)
                _check_servers(fresh, config)
        except ReconcilerError as error:
            self._refuse(error)
            return config
        self.log.info("the configuration was read again", changed=fresh != config)
        self._unusable = ""
        self.metrics.config_usable(usable=True)
        return fresh

    def _refuse(self, error: ReconcilerError) -> None:
        self.log.warning("the configuration cannot be used; the old one stays", reason=str(error))
        self._unusable = str(error)
        self.metrics.config_usable(usable=False)

    def _run_with(self, config: DaemonConfig, seen: bytes | None) -> tuple[bytes | None, DaemonConfig]:
        """Run with a configuration until there is another one. Returns that one, and what its file held then.

        ``seen`` is what the file held when the configuration was read.
        """
        take_variables(config)
        know_secrets(config)
        self.metrics.keep(config.projects)
        with ExitStack() as stack:
            limit = stack.enter_context(limited(self.log))
            sights = self._sights(config)
            kept = stack.enter_context(keeper_of(config.leases, self.clock, self.log)) if config.leases else None
            self._loops = [
                stack.enter_context(opened(
                    config, name, self.log, clock=self.clock, watch=True, metrics=self.metrics, sight=sights.get(name),
                    leases=kept.of(name) if kept is not None else None,
                ))
                for name in config.projects
            ]  # fmt: skip
            threads = [threading.Thread(target=self._guarded, args=(loop,), daemon=True) for loop in self._loops]
            stack.enter_context(FileWatcher([self.path], self._bell.ring))
            if _listens(config):
                stack.enter_context(self._served(config, threads, sights))
            secrets = [path for project in config.projects.values() for path in secret_files(project)]
            secrets += [file for file in (config.tracing.headers_file if config.tracing else None,) if file is not None]
            if secrets:
                stack.enter_context(FileWatcher(secrets, self._wake_all))
            try:
                for thread in threads:
                    start(thread)
                self.on_ready()
                return self._wait_for_another(config, seen)
            finally:
                if self._stopping:
                    begin(limit)
                end(self._loops, [thread for thread in threads if thread.is_alive()], self.clock, self.log)

    def _sights(self, config: DaemonConfig) -> Mapping[ProjectName, Sight]:
        """Return what the bridge will see of each project; nothing where no pages are served."""
        if config.bridge.listen is None:
            return {}
        state = config.state_dir
        return {
            name: Sight(mirror_path(project.repository, state), state / "chronicles" / name, self.clock.wall)
            for name, project in config.projects.items()
        }

    @contextmanager
    def _served(
        self, config: DaemonConfig, threads: Sequence[threading.Thread], sights: Mapping[ProjectName, Sight]
    ) -> Iterator[None]:
        from reconciler.daemon.bridging import bridging  # noqa: PLC0415  heavy, and seldom needed
        from reconciler.daemon.web.attaching import Running, attached  # noqa: PLC0415  heavy, and seldom needed

        running = [
            Running(name, loop, thread, project.poll)
            for (name, project), loop, thread in zip(config.projects.items(), self._loops, threads, strict=True)
        ]
        with ExitStack() as stack:
            servers = stack.enter_context(
                attached(config, running, self.metrics, self.clock, self.log, lambda: self._unusable)
            )
            petitions = {each.name: each.loop.inbox.petitions for each in running}
            pages = stack.enter_context(bridging(config.bridge, sights, petitions, self.clock, self.log))
            if files := webhook_files(config.server):
                stack.enter_context(FileWatcher(files, servers.renew))
            if pages is not None and config.bridge.tls is not None:
                own = [config.bridge.tls.cert_file, config.bridge.tls.key_file]
                stack.enter_context(FileWatcher(own, pages.renew))
            yield

    def _wait_for_another(self, config: DaemonConfig, seen: bytes | None) -> tuple[bytes | None, DaemonConfig]:
        """Wait for another configuration that can be used, a stop or a failure.

        Other files of the folder, such as our log, wake us too.
        """
        fresh = config
        while fresh == config and not self._stopping and not self._failed:
            if (content := _content(self.path)) == seen:
                self._bell.wait()
            else:
                seen, fresh = content, self._reread(config)
        return seen, fresh

    def _wake_all(self) -> None:
        for loop in self._loops:
            loop.unblock()

    def _guarded(self, loop: ProjectLoop) -> None:
        try:
            loop.run()
        except BaseException as error:  # noqa: BLE001  (a thread's death must end the daemon, whatever it died of)
            self._failed.append(error)
            self._bell.ring()


def _listens(config: DaemonConfig) -> bool:
    listened = (config.server.listen, config.server.status, config.bridge.listen)
    return any(each is not None for each in listened)


def _check_servers(config: DaemonConfig, running: DaemonConfig | None = None) -> None:
    """Check that what a configuration serves can be; ``running`` holds some of the addresses now, and lets go of them.

    Raises:
        ConfigError: an address cannot be had, or a certificate not be used.
    """
    if _listens(config):
        from reconciler.daemon.web.attaching import check_servers  # noqa: PLC0415  heavy, and seldom needed

        check_servers(config, running)


def _as_bug(error: BaseException) -> Exception:
    """Return what ended a project's thread; `SystemExit`, which would end the process as if all were well, as a bug."""
    if isinstance(error, Exception):
        return error
    bug = BugError(f"a project ended with {type(error).__name__}: {error}")
    bug.__cause__ = error
    return bug


def _content(path: Path) -> bytes | None:
    """Return a file's bytes, None where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None
