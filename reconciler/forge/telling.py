"""The words of a proposal: what stands in its pull request, and the marks by which it is known again.

Titles and names come from monitoring and from whoever may push, so they are shown as code: none of them is markup, a
mention of somebody, or a mark of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WITHDRAWN: Final = "<!-- reconciler: withdrawn -->"
"""Stands in the body of a pull request that we closed ourselves, so that nobody's `no` is read into that."""
_HOW: Final = (
    "**Merging** this (merge, squash or rebase) approves just this effect, until {expires}. It is decided anew then: "
    "where the effect is another by that time, that one is proposed instead. **Closing** it declines, and the next "
    "action or a person has their turn."
)
_SHOWN: Final = 200
PROBLEMS: Final = 10
"""Problems that are listed; of a storm of alerts the others are counted."""
CHANGES: Final = 30
"""Changes that are listed; the others are counted."""
LONGEST: Final = 60_000
"""Characters of a pull request's text at most; GitHub takes 65,536, and withdrawing one makes it longer."""
_MEANT: Final = re.compile(r"[@#\[!&~$%]|:(?=//)|\b(?:GH|gh)-(?=\d)|www(?=\.)")
"""What begins a mention, a number of an issue or a merge request, a word to CI (`[skip ci]`), or a link."""
_INPUTS: Final = 6000
_WHAT_IF: Final = 8000


@dataclass(frozen=True)
class Proposal:
    """What is proposed. ``facts`` are the inputs as one text; ``step`` is the commit that says all this.

    ``changes`` and ``once`` are as the step tells them; ``problems`` are ids with titles, each with the commit that
    brought it, empty where it is not known; ``further`` counts those that are not among them. ``what_if`` is Markdown
    that is put in as it is, or left out where it is too long.
    """

    project: str
    stage: str
    service: str
    remediation: str
    number: int
    subject: str
    effect: str
    expires: str
    action: str
    reason: str
    changes: Sequence[Mapping[str, Any]] = ()
    once: Sequence[Mapping[str, Any]] = ()
    problems: Sequence[tuple[str, str, str]] = ()
    facts: str = ""
    step: str = ""
    what_if: str = ""
    further: int = 0

    @property
    def mark(self) -> str:
        """See `mark`."""
        return mark(self.effect, self.expires)


def mark(effect: str, expires: str) -> str:
    """Return what makes a pull request the one about just this: an effect, proposed at just this time."""
    return f"<!-- reconciler: proposal {effect} {expires} -->"


def code(text: str) -> str:
    """Return text from others as code on one line."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text).replace("`", "'")
    shown = " ".join(shown.split()).replace("|", "/")
    return f"`{shown if len(shown) <= _SHOWN else shown[: _SHOWN - 4] + ' ...'}`" if shown else ""


def title(proposal: Proposal) -> str:
    """Return a pull request's title."""
    plain = f"Approve {proposal.service}: {proposal.subject}"
    if proposal.problems and proposal.problems[0][1]:
        plain += f" ({proposal.problems[0][1]})"
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in plain).split())
    return defused(words)[:_SHOWN]


def defused(words: str) -> str:
    """Return a text that a forge shows as it is: it mentions, links, closes and skips nothing."""
    return _MEANT.sub("\\g<0>\u200b", words)


def body(proposal: Proposal) -> str:
    """Return a pull request's text."""
    rows = [f"| {code(each['target'])} | {_word(each['field'])} | {_value(each)} |" for each in proposal.changes]
    rows += [
        f"| {code(each['target'])} | {_word(each['field'])} | once: {code(str(each['value']))} |"
        for each in proposal.once
    ]
    about = [
        f"* {code(identity)}: {code(words)}{f', brought by {commit}' if commit else ''}"
        for identity, words, commit in proposal.problems[:PROBLEMS]
    ]
    if (further := proposal.further + len(proposal.problems) - len(about)) > 0:
        about.append(f"* and {further} more")
    if len(rows) > CHANGES:
        rows = [*rows[:CHANGES], f"| and {len(rows) - CHANGES} more | | |"]
    step = f": {proposal.step}" if proposal.step else ""
    waits = (
        f"The action {code(proposal.action)} waits: {code(proposal.reason)}. "
        f"Step {proposal.number} of the remediation {code(proposal.remediation)} says so{step}."
    )
    parts = [
        f"{code(proposal.service)} on {code(proposal.stage)} of {code(proposal.project)}: **{code(proposal.subject)}**",
        "\n".join(["| target | field | value |", "| --- | --- | --- |", *rows]) if rows else "",
        "\n".join(["Problems:", *about]) if about else "",
        waits,
        _HOW.format(expires=proposal.expires),
        proposal.what_if if len(proposal.what_if) <= _WHAT_IF else "",
        _inputs(proposal.facts),
        proposal.mark,
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def withdrawn(before: str, why: str) -> str:
    """Return the text of a pull request that is closed by us."""
    return f"{WITHDRAWN}\nWithdrawn: {why}.\n\n{before}"


def _word(text: str) -> str:
    return text if text.isascii() and text.isalnum() and len(text) <= _SHOWN else code(text)


def _value(change: Mapping[str, Any]) -> str:
    before = change.get("before")
    return f"{code(str(before))} → {code(str(change['value']))}" if before is not None else code(str(change["value"]))


def _inputs(facts: str) -> str:
    if not facts:
        return ""
    fenced = "\n".join(f"    {line}" for line in facts[: _INPUTS + 1].splitlines())
    if len(fenced) > _INPUTS:
        fenced = f"{fenced[:_INPUTS]}\n    ... (all of it is in the step)"
    return f"<details><summary>What was seen</summary>\n\n{fenced}\n\n</details>"


def is_withdrawn(text: str) -> bool:
    """Whether this is the text of a pull request that we closed."""
    return text.lstrip().startswith(WITHDRAWN)
