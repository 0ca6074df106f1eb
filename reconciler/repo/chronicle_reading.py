"""Rows of the chronicle as what they tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from reconciler.model.instant import Instant, parse_instant
from reconciler.model.names import CommitId, RemediationId
from reconciler.repo.chronicle_records import PastEvaluation, PastProblem, PastRemediation, PastStep

TOLD: Final = (
    "n", "id", "service", "entry", "problems", "source", "reported", "opened", "ended", "outcome", "unhealed",
    "reason", "tried", "helped", "steps", "event", "held",
)  # fmt: skip
_ENDS: Final = "remediations r JOIN steps f ON f.n = r.n JOIN steps l ON l.n = r.newest"
REMEDIATION: Final = f"{', '.join(f'r.{name}' for name in TOLD)}, f.id, l.id, l.now FROM {_ENDS}"
"""What `read_remediation` reads."""


def commit_id(identity: bytes) -> CommitId:
    """Return a commit's id, which is kept as bytes."""
    return CommitId(identity.hex())


def read_remediation(row: tuple[Any, ...]) -> PastRemediation:
    """Return a remediation."""
    (
        order, identity, service, entry, problems, source, reported, opened, ended, outcome, unhealed, reason, tried,
        helped, steps, event, held, first, newest, last,
    ) = row  # fmt: skip
    return PastRemediation(
        order, RemediationId(identity), service, entry, tuple(PastProblem(*each) for each in json.loads(problems)),
        source, Instant(reported), Instant(opened), Instant(ended) if ended is not None else None, outcome,
        bool(unhealed), reason, tuple(json.loads(tried)), helped, steps, event, held, commit_id(first),
        commit_id(newest), Instant(last),
    )  # fmt: skip


def read_evaluation(step: PastStep) -> PastEvaluation | None:
    """Return the evaluation that a step records; None where it has none that can be read."""
    told = step.told.get("evaluation")
    if not isinstance(told, Mapping):
        return None
    start, end = (parse_instant(str(told.get(key, ""))) for key in ("start", "end"))
    score = told.get("score")
    return PastEvaluation(
        step, str(told.get("result", "")), float(score) if isinstance(score, int | float) else None,
        tuple(told.get("indicators", ())), start, end,
    )  # fmt: skip
