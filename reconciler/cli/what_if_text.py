"""A comparison as a person reads it: on a terminal, and as Markdown in a pull request.

Titles, ids and names come from monitoring and from whoever proposes the change. On a terminal they are made visible;
in Markdown they stand in code whose every sign is written as an entity, so that they can be no link, no image, no table
and no mention of anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconciler.cli.messages import visible
from reconciler.cli.output import table
from reconciler.cli.what_if_report import SAYS, caveats
from reconciler.decide.whatif.difference import KINDS
from reconciler.decide.wording import short

_HEADINGS: Final = ("TYPE", "PROBLEMS", "DIFFER", *(kind.upper() for kind in KINDS), "UNKNOWN")
_CELL: Final = 200
_PLACED: Final = ("recorded", "base", "head")


def text(data: dict[str, Any]) -> str:
    """Return a table of the kinds of problems, every way to differ with an example, and the summary."""
    rows = [
        (row["type"] or "(no title)", row["problems"], row["differ"], *(row[kind] for kind in KINDS), row["unknown"])
        for row in data["types"]
        if row["differ"]
    ]
    same = sum(not row["differ"] for row in data["types"])
    blocks = [table(_HEADINGS, rows)]
    blocks += ["\n".join(_block(group)) for group in data["differences"]]
    blocks += ["\n".join(_finding(each) for each in data["findings"])]
    end = [data["summary"]]
    if same:
        end.append(f"no difference for {same} {'kind' if same == 1 else 'kinds'} of problems")
    blocks.append("\n".join([*end, *caveats(data), *_rules(data)]))
    return visible("\n\n".join(block for block in blocks if block))


def _block(group: dict[str, Any]) -> Iterator[str]:
    number = group["problems"]
    noun = "problem" if number == 1 else "problems"
    yield f"{short(group['type'], _CELL)}: {number} {noun} {SAYS[group['kind']]}: {group['why']}"
    yield f"    {'problems:':<10}{_ids(group)}"
    for name in _PLACED:
        yield f"    {name + ':':<10}{group[name]}"


def _ids(group: dict[str, Any]) -> str:
    more = f" and {group['more']} more" if group["more"] else ""
    return f"{', '.join(group['ids'])}{more}"


def _finding(finding: dict[str, Any]) -> str:
    place = ":".join(str(part) for part in (finding["path"], finding["line"], finding["column"]) if part)
    hint = f"\n    hint: {finding['hint']}" if finding["hint"] else ""
    return f"{place}: error: {finding['message']}{hint}"


def _rules(data: dict[str, Any]) -> list[str]:
    return [f"{'met' if each['met'] else 'not met'}: {each['rule']}" for each in data["rules"]]


def markdown(data: dict[str, Any]) -> str:
    """Return the page for a pull request."""
    lines = [
        f"### What this would have done to past problems of {code(data['stage'])}", "",
        f"{code(data['summary'])}", "",
        f"From {data['earliest']} to {data['newest']}; {code(data['head'][:12])} beside {code(data['base'][:12])}."
        if data["newest"]
        else "There is no past yet.",
    ]  # fmt: skip
    lines += [f"- {code(each)}" for each in [*_rules(data), *caveats(data)]]
    differing = [row for row in data["types"] if row["differ"]]
    if differing:
        headings = ("Kind of problem", "Problems", "Differ", *(kind.capitalize() for kind in KINDS), "Unknown after it")
        lines += ["", _line(headings), _line(["---", *["--:"] * (len(headings) - 1)])]
        lines += [
            _line([code(row["type"]), *(str(row[name]) for name in ("problems", "differ", *KINDS, "unknown"))])
            for row in differing
        ]
    if data["differences"]:
        headings = ("Problems", "Kind of problem", "What", "Why", "Recorded", "Base", "Head", "Which")
        lines += ["", "<details><summary>Every way to differ, with an example</summary>", ""]
        lines += [_line(headings), _line(["--:", *["---"] * (len(headings) - 1)])]
        lines += [
            _line([
                str(each["problems"]), code(each["type"]), SAYS[each["kind"]], code(each["why"]),
                *(code(each[name]) for name in _PLACED), code(_ids(each), 2_000),
            ])
            for each in data["differences"]
        ]  # fmt: skip
        lines += ["", "</details>"]
    if data["findings"]:
        lines += ["", "Files that cannot be used:", ""]
        lines += [f"- {code(_finding(each), 600)}" for each in data["findings"]]
    return "\n".join(lines)


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def code(text: str, most: int = _CELL) -> str:
    """Return a text as code on one line that Markdown can make nothing else of, cut where it is longer."""
    shown = short(visible(text.replace("\n", " ").replace("\t", " ")), most).replace("`", "")
    signs = (sign if sign.isalnum() or sign == " " else f"&#{ord(sign)};" for sign in shown)
    return f"<code>{''.join(signs) or '-'}</code>"
