"""A closed pull request as the `decline` that it stands for, in the name of whoever closed it.

On forges everybody chooses the name by which they are shown, and only what they log in with is theirs. So that one is
always told: nobody declines under the name of somebody else.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.asked import Asked, asked_of
from reconciler.daemon.branch import Branch
from reconciler.daemon.desk import Closed
from reconciler.daemon.failpoints import reach
from reconciler.forge.protocol import Closing
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Identity
from reconciler.repo.stream import NewCommit

_LONGEST: Final = timedelta(days=365)


def decline(mirror: Mirror, branch: Branch, asked: Asked, closed: Closed, log: FilteringBoundLogger) -> bool:
    """Write it on what is there now, where it is still asked for. Returns whether anything was tried."""
    tips = branch.read_tips()
    if tips is None:
        return False
    branch.follow(tips)
    if asked not in asked_of(asked.stage, branch.repo.view(asked.service)):
        return False
    when = closed_at(closed.closing, asked.since)
    path, content = asked.command("decline", when, f"pull request {closed.number} was closed")
    if mirror.blob_id(tips.ops, path) is not None:
        return False
    reach("before-decline-push")
    who = closer(closed.closing)
    subject = f"{asked.name}: decline {asked.subject}"
    landed = branch.push(tips, [NewCommit({path: content}, f"{subject}\n", when, who)])
    reach("after-decline-push")
    if landed is not None:
        log.info("declined", pull=closed.number, by=who.name, commit=landed.commits[-1])
    return True


def closed_at(closing: Closing, since: datetime) -> datetime:
    """Return when a pull request was closed; when it was proposed, where the forge tells no time that can be true."""
    try:
        moment = datetime.fromisoformat(closing.at)
    except ValueError:
        return since
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return moment if timedelta() <= moment - since <= _LONGEST else since


def closer(closing: Closing) -> Identity:
    """Return who closed, as far as the forge tells, as the author of a commit."""
    login = _plain(closing.login)
    name = _plain(closing.name)
    if login and name and name.casefold() != login.casefold():
        name = f"{name} ({login})"
    return Identity(name or login or "somebody", f"{(login or 'somebody').replace(' ', '-')}@users.noreply.invalid")


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() and letter not in "<>")[:100].strip()
