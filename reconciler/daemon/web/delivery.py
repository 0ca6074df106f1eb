"""From what a request reported to what became of it: into the projects' inboxes, and one answer out of all receipts.

The answer is for the whole request while reports differ, so it follows what the sender does next: whatever may still
be accepted makes all of it come again, since what was accepted already is then a repeat that changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from reconciler.daemon.failpoints import reach
from reconciler.daemon.inbox import Inbox, Receipt, unknown
from reconciler.daemon.web.answers import UNAVAILABLE, Answer, retry_after
from reconciler.intake.report import Payload, Report
from reconciler.model.names import ProjectName
from reconciler.model.webhooks import Belonging

_LISTED = 1_000
"""Lines of an answer at the most, and their size: it is made and held for whoever asks."""
_LISTED_BYTES = 512 * 1024
_STRANGERS = 100
"""Unknown projects of one request that are compared with the known ones."""
_LATE = Receipt("unavailable", reason="it could not be pushed in time", hint="send it again: what has landed stays")

_STRANGER = Receipt("unknown", reason="no such project in this daemon", hint="see the first of them")


@dataclass(frozen=True)
class Delivered:
    """What became of each report, in the order of the payload, and the answer that follows from it."""

    payload: Payload
    receipts: Sequence[Receipt]
    status: int
    outcomes: Counter[str] = field(default_factory=Counter)

    def answer(self) -> Answer:
        """Return the answer, with a line for each problem."""
        again = retry_after(UNAVAILABLE) if self.status == 503 else {}
        return Answer(self.status, self._document(), again)

    def _document(self) -> dict[str, Any]:
        lines = self._listed()
        missing = self.payload.group.truncated if self.payload.group is not None else 0
        more = self.outcomes.total() - len(lines)
        parts = {
            "problems": lines,
            "notListed": more,
            "outcomes": dict(self.outcomes) if more else {},
            "truncated": missing,
            "note": self.payload.note,
            "error": self._error(),
        }
        return {name: value for name, value in parts.items() if value or name == "problems"}

    def _listed(self) -> list[dict[str, str]]:
        """Return the lines; of too many those first that say what is to be changed."""
        pairs = list(zip(self.payload.reports, self.receipts, strict=True))
        if len(pairs) > _LISTED:
            pairs.sort(key=lambda pair: pair[1].durable)
        refused = (
            {"problem": each.which, "outcome": "refused", "reason": each.reason, "hint": each.hint}
            for each in self.payload.refused
        )
        found: list[dict[str, str]] = []
        size = 0
        taken = (_line(*pair) for pair in pairs[: _LISTED - len(self.payload.refused)])
        for line in chain(taken, refused):
            size += sum(len(name) + len(text) for name, text in line.items())
            if size > _LISTED_BYTES:
                break
            found.append(line)
        return found

    def _error(self) -> str:
        match self.status:
            case 503:
                return "not all problems could be pushed now; send all of them again"
            case 404:
                return "none of the problems belongs to anything that is known here; see the hint of each"
            case 422:
                return "no problem could be accepted; see the hint of each"
        return ""


async def deliver(
    payload: Payload, belonging: Belonging, inboxes: Mapping[ProjectName, Inbox], until: float
) -> Delivered:
    """Hand every report to its project and wait for the receipts.

    ``until`` is a moment on the loop's clock; what has no receipt by then is `unavailable`. What nobody had begun with
    is taken back; the rest may land all the same.
    """
    strangers: dict[str, Receipt] = {}
    receipts: list[Receipt] = [_LATE] * len(payload.reports)
    places: dict[ProjectName, list[int]] = {}
    for at, report in enumerate(payload.reports):
        project = ProjectName(report.where.project)
        if (silent := _silent(report, belonging)) is not None:
            receipts[at] = silent
        elif project not in inboxes:
            if project not in strangers:
                strangers[project] = (
                    unknown("project", project, "this daemon", inboxes) if len(strangers) < _STRANGERS else _STRANGER
                )
            receipts[at] = strangers[project]
        else:
            places.setdefault(project, []).append(at)
    reach("before-hand-in")
    waiting = {name: inboxes[name].submit(payload.reports[at] for at in of) for name, of in places.items()}
    reach("after-hand-in")
    await _receipts_of(list(waiting.values()), until)
    for name, future in waiting.items():
        if not future.cancel() and future.done():
            for at, receipt in zip(places[name], future.result(), strict=True):
                receipts[at] = receipt
    outcomes = Counter(str(receipt.outcome) for receipt in receipts)
    outcomes["refused"] += len(payload.refused) + payload.refused_more
    return Delivered(payload, receipts, _status(outcomes), +outcomes)


def _silent(report: Report, belonging: Belonging) -> Receipt | None:
    """Return the receipt of a report that does not say where it belongs; None where it does."""
    labels = {
        "project": (report.where.project, belonging.project_label),
        "stage": (report.where.stage, belonging.stage_label),
        "service": (report.where.service, belonging.service_label),
    }
    lacking = {name: label for name, (said, label) in labels.items() if not said}
    if not lacking:
        return None
    named = " and ".join(lacking)
    wanted = " and ".join(f"`{label}`" for label in lacking.values())
    hint = f"add the label or tag {wanted}, or a rule or default for it under `webhooks` in the daemon's configuration"
    return Receipt("refused", reason=f"nothing says which {named} it belongs to", hint=hint)


def _status(outcomes: Counter[str]) -> int:
    if outcomes["unavailable"]:
        return 503
    if outcomes["accepted"] or outcomes["unchanged"]:
        return 200
    if outcomes["refused"]:
        return 422
    return 404 if outcomes["unknown"] else 200


async def _receipts_of(futures: Sequence[Future[tuple[Receipt, ...]]], until: float) -> None:
    """Wait until all are there, or it is too late."""
    loop = asyncio.get_running_loop()
    landed = asyncio.Event()

    def look(_: object) -> None:
        # The loop may be gone when a late receipt comes.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(landed.set)

    for future in futures:
        future.add_done_callback(look)
    try:
        async with asyncio.timeout_at(until):
            while not all(future.done() for future in futures):
                await landed.wait()
                landed.clear()
    except TimeoutError:
        return


def _line(report: Report, receipt: Receipt) -> dict[str, str]:
    parts = {
        "problem": report.id,
        "project": report.where.project,
        "stage": report.where.stage,
        "service": report.where.service,
        "outcome": receipt.outcome,
        "path": receipt.path,
        "commit": receipt.commit,
        "reason": receipt.reason,
        "hint": receipt.hint,
    }
    return {name: text for name, text in parts.items() if text}
