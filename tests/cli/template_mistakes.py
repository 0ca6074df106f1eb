"""What newcomers do to each file of a new configuration repository, and where they have to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SERVICE, SLO, PLAYBOOK = "carts/service.yaml", "carts/slo.yaml", "carts/remediation.yaml"
SLI, STAGE = "carts/prometheus/sli.yaml", "stage.yaml"


@dataclass(frozen=True)
class Mistake:
    """A change of a work tree, the place that has to be told, and a word of how to write it right."""

    make: Callable[[Path], object]
    place: str
    fix: str


def _edit(path: str, old: str, new: str) -> Callable[[Path], object]:
    def make(tree: Path) -> None:
        file = tree / path
        content = file.read_text("utf-8")
        if content.count(old) < 1:
            raise AssertionError(f"{path} has no {old!r}")
        file.write_text(content.replace(old, new, 1), "utf-8", newline="")

    return make


def _add(path: str, content: bytes) -> Callable[[Path], object]:
    def make(tree: Path) -> None:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)

    return make


def _move(path: str, to: str) -> Callable[[Path], object]:
    def make(tree: Path) -> None:
        (tree / to).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).rename(tree / to)

    return make


_BOMB = b"".join(
    [b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n".encode() for n in range(1, 10)]
)
_TWICE = b"""\
remediations:
  - name: cpu_usage
    actions: [{action: scaling, value: "+1"}]
  - name: cpu_usage
    actions: [{action: scaling, value: "+2"}]
"""
_UNREACHABLE = b"""\
remediations:
  - name: ""
    actions: [{action: scaling, value: "+1"}]
  - name: cpu_usage
    actions: [{action: scaling, value: "+1"}]
"""
_CASE = b"""\
remediations:
  - name: cpu_usage
    actions: [{action: scaling, value: "+1"}]
  - name: CPU_usage
    actions: [{action: scaling, value: "+1"}]
"""

MISTAKES = {
    "indentation": Mistake(_edit(SERVICE, "    min: 1", "   min: 1"), f"{SERVICE}:10:5:", "keys of one level"),
    "a tab": Mistake(_edit(SERVICE, "    max: 4", "\tmax: 4"), f"{SERVICE}:10:1:", "two spaces"),
    "an unknown action": Mistake(
        _edit(PLAYBOOK, "action: scaling", "action: scalling"), f"{PLAYBOOK}:10:19:", "scaling"
    ),
    "a key misspelt": Mistake(_edit(STAGE, "budgets:", "budget:"), f"{STAGE}:8:1:", "budgets"),
    "an objective without a query": Mistake(
        _edit(SLO, "sli: response_time_p90", "sli: response_time_99"), f"{SLO}:8:5:", "response_time_p9"
    ),
    "an indicator without its query": Mistake(
        _edit(
            SLI,
            """\
 >-
    histogram_quantile(0.9, sum by(le) (rate(
    http_response_time_milliseconds_bucket{job="$SERVICE-$PROJECT-$STAGE"}[$DURATION_SECONDS])))
""",
            "\n",
        ),
        f"{SLI}:4:3:", "write for example",
    ),
    "a placeholder misspelt": Mistake(_edit(SLI, "$SERVICE", "$SERVIC"), f"{SLI}:4:3:", "$SERVICE"),
    "a number out of bounds": Mistake(_edit(SERVICE, "max: 4", "max: 99999999"), f"{SERVICE}:10:10:", "max: 100000"),
    "a minimum above the maximum": Mistake(_edit(SERVICE, "min: 1", "min: 5"), f"{SERVICE}:9:10:", "raise `max`"),
    "more replicas than the bounds": Mistake(_edit(PLAYBOOK, '"+1"', "{replicas: 9}"), f"{PLAYBOOK}:13:18:", "bounds"),
    "an entry that nothing reaches": Mistake(_add(PLAYBOOK, _UNREACHABLE), f"{PLAYBOOK}:2:5:", "write the title"),
    "two entries of one name": Mistake(_add(PLAYBOOK, _TWICE), f"{PLAYBOOK}:4:5:", "into one entry"),
    "names that differ in capitals": Mistake(_add(PLAYBOOK, _CASE), f"{PLAYBOOK}:4:5:", "keep the one"),
    "a key twice": Mistake(
        _edit(STAGE, "mode: automated", "mode: automated\nmode: shadow"), f"{STAGE}:4:1:", "delete one"
    ),
    "conflict markers": Mistake(
        _edit(STAGE, "mode: automated", "<<<<<<< HEAD\nmode: automated\n=======\nmode: shadow\n>>>>>>> staging"),
        f"{STAGE}:3:1:", "delete `<<<<<<<`",
    ),
    "a list for an object": Mistake(
        _edit(SERVICE, "    min: 1\n    max: 4", "    - 1\n    - 4"), f"{SERVICE}:9:5:", "replicas: {min: 1, max: 6}"
    ),
    "quotes that don't end": Mistake(_edit(SLO, 'warning: "40%"', 'warning: "40%'), f"{SLO}:", "quote"),
    "a percent sign without quotes": Mistake(_edit(SLO, '"<=+10%"', "%10"), f"{SLO}:12:13:", "quotes"),
    "a score without quotes or percent": Mistake(_edit(SLO, 'pass: "90%"', "pass: ninety"), f"{SLO}:18:9:", "90%"),
    "a relative criterion the wrong way round": Mistake(
        _edit(SLO, '"<=+10%"', '"<=10%+"'), f"{SLO}:12:13:", "write for example"
    ),
    "a criterion without an operator": Mistake(_edit(SLO, '"<1000"', '"1000"'), f"{SLO}:13:13:", "<=1000"),
    "a file at the wrong place": Mistake(_move(SLI, "carts/promethues/sli.yaml"), "carts/promethues/sli.yaml:", SLI),
    "a file in capitals": Mistake(_move(SLO, "carts/SLO.yaml"), "carts/SLO.yaml:", SLO),
    "a service in a service": Mistake(_add("carts/db/service.yaml", b"{}\n"), "carts/db/service.yaml:", "carts"),
    "another ending": Mistake(_move(STAGE, "stage.yml"), "stage.yml:", STAGE),
    "a stage that contradicts itself": Mistake(
        _edit(STAGE, "# wait: 10m\n# window: 5m", "wait: 1m\nwindow: 10m"), f"{STAGE}:16:9:", "wait longer"
    ),
    "an unknown mode": Mistake(_edit(STAGE, "mode: automated", "mode: auto"), f"{STAGE}:3:7:", "automated"),
    "nothing in it": Mistake(_add(SLO, b""), f"{SLO}:1:1:", "write it"),
    "no text": Mistake(_add(SLO, b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe"), f"{SLO}:1:1:", "UTF-8"),
    "far too much": Mistake(_add(SLO, b"# x\n" * 700_000), f"{SLO}:", "take out"),
    "aliases of aliases": Mistake(_add(SERVICE, _BOMB), f"{SERVICE}:1:5:", "delete the anchor"),
    "what a merge tool leaves": Mistake(_add("carts/slo.yaml.orig", b"a: b\n"), "carts/slo.yaml.orig:", "git rm"),
}  # fmt: skip
