"""Characters that nobody sees in people's files: told at the character, by name, with what is to be typed."""

from __future__ import annotations

import pytest

from reconciler.cli.findings.finding import Finding
from tests.cli.test_validate_mistakes import BOOK, entry, found, slo

BLANK, NOTHING = "\u00a0", "\u200b"


def only(files: dict[str, str]) -> Finding:
    (each,) = found(files)
    return each


@pytest.mark.parametrize(
    ("path", "text", "place", "hint"),
    [
        ("stage.yaml", f"mode: automated{BLANK}\n", "1:16", "delete it: did you mean `automated`?"),
        ("stage.yaml", f"mode: auto{NOTHING}mated\n", "1:11", "delete it: did you mean `automated`?"),
        ("stage.yaml", f"wait: 10{BLANK}m\n", "1:9", "write `wait: 10m`"),
        ("stage.yaml", f"# \u00e4\nwait:{BLANK}10m\n", "2:6", "write an ordinary space instead"),
        ("stage.yaml", f"wait{BLANK}: 10m\n", "1:5", "delete it: did you mean `wait`?"),
        ("a/service.yaml", f"workload: {{kind: Deployment{BLANK}}}\n", "1:28", "write `kind: Deployment`"),
        ("a/slo.yaml", slo("'<\u22125'"), "2:42", "write `-` instead"),
        (
            "a/remediation.yaml",
            BOOK % entry("x", f"action: abort{NOTHING}"),
            "4:18",
            "delete it: did you mean abort?",
        ),
    ],
)
def test_an_error_is_told_at_its_cause(path: str, text: str, place: str, hint: str) -> None:
    each = only({path: text})
    assert (str(each.place), each.severity, each.error.hint) == (f"{path}:{place}", "error", hint)
    assert "U+" in each.error.message


@pytest.mark.parametrize(
    ("name", "column", "hint"),
    [(f"Response{BLANK}time", 17, "write an ordinary space instead"), (f"Slow{NOTHING}", 13, "delete it")],
)
def test_a_name_that_is_another_one_than_it_seems(name: str, column: int, hint: str) -> None:
    each = only({"a/remediation.yaml": BOOK % entry(name, "action: restart")})
    assert (each.severity, each.check, each.error.hint) == ("warning", "unseen-character", hint)
    assert str(each.place) == f"a/remediation.yaml:2:{column}"


def test_a_doubt_is_told_at_the_character_too() -> None:
    query = f"indicators:\n  rate: sum{BLANK}(x)\n"
    objectives = slo().replace("error_rate", f"rate{BLANK}")
    told = found({"a/slo.yaml": objectives, "a/prometheus/sli.yaml": query})
    assert sorted(str(each.place) for each in told if each.severity == "warning") == [
        "a/prometheus/sli.yaml:2:12",
        "a/slo.yaml:2:13",
    ]


@pytest.mark.parametrize(
    "files",
    [
        {"stage.yaml": f"# web{BLANK}page\nmode: shadow\n"},
        {"a/slo.yaml": slo().replace("sli: error_rate", f"sli: error_rate, displayName: 90{BLANK}%")},
        {"a/service.yaml": "", "ops/production/a/problems/p.yaml": f"title: CPU{BLANK}load\nstate: open\n"},
        {"a/remediation.yaml": BOOK % entry('"CPU\\u00a0load"', "action: restart")},
        {"a/remediation.yaml": BOOK % entry("Gr\u00f6\u00dfe", "action: restart")},
    ],
)
def test_what_is_shown_or_meant_is_let_be(files: dict[str, str]) -> None:
    assert found(files) == []
