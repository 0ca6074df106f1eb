"""From the daemon's configuration to a project's forge, and the one call by which its loop serves it.

Whatever stands in the way on the forge is a condition and never holds up a stage: people can always push a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.backoff import Backoff
from reconciler.daemon.branch import Branch
from reconciler.daemon.clock import Clock
from reconciler.daemon.commit_checks import checked
from reconciler.daemon.desk import Desk
from reconciler.daemon.github_apps import app_tokens, noted
from reconciler.daemon.holds import Holds
from reconciler.daemon.proposals import Proposals
from reconciler.daemon.proposals_past import PastActions
from reconciler.daemon.secrets import secret_source
from reconciler.daemon.verdicts import WANTED, ProblemVerdicts, VerdictSender
from reconciler.daemon.verdicts_config import ConfigVerdicts
from reconciler.decide.snapshot import ServiceView
from reconciler.forge import gitea, github, gitlab
from reconciler.forge.protocol import Forge
from reconciler.forge.wire import Access, Wire
from reconciler.model.daemon_config import ProjectConnections
from reconciler.model.errors import BlindError, BugError, ReconcilerError
from reconciler.model.forge_config import ForgeConfig
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.notifications import Notification
from reconciler.model.step import Step
from reconciler.notify.channel import Channel, Ports
from reconciler.notify.cursors import Cursors
from reconciler.notify.notifier import Feed, Notifier
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, StageRefs

PAUSES = (1.0, 300.0)
"""First and longest pause, in seconds, between tries of a forge that does not do what is wanted."""
_HINT: Final = "until then people approve and decline with `reconciler approve` and `decline`, or push the file"
_OF_CONFIG: Final = "configuration of "
"""Before a stage's name: under which what is told of its configuration keeps its place in the history."""


def connected(config: ForgeConfig, clock: Clock) -> Forge:
    """Return the forge that a configuration names. Nothing is asked yet."""
    wire = wire_of(config, clock.wall)
    match config.kind:
        case "github":
            return github.GitHub(wire, config.repository)
        case "gitlab":
            return gitlab.GitLab(wire, config.repository)
        case _:
            return gitea.Gitea(wire, config.repository)


def wire_of(config: ForgeConfig, wall: Callable[[], float]) -> Wire:
    """Return how a forge's API is called. Nothing is asked yet; ``wall`` is seconds since 1970."""
    headers = {"github": github.headers, "gitlab": gitlab.headers}.get(config.kind, gitea.headers)
    if config.github_app is not None:
        tokens = app_tokens(config.github_app, wall)
        access = Access(
            config.api, noted(config.github_app, tokens), headers, config.deadline, config.ca_file, tokens.renew
        )
    else:
        access = Access(config.api, _token(config), headers, config.deadline, config.ca_file)
    return Wire(access, wall)


def _token(config: ForgeConfig) -> Callable[[], str]:
    source = secret_source(config.token_file, config.token_env, f"the token of {config.repository}")

    def token() -> str:
        if source is None:
            raise BlindError("no token is configured for the forge", hint="set `tokenFile` or `tokenEnv`")
        return source()

    return token


@dataclass
class Forging:
    """What a project's loop has of its forge. `look` and `keep` are the loop's, the rest is anybody's.

    ``folder`` is for what may be lost.
    """

    project: ProjectName
    clock: Clock
    log: FilteringBoundLogger
    folder: Path
    desk: Desk | None = None
    proposals: Proposals | None = None
    verdicts: Notifier | None = None
    checks: Notifier | None = None
    _feeds: dict[StageName, tuple[Feed, Feed]] = field(default_factory=dict)
    seed: int = 0
    _bugs: set[StageName] = field(default_factory=set)
    _rests: dict[StageName, Backoff] = field(default_factory=dict)
    _until: dict[StageName, float] = field(default_factory=dict)
    _settled: dict[StageName, CommitId] = field(default_factory=dict)

    def look(self, mirror: Mirror, project: Project, stage: StageRefs, branch: Branch, holds: Holds) -> bool:
        """Do for a stage what is to be done on the forge. Returns whether its loop should look again soon.

        Never raises: what stands in the way is among the conditions, and the next look tries again.
        """
        holds.remark("forge", self.desk.trouble if self.desk is not None else "", _HINT)
        if self.clock.monotonic() < self._until.get(stage.name, 0.0):
            return False
        again, trouble, hint = False, "", ""
        try:
            if self.verdicts is not None and self.checks is not None:
                self._tell(mirror, stage, branch, self.verdicts, self.checks)
            if self.proposals is not None:
                self.proposals.keep({each.name for each in project.stages})
                again = self.proposals.look(mirror, stage, branch)
            self._bugs.discard(stage.name)
            self._rests.pop(stage.name, None)
        except ReconcilerError as error:
            trouble, hint = error.message, error.hint
        except Exception as error:
            trouble = f"a bug in reconciler: {error!r}"
            if stage.name not in self._bugs:
                self._bugs.add(stage.name)
                self.log.exception("a bug in reconciler; nothing is proposed for this stage", stage=stage.name)
        odd = self.proposals.odd(stage.name) if self.proposals is not None else ""
        holds.remark(f"proposals of {stage.name}", trouble or odd, hint if trouble else _HINT)
        if trouble:
            rest = self._rests.setdefault(stage.name, Backoff(*PAUSES, seed=self.seed))
            self._until[stage.name] = self.clock.monotonic() + rest.next()
        return again

    def _tell(self, mirror: Mirror, stage: StageRefs, branch: Branch, verdicts: Notifier, checks: Notifier) -> None:
        tips, name = branch.repo.tips, stage.name
        if tips is None:
            return
        self._settled[name] = tips.project
        if name not in self._feeds:
            key = StageName(f"{_OF_CONFIG}{name}")

            def service(step: Step) -> ServiceView | None:
                try:
                    return branch.repo.view(step.service) if step.service is not None else None
                except BugError:
                    return None

            steps = ProblemVerdicts(mirror, self.project, name, lambda: branch.repo.row, service)
            config = ConfigVerdicts(
                mirror, self.project, name, key, stage.config, lambda: self._settled[name],
                partial(checked, folder=self.folder),
            )  # fmt: skip
            self._feeds[name] = verdicts.feed(name, steps), checks.feed(key, config)
        of_steps, of_config = self._feeds[name]
        of_steps.look(tips.ops)
        of_config.look(tips.config)

    @property
    def _told(self) -> Iterator[Notifier]:
        """Yield what tells of commits: a check takes a while, and what becomes of a problem does not wait for it."""
        return (each for each in (self.verdicts, self.checks) if each is not None)

    def stand_by(self, stage: StageName) -> None:
        """Leave a stage to the daemon that looks after it now."""
        self._feeds.pop(stage, None)
        self._settled.pop(stage, None)
        if self.proposals is not None:
            self.proposals.forget(stage)

    def stir(self) -> None:
        """Look now: somebody says that there is something new, or credentials may have changed."""
        self._until.clear()
        if self.desk is not None:
            self.desk.stir()
        for each in self._told:
            each.stir()

    @property
    def has_news(self) -> bool:
        """Whether the forge has said something that the loop has not taken in."""
        return self.desk is not None and self.desk.has_news

    def settle(self, seconds: float) -> None:
        """Wait until the forge has been told everything or does not take it, at most for so many seconds."""
        until = self.clock.monotonic() + seconds
        if self.desk is not None:
            self.desk.settle(seconds)
        for each in self._told:
            each.settle(until, self.clock.monotonic)

    def start(self, wake: Callable[[], None]) -> None:
        """Begin to talk to the forge; ``wake`` is called when its loop should look."""
        if self.desk is not None:
            self.desk.start(wake)
        for each in self._told:
            each.start(wake)

    def stop(self) -> None:
        """Begin nothing more; what is under way ends by itself, and is found or done again at the next start."""
        if self.desk is not None:
            self.desk.stop()
        for each in self._told:
            each.stop()

    def join(self, until: float, clock: Callable[[], float]) -> None:
        """Wait for what is under way, at most until a moment (monotonic)."""
        if self.desk is not None:
            self.desk.join(max(until - clock(), 0.0))
        for each in self._told:
            each.join(until, clock)


def forging(
    project: ProjectConnections, state: Path, clock: Clock, log: FilteringBoundLogger, *, seed: int
) -> Forging | None:
    """Return what serves a project's forge; None where it has none. ``state`` is the daemon's folder."""
    config = project.forge
    if config is None:
        return None
    folder = state / "forge" / project.name
    made = Forging(project.name, clock, log, folder, seed=seed)
    if config.approvals:
        made.desk = Desk(connected(config, clock), config.poll, Backoff(*PAUSES, seed=seed), log, clock.monotonic)
        past = PastActions(state / "chronicles" / project.name, log)
        made.proposals = Proposals(project.name, made.desk, config.labels, clock, log, past)
    if config.statuses:
        cursors = Cursors(folder, log)
        receiver = Notification("forge", "webhook", events=WANTED, deadline=config.deadline)
        made.verdicts, made.checks = (
            Notifier([Channel(receiver, Ports(sender, cursors, Backoff(*PAUSES, seed=seed + 1), log))], clock.wall, log)
            for sender in (VerdictSender(connected(config, clock)), VerdictSender(connected(config, clock)))
        )
    return made
