"""A report: what a sender says of one problem, where it says that it belongs, and what its file shall be called.

Everything in it came over the network. Names are what the sender claims until somebody has compared them with the
names that there are; only then do they become paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reconciler.model.errors import UserError
from reconciler.model.names import ProblemId
from reconciler.model.problem import Problem

Sender: TypeAlias = Literal["alertmanager", "dynatrace", "cloudevents", "problem"]
"""Which webhook a report came through: a bounded set, fit for metrics."""


@dataclass(frozen=True)
class Where:
    """Where a problem belongs, as claimed: unchecked text. Empty: the sender did not say."""

    project: str = ""
    stage: str = ""
    service: str = ""


@dataclass(frozen=True)
class Report:
    """One problem as one sender told it.

    ``id`` is the identity of this occurrence, the stem of the problem's file; ``day`` (`yyyy-mm-dd`, UTC, or empty) is
    the folder that the file lies in, so that the same report always names the same path. ``final``: once resolved this
    identity never opens again, so that a delivery that comes late cannot open it. ``sent`` is when the sender says that
    it said so (seconds since 1970), None where senders do not tell: of two reports the later one counts.
    ``replayable``: somebody who overheard it may be sending it again, so it neither opens what was resolved nor ends
    what was opened again at a time that is known.
    """

    sender: Sender
    where: Where
    id: ProblemId
    problem: Problem
    day: str = ""
    final: bool = False
    sent: float | None = None
    replayable: bool = False


@dataclass(frozen=True)
class Refused:
    """One problem of a payload that can never be accepted: which one, why, and what to change at the sender."""

    which: str
    reason: str
    hint: str


@dataclass(frozen=True)
class Group:
    """Alertmanager's group that a payload is about, where some of its alerts were left out.

    ``truncated`` is how many; ``labels`` are those that all alerts of the group share by its route's `group_by`.
    ``origin`` is the address that the Alertmanager has for people: of two with the same receivers it tells which.
    """

    receiver: str
    labels: Mapping[str, str]
    truncated: int
    origin: str = ""


@dataclass(frozen=True)
class Payload:
    """What a request said: reports, what of it cannot be accepted, and what it was besides (a test, nothing at all).

    ``note`` is for the sender's log: empty, why a payload without any report is fine as it is, or what was not heeded.
    ``refused_more`` is how many were refused besides ``refused``.
    """

    reports: tuple[Report, ...] = ()
    refused: tuple[Refused, ...] = ()
    group: Group | None = None
    note: str = ""
    refused_more: int = 0


class TooManyError(UserError):
    """A payload has more problems than one request may bring."""
