"""How a problem is called: the id that its file's name gives, and titles that miss their playbook entry by a slip.

Neither makes the problem invalid: a name is encoded, and what matches nothing is a result like any other. But whoever
wrote it looks for `p 1` in `reconciler status`, and waits for the action of an entry.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt, remark
from reconciler.cli.key_places import place_of_value
from reconciler.cli.spelling_doubts import SHORTEST, slipped
from reconciler.decide.matching import DEFAULT, match
from reconciler.model.errors import Place, UserError
from reconciler.model.playbook import Playbook
from reconciler.model.problem import Problem
from reconciler.model.problem_ids import problem_id
from reconciler.model.reader import shown

_UNFIT: Final = re.compile(r"[^A-Za-z0-9._=,-]+")


def about_id(path: str) -> Iterator[Finding]:
    """Yield that a problem is called otherwise than its file, wherever it is asked for."""
    name = path.rpartition("/")[2]
    stem, _, ending = name.rpartition(".")
    try:
        known = problem_id(stem)
    except UserError:
        return  # told of where files lie
    if known != stem:
        plain = _UNFIT.sub("-", stem).strip(".-") or "p1"
        yield remark(
            "encoded-id",
            f"this problem's id is `{known}`: so it is called by `reconciler status`, in commits and in commands",
            Place(path),
            expected="a file's name of letters, digits and `. _ + = , -`, which is the id as it stands",
            hint=f"rename the file to `{plain}.{ending}`, before it is answered",
        )


def about_title(problem: Problem, data: bytes, path: str, playbook: Playbook) -> Iterator[Finding]:
    """Yield that a problem is nearly one that the service's ``playbook`` has an entry for, and so is not matched."""
    if (near := nearly(problem.title, problem.root_cause, playbook)) is not None:
        yield doubt(
            "near-name",
            f"{near.told}, and so {near.instead}",
            place_of_value(data, path, near.key),
            expected="the title or root cause as the playbook has it, capitals included",
            hint=f"write `{shown(near.entry)}` here, or in the playbook what monitoring reports",
        )


@dataclass(frozen=True)
class Near:
    """An entry that a problem misses by a slip in its ``key``; ``instead`` is what becomes of the problem."""

    key: str
    said: str
    entry: str
    instead: str

    @property
    def told(self) -> str:
        """What is spelled nearly as what."""
        return f"`{shown(self.said)}` is spelled nearly as the entry `{shown(self.entry)}`"


def nearly(title: str, root_cause: str, playbook: Playbook) -> Near | None:
    """Return the entry that a problem misses by a slip; None where it has an entry of its own, or none is near."""
    entry = match(playbook, root_cause=root_cause, title=title)
    if entry is not None and entry.name != DEFAULT:
        return None
    names = [each.name for each in playbook.entries if each.name and each.name != DEFAULT]
    for key, said in (("title", title), ("rootCause", root_cause)):
        if meant := _meant(said, names, whole=key == "rootCause"):
            return Near(key, said, meant, f"falls to `{DEFAULT}`" if entry is not None else "is unmatched")
    return None


def _meant(said: str, names: list[str], *, whole: bool) -> str:
    text = _spaced(said)
    for name in names:
        if len(name) < SHORTEST:
            continue
        for length in (len(name) - 1, len(name), len(name) + 1):
            begin = text[:length]
            if (whole and begin != text) or text[length : length + 1].isalnum():
                continue
            if begin.casefold() == _spaced(name).casefold() or slipped(begin, [_spaced(name)]):
                return name
    return ""


def _spaced(text: str) -> str:
    """Return a text with plain single blanks, and without what is not seen."""
    seen = "".join(each for each in text if unicodedata.category(each) != "Cf")
    return " ".join(seen.split())
