"""What is read the short way is read as the general reader reads it; on any doubt it is left to that one."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.model.problem import Problem, generally_read, load_problem
from reconciler.model.problem_plain import LIMIT, plainly_read
from reconciler.model.problem_writing import problem_file

PATH = "ops/production/carts/problems/p-1.yaml"
_ODD = st.text("abcxyzABC019 :/._-#'\"\\{}[]&*!|>%@`,?~\t", max_size=12)
_TOLD = st.text("abcXYZ 019:/._-", max_size=12)
_ANY = st.one_of(
    _TOLD, _TOLD.map(lambda text: f'"{text}"'), _ODD, _ODD.map(lambda text: f'"{text}"'),
    st.sampled_from([
        "null", "Null", "~", "true", "No", "1", "1e3", "+1", ".inf", "0x1f", "", '""', "2026-11-21", "a: b", "a:b",
        "a:/b", "a #b", "a#b", "a:", "- a", "--- a", "'it''s'", "x" * 41, "y" * 513, "a\nb", "a\n  b", "\u00e4",
    ]),
)  # fmt: skip
_VALUES = {
    "title": _ANY, "rootCause": _ANY, "source": _ANY,
    "state": st.sampled_from(["open", '"resolved"', "closed", "null"]),
    "startedAt": st.sampled_from(["2026-11-21T10:00:00Z", '"2026-11-21T10:00:00Z"', "2026-11-21", '"x"', "null"]),
    "url": st.sampled_from(["https://a.example/b", '"http://a/?c=d#e"', "shop", "https://" + "z" * 2048]),
}  # fmt: skip
_NAMES = st.one_of(st.sampled_from(["team", '"a b"', "pod_1", "a-b", "1", "<<", "?", "yes"]), _TOLD)
_BELOW = st.lists(st.tuples(_NAMES, _ANY), max_size=3).map(
    lambda pairs: "".join(f"\n  {key}: {value}" for key, value in pairs)
)
_ENDS = st.sampled_from(["\n", "", "\n\n", "\r\n", "\n# said\n", "\n...\n", "\n---\n", "\ntitle: again\n"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw a file: lines of keys that are known, most of them as they may be, in any order."""
    keys = draw(st.lists(st.sampled_from(sorted(_VALUES)), max_size=3, unique=True))
    lines = [draw(st.sampled_from(["title: a b", 'title: "a: #b"', "title: 1", "# said"]))]
    lines += [f"{key}: {draw(_VALUES[key])}" for key in keys]
    lines += [f"{key}:{draw(_BELOW)}" for key in draw(st.sampled_from([[], [], ["labels"], ["details", "labels"]]))]
    return "\n".join(lines) + draw(st.one_of(st.just("\n"), _ENDS))


_PLAIN = st.one_of(_TOLD.map(lambda text: f'"{text}"'), st.text("abX0:/. -", max_size=6).map(lambda text: f"a{text}z"))
_LINES = st.tuples(st.sampled_from(["rootCause", "source", "  a", '  "b c"', "  d"]), _PLAIN)


def agree(data: bytes) -> bool:
    """Whether it is read the short way; then the general reader must say the very same."""
    if plainly_read(data) is None:
        return False
    assert load_problem(data, PATH) == generally_read(data, PATH)
    assert list(load_problem(data, PATH).labels) == list(generally_read(data, PATH).labels)
    return True


@given(files())
@example('title: "a"\nlabels:\n  a: "b"\n  a: "c"\n')
@example('title: "a"\ndetails:\n  a: yes\n  b: "no"\n')
@example("title: a\nlabels:\n")
@example("title: a\nlabels:\n  \n")
@example("title: a b: c\n")
def test_it_reads_nothing_otherwise_than_the_general_reader(text: str) -> None:
    agree(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=300)
@given(_PLAIN, st.lists(_LINES, max_size=4, unique_by=lambda line: line[0]))
def test_texts_are_those_that_the_general_reader_finds(title: str, lines: list[tuple[str, str]]) -> None:
    told = [f"{key}: {value}\n" for key, value in sorted(lines, key=lambda line: line[0].startswith(" "))]
    below = next((number for number, line in enumerate(told) if line.startswith(" ")), len(told))
    agree(
        "".join([f"title: {title}\n", *told[:below], *(["details:\n"] if told[below:] else []), *told[below:]]).encode()
    )


_CLEAN = st.text("abcXYZ 019:/._-#{}[]'&*!?", min_size=1, max_size=30).filter(str.strip)


@given(_CLEAN, st.sampled_from(["open", "resolved"]), st.dictionaries(_CLEAN, _CLEAN, max_size=4))
def test_what_reconciler_writes_itself_is_read_the_short_way(title: str, state: str, labels: dict[str, str]) -> None:
    problem = Problem(title, "open" if state == "open" else "resolved", labels=labels, details=dict(labels))
    assert agree(problem_file(problem))
    assert load_problem(problem_file(problem), PATH) == problem


@pytest.mark.parametrize(
    "text",
    [
        "title: Response time degradation\nstate: open\n",
        'title: "Response time: 812 ms # of carts"\nstate: "resolved"',
        "title: x\nstartedAt: 2026-11-21T10:00:00Z\nurl: https://shop.example.com/1\nrootCause: cpu_usage\n",
        'title: x\nlabels:\n  severity: critical\n  "a b": "true"\nsource: prometheus\n',
    ],
)
def test_plain_files_are_read_the_short_way(text: str) -> None:
    assert agree(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "title: null\n", "title: TRUE\n", "title: 12\n", 'title: "a\\n"\n', "title: a # b\n", "title: 'a'\n",
        "title: a\ntitle: b\n", "state: open\n", "title: a\nstate: closed\n", "title: ä\n", "title: a\r\n", "",
        'title: "   "\n', f"title: {'a' * 513}\n", "title: a\nlabels: {a: b}\n", "title: a\nurl: shop/1\n",
        f"title: a\nlabels:\n  a: {'b' * 4097}\n", f"title: a\nlabels:\n  {'b' * 257}: c\n", "title: a\n  b\n",
        "title: a\nlabels:\n" + "".join(f"  a{number}: b\n" for number in range(65)), "title: a" + "\n" * LIMIT,
    ],
)  # fmt: skip
def test_all_else_is_left_to_the_general_reader(text: str) -> None:
    assert plainly_read(text.encode()) is None
