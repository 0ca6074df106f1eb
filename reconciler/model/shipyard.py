"""Keptn's `shipyard.yaml`, in its forms 0.1.x and 0.2.x: which stages there are, and which of them act.

Keptn healed only where it was told to: in 0.1.x by `remediation_strategy: automated`, in 0.2.x by a sequence called
`remediation`. A stage without is a shadow here; `stage.yaml` wins over both.
"""

from __future__ import annotations

from typing import Final

from reconciler.model.document import Checks, Fields, open_document
from reconciler.model.project import ProjectConfig, StageEntry, check_stages

_SEQUENCE: Final = "remediation"
_EVALUATION: Final = "evaluation"


def load_shipyard(data: bytes, path: str) -> ProjectConfig:
    """Load a shipyard of either form; it has no name for the project (`metadata.name` is the shipyard's).

    Raises:
        InvalidFile: with all findings.
    """
    document = open_document(data, path, "shipyard")
    second = document.node("spec") is not None
    sections = list((document.section("spec") if second else document).sections("stages"))
    stages = tuple(_second(stage) if second else _first(stage) for stage in sections)
    checks = Checks()
    check_stages(stages, tuple(stage.place_of("name") for stage in sections), checks)
    checks.done()
    return ProjectConfig(stages=stages)


def _first(stage: Fields) -> StageEntry:
    automated = stage.text("remediation_strategy") == "automated"
    return StageEntry(stage.text("name"), "automated" if automated else "shadow")


def _second(stage: Fields) -> StageEntry:
    name = stage.text("name")
    sequence = next((each for each in stage.sections("sequences") if each.text("name") == _SEQUENCE), None)
    if sequence is None:
        return StageEntry(name, "shadow")
    evaluation = next((task for task in sequence.sections("tasks") if task.text("name") == _EVALUATION), None)
    if evaluation is None:
        return StageEntry(name, "automated")
    return StageEntry(
        name,
        "automated",
        triggered_after=evaluation.go_seconds("triggeredAfter"),
        timeframe=evaluation.section("properties").go_seconds("timeframe"),
    )
