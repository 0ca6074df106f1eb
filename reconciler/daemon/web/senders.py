"""Who is listened to and where: the paths of each webhook, what it takes, and who reads that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from reconciler.intake import alertmanager, cloudevents, dynatrace, own
from reconciler.intake.report import Payload
from reconciler.model.webhooks import Belonging, WebhookConfig, WebhooksConfig

Read: TypeAlias = Callable[[Mapping[str, str], bytes, Belonging], Payload]
"""Headers by lower-case names, body, where problems belong. Raises UserError where the body cannot be read at all."""

JSON: Final = ("application/json",)
EVENTS: Final = ("application/cloudevents+json", "application/cloudevents-batch+json", "application/json")
PUSHES: Final = ("application/json", "application/x-www-form-urlencoded")
"""What forges tell of a push in; nothing in it is believed."""
GIT_PATH: Final = "/webhooks/git"
EVENT_PATHS: Final = ("/v1/event", "/api/v1/event")
"""Where Keptn's API takes events, inside the cluster and at the address that its installation has outside."""


@dataclass(frozen=True)
class Sender:
    """A webhook that problems come in by."""

    name: str
    paths: tuple[str, ...]
    types: tuple[str, ...]
    read: Read
    config: WebhookConfig


def senders(config: WebhooksConfig) -> Iterator[Sender]:
    """Return the webhooks that are configured."""
    if config.alertmanager is not None:
        yield Sender("alertmanager", ("/webhooks/alertmanager",), JSON, _bare(alertmanager.read), config.alertmanager)
    if config.dynatrace is not None:
        yield Sender("dynatrace", ("/webhooks/dynatrace",), JSON, _bare(dynatrace.read), config.dynatrace)
    if config.cloudevents is not None:
        paths = ("/webhooks/cloudevents", *EVENT_PATHS)
        yield Sender("cloudevents", paths, EVENTS, cloudevents.read, config.cloudevents)
    if config.problem is not None:
        yield Sender("problem", ("/webhooks/problem",), JSON, _bare(own.read), config.problem)


def _bare(read: Callable[[bytes, Belonging], Payload]) -> Read:
    return lambda _headers, body, belonging: read(body, belonging)
