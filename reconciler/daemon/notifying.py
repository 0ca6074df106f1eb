"""From the daemon's configuration to a project's notifier, and from a stage's mirror to the history that it tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.backoff import Backoff
from reconciler.daemon.clock import Clock
from reconciler.daemon.failpoints import reach
from reconciler.daemon.secrets import secret_source
from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.login import Login
from reconciler.evidence.tls import Tls
from reconciler.model.daemon_config import ProjectConnections
from reconciler.model.errors import BlindError, ConfigError
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.notice import Notice, is_wanted, notice
from reconciler.model.notifications import Notification
from reconciler.notify.channel import Channel, Ports
from reconciler.notify.cursors import Cursors
from reconciler.notify.dynatrace import DynatraceSender
from reconciler.notify.dynatrace_comments import ProblemComments
from reconciler.notify.notifier import Notifier
from reconciler.notify.posting import Receiver
from reconciler.notify.protocol import Claim, Sender
from reconciler.notify.slack import SlackSender
from reconciler.notify.webhook import WebhookSender
from reconciler.repo.mirror import Mirror
from reconciler.repo.recorded import Past
from reconciler.repo.steps import Claimed
from reconciler.targets.endpoints import Reply, post

PAUSES = (1.0, 300.0)
"""First and longest pause, in seconds, between tries to tell a receiver that is down."""


def notifier(
    project: ProjectConnections, state: Path, clock: Clock, log: FilteringBoundLogger, *, seed: int
) -> Notifier | None:
    """Return what tells a project's receivers; None where nobody is to be told. ``state`` is the daemon's folder."""
    if not project.notifications:
        return None
    cursors = Cursors(state / "notified" / project.name, log)
    channels = [
        Channel(each, Ports(_sender(each), cursors, Backoff(*PAUSES, seed=seed + number), log))
        for number, each in enumerate(project.notifications)
    ]
    return Notifier(channels, clock.wall, log)


def address_of(to: Notification) -> Callable[[], str]:
    """Return what reads where a receiver is, at each call; it raises BlindError where that cannot be read."""
    return secret_source(to.url_file, to.url_env, f"the address of the notification {to.name}") or (lambda: to.url)


def _sender(to: Notification) -> Sender:
    what = f"the notification {to.name}"
    token = secret_source(to.token_file, to.token_env, f"the token of {what}")
    where = address_of(to)
    if to.kind == "dynatrace":
        return DynatraceSender(_Environment(to, where, Login("Api-Token", token) if token is not None else None))
    receiver = Receiver(to.name, _post, where, token, to.deadline, to.ca_file)
    return SlackSender(receiver) if to.kind == "slack" else WebhookSender(receiver)


def _post(
    url: str, body: bytes, headers: Mapping[str, str], *, deadline: float, ca_file: Path | None = None
) -> Reply:  # fmt: skip
    reach("before-notify")
    reply = post(url, body, headers, deadline=deadline, ca_file=ca_file)
    reach("after-notify")
    return reply


@dataclass(frozen=True)
class _Environment:
    """Comments on problems of a Dynatrace environment, whose address is read each time."""

    to: Notification
    address: Callable[[], str]
    login: Login | None

    def comment(self, pid: str, text: str, key: str) -> None:
        """See `Comments.comment`."""
        try:
            client = HttpClient(
                self.address(), "Dynatrace", login=self.login, tls=Tls(self.to.ca_file), deadline=self.to.deadline
            )
        except ConfigError as error:  # what a file says may be mended
            raise BlindError(error.message, hint=error.hint) from error
        try:
            reach("before-notify")
            ProblemComments(client).comment(pid, text, key)
            reach("after-notify")
        finally:
            client.close()


def told_by(notifier: Notifier | None, history: StageHistory) -> Callable[[CommitId], None]:
    """Return whom to give the tips of a stage, so that its receivers are told of its steps."""
    return notifier.feed(history.stage, history).look if notifier is not None else lambda _: None


class StageHistory:
    """A stage's history as the notifier wants it. One owner thread, the mirror's.

    ``row`` returns the newest steps that the engine has taken, the newest last.
    """

    def __init__(
        self, mirror: Mirror, project: ProjectName, stage: StageName, row: Callable[[], Sequence[Claimed]]
    ) -> None:
        self.stage = stage
        self._past = Past(mirror, stage, row)
        self._project = project

    def claims(self, tip: CommitId, since: str, earliest: Instant) -> Sequence[Claim]:
        """See `History.claims`."""
        return self._past.claims(tip, since, earliest)

    def notice(self, claim: Claim, events: frozenset[str]) -> Notice | None:
        """See `History.notice`."""
        found = self._past.read(cast("Claimed", claim))
        if found is None or not is_wanted(found.step, events):
            return None
        problems = ((problem.id, problem.title) for problem in found.problems)
        return notice(self._project, found.step, found.commit, problems)
