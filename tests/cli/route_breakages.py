"""What goes wrong with files of a service, each in a service of its own, and with those of a stage or a project."""

from __future__ import annotations

from tests.cli.template_mistakes import MISTAKES, Mistake

BOOK = "remediations:\n- name: cpu\n  actions: [{%s}]\n"
OBJECTIVE = "objectives: [{%s}]\ntotal_score: {pass: 90%%}\n"

FILES: dict[str, dict[str, str | bytes | None]] = {
    "a step that needs a number": {"remediation.yaml": BOOK % "action: scaling, value: replicas=3"},
    "a flag in words": {"remediation.yaml": BOOK % "action: featuretoggle, value: {name: X, state: off}"},
    "a flag without a state": {"remediation.yaml": BOOK % "action: featuretoggle, value: X"},
    "a flag in quotes": {
        "remediation.yaml": 'remediations:\n- name: cpu\n  actions:\n  - action: featuretoggle\n    value: "A":"off"\n'
    },
    "an action without a value": {"remediation.yaml": BOOK % "action: scaling"},
    "a playbook without actions": {"remediation.yaml": "remediations:\n- name: cpu\n"},
    "an empty playbook": {"remediation.yaml": "remediations: []\n"},
    "nothing but a comment": {"remediation.yaml": "# later\n"},
    "a name cut off": {"remediation.yaml": "remediations:\n- name: cpu #1\n  actions: [action: restart]\n"},
    "a step or a number": {"remediation.yaml": BOOK % 'action: scaling, value: "4"'},
    "an option of a call": {"remediation.yaml": BOOK % "action: escalate, wait: 5m"},
    "more than the bounds": {"remediation.yaml": BOOK % "action: scaling, value: {replicas: 40}"},
    "a criterion of two numbers": {"slo.yaml": OBJECTIVE % "sli: throughput, pass: [{criteria: [100-1000]}]"},
    "a criterion that nothing fulfils": {
        "slo.yaml": OBJECTIVE % "sli: throughput, pass: [{criteria: ['>5', '<1']}]",
    },
    "an indicator twice": {"slo.yaml": OBJECTIVE % "sli: throughput}, {sli: throughput"},
    "a share for a percentage": {
        "slo.yaml": "objectives: [{sli: throughput, pass: [{criteria: ['<5']}]}]\ntotal_score: {pass: 0.9}\n"
    },
    "no objectives": {"slo.yaml": "objectives: []\ntotal_score: {pass: 90%}\n"},
    "an indicator nobody has": {"slo.yaml": OBJECTIVE % "sli: baskets, pass: [{criteria: ['<5']}]"},
    "a slip in a file's name": {"remediation.yaml": None, "remidiation.yaml": BOOK % "action: restart"},
    "queries without objectives": {"slo.yaml": None},
    "an unknown provider": {"datadog/sli.yaml": "indicators: {a: b}\n"},
    "two providers": {"dynatrace/sli.yaml": "indicators: {throughput: metricSelector=builtin:a}\n"},
    "bounds the wrong way round": {"service.yaml": "bounds: {replicas: {min: 4, max: 1}}\n"},
    "a wait without a unit": {"service.yaml": "wait: 10\n"},
    "a number with zeros": {"service.yaml": "bounds: {replicas: {max: 007}}\n"},
    "a key of the stage": {"service.yaml": "mode: shadow\n"},
    "a key of a manifest": {"service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n"},
    "a service's own stage file": {"stage.yaml": "mode: shadow\n"},
    "another ending of it": {"remediation.yml": BOOK % "action: restart"},
    "a copy": {"slo copy.yaml": OBJECTIVE % "sli: throughput"},
    "a folder for a file": {"slo.yaml": None, "slo.yaml/slo.yaml": "objectives: []\n"},
    "a problem beside it": {"problems/p1.yaml": "title: x\n"},
    "an unseen character": {"service.yaml": "\u200bwait: 10m\n"},
    "carriage returns": {"service.yaml": "wait: 10\r\nwindow: 5m\r\n"},
    "a byte order mark": {"service.yaml": b"\xef\xbb\xbfwait: ten\n"},
    "sixteen bits": {"service.yaml": "wait: 10m\n".encode("utf-16")},
}
"""By the name of what went wrong: files of the service's own folder, None for one that is taken away."""

SERVICES: dict[str, Mistake] = {
    name: each
    for name, each in MISTAKES.items()
    if each.place.startswith("carts/") and name != "a file at the wrong place"
}
"""Those of a newcomer that are about one service."""

STAGES: dict[str, dict[str, str | bytes | None]] = {
    "an unknown mode": {"stage.yaml": "mode: auto\n"},
    "a key misspelt": {"stage.yaml": "budget: {}\n"},
    "no budget": {"stage.yaml": "mode: automated\nbudgets: {actionsPerHour: 0}\n"},
    "a freeze that is over": {
        "stage.yaml": "freeze: [{from: 2020-01-01T00:00:00Z, to: 2020-01-02T00:00:00Z, reason: x}]\n"
    },
    "bounds below what a playbook asks": {"stage.yaml": "mode: automated\nbounds: {replicas: {max: 1}}\n"},
    "another ending": {"stage.yaml": None, "stage.yml": "mode: shadow\n"},
    "a problem of another stage": {"ops/staging/carts/problems/p1.yaml": "title: x\n"},
    "a problem of no service": {"ops/production/cart/problems/p1.yaml": "title: x\n"},
    "a problem that cannot be read": {"ops/production/carts/problems/p1.yaml": "title: [\n"},
    "two files of one problem": {
        "ops/production/carts/problems/p1.yaml": "title: x\n", "ops/production/carts/problems/p1.yml": "title: x\n",
    },
    "a problem that misses its entry": {
        "ops/production/carts/problems/p1.yaml": "title: CPU usage\nseverity: critical\n",
    },
    "a command of no remediation": {
        "ops/production/carts/commands/undo-1.yaml": "command: undo\nremediation: p1\n",
    },
    "two services of one name": {"shop/carts/service.yaml": "{}\n"},
    "names that differ in capitals": {"Carts/service.yaml": "{}\n"},
    "queries that nobody uses": {"prometheus/sli.yaml": "indicators: {nobody: up}\n"},
    "the daemon's file": {"reconciler.yaml": "projects: {}\n"},
    "the project's file": {"project.yaml": "name: shop\nstages: [production]\n"},
}  # fmt: skip
"""On a stage's branch, one after the other."""

PROJECTS: dict[str, dict[str, str | bytes | None]] = {
    "no stages": {"project.yaml": "name: shop\nstages: []\n"},
    "nothing in it": {"project.yaml": ""},
    "no file": {"project.yaml": None},
    "a stage left out": {"project.yaml": "name: shop\nstages: [dev, production]\n"},
    "a stage misspelt": {"project.yaml": "name: shop\nstages: [dev, staging, prodction]\n"},
    "a stage twice": {"project.yaml": "name: shop\nstages: [dev, dev, staging, production]\n"},
    "a key misspelt": {"project.yaml": "name: shop\nstage: [dev]\n"},
    "the project's own branch": {"project.yaml": "name: shop\nstages: [dev, staging, production, main]\n"},
    "a service": {"carts/service.yaml": "{}\n"},
    "another ending": {"project.yaml": None, "project.yml": "name: shop\n"},
    "a shipyard beside it": {"shipyard.yaml": "stages: [{name: dev}]\n"},
}
"""On the project's branch, one after the other."""
