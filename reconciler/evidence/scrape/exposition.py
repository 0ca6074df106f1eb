"""Reading what a service shows at `/metrics`: Prometheus' text format 0.0.4, and OpenMetrics 1.0 as far as it agrees.

A page is taken whole or not at all, as Prometheus does: half a page would make counters fall and rise. Of a sample its
name, labels and value are kept; time stamps and exemplars are read over, since what counts here is when we looked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from reconciler.model.errors import BlindError

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Name and value of each label, sorted by name."""

MOST_SERIES: Final = 20_000
"""Series that one page may have."""
LONGEST: Final = 16 * 1024
"""Characters that the line of a sample may have."""
_REMEMBERED: Final = 512
"""Characters of labels that are worth remembering; longer ones would take memory, and are rare."""
_OPEN_METRICS: Final = "application/openmetrics-text"
_PLAIN: Final = frozenset({"", "text/plain", _OPEN_METRICS})
_SHOWN: Final = 60
"""Characters of a line that a message repeats."""

# What a service shows is believed no more than any other stranger: `*+` and `++` never try a second way, so the time
# that a line takes grows with its length and no faster.
_LABELS: Final = r'(?:[^"{}]|"(?:[^"\\]|\\.)*+")*+'
_SAMPLE: Final = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*+)[ \t]*+"
    rf"(?:\{{(?P<labels>{_LABELS})\}}[ \t]*+)?+"
    r"(?<=[ \t}])(?P<value>[^ \t#{}]++)"
    r"(?:[ \t]++[+-]?[0-9][0-9.eE+-]*+)?+"
    rf"(?P<exemplar>[ \t]++#[ \t]*+\{{{_LABELS}\}}.*+)?+[ \t]*+\Z"
)
_LABEL: Final = re.compile(
    r'[ \t]*+([a-zA-Z_][a-zA-Z0-9_]*+)[ \t]*+=[ \t]*+"((?:[^"\\]|\\.)*+)"[ \t]*+(,|\Z)',
)
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+\Z|[+-]?Inf\Z|NaN\Z", re.IGNORECASE
)
_TYPE: Final = re.compile(r"#[ \t]++TYPE[ \t]++([a-zA-Z_:][a-zA-Z0-9_:]*+)[ \t]++([a-z]++)[ \t]*+\Z")
_ESCAPE: Final = re.compile(r"\\(.)")
_MEANT: Final = {"n": "\n", "\\": "\\", '"': '"'}


class Series(NamedTuple):
    """What a value is of."""

    name: str
    labels: Labels = ()

    def label(self, name: str) -> str:
        """Return a label's value; the empty text where there is no such label, which means the same in this format."""
        return next((value for key, value in self.labels if key == name), "")


@dataclass(frozen=True)
class Page:
    """One look at a service. ``types`` has what the page says of its metrics: `counter`, `gauge`, `histogram`..."""

    values: Mapping[Series, float]
    types: Mapping[str, str]


def read_page(data: bytes, content_type: str = "") -> Page:
    """Read a page. Of a series that stands there twice the first value counts.

    Raises:
        BlindError: for anything that is not the format, naming the line; for a page that is cut off or too long.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _PLAIN:
        hint = "serve Prometheus' text format, version 0.0.4"
        raise BlindError(f"the metrics come as `{kind[:_SHOWN]}`, which is not read here", hint=hint)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BlindError("the metrics are not UTF-8", hint="serve them as UTF-8") from error
    lines = text.split("\n")
    if data and lines[-1]:
        raise BlindError(f"the metrics break off in line {len(lines)}", hint="end the last line too")
    if kind == _OPEN_METRICS and lines[-2:] != ["# EOF", ""]:
        raise BlindError("the metrics break off: OpenMetrics ends with `# EOF`")
    values: dict[Series, float] = {}
    types: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        stripped = line.strip(" \t\r")
        if not stripped:
            continue
        if stripped.startswith("#"):
            told = _TYPE.match(stripped)
            if told:
                types[told[1]] = told[2]
            continue
        series, value = _sample(stripped, number)
        values.setdefault(series, value)
        if len(values) > MOST_SERIES:
            raise BlindError(f"there are more than {MOST_SERIES} series", hint="serve fewer, or ask a Prometheus")
    return Page(values, types)


def _sample(line: str, number: int) -> tuple[Series, float]:
    if len(line) > LONGEST:
        hint = "serve shorter labels"
        raise BlindError(f"line {number} of the metrics has more than {LONGEST} characters", hint=hint)
    found = _SAMPLE.match(line)
    if found is None or not _NUMBER.match(found["value"]):
        raise BlindError(f"line {number} of the metrics is no sample: `{_short(line)}`")
    text = found["labels"] or ""
    labels = _remembered(text) if len(text) <= _REMEMBERED else _labels(text)
    if labels is None:
        raise BlindError(f"line {number} of the metrics has labels that cannot be read: `{_short(line)}`")
    return Series(found["name"], labels), float(found["value"])


@lru_cache(maxsize=1 << 15)
def _remembered(text: str) -> Labels | None:
    """Return `_labels`, remembered: the same texts come with every look."""
    return _labels(text)


def _labels(text: str) -> Labels | None:
    """Return the labels; None for what are none."""
    labels: dict[str, str] = {}
    position = 0
    while position < len(text):
        found = _LABEL.match(text, position)
        if found is None or found[1] in labels:
            return None if text[position:].strip() else _sorted(labels)
        labels[found[1]] = _ESCAPE.sub(_unescaped, found[2])
        position = found.end()
    return _sorted(labels)


def _unescaped(found: re.Match[str]) -> str:
    # A backslash before anything else stands for itself, as Prometheus' own parser has it.
    return _MEANT.get(found[1], found[0])


def _sorted(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _short(line: str) -> str:
    text = "".join(letter for letter in line[:_SHOWN] if letter.isprintable())
    return text if len(line) <= _SHOWN else text + "…"
