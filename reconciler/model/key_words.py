"""Other words for our keys, where letters alone would find none of them, or another one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

_SAID: Final[Mapping[str, tuple[str, ...]]] = {
    "reason": ("because", "why", "cause", "comment", "message"),
    "person": ("human", "humans", "people", "user", "users", "manual"),
    "controller": ("controllers", "automation", "autoscaler", "operator"),
    "sli": ("name", "indicator", "metric", "query"),
}
_DEEPER: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "bounds": (("maxreplicas", "max"), ("minreplicas", "min")),
}
_BY_ITS_FOLDER: Final = frozenset({"service", "stage", "project"})


def key_meant(written: str, known: Collection[str]) -> str:
    """Return which of the keys ``known`` was meant by another word; empty where that is none of ours."""
    said = _letters(written)
    return next((key for key, words in _SAID.items() if key in known and said in words), "")


def key_hint(written: str, known: Collection[str], free: Collection[str]) -> str:
    """Say what to write for a key that is none of ``known``, of which ``free`` are not there yet; empty for nothing."""
    said = _letters(written)
    if meant := key_meant(written, free):
        return f"did you mean `{meant}`?"
    for key, pairs in _DEEPER.items():
        inner = next((name for word, name in pairs if word == said), "")
        if inner and key in known:
            return f"write `{key}: {{replicas: {{{inner}: ...}}}}`"
    if said in _BY_ITS_FOLDER and "title" in known:
        return "delete it: what a problem is about is said by the folder that its file lies in"
    return ""


def _letters(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
