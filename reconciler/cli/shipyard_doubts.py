"""What a shipyard says in vain: beside a project.yaml, which it only adds to, and in words that Keptn did not know.

Keptn passed over what it did not know, so a stage whose strategy or sequence is misspelt never acts, and nobody hears.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.cli.findings.finding import Finding, doubt
from reconciler.model.document import Fields, open_document
from reconciler.model.errors import Place, UserError
from reconciler.model.project import load_project
from reconciler.model.reader import shown
from reconciler.model.shipyard import load_shipyard
from reconciler.model.suggest import CONFUSED, nearest

_AUTOMATED = "automated"
_SEQUENCE = "remediation"
_EVALUATION = "evaluation"
_NOT = frozenset({"", "none", "manual", "disabled", "no", "off", "false"})
"""What is written for a stage that shall not act."""


def about_shipyard(data: bytes, path: str) -> Iterator[Finding]:
    """Yield the words of a shipyard that are probably meant to have a stage act, and do not."""
    try:
        load_shipyard(data, path)
    except UserError:
        return
    document = open_document(data, path, "shipyard")
    second = document.node("spec") is not None
    for stage in (document.section("spec") if second else document).sections("stages"):
        yield from _sequences(stage) if second else _strategy(stage)


def _strategy(stage: Fields) -> Iterator[Finding]:
    said = stage.text("remediation_strategy")
    if said != _AUTOMATED and said.lower() not in _NOT:
        yield doubt(
            "near-name",
            f"`{shown(said)}` is no strategy that acts: the stage `{stage.text('name')}` is a shadow",
            stage.place_of("remediation_strategy"),
            expected=f"`{_AUTOMATED}`, or nothing for a stage that shall not act",
            hint=f"write `remediation_strategy: {_AUTOMATED}`, or leave it out",
        )


def _sequences(stage: Fields) -> Iterator[Finding]:
    yield from _near(stage, "sequences", _SEQUENCE, f"the stage `{stage.text('name')}` is a shadow")
    for sequence in stage.sections("sequences"):
        if sequence.text("name") == _SEQUENCE:
            yield from _near(sequence, "tasks", _EVALUATION, "nothing here says when it is evaluated")
            yield from _times(sequence)


def _near(fields: Fields, key: str, word: str, then: str) -> Iterator[Finding]:
    names = {each.text("name"): each.place_of("name") for each in fields.sections(key)}
    meant = nearest(word, [name for name in names if name], cutoff=CONFUSED) if word not in names else ""
    if meant:
        yield doubt(
            "near-name",
            f"`{shown(meant)}` is none of the names that are known, and so {then}",
            names[meant],
            expected=f"`{word}`",
            hint=f"did you mean `{word}`?",
        )


def _times(sequence: Fields) -> Iterator[Finding]:
    for task in sequence.sections("tasks"):
        within = task.section("properties")
        wait, window = task.go_seconds("triggeredAfter"), within.go_seconds("timeframe")
        if task.text("name") == _EVALUATION and wait and window and window > wait:
            yield doubt(
                "limits-contradict",
                f"`timeframe` ({window:g} s) is longer than `triggeredAfter` ({wait:g} s), and will be cut to it",
                within.place_of("timeframe"),
                expected=f"at most {wait:g}s",
                hint="shorten `timeframe`, or evaluate later",
            )


def hidden_stages(files: Mapping[str, bytes | UserError]) -> Iterator[Finding]:
    """Yield the shipyard whose stages `project.yaml` beside it does not have; of those that it has it adds to them."""
    project, shipyard = files.get("project.yaml"), files.get("shipyard.yaml")
    if not isinstance(project, bytes) or not isinstance(shipyard, bytes):
        return
    try:
        known = [stage.name for stage in load_project(project, "project.yaml").stages]
        said = [stage.name for stage in load_shipyard(shipyard, "shipyard.yaml").stages]
    except UserError:
        return
    hidden = [name for name in said if known and name not in known]
    if hidden:
        names = ", ".join(f"`{name}`" for name in hidden)
        yield doubt(
            "shadowed-name",
            f"{names}: `project.yaml` beside it says which stages there are",
            Place("shipyard.yaml"),
            expected="stages of project.yaml, to which a shipyard adds when they act and how long they wait",
            hint=f"add {names} to `stages` in project.yaml, or take it out here",
        )
