r"""The queries of `scrape/sli.yaml`: what is to be made of a service's metrics over the window.

::

    query    = [ number "*" ] function
    function = "rate" "(" selector ")"                  a counter's increase per second
             | "increase" "(" selector ")"              a counter's increase
             | "ratio" "(" selector "," selector ")"    one counter's increase divided by another's
             | "quantile" "(" number "," selector ")"   of a histogram's observations, as Prometheus estimates it
             | "avg" "(" selector ")"                   of a gauge, over the window; so are max, min and last
    selector = name [ "{" [ matcher { "," matcher } [ "," ] ] "}" ]
    matcher  = label ( "=" | "!=" | "=~" | "!~" ) string
    string   = '"' characters '"'   or   "'" characters "'"        with \\ \" \' \n inside
    number   = digits [ "." digits ] [ "e" [ "-" ] digits ]

Blanks may stand between any two of them. A pattern after `=~` is what `pattern.py` understands. A label that a series
lacks counts as the empty text, as in Prometheus. Placeholders may stand in strings, and nowhere else; they are replaced
there after the query was understood, so that no value can change what it asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from reconciler.evidence.scrape.exposition import Series
from reconciler.evidence.scrape.pattern import Pattern, read_pattern
from reconciler.model.errors import UserError
from reconciler.model.suggest import did_you_mean

Counted: TypeAlias = Literal["rate", "increase"]
Observed: TypeAlias = Literal["avg", "max", "min", "last"]
Operator: TypeAlias = Literal["=", "!=", "=~", "!~"]

LONGEST: Final = 2000
"""Characters of a query."""
_COUNTED: Final = ("rate", "increase")
_OBSERVED: Final = ("avg", "max", "min", "last")
_FUNCTIONS: Final = (*_COUNTED, "ratio", "quantile", *_OBSERVED)
_TOKEN: Final = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?)
      | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<mark>=~|!~|!=|[={}(),*])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(.)")
_MEANT: Final = {"n": "\n", "\\": "\\", '"': '"', "'": "'"}


@dataclass(frozen=True)
class Matcher:
    """What a label must be."""

    label: str
    operator: Operator
    text: str
    pattern: Pattern | None = None

    def fits(self, series: Series) -> bool:
        """Whether a series is as this says."""
        value = series.label(self.label)
        equal = self.pattern.fits(value) if self.pattern is not None else value == self.text
        return equal == (self.operator in ("=", "=~"))


@dataclass(frozen=True)
class Selector:
    """Which series of a metric are meant."""

    name: str
    matchers: tuple[Matcher, ...] = ()

    def fits(self, series: Series) -> bool:
        """Whether a series of the metric is meant; its name has been looked at."""
        return all(matcher.fits(series) for matcher in self.matchers)


@dataclass(frozen=True)
class Counter:
    """A counter's increase over the window, ``per_second`` or as it is."""

    selector: Selector
    per_second: bool


@dataclass(frozen=True)
class Ratio:
    """One counter's increase divided by another's."""

    part: Selector
    whole: Selector


@dataclass(frozen=True)
class Quantile:
    """The ``q``-quantile, 0 to 1, of what a histogram observed in the window; its selector has no `_bucket`."""

    q: float
    selector: Selector


@dataclass(frozen=True)
class Gauge:
    """A gauge's values over the window, made one."""

    how: Observed
    selector: Selector


Function: TypeAlias = Counter | Ratio | Quantile | Gauge


@dataclass(frozen=True)
class Query:
    """A query that was understood: the function's value times ``factor``."""

    text: str
    function: Function
    factor: float = 1.0


def read_query(text: str, fill: Callable[[str], str] = str) -> Query:
    """Understand a query; ``fill`` replaces the placeholders in a string.

    Raises:
        UserError: for what is none, saying in which column and what was expected there.
    """
    if len(text) > LONGEST:
        raise UserError(f"a query of {len(text)} characters is too long", expected=f"at most {LONGEST}")
    return _Reader(text, fill).query()


class _Reader:
    """Reads from left to right; the token at hand is ``kind`` and ``word``."""

    def __init__(self, text: str, fill: Callable[[str], str]) -> None:
        self._text = text
        self._fill = fill
        self._next = 0
        self._at = 0
        self.kind = ""
        self.word = ""
        self._advance()

    def query(self) -> Query:
        factor = 1.0
        if self.kind == "number":
            factor = float(self._take("number", "a number"))
            self._mark("*")
        function = self._function()
        if self.kind != "end":
            raise self._wrong("the end")
        return Query(self._text, function, factor)

    def _function(self) -> Function:
        expected = f"one of {', '.join(f'`{name}`' for name in _FUNCTIONS)}"
        if self.word not in _FUNCTIONS:
            raise self._wrong(expected, hint=did_you_mean(self.word, _FUNCTIONS) if self.kind == "name" else "")
        name = self._take("name", expected)
        self._mark("(")
        function: Function
        if name == "ratio":
            part = self._selector()
            self._mark(",")
            function = Ratio(part, self._selector())
        elif name == "quantile":
            q = self._share()
            self._mark(",")
            selector = self._selector()
            function = Quantile(q, Selector(selector.name.removesuffix("_bucket"), self._without_le(selector)))
        elif name in _COUNTED:
            function = Counter(self._selector(), per_second=name == "rate")
        else:
            function = Gauge(cast("Observed", name), self._selector())
        self._mark(")")
        return function

    def _share(self) -> float:
        start = self._at
        share = float(self._take("number", "a number from 0 to 1, as in `quantile(0.9, ...)`"))
        if share > 1:
            raise UserError(
                f"`{self._text}`: {share:g} in column {start + 1} is no share", expected="a number from 0 to 1",
                hint=f"write {share / 100:g}" if share <= 100 else "",
            )  # fmt: skip
        return share

    def _without_le(self, selector: Selector) -> tuple[Matcher, ...]:
        if any(matcher.label == "le" for matcher in selector.matchers):
            raise UserError(
                f"`{self._text}` chooses buckets by `le`", expected="the whole histogram", hint="leave `le` out"
            )
        return selector.matchers

    def _selector(self) -> Selector:
        name = self._take("name", "a metric's name")
        matchers: list[Matcher] = []
        if self.word == "{" and self.kind == "mark":
            self._mark("{")
            while not (self.kind == "mark" and self.word == "}"):
                matchers.append(self._matcher())
                if self.kind == "mark" and self.word == "}":
                    break
                self._mark(",")
            self._mark("}")
        return Selector(name, tuple(matchers))

    def _matcher(self) -> Matcher:
        label = self._take("name", "a label's name or `}`")
        if self.kind != "mark" or self.word not in ("=", "!=", "=~", "!~"):
            raise self._wrong("`=`, `!=`, `=~` or `!~`")
        operator = cast("Operator", self._take("mark", ""))
        quoted = self._take("string", 'a text between quotes, as in `code="200"`')
        text = self._fill(_ESCAPE.sub(self._unescaped, quoted[1:-1]) if operator in ("=", "!=") else _unquoted(quoted))
        return Matcher(label, operator, text, read_pattern(text) if operator in ("=~", "!~") else None)

    def _unescaped(self, found: re.Match[str]) -> str:
        if found[1] not in _MEANT:
            raise UserError(
                f"`{self._text}` has `{found[0]}` in a text", expected="`\\\\`, `\\\"`, `\\'` or `\\n`",
                hint="double the backslash",
            )  # fmt: skip
        return _MEANT[found[1]]

    def _mark(self, mark: str) -> None:
        if self.kind != "mark" or self.word != mark:
            raise self._wrong(f"`{mark}`")
        self._advance()

    def _take(self, kind: str, expected: str) -> str:
        if self.kind != kind:
            raise self._wrong(expected)
        word = self.word
        self._advance()
        return word

    def _advance(self) -> None:
        found = _TOKEN.match(self._text, self._next)
        if found is None:
            rest = self._text[self._next :]
            self._at = self._next + len(rest) - len(rest.lstrip())
            self.kind, self.word = "nothing known", rest.lstrip()[:1]
            return
        self.kind = found.lastgroup or "end"
        self.word = found[self.kind]
        self._at, self._next = found.start(self.kind), found.end()

    def _wrong(self, expected: str, hint: str = "") -> UserError:
        there = f"`{self.word}`" if self.word else "nothing"
        return UserError(f"`{self._text}` has {there} in column {self._at + 1}", expected=expected, hint=hint)


def _unquoted(quoted: str) -> str:
    """Return a pattern as it is meant: a doubled backslash is one, and a quote may be escaped; the rest is its own."""
    return re.sub(r"\\([\\\"'])", r"\1", quoted[1:-1])
