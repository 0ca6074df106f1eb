"""What people ask for by the bridge: command files in their names, committed and pushed by the project's loop.

As with reports nothing is said to be taken before it is on the remote (docs/laws.md, law 7). Where a stage goes on
without its remote a command is kept and honoured, and who asked is told that it is kept here only. What becomes of a
command is decided as if the person had pushed it: by a step that names the file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime

from structlog.typing import FilteringBoundLogger

from reconciler.bridge.petition import Petition, Taken
from reconciler.daemon.branch import Branch
from reconciler.daemon.clock import Clock
from reconciler.daemon.shortage import SHORT, as_ours
from reconciler.model.command import command_name, render_command
from reconciler.model.errors import BugError, ReconcilerError, TransientError, UserError
from reconciler.model.names import StageName
from reconciler.repo.layout import ops_prefix
from reconciler.repo.objects import Identity
from reconciler.repo.signatures_people import is_our_address
from reconciler.repo.stream import NewCommit
from reconciler.repo.trailers import MAX_SUBJECT, escape

_CAPACITY = 1000
_TRIES = 8
"""Pushes of one command that may be lost to others before the person is told to ask again."""

Asked = tuple[Petition, "Future[Taken]"]


class Petitions:
    """Where they wait. Thread-safe; ``wake`` is called when one was put in."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: list[Asked] = []
        self._closed = False

    def ask(self, petition: Petition) -> Future[Taken]:
        """Put one in. The future gets the commit, and whether it is on the remote; or what stood in the way."""
        future: Future[Taken] = Future()
        with self._lock:
            full = self._closed or len(self._waiting) >= _CAPACITY
            if not full:
                self._waiting.append((petition, future))
        if full:
            future.set_exception(TransientError("nothing can be taken now", hint="ask again in a moment"))
        else:
            self._wake()
        return future

    def take(self) -> Sequence[Asked]:
        """Return everything that waits and forget it."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        return [(petition, future) for petition, future in taken if future.set_running_or_notify_cancel()]

    def turn_away(self, error: ReconcilerError) -> None:
        """Tell everybody who waits what stands in the way."""
        for _, future in self.take():
            future.set_exception(error)

    def close(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._closed = True
        self.turn_away(TransientError("the daemon is stopping"))


class Clerk:
    """Pushes what was asked for. One owner thread: the project's loop. ``find`` returns the branch of a stage."""

    def __init__(
        self, petitions: Petitions, find: Callable[[StageName], Branch], clock: Clock, wait: Callable[[float], None],
        log: FilteringBoundLogger,
    ) -> None:  # fmt: skip
        self._petitions = petitions
        self._find = find
        self._clock = clock
        self._wait = wait
        self._log = log

    def take_all(self) -> None:
        """Push everything that waits, one commit for each."""
        for petition, future in self._petitions.take():
            try:
                future.set_result(self._pushed(petition))
            except (ReconcilerError, *SHORT) as error:
                told = as_ours(error)
                self._log.warning("a command was not pushed", person=petition.person.name, reason=told.message)
                future.set_exception(told)
            except Exception:  # noqa: BLE001  (what somebody asks must never end the daemon)
                self._log.exception("a bug in reconciler; a command was not pushed", person=petition.person.name)
                future.set_exception(BugError("the command could not be pushed because of a bug"))

    def _pushed(self, petition: Petition) -> Taken:
        if is_our_address(petition.person.email):
            raise UserError(
                f"{petition.person.email} is reconciler's own address, not a person's", hint="ask in a name of your own"
            )
        branch = self._find(petition.stage)
        for _ in range(_TRIES):
            self._wait(branch.publisher.delay())
            tips = branch.read_tips()
            if tips is None:
                raise TransientError(f"the branch of {petition.stage} is not there", hint="push it")
            branch.follow(tips)
            if petition.service and petition.service not in branch.repo.services():
                hint = "open the page again"
                raise UserError(f"there is no service {petition.service} in {petition.stage}", hint=hint)
            about = petition.command.remediation
            if about and about not in branch.repo.view(petition.service).remediations:
                raise UserError(f"there is no remediation `{about}` of {petition.service}", hint="open the page again")
            landed = branch.push(tips, [self._commit(petition)])
            if landed is not None:
                kept = branch.publisher.keeps
                told = "a command is kept until the remote is back" if kept else "a command was pushed"
                self._log.info(told, verb=petition.command.verb, person=petition.person.name)
                return Taken(landed.commits[-1], kept)
        raise TransientError(f"others pushed to {petition.stage} all the time", hint="ask again in a moment")

    def _commit(self, petition: Petition) -> NewCommit:
        when = datetime.fromtimestamp(self._clock.wall(), UTC)
        command, person = petition.command, petition.person
        folder = "/".join(filter(None, (ops_prefix(petition.stage), petition.service)))
        path = f"{folder}/commands/{command_name(when, command.verb, command.remediation, command.step)}"
        what = petition.service.rpartition("/")[2] or petition.stage
        about = f" ({escape(petition.about or command.remediation)})" if command.remediation else ""
        reason = f"\n- {escape(command.reason)}\n" if command.reason else ""
        subject = f"{escape(what)}: {command.verb}{about}"[:MAX_SUBJECT]
        author = Identity(person.name.strip(), person.email.strip())
        whole = datetime.fromtimestamp(int(when.timestamp()), UTC)
        return NewCommit({path: render_command(command)}, f"{subject}\n{reason}", whole, author)
