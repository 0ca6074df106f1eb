"""Whom the daemon posts to: endpoints of playbooks and receivers of notifications. Is there anybody, and allowed?

A connection is made, with TLS where the address has it, and nothing is sent: a call would do something (ADR 0228).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.doctor import trust
from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding, failed, ok, problem
from reconciler.daemon.notifying import address_of
from reconciler.model.connections import Endpoint
from reconciler.model.daemon_config import Reach
from reconciler.model.errors import ReconcilerError
from reconciler.model.notifications import Notification
from reconciler.targets.endpoints.post import connect, host_of
from reconciler.targets.near import alike

_NAMED = 3


@dataclass(frozen=True)
class Called:
    """Somebody who is posted to. ``url`` is read when it is needed, and may be a secret; ``key`` has its `caFile`."""

    check: str
    about: str
    url: Callable[[], str]
    key: str
    seconds: float
    ca_file: Path | None = None

    def examine(self) -> Iterator[Finding]:
        """Connect, and hang up."""
        try:
            url = self.url()
            connect(url, self.seconds, self.ca_file)
        except ReconcilerError as error:
            do = "see that it runs, that its name is known here, and that a policy or firewall lets the daemon through"
            trusted = trust.advice(error.message, f"{self.key}.caFile", self.ca_file)
            yield (
                problem(self.check, self.about, error.message, trusted)
                if trusted
                else failed(self.check, self.about, error, do)
            )
        else:
            yield ok(self.check, self.about, f"{host_of(url)} takes connections; nothing was sent")


def endpoint(about: str, name: str, there: Endpoint, seconds: float) -> Called:
    """Return an endpoint that playbooks of a stage may call."""
    key = f"allow.endpoints.{name}"
    return Called(
        "endpoint-reach",
        f"{about}, endpoint {name}",
        lambda: there.url,
        key,
        min(seconds, there.deadline),
        there.ca_file,
    )


def receiver(project: str, to: Notification, seconds: float) -> Called:
    """Return somebody who is told of a project's steps."""
    about = f"{project}, notification {to.name}"
    return Called(
        "notification-reach", about, address_of(to), f"notifications[{to.name}]", min(seconds, to.deadline), to.ca_file
    )


def allowed_endpoints(about: str, content: Content, reach: Reach) -> Iterator[Finding]:
    """Compare the endpoints that playbooks call with those that reconciler.yaml allows in the stage."""
    for name in [each for each in content.endpoints if each not in reach.endpoints]:
        services = content.endpoints[name]
        more = f" and {len(services) - _NAMED} more" if len(services) > _NAMED else ""
        told = f"the playbook of {', '.join(services[:_NAMED])}{more} calls the endpoint `{name}`, which is not allowed"
        near = alike(name, reach.endpoints)
        meant = f"there {'is' if len(near) == 1 else 'are'} {', '.join(near)}; else " if near else ""
        yield problem("endpoints", about, told, f"{meant}add `allow.endpoints.{name}: {{url: ...}}` to the stage")
    if content.endpoints and content.endpoints.keys() <= reach.endpoints.keys():
        yield ok("endpoints", about, f"{', '.join(sorted(content.endpoints))}: allowed")
