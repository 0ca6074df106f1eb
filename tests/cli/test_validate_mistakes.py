"""Every kind of mistake that `validate` knows beyond the schema: the file, and exactly what is said of which place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.cli.checking import Part, check
from reconciler.cli.findings.finding import Finding
from reconciler.cli.name_doubts import may_be_meant
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.validation import kind_of
from reconciler.model.policy import Bounds, StageConfig
from reconciler.model.project import ProjectConfig

SLO = "objectives:\n- {sli: error_rate, pass: [{criteria: [%s]}]%s}\ntotal_score: {pass: 90%%, warning: %s}\n"
BOOK = "remediations:\n%s"
ENTRY = "- name: %s\n  actions:\n%s"


def found(files: dict[str, str], project: ProjectConfig | None = None) -> list[Finding]:
    """Return what is said of the files of a whole branch."""
    every = {path: text.encode() for path, text in files.items()}
    known = {path: data for path, data in every.items() if kind_of(path) is not None}
    odd = frozenset(path for path in every.keys() - known.keys() if may_be_meant(path))
    around = Surroundings("production", project or ProjectConfig(), known).among(known)
    part = Part(known, around, paths=frozenset(known), odd=odd, whole=True)
    return check(part, lambda _done, _whole: None)


def entry(name: str, *actions: str) -> str:
    listed = "".join(f"  - {action}\n" for action in actions)
    return ENTRY % (name, listed) if actions else f"- name: {name}\n  actions: []\n"


def slo(criteria: str = "'<5'", more: str = "", warning: str = "75%") -> str:
    return SLO % (criteria, more, warning)


MISTAKES: dict[str, tuple[dict[str, str], str, str]] = {
    "a criterion that is none": (
        {"a/slo.yaml": slo("'=<5'")}, "a/slo.yaml:2:40 error invalid-slo", "`=<5` is no criterion"),
    "an indicator without query": (
        {"a/prometheus/sli.yaml": "indicators:\n  x: ''\n"}, "a/prometheus/sli.yaml:2:6 error invalid-sli", "`x` is"),
    "an objective that nothing measures": (
        {"a/slo.yaml": slo().replace("error_rate", "baskets")}, "a/slo.yaml:2:3 warning no-query", "nothing says how"),
    "a query without objective": (
        {"a/slo.yaml": slo(), "a/http/sli.yaml": "indicators:\n  rate: x\n"},
        "a/http/sli.yaml:2:3 notice unused-query", "no objective of this service is about `rate`"),
    "queries without objectives": (
        {"a/service.yaml": "", "a/http/sli.yaml": "indicators:\n  rate: x\n"},
        "a/http/sli.yaml:2:3 notice unused-query", "nobody asks these queries"),
    "a stage's query without objective": (
        {"a/slo.yaml": slo(), "http/sli.yaml": "indicators:\n  rate: x\n"},
        "http/sli.yaml:2:3 notice unused-query", "no objective of any service is about `rate`"),
    "an unknown action": (
        {"a/remediation.yaml": BOOK % entry("x", "action: scalling")},
        "a/remediation.yaml:4:13 error invalid-remediation", "unknown action 'scalling'"),
    "replicas outside the bounds": (
        {"a/remediation.yaml": BOOK % entry("x", "{action: scaling, value: {replicas: 11}}")},
        "a/remediation.yaml:4:30 warning replicas-outside-bounds", "11 replicas are outside"),
    "a step wider than the bounds": (
        {"stage.yaml": "bounds: {replicas: {min: 2, max: 4}}\n",
         "a/remediation.yaml": BOOK % entry("x", "{action: scaling, value: +3}")},
        "a/remediation.yaml:4:30 warning replicas-outside-bounds", "never leave room for +3 replicas"),
    "an entry without name": (
        {"a/remediation.yaml": BOOK % entry("''", "action: escalate")},
        "a/remediation.yaml:2:3 warning unreachable-entry", "without a name is never reached"),
    "an entry that ends in a blank": (
        {"a/remediation.yaml": BOOK % entry("'Slow '", "action: escalate")},
        "a/remediation.yaml:2:3 warning unreachable-entry", "begins or ends with a blank"),
    "no entry": (
        {"a/remediation.yaml": "remediations: []\n"},
        "a/remediation.yaml:1:1 warning unreachable-entry", "the playbook has no entry"),
    "an entry without action": (
        {"a/remediation.yaml": BOOK % entry("x")}, "a/remediation.yaml:2:3 notice no-action", "has no action"),
    "an action after escalate": (
        {"a/remediation.yaml": BOOK % entry("x", "action: escalate", "{action: scaling, value: 1}")},
        "a/remediation.yaml:5:5 warning unreachable-action", "`escalate` in line 4 ends the remediation"),
    "two entries of one name": (
        {"a/remediation.yaml": BOOK % (entry("x", "action: escalate") + entry("x", "action: escalate"))},
        "a/remediation.yaml:5:3 error invalid-remediation", "a second entry `x`"),
    "entries that differ in capitals": (
        {"a/remediation.yaml": BOOK % (entry("Slow", "action: escalate") + entry("slow", "action: escalate"))},
        "a/remediation.yaml:5:3 warning case-only", "the entries `Slow`, `slow` differ in capitals only"),
    "Default": (
        {"a/remediation.yaml": BOOK % entry("Default", "action: escalate")},
        "a/remediation.yaml:2:3 warning case-only", "not for whatever else there is"),
    "flags that differ in capitals": (
        {"a/remediation.yaml": BOOK % entry("x", "{action: featuretoggle, value: {Promo: off, promo: on}}")},
        "a/remediation.yaml:4:5 warning case-only", "the flags `Promo`, `promo` differ in capitals only"),
    "indicators that differ in capitals": (
        {"http/sli.yaml": "indicators:\n  error_rate: x\n  Error_Rate: y\n",
         "a/slo.yaml": slo(), "b/slo.yaml": slo().replace("error_rate", "Error_Rate")},
        "http/sli.yaml:3:3 warning case-only", "`Error_Rate`, `error_rate` differ in capitals only"),
    "paths that differ in capitals": (
        {"ops/production/a/problems/X.yaml": "title: x\n", "ops/production/a/problems/x.yaml": "title: x\n",
         "a/service.yaml": ""},
        "ops/production/a/problems/x.yaml:0:0 warning case-only", "differs in capitals only"),
    "a path that cannot be written": (
        {"ops/production/a/problems/2026\u200b/x.yaml": "title: x\n", "a/service.yaml": ""},
        "ops/production/a/problems/2026\u200b/x.yaml:0:0 warning unread-file", "has a control or invisible character"),
    "services that differ in capitals": (
        {"a/x/service.yaml": "", "b/X/service.yaml": ""}, "a/x:0:0 error misplaced", "`X`, `x` differ in"),
    "a file in other capitals": (
        {"a/service.yaml": "", "a/Remediation.yaml": ""},
        "a/Remediation.yaml:0:0 warning unread-file", "nobody reads this file"),
    "a file of another ending": (
        {"a/service.yaml": "", "stage.yml": ""}, "stage.yml:0:0 warning unread-file", "nobody reads this file"),
    "a provider that there is not": (
        {"a/service.yaml": "", "a/promethues/sli.yaml": ""},
        "a/promethues/sli.yaml:0:0 warning unread-file", "there is no provider `promethues`"),
    "a stage of a shipyard that is hidden": (
        {"project.yaml": "name: shop\nstages: [dev]\n", "shipyard.yaml": "stages: [{name: dev}, {name: hardening}]\n"},
        "shipyard.yaml:0:0 warning shadowed-name", "`hardening`: `project.yaml` beside it says which stages"),
    "an indicator of two providers": (
        {"a/slo.yaml": slo(), "a/http/sli.yaml": "indicators: {error_rate: x}\n",
         "a/prometheus/sli.yaml": "indicators: {error_rate: y}\n"},
        "a/prometheus/sli.yaml:1:14 notice shadowed-name", "has a query in a/http/sli.yaml too"),
    "a query that repeats the stage's": (
        {"a/slo.yaml": slo(), "http/sli.yaml": "indicators: {error_rate: x}\n",
         "a/http/sli.yaml": "indicators: {error_rate: x}\n"},
        "a/http/sli.yaml:1:14 notice shadowed-name", "says what the stage's http/sli.yaml says"),
    "a placeholder for nothing": (
        {"a/slo.yaml": slo(), "a/prometheus/sli.yaml": "indicators: {error_rate: x$SERVCE}\n"},
        "a/prometheus/sli.yaml:1:14 warning unknown-placeholder", "`$SERVCE` in the query of `error_rate`"),
    "a minimum above the maximum": (
        {"a/service.yaml": "bounds: {replicas: {min: 5, max: 3}}\n"},
        "a/service.yaml:1:26 error invalid-service", "`min` (5) is above `max` (3)"),
    "a minimum above the stage's maximum": (
        {"stage.yaml": "bounds: {replicas: {max: 3}}\n", "a/service.yaml": "bounds: {replicas: {min: 5}}\n"},
        "a/service.yaml:1:26 warning limits-contradict", "`min` (5) is above `max` (3), the stage's"),
    "a maximum below the stage's minimum": (
        {"stage.yaml": "bounds: {replicas: {min: 3}}\n", "a/service.yaml": "bounds: {replicas: {max: 2}}\n"},
        "a/service.yaml:1:26 warning limits-contradict", "`max` (2) is below `min` (3), the stage's"),
    "bounds wider than the stage's": (
        {"stage.yaml": "bounds: {replicas: {max: 3}}\n", "a/service.yaml": "bounds: {replicas: {max: 9}}\n"},
        "a/service.yaml:1:26 notice bounds-wider-than-stage", "`max` (9) is above the stage's (3)"),
    "a minimum above the default maximum": (
        {"stage.yaml": "bounds: {replicas: {min: 20}}\n"},
        "stage.yaml:1:26 warning limits-contradict", "`min` (20) is above `max` (10), the product's default"),
    "a window longer than the stage's wait": (
        {"stage.yaml": "wait: 2m\n", "a/service.yaml": "window: 5m\n"},
        "a/service.yaml:1:9 warning limits-contradict", "`window` (300 s) is longer than `wait` (120 s)"),
    "an action's window longer than the wait": (
        {"a/remediation.yaml": BOOK % entry("x", "{action: restart, window: 30m}")},
        "a/remediation.yaml:4:5 warning limits-contradict", "longer than the wait of 600 s"),
    "a budget of nothing": (
        {"stage.yaml": "budgets: {actionsPerHour: 0}\n"},
        "stage.yaml:1:27 warning limits-contradict", "nothing is ever done"),
    "budgets of which one is never reached": (
        {"stage.yaml": "budgets: {servicesAtOnce: 5, servicesPerHour: 2}\n"},
        "stage.yaml:1:27 notice limits-contradict", "which is reached before"),
    "criteria that exclude each other": (
        {"a/slo.yaml": slo("'<5', '>=5'")}, "a/slo.yaml:2:40 warning limits-contradict", "no value fulfils"),
    "a warning within the pass": (
        {"a/slo.yaml": slo("'<5'", ", warning: [{criteria: ['<=4']}]")},
        "a/slo.yaml:2:71 warning limits-contradict", "this `warning` of `error_rate` never counts"),
    "a score of which there is never a warning": (
        {"a/slo.yaml": slo(warning="95%")}, "a/slo.yaml:3:35 warning limits-contradict", "there is never a warning"),
    "no objectives": (
        {"a/slo.yaml": "objectives: []\ntotal_score: {pass: 9%}\n"},
        "a/slo.yaml:1:1 warning no-objective", "no evaluation ever passes"),
    "objectives that cannot fail": (
        {"a/slo.yaml": "objectives: [{sli: error_rate}]\ntotal_score: {pass: 9%}\n"},
        "a/slo.yaml:1:14 warning no-objective", "every evaluation passes"),
    "a conflict in people's file": (
        {"stage.yaml": "<<<<<<< HEAD\nmode: shadow\n=======\n"}, "stage.yaml:1:1 error invalid-stage", "conflict"),
    "a conflict in our own file": (
        {"ops/production/a/state/desired.yaml": "<<<<<<< HEAD\n", "a/service.yaml": ""},
        "ops/production/a/state/desired.yaml:1:1 error invalid-desired", "conflict"),
    "what a merge tool left": (
        {"a/service.yaml": "", "a/slo.yaml.orig": ""}, "a/slo.yaml.orig:0:0 warning merge-leftover", "a merge"),
    "a service in a service": (
        {"a/service.yaml": "", "a/b/service.yaml": ""}, "a/b/service.yaml:0:0 error misplaced", "never read"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_place_and_what_to_write(mistake: str) -> None:
    files, expected, said = MISTAKES[mistake]
    (only,) = found(files)
    place = only.place
    assert f"{place.path}:{place.line}:{place.column} {only.severity} {only.check}" == expected
    assert said in only.error.message
    assert only.error.expected
    assert only.error.hint


def test_what_only_the_project_makes_wrong() -> None:
    project = ProjectConfig(defaults=StageConfig(bounds=Bounds(maximum=2)))
    (only,) = found({"stage.yaml": "bounds: {replicas: {min: 5}}\n"}, project)
    assert (str(only.place), only.check) == ("stage.yaml:1:20", "limits-contradict")
    assert "the project's defaults" in only.error.message


@pytest.mark.parametrize(
    "files",
    [
        {"a/slo.yaml": slo("'<=+10%', '<5'", ", warning: [{criteria: ['<8']}]")},
        {"a/slo.yaml": slo("'>1', '<5'")},
        {"a/slo.yaml": slo("'<5'", ", warning: [{criteria: ['<=+5%']}]")},
        {"a/slo.yaml": slo("'=5'"), "b/slo.yaml": slo("'<=5', '>=5'")},
        {"stage.yaml": "wait: 2m\nwindow: 1m\nbounds: {replicas: {min: 2, max: 4}}\n", "a/service.yaml": "wait: 0s\n"},
        {"stage.yaml": "mode: shadow\nbudgets: {actionsPerHour: 0}\n"},
        {"a/remediation.yaml": BOOK % (entry("x", "{action: scaling, value: +9}") + entry("default", "action: abort"))},
        {"a/slo.yaml": slo(), "b/slo.yaml": slo(), "docs/sli.yaml": "", "docs/slo.yaml.txt": ""},
    ],
)  # fmt: skip
def test_what_may_well_be_so_is_not_told(files: dict[str, str]) -> None:
    assert found(files) == []


def test_files_with_the_same_content_are_told_each_with_its_own_path() -> None:
    wrong = BOOK % entry("x", "action: scalling")
    told = found({f"s{number}/remediation.yaml": wrong for number in range(3)})
    assert [str(each.place) for each in told] == [f"s{number}/remediation.yaml:4:13" for number in range(3)]


def test_the_documentation_has_every_check() -> None:
    root = Path(__file__).parents[2]
    sources = [file.read_text("utf-8") for file in (root / "reconciler" / "cli").glob("*.py")]
    made = re.compile(r"(?:doubt|remark)\(\s*\"([a-z-]+)\"|refused\([^()]*, \"([a-z-]+)\"\)")
    checks = {one or other for source in sources for one, other in made.findall(source)}
    told = (root / "docs" / "commands.md").read_text("utf-8")
    assert {
        check for check in checks if f"`{check}`" not in told and not check.startswith(("online-", "invalid-"))
    } == set()
    assert len(checks) > 15
