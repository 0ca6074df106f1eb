r"""An alert's expression: a person's query as an operand that cannot break out of its place, and when it is too much.

`vector(scalar(QUERY))` has one sample without labels, as an evaluation wants one: NaN, which no comparison holds for,
where the query has no sample or several. So no data fires nothing, a rule never fires twice, and a label that comes and
goes (a pod's name) does not end one firing and begin another (ADR 0102).

What is checked here is what would change the meaning of our part of the rule, or have Prometheus refuse the file and
with it all other rules. The rest of PromQL is for `promtool` to judge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.model.errors import TerminalError
from reconciler.monitoring.limits import Span

_TOKEN: Final = re.compile(
    r"""(?P<blank>[ \t\r\n]+|\#[^\r\n]*)
    | (?P<string>"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|`[^`]*+`)
    | (?P<number>(?:[0-9]|\.[0-9])[0-9A-Za-z_.]*)
    | (?P<word>[A-Za-z_:][A-Za-z0-9_:.]*)
    | (?P<open>[(\[{]) | (?P<close>[)\]}])
    | (?P<operator>[-+*/%^=!<>~,@:]) """,
    re.VERBOSE,
)
_CLOSES: Final = {"(": ")", "[": "]", "{": "}"}
_NUMBERS: Final = frozenset({"time", "pi"})
"""Functions that give a number, not a vector; and `scalar`, whose argument is one."""
_WORDS: Final = frozenset({"bool", "inf", "nan"})


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def expression(query: str, spans: Sequence[Span]) -> str:
    """Return the expression that holds while a query's value lies in one of the spans, of which there is one at least.

    Raises:
        TerminalError: the query cannot be part of a rule, with the reason.
    """
    value = _operand(query)
    return " or ".join(_compared(value, span) for span in spans)


def _operand(query: str) -> str:
    text = query.strip()
    _check(text)
    # A comment would swallow what follows it, so that a query that may have one stands on lines of its own.
    return f"vector(scalar(\n{text}\n))" if "#" in text or "\n" in text else f"vector(scalar({text}))"


def _compared(value: str, span: Span) -> str:
    """Return the comparisons as filters, which may follow each other: each keeps what the one before has left."""
    if span.low == span.high:
        return f"{value} == {_number(span.low)}"
    lower = f"{'>=' if span.opens else '>'} {_number(span.low)}"
    upper = f"{'<=' if span.closes else '<'} {_number(span.high)}"
    ends = (upper, lower) if span.low == -math.inf else (lower, upper)
    return " ".join([value, *ends, *(f"!= {_number(hole)}" for hole in span.holes)])


def _number(value: float) -> str:
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return repr(value + 0.0).removesuffix(".0")


def _check(text: str) -> None:
    tokens = list(_tokens(text))
    if not tokens:
        raise TerminalError("its query is empty", hint="write one")
    ends = _ends(tokens)
    tokens, ends = _bare(tokens, ends)
    if not tokens:
        raise TerminalError("its query is empty brackets", hint="write a query")
    if len(tokens) == 1 and tokens[0].kind == "string":
        raise TerminalError("its query is a text, not an instant vector", hint="write a query for one value")
    if _is_range(tokens):
        raise TerminalError("its query is a range, not an instant vector", hint="put `rate(...)` or the like around it")
    if _is_number(tokens, ends):
        raise TerminalError("its query is a number, not an instant vector", hint="put `vector(...)` around it")


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise _stray(text, position)
        if found.lastgroup != "blank":
            yield _Token(str(found.lastgroup), found[0])
        position = found.end()


def _stray(text: str, position: int) -> TerminalError:
    at = text[position]
    if at in "\"'`":
        return TerminalError(f"its query has a {at} that is not closed", hint="close the string")
    word = re.match(r"\$[\w.]*", text[position:])
    if word is not None:
        return TerminalError(f"its query has `{word[0]}`, which stands for nothing", hint="write the value itself")
    return TerminalError(f"its query has a {at!r}, which is no PromQL", hint="correct the query")


def _ends(tokens: Sequence[_Token]) -> dict[int, int]:
    """Return where each bracket that opens is closed. Raises TerminalError where they do not fit."""
    opened: list[int] = []
    found: dict[int, int] = {}
    for place, each in enumerate(tokens):
        if each.kind == "open":
            opened.append(place)
        elif each.kind == "close":
            if not opened or _CLOSES[tokens[opened[-1]].text] != each.text:
                raise TerminalError(f"its query has a `{each.text}` that closes nothing", hint="correct the brackets")
            found[opened.pop()] = place
    if opened:
        raise TerminalError(f"its query lacks a `{_CLOSES[tokens[opened[-1]].text]}`", hint="correct the brackets")
    return found


def _bare(tokens: Sequence[_Token], ends: Mapping[int, int]) -> tuple[list[_Token], dict[int, int]]:
    """Return an expression without the parentheses and signs around all of it, and where its brackets are closed."""
    start, end = 0, len(tokens)
    while start < end:
        if tokens[start].text in ("+", "-"):
            start += 1
        elif tokens[start].text == "(" and ends[start] == end - 1:
            start, end = start + 1, end - 1
        else:
            break
    return list(tokens[start:end]), {one - start: other - start for one, other in ends.items()}


def _is_range(tokens: Sequence[_Token]) -> bool:
    """Whether an expression ends in `[...]`, up to `offset` and `@` after it."""
    depth, last = 0, ""
    for each in tokens:
        depth -= each.kind == "close"
        if depth == 0:
            if each.text == "@" or each.text.lower() == "offset":
                break
            last = each.text
        depth += each.kind == "open"
    return last == "]"


def _is_number(tokens: Sequence[_Token], ends: Mapping[int, int]) -> bool:
    """Whether nothing in an expression is a vector: all of it is numbers, and functions that give one."""
    place = 0
    while place < len(tokens):
        each = tokens[place]
        follows = tokens[place + 1].text if place + 1 < len(tokens) else ""
        if each.kind == "word" and each.text == "scalar" and follows == "(":
            place = ends[place + 1]
        elif each.kind == "word" and follows == "(" and each.text in _NUMBERS:
            place += 2
        elif (each.kind == "word" and each.text.lower() not in _WORDS) or each.text == "{":
            return False
        place += 1
    return True
