"""What a daemon says became of each report: printed as data, and as the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconciler.cli.daemon_client import reports
from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.messages import complain, render, say, visible
from reconciler.cli.output import Format, write
from reconciler.evidence.answer import Answer
from reconciler.model.errors import ReconcilerError

_DURABLE: Final = frozenset({"accepted", "unchanged"})
_WORDS: Final = ("problem", "project", "stage", "service", "outcome", "path", "commit", "reason", "hint")


def tell_receipts(
    answer: Answer, form: Format, *, lacking: Sequence[str] = (), accepted: ReconcilerError | None = None
) -> int:
    """Print the receipts and return the exit code: 0 all are on the remote; 2 some may come yet; else 1.

    ``lacking`` are words that no report had, of which options have the names; ``accepted`` is told where one is new.
    """
    lines = [_with_options(_line(answer, line), lacking) for line in reports(answer) or ()]
    new = accepted is not None and any(line["outcome"] == "accepted" for line in lines)
    note = answer.said("note") or (accepted.message if accepted is not None and new else "")
    data = {"problems": lines, **({"note": note} if note else {})}
    write(form, data, lambda: "\n".join(text for line in lines if (text := _durable(line))))
    for line in lines:
        if line["outcome"] not in _DURABLE:
            complain(visible(_failed(line)))
    if accepted is not None and new:
        complain(render(accepted, "note"))
    elif note:
        say(note)
    return _code(answer, lines)


def _code(answer: Answer, lines: Sequence[Mapping[str, str]]) -> int:
    outcomes = {line["outcome"] for line in lines}
    if "unavailable" in outcomes or answer.status >= 500:
        return COULD_NOT
    return OK if outcomes and outcomes <= _DURABLE and answer.good else NO


def _line(answer: Answer, line: Mapping[str, Any]) -> dict[str, str]:
    """Return what is known of a receipt, as it may be shown; a path is not cut."""
    found = {word: answer.credentials.hide(text) for word in _WORDS if isinstance(text := line.get(word), str)}
    return {"outcome": "", **found}


def _with_options(line: dict[str, str], lacking: Sequence[str]) -> dict[str, str]:
    """Return a receipt whose hint names options, where these are what is missing; a daemon speaks of labels."""
    reason = line.get("reason", "") if line["outcome"] == "refused" else ""
    options = [f"--{word}" for word in lacking if word in reason.split()]
    if not options:
        return line
    return {**line, "hint": f"name {'it' if len(options) == 1 else 'them'}: {' and '.join(options)}"}


def _durable(line: Mapping[str, str]) -> str:
    if line["outcome"] not in _DURABLE:
        return ""
    commit, where = line.get("commit", "")[:10], line.get("path") or line.get("problem", "")
    done = f"pushed {commit} to" if line["outcome"] == "accepted" else f"already there, in {commit} on"
    return visible(f"{done} {line.get('stage', '')}: {where}")


def _failed(line: Mapping[str, str]) -> str:
    label = "not taken now" if line["outcome"] == "unavailable" else line["outcome"] or "not taken"
    text = f"error: {line.get('problem', 'a problem')}: {label}: {line.get('reason', '')}".removesuffix(": ")
    return f"{text}\n    hint: {line['hint']}" if line.get("hint") else text
