"""Which of an option's words was meant by another one, and what each of them does.

An example of the schema would be one of the words, whatever was written: who wrote `mode: off` must not be told
`automated`. So a word is offered only where it was meant; else all of them are, each with what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from reconciler.model.suggest import nearest

_MODES: Final = {
    "automated": "acts",
    "shadow": "only writes down what it would do",
    "suspended": "does nothing",
}
_SENSES: Final[Sequence[Mapping[str, str]]] = (
    _MODES,
    {"repair": "puts it back", "adopt": "takes the new value", "report": "holds and tells"},
    {"keep": "leaves the change", "revert": "takes it back"},
    {"accept": "takes it as a pass", "next": "tries the next action"},
    {"automatic": "asks nobody", "required": "waits for a person"},
    {"open": "is still there", "resolved": "is over"},
)
"""What the words of an option do, for each option."""
_SAID: Final[Mapping[str, str]] = {
    "suspended": "off disable disabled pause paused stop stopped halt halted inactive no false none never maintenance",
    "shadow": "dryrun observe observer observing observation readonly watch watching monitor monitoring simulate "
    "simulation simulated test passive log logonly reportonly recommend advise manual",
    "repair": "fix revert restore reset rollback undo enforce correct heal putback",
    "adopt": "accept take keep allow takeover",
    "report": "warn tell notify alert log hold",
    "revert": "rollback undo restore reset back takeback reverse",
    "keep": "leave stay retain",
    "accept": "pass ok okay good accepted",
    "next": "fail failed failure bad nextaction",
    "required": "yes y true on always manual needed human person",
    "automatic": "no n false off never none auto",
    "open": "firing active new triggered alerting started ongoing unresolved problem",
    "resolved": "closed close fixed done ended end ok okay over finished gone inactive cleared",
    "avg": "mean average",
    "p50": "median",
    "approve": "accept confirm ok yes",
    "decline": "reject deny refuse no",
    "undo": "rollback revert restore",
    "suspend": "pause freeze",
    "resume": "continue unpause unsuspend",
}
"""Other words for ours: letters alone would find none of them, or another one."""
_BESIDE: Final = {
    ("shadow", "manual"): " Where a person shall approve each action: `mode: automated` with `approval: required`"
}
"""What else may have been meant by a word."""
_MOST: Final = 8
"""How many words a hint lists; all of them are said to be expected anyway."""


def word_meant(word: str, words: Iterable[str]) -> str:
    """Return which of an option's words was meant: by its sense, else by its letters; empty for none."""
    known, said = list(words), _letters(word)
    return next((each for each in known if said in _SAID.get(each, "").split()), "") or nearest(word, known)


def word_hint(word: str, key: str, words: Sequence[Any]) -> str:
    """Say which of ``words``, or of `true` and `false`, was meant by ``word`` under ``key``; else what they all mean.

    Empty where there is only one, or where there are too many to list.
    """
    known = [each for each in words if isinstance(each, str) and each]
    if any(isinstance(each, bool) for each in words):
        return f"write `{key}true` or `{key}false`"
    meant = word_meant(word, known) if word else ""
    if meant:
        return f"did you mean `{meant}`?" + _BESIDE.get((meant, _letters(word)), "")
    if not 1 < len(known) <= _MOST:
        return ""
    senses = next((each for each in _SENSES if each.keys() == set(known)), {})
    listed = [f"`{key}{each}`" + (f" ({senses[each]})" if each in senses else "") for each in known]
    return f"write {', '.join(listed[:-1])} or {listed[-1]}"


def _letters(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
