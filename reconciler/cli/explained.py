"""What `explain` found, for a terminal of 80 columns: the value first, then step by step where it came from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.cli.messages import visible

_WIDTH: Final = 80
_LABEL: Final = 12
_SHORT: Final = 12


def as_text(data: Mapping[str, Any]) -> str:
    """Return everything that was found, a paragraph each."""
    parts = [
        *(_value(each) for each in data.get("values", ())),
        *(_nobodys(each) for each in data.get("nobodys", ())),
        *(_remediation(each) for each in data.get("remediations", ())),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts)


def _value(data: Mapping[str, Any]) -> list[str]:
    lines = _title(data)
    if "live" in data:
        lines += _row("live", _live(data))
    if data.get("givenBack"):
        lines += _row("desired", f"{_told(data['desired'])}, given back: nobody wishes for anything any more")
        return [*lines, *_step_row("by", data["step"])]
    lines += _row("desired", f"{_told(data['desired'])}{_sum(data)}")
    for claim in data["claims"]:
        wish = f"{claim['by']:+d}" if "by" in claim else f"{_told(claim['set'])}"
        lines += ["", *_row("claim", f"{wish} for {claim['remediation']}")]
        lines += _step_row("decided", claim["decision"]) if "decision" in claim else []
        lines += _cause(claim)
    return lines


def _sum(data: Mapping[str, Any]) -> str:
    wishes = [f"{claim['by']:+d}" for claim in data["claims"] if "by" in claim]
    if wishes:
        return f" = {_told(data['base'])} {' '.join(wishes)}, within its bounds"
    return f"; it was {_told(data['base'])} before"


def _live(data: Mapping[str, Any]) -> str:
    live = data["live"]
    if "error" in live:
        return f"not seen: {live['error']}"
    if "desired" in data and live["value"] != data["desired"]:
        return f"{_told(live['value'])}, which is not what is desired"
    return _told(live["value"])


def _nobodys(data: Mapping[str, Any]) -> list[str]:
    lines = [f"{data['name']}  ({data['stage']})"]
    if "live" in data:
        lines += _row("live", _live(data))
    lines += _row("desired", "nobody's: no remediation holds it, reconciler has no opinion about it")
    last = data.get("last")
    if last is None:
        return [*lines, *_row("past", "no step ever changed it")]
    lines += ["", *_step_row("last change", last["step"])]
    for each in last["changes"]:
        lines += _row("", _change(each))
    return [*lines, *_cause(last)]


def _remediation(data: Mapping[str, Any]) -> list[str]:
    lines = [f"{data['title']}  ({data['stage']}/{data['service']})", *_row("remediation", data["remediation"])]
    for each in data["decisions"]:
        lines += ["", *_step_row("decided", each)]
        for change in each["changes"]:
            lines += _row("", _change(change))
        lines += [*_playbook(each.get("playbook")), *_evaluated(each)]
    if data["decisions"]:
        return [*lines, *_end(data)]
    return [*lines, *_row("decided", "nothing"), *_cause(data)]


def _cause(data: Mapping[str, Any]) -> Iterator[str]:
    yield from _playbook(data.get("playbook"))
    yield from _evaluated(data)
    yield from _end(data)


def _evaluated(data: Mapping[str, Any]) -> Iterator[str]:
    for each in data.get("evaluations", ()):
        score = f", score {each['score']:g} %" if isinstance(each.get("score"), int | float) else ""
        yield from _row(
            "evaluated", f"{each.get('result', '')}{score} ({each.get('start', '')} to {each.get('end', '')})"
        )
        yield from _row("", str(each.get("message", "")))


def _end(data: Mapping[str, Any]) -> Iterator[str]:
    if "evaluatedAt" in data:
        yield from _row("evaluated", f"not yet; at {data['evaluatedAt']}")
    if "outcome" in data:
        yield from _row("outcome", f"{data['outcome']}, {data['ended']}")
        yield from _row("", str(data.get("reason", "")))
    if "endedBy" in data:
        who = data["endedBy"]
        how = who["commit"][:_SHORT] if "commit" in who else who.get("command", "").rpartition("/")[2]
        yield from _row("", f"by {who['by']}, {how}" if how else f"by {who['by']}")
    for each in data.get("problems", ()):
        since = f", since {each['startedAt']}" if "startedAt" in each else ""
        source = f", said {each['source']}" if "source" in each else ""
        yield from _row("problem", f"{each['title'] or each['id']}{since}{source}")
        yield from _row("", each["id"] if each["title"] else "")
        yield from _row("", str(each.get("url", "")))


def _playbook(line: Mapping[str, Any] | None) -> Iterator[str]:
    if line is None:
        return
    place = f"{line['file']}:{line['line']}" if "line" in line else line["file"]
    action = f", {line['action']}" if "action" in line else ""
    yield from _row("playbook", f"{place}, entry `{line['entry']}`{action}")
    if "text" in line:
        yield from _row("", f"`{line['text']}`")
    if "written" in line:
        who = line["written"]
        yield from _row("written by", f"{who['author']}, {who['when']}")
        yield from _row("", f"{who['commit'][:_SHORT]} {who['subject']}")
    else:
        yield from _row("written by", "its commit is on no branch of this clone any more")
    if "merged" in line:
        merge = line["merged"]
        yield from _row("merged by", merge["author"])
        yield from _row("", f"{merge['commit'][:_SHORT]} {merge['subject']}")


def _step_row(label: str, step: Mapping[str, Any]) -> list[str]:
    if "commit" not in step:
        return _row(label, f"step {step['sequence']}, which history does not have")
    lines = _row(label, f"{step['now']}, step {step['sequence']}, {step['commit'][:_SHORT]}")
    return [*lines, *_row("", step["subject"])]


def _change(change: Mapping[str, Any]) -> str:
    target = _name(change["target"])
    if change["before"] is None:
        return f"{target} {change['field']} {_told(change['after'])}"
    return f"{target} {change['field']} {_told(change['before'])} → {_told(change['after'])}"


def _title(data: Mapping[str, Any]) -> list[str]:
    server, _, rest = data["target"].partition("/")
    scope, kind, name = rest.rsplit("/", 2)
    where = f"{scope} ({server}), of {data['stage']}/{data['service']}"
    return [visible(f"{kind} {name}: {data['field']}"), *_row("in", where)]


def _name(target: str) -> str:
    return target.rpartition("/")[2]


def _told(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _row(label: str, text: str) -> list[str]:
    """Return a label and its text, broken between words where it is too long; nothing for no text."""
    if not text:
        return []
    first = f"  {label:<{_LABEL}}  "
    clean = " ".join(visible(text).split())
    return textwrap.wrap(
        clean, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
