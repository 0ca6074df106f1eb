"""What a request says about time, held against our own clock: whether it may be a replay, and what cannot be so.

A signature over a body stays right for ever, so whoever overheard one can send it again. Reports of old cannot open
what was resolved meanwhile, then: under `hmac` only one that says, in what was signed, that it was sent just now can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from reconciler.daemon.web.answers import Refusal
from reconciler.intake.moments import moment
from reconciler.intake.report import Payload, Report

FRESH: Final = 300.0
"""Seconds between a sender's clock and ours, and that a report may be under way."""


def check_covered(headers: Mapping[str, str]) -> None:
    """Raise Refusal (400) where headers say what was reported: a signature is over the body alone."""
    structured = headers.get("content-type", "").strip().lower().startswith("application/cloudevents")
    if not structured and ("ce-type" in headers or "ce-specversion" in headers):
        hint = "send the whole event as the body, with the type `application/cloudevents+json`"
        raise Refusal(400, "the event's attributes are in headers, which the signature does not cover", hint)


def timely(payload: Payload, now: float, *, signed: bool) -> Payload:
    """Return the payload with what may be a replay marked as such, and a note on what has not begun yet.

    ``now`` is in seconds since 1970; ``signed``: it is known by its signature alone.
    """
    reports = payload.reports
    if signed:
        reports = tuple(replace(each, replayable=not _fresh(each, now)) for each in reports)
    early = next((each for each in reports if _ahead(each, now)), None)
    note = f"{early.id} starts in the future: is a clock wrong?" if early is not None else ""
    return replace(payload, reports=reports, note="; ".join(filter(None, (payload.note, note))))


def _fresh(report: Report, now: float) -> bool:
    return report.sent is not None and abs(now - report.sent) <= FRESH


def _ahead(report: Report, now: float) -> bool:
    began = moment(report.problem.started_at)
    return began is not None and began.timestamp() > now + FRESH
