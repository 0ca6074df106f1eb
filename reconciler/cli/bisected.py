"""What `bisect` found, for a terminal: when it was healed last, and which commit stands between then and now."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.cli.messages import visible

_WIDTH: Final = 80
_SHORT: Final = 12
_VERDICTS: Final = {
    "one": "This commit made the difference:",
    "several": "One of these commits made the difference; nothing was tried between them:",
    "none": "No commit in between changed anything that counts: the cause is not in the configuration.",
    "unexplained": "What changed came with no commit of its own (a merge, or a rewritten branch):",
    "healed": "It is healed: nothing has stopped.",
    "never": "It never was healed: there is no earlier state to compare with.",
    "undecided": "None of its remediations was ever decided by an evaluation.",
}


def as_text(data: Mapping[str, Any]) -> str:
    """Return it all, in lines that fit."""
    return "\n".join(_lines(data))


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield visible(f"{data['service']} in {data['stage']}: {data['problem']}")
    for label, key in (("last healed", "lastHealed"), ("first not", "firstNot")):
        if key in data:
            yield from _row(label, _remediation(data[key]))
    if "notHealedSince" in data:
        yield from _row("since then", f"{data['notHealedSince']} not healed")
    if data["undecided"]:
        yield from _row("left out", f"{data['undecided']} that no evaluation decided")
    yield ""
    yield _VERDICTS[data["answer"]]
    for commit in data.get("commits", ()):
        yield ""
        yield from _commit(commit)
        for change in commit["changes"]:
            yield from _row("", f"{change['place']} {_change(change)}")
    for change in data.get("unexplained", ()):
        yield from _row("", f"{change['file']} {_change(change)}")
    if data.get("without"):
        yield ""
        yield "Without an effect on it:"
        for commit in data["without"]:
            yield from _commit(commit)


def _remediation(data: Mapping[str, Any]) -> str:
    how = f" by {data['helped']}" if "helped" in data else ""
    why = f": {data['reason']}" if data.get("reason") else ""
    outcome = "resolved, not healed" if data.get("unhealed") else data.get("outcome", "")
    return f"{data.get('ended', data['opened'])}, {data['remediation']}: {outcome}{how}{why}"


def _commit(commit: Mapping[str, Any]) -> Iterator[str]:
    text = f"{commit['commit'][:_SHORT]}  {commit['when']}  {commit['author']}"
    yield from _wrapped("  ", text)
    yield from _wrapped("    ", commit["subject"])


def _change(change: Mapping[str, Any]) -> str:
    return f"{change['what']}: {change['before']} → {change['after']}"


def _row(label: str, text: str) -> list[str]:
    return _wrapped(f"  {label:<12}  " if label else "    ", text)


def _wrapped(first: str, text: str) -> list[str]:
    clean = " ".join(visible(text).split())
    return textwrap.wrap(
        clean, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first) + "  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
