"""Pages of metrics: what is read, and what is refused whole."""

from __future__ import annotations

import math
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.evidence.scrape.exposition import LONGEST, MOST_SERIES, Series, read_page
from reconciler.model.errors import BlindError

PAGE = rb"""# HELP http_requests_total Requests, by \n nothing.
# TYPE http_requests_total counter
http_requests_total{code="200",method="GET"} 1027 1395066363000
http_requests_total { method = "GET" , code = "500", } 3
 # an odd comment
# TYPE seconds histogram
seconds_bucket{le="0.1"} 5
seconds_bucket{le="+Inf"} 7
odd{text="a \"quoted\" } , \\ back\nslash \d"} -1.5e-3
nothing NaN
top +Inf
low -Inf

bare 12
"""


def test_names_labels_and_values_are_read() -> None:
    page = read_page(PAGE, "text/plain; version=0.0.4; charset=utf-8")
    values = dict(page.values)
    assert math.isnan(values.pop(Series("nothing")))
    assert values == {
        Series("http_requests_total", (("code", "200"), ("method", "GET"))): 1027,
        Series("http_requests_total", (("code", "500"), ("method", "GET"))): 3,
        Series("seconds_bucket", (("le", "0.1"),)): 5,
        Series("seconds_bucket", (("le", "+Inf"),)): 7,
        Series("odd", (("text", 'a "quoted" } , \\ back\nslash \\d'),)): -0.0015,
        Series("top"): math.inf,
        Series("low"): -math.inf,
        Series("bare"): 12,
    }
    assert page.types == {"http_requests_total": "counter", "seconds": "histogram"}


def test_openmetrics_with_exemplars_is_read() -> None:
    page = read_page(
        b"# TYPE http_requests counter\n# UNIT http_requests requests\n"
        b'http_requests_total{code="200"} 17.0 1520879607.789 # {trace_id="a}b"} 0.67 1520879607.7\n'
        b"http_requests_created 1520872607.123\n# EOF\n",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )
    assert page.values == {
        Series("http_requests_total", (("code", "200"),)): 17,
        Series("http_requests_created"): 1520872607.123,
    }
    assert page.types == {"http_requests": "counter"}


def test_what_prometheus_client_libraries_write_on_windows_is_read() -> None:
    assert read_page(b"up 1\r\n\r\nbuilds 2\r\n").values == {Series("up"): 1, Series("builds"): 2}


def test_an_empty_page_is_a_page() -> None:
    assert read_page(b"") == read_page(b"\n")
    assert read_page(b"").values == {}


def test_the_first_of_two_values_counts() -> None:
    assert read_page(b'a{b="1"} 1\na{b="1"} 2\n').values == {Series("a", (("b", "1"),)): 1}


def test_a_label_that_is_not_there_is_empty() -> None:
    assert Series("a", (("b", "1"),)).label("b") == "1"
    assert Series("a", (("b", "1"),)).label("c") == ""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a", "no sample"),
        ("a{} x", "no sample"),
        ("a 1_000", "no sample"),
        ("a 0x10", "no sample"),
        ("a infinity", "no sample"),
        ("a 1 2 3", "no sample"),
        ("1a 1", "no sample"),
        ("a-b 1", "no sample"),
        ('a{b="1" 1', "no sample"),
        ('a{b="1}" 1', "no sample"),
        ('{"a.b", c="1"} 1', "no sample"),
        ("a{b=1} 1", "labels that cannot be read"),
        ('a{b="1" c="2"} 1', "labels that cannot be read"),
        ('a{b="1",b="2"} 1', "labels that cannot be read"),
        ("a{,} 1", "labels that cannot be read"),
        ("<!DOCTYPE html>", "no sample"),
    ],
)  # fmt: skip
def test_a_page_with_one_line_that_is_none_is_refused(line: str, told: str) -> None:
    with pytest.raises(BlindError, match="line 2 of the metrics") as refused:
        read_page(f"up 1\n{line}\n".encode())
    assert told in refused.value.message


def test_a_long_line_is_not_repeated_whole() -> None:
    with pytest.raises(BlindError) as refused:
        read_page(b"?" * 5000 + b"\x1b[31m\n")
    assert len(refused.value.message) < 150


@pytest.mark.parametrize(
    ("page", "kind", "told"),
    [
        (b"up 1\nbuil", "", "break off in line 2"),
        (b"up 1", "text/plain", "break off in line 1"),
        (b"up 1\n", "application/openmetrics-text", "# EOF"),
        (b"\xff 1\n", "", "not UTF-8"),
        (b"{}\n", "application/json", "`application/json`"),
        (b"\x0a", "application/vnd.google.protobuf; encoding=delimited", "protobuf"),
    ],
)
def test_half_a_page_and_another_format_are_refused(page: bytes, kind: str, told: str) -> None:
    with pytest.raises(BlindError, match=told):
        read_page(page, kind)


def test_a_page_may_have_so_many_series_and_no_more() -> None:
    page = b"".join(b'a{b="%d"} 1\n' % number for number in range(MOST_SERIES))
    assert len(read_page(page).values) == MOST_SERIES
    with pytest.raises(BlindError, match="more than 20000 series"):
        read_page(page + b"b 1\n")


ROOM = LONGEST - 20


@pytest.mark.parametrize(
    "line",
    [
        "a" + " " * ROOM + "#",
        "a " + "1" * ROOM + "x",
        "a 1" + " " * ROOM + "x",
        "a 1 " + "1" * ROOM + "x",
        "a 1 #" + " " * ROOM + "x",
        "a{" + '"' * ROOM,
        'a{b="' + '\\"' * (ROOM // 2),
        'a{b="' + "x" * (ROOM // 2) + '"' + " " * (ROOM // 2) + "} 1",
        "a{b" + " " * ROOM + "} 1",
        "a{" + "x" * ROOM + "} 1",
        "# TYPE a" + " " * ROOM + "#",
        "# TYPE a " + "b" * ROOM + "#",
    ],
    ids=lambda line: line[:5].strip(),
)
def test_the_time_that_a_line_takes_grows_with_its_length_alone(line: str) -> None:
    before = time.thread_time()
    for _ in range(40):
        with suppress(BlindError):
            read_page(f"{line}\n".encode())
    assert time.thread_time() - before < 10  # in a tenth of a second; where the length counts twice, in minutes


def test_a_line_may_be_so_long_and_no_longer() -> None:
    line = 'a{b="' + "x" * (LONGEST - len('a{b=""} 1')) + '"} 1'
    assert list(read_page(f"# HELP a {'x' * LONGEST}\n{line}\n".encode()).values.values()) == [1]
    with pytest.raises(BlindError, match="line 2 of the metrics has more than 16384 characters"):
        read_page(f"up 1\n{line}1\n".encode())


LABELS = st.dictionaries(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]*", fullmatch=True), st.text(max_size=20), max_size=4)
NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]*", fullmatch=True)


def escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(NAMES, LABELS, st.floats(allow_nan=False)), max_size=8))
def test_what_was_written_is_read_back(samples: list[tuple[str, dict[str, str], float]]) -> None:
    expected: dict[Series, float] = {}
    lines = []
    for name, labels, value in samples:
        expected.setdefault(Series(name, tuple(sorted(labels.items()))), value)
        inside = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
        number = "+Inf" if value == math.inf else "-Inf" if value == -math.inf else repr(value)
        lines.append(f"{name}{{{inside}}} {number}\n" if labels else f"{name} {number}\n")
    assert read_page("".join(lines).encode()).values == expected


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=60) | st.text(st.sampled_from('a1{}",=\\ #\n\t.eE+-'), max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(page: bytes) -> None:
    with suppress(BlindError):
        assert read_page(page).values is not None
