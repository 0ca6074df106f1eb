"""Where a problem belongs, from what its sender said and what the configuration says of this sender."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.intake.report import Where
from reconciler.model.webhooks import Belonging

_LIMIT: Final = 256
"""Characters of a claimed name that are kept: no name there is has as many."""


def where(labels: Mapping[str, str], belonging: Belonging, said: Where | None = None) -> Where:
    """Return project, stage and service as claimed: the first rule that fits, else what was said, else the defaults.

    What was said is ``said`` (fields that a sender has for it), and where that is silent the labels that the
    configuration names. Labels are found by their name as given, else without regard to case.

    The names `project`, `stage` and `service` are known beside those of the configuration: rules that are generated for
    our own problems write them. They go before the defaults where all three are there; one alone, which may well mean
    something else, comes last.
    """
    said = said or Where()
    standard = Where(*(label(labels, name) for name in ("project", "stage", "service")))
    ours = standard if all((standard.project, standard.stage, standard.service)) else Where()
    rule = next((each for each in belonging.rules if _fits(each.labels, labels)), None)
    return Where(
        project=_first(
            rule.project if rule else "", said.project, label(labels, belonging.project_label),
            ours.project, belonging.project, standard.project,
        ),
        stage=_first(
            rule.stage if rule else "", said.stage, label(labels, belonging.stage_label),
            ours.stage, belonging.stage, standard.stage,
        ),
        service=_first(
            rule.service if rule else "", said.service, label(labels, belonging.service_label),
            ours.service, belonging.service, standard.service,
        ),
    )  # fmt: skip


def label(labels: Mapping[str, str], name: str) -> str:
    """Return a label's text; empty where there is none of that name."""
    exact = labels.get(name)
    if exact is not None:
        return exact
    folded = name.casefold()
    return next((text for key, text in labels.items() if key.casefold() == folded), "")


def _fits(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(label(labels, name) == text for name, text in wanted.items())


def _first(*texts: str) -> str:
    return next((text.strip()[:_LIMIT] for text in texts if text.strip()), "")
