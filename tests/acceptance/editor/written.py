"""What a person types, rightly and wrongly, and what their editor must say about it.

A file of the template finds its schema by its first line, all others by the settings that `reconciler schemas` writes.
"""

from __future__ import annotations

from typing import Final

_STAGE: Final = "# yaml-language-server: $schema=.schemas/stage.schema.json\n"
_SERVICE: Final = "# yaml-language-server: $schema=../.schemas/service.schema.json\n"
_SLO: Final = "# yaml-language-server: $schema=../.schemas/slo.schema.json\n"
_PLAYBOOK: Final = "# yaml-language-server: $schema=../.schemas/remediation.schema.json\n"
ENTRY: Final = _PLAYBOOK + "remediations:\n- name: slow\n  actions:\n"
"""Of a playbook, up to the list of actions, which the fifth line begins."""
_ACTION: Final = ENTRY + "  - action: "
_DURATION: Final = "Expected a duration such as `30s`, `10m`, `1h30m` or `30d`."

RIGHT: Final = {
    "project.yaml": "name: shop\nstages: [dev, {name: staging, mode: shadow}, production]\ndefaults: {wait: 10m}\n",
    "stage.yaml": "mode: automated\nfreeze:\n- {schedule: 0 18 * * FRI, duration: 62h}\nonFail: revert\n",
    "carts/service.yaml": "workload: {kind: Deployment, name: carts}\nbounds: {replicas: {min: 1, max: 6}}\n",
    "empty/service.yaml": "# nothing is said here\n",
    "shop/deep/carts/slo.yaml": "objectives:\n- {sli: a, pass: [{criteria: ['<=+10%']}]}\ntotal_score: {pass: 90%}\n",
    "carts/dynatrace/sli.yaml": "indicators:\n  a: builtin:service.response.time\n",
    "carts/remediation.yaml": "remediations:\n- name: default\n  actions:\n  - action: scaling\n    value: +1\n",
    "plugin/remediation.yaml": "remediations:\n- name: x\n  actions:\n  - action: breaker\n    value: {any: [thing]}\n",
    "flags/remediation.yaml": "remediations:\n- name: x\n  actions:\n  - action: featuretoggle\n    value: {A: off}\n",
    "silent/remediation.yaml": "remediations:\n- name: x\n  actions:\n  - action: restart\n  - action: abort\n",
    "ops/production/carts/problems/dynatrace-1.yaml": "title: Response time degradation\nstate: open\n",
    "ops/production/shop/carts/problems/event.yaml": (
        "specversion: '1.0'\ntype: sh.keptn.events.problem\ndata: {State: OPEN, ProblemTitle: slow, PID: a}\n"
    ),
    "ops/production/commands/1.yaml": "verb: suspend\nreason: release night\n",
    "ops/production/carts/commands/2.yaml": "verb: undo\nremediation: dynatrace-1\nstep: 3\n",
    "shipyard.yaml": "stages:\n- name: production\n  remediation_strategy: automated\n",
}
"""Path and content of files of every kind that are as they should be, and have no first line."""

WRONG: Final = {
    "a key that there is not": (_SERVICE + "bounds:\n  replicas:\n    maxx: 4\n", 3, "Property maxx is not allowed."),
    "a word for a number": (
        _SERVICE + "bounds:\n  replicas:\n    max: four\n",
        3,
        "Expected a whole number from 0 to 100000.",
    ),
    "too small": (_SERVICE + "bounds:\n  replicas:\n    max: -4\n", 3, "Value is below the minimum of 0."),
    "no duration": (_SERVICE + "wait: ten minutes\n", 1, _DURATION),
    "a duration without a unit": (_SERVICE + "rollout: 5m\nwait: 10\n", 2, _DURATION),
    "one of several words": (_SERVICE + "onResolve: never\n", 1, "Expected one of `keep`, `revert`."),
    "one of several forms": (
        _SERVICE + "drift: mend\n",
        1,
        "Expected `repair`, `adopt`, `report`, or a mapping of `controller` and `person` to one of these.",
    ),
    "inside one of several forms": (
        _SERVICE + "drift:\n  person: mend\n",
        2,
        "Expected one of `repair`, `adopt`, `report`.",
    ),
    "a mapping that is none": (_SERVICE + "bounds: 5\n", 1, "Incorrect type. Expected one of object, null."),
    "a mode": (_STAGE + "\nmode: auto\n", 2, "Expected one of `automated`, `shadow`, `suspended`."),
    "a list that is none": (_STAGE + "freeze: {schedule: 0 18 * * FRI, duration: 1h}\n", 1, "Expected a list."),
    "an increment": (_ACTION + "scaling\n    value: lots\n", 5, "Write an increment such as +1 or -1."),
    "a value of the wrong form": (
        _ACTION + "abort\n    value: 700\n",
        5,
        "Expected a status from 400 to 599, nothing, or a mapping with `status`.",
    ),
    "a value that is too much": (_ACTION + "restart\n    value: now\n", 5, "Expected no value."),
    "an action without its value": (_ACTION + "scaling\n", 4, 'Missing property "value".'),
    "a flag without its state": (
        _ACTION + "featuretoggle\n    value: EnablePromotion\n",
        5,
        "Write a flag and its state, on or off, such as EnablePromotion:off.",
    ),
    "a slip where unknown keys are tolerated": (
        _ACTION + "scaling\n    value: 1\n    onResolv: keep\n",
        6,
        "Unknown key; did you mean onResolve?",
    ),
    "an entry that is no list": (
        _PLAYBOOK + "remediations:\n  name: x\n",
        2,
        "Expected a list of entries, each `- name: ...`.",
    ),
    "a criterion that is no list": (
        _SLO + "objectives:\n- sli: a\n  pass:\n  - criteria: '<5'\ntotal_score: {pass: 90%}\n",
        4,
        'Expected a list of one criterion or more, such as `["<600"]`: without any, every value would do.',
    ),
    "what an average is of": (
        _SLO + "objectives: []\ntotal_score: {pass: 90%}\ncomparison:\n  aggregate_function: sum\n",
        4,
        "Expected `avg`, `p50`, `p90` or `p95`.",
    ),
}
"""A file, the line (from 0) that an editor marks, and what it says there."""

_SECOND: Final = "apiVersion: spec.keptn.sh/0.1.4\nkind: Remediation\nmetadata: {name: x}\nspec:\n  remediations:\n"
OFFERED: Final = {
    "actions": (_ACTION + "|", {"scaling", "featuretoggle", "restart", "rollback", "escalate"}, {"value", "+1"}),
    "actions in Keptn's later form": (
        _PLAYBOOK + _SECOND + "  - problemType: x\n    actionsOnOpen:\n    - action: |",
        {"scaling", "featuretoggle", "webhook"},
        {"keep"},
    ),
    "keys of an action": (
        _ACTION + "scaling\n    |",
        {"value", "wait", "onFail", "retries", "approval"},
        {"action", "mode", "[object Object]"},
    ),
    "values of an action": (
        _ACTION + "scaling\n    value: |",
        {"+1", "-1", "{replicas: 4}"},
        {"EnablePromotion:off", "503", "[object Object]"},
    ),
    "values of another action": (_ACTION + "featuretoggle\n    value: |", {"EnablePromotion:off"}, {"+1", "503"}),
    "both forms of a playbook": (_PLAYBOOK + "|", {"Playbook", "Playbook of Keptn 0.1.4"}, {"[object Object]"}),
    "keys of a service": (_SERVICE + "|", {"workload", "bounds", "drift", "onResolve", "wait"}, {"mode"}),
    "keys of bounds": (_SERVICE + "bounds:\n  replicas:\n    |", {"min", "max"}, {"replicas", "wait"}),
    "words": (_STAGE + "mode: |", {"automated", "shadow", "suspended"}, {"keep", "mode"}),
    "words and a mapping": (
        _SERVICE + "drift: |",
        {"repair", "adopt", "report", "{controller: repair, person: report}"},
        {"[object Object]"},
    ),
    "an objective": (_SLO + "objectives:\n- |", {"sli", "pass", "weight", "key_sli"}, {"total_score"}),
}
"""A file with `|` where the cursor is, what must be offered there, and what must not."""

SHOWN: Final = {
    "a bound": (
        _SERVICE + "bounds:\n  replicas:\n    m|ax: 4\n",
        "Maximum",
        "No decision goes above this number of replicas.",
    ),
    "what holds in this place": (
        _SERVICE + "bounds:\n  r|eplicas:\n    max: 4\n",
        "Replicas",
        "The least and the most",
    ),
    "a duration": (_SERVICE + "w|ait: 5m\n", "Wait", "a change took effect (and `settle`)"),
    "one of several forms": (_SERVICE + "d|rift: report\n", "Drift", "when a held field was changed by somebody else"),
    "an action": (_ACTION + "sc|aling\n    value: 1\n", "Action", "What to do"),
    "a value": (_ACTION + "scaling\n    v|alue: 1\n", "Value", "so `+1` stays an increment"),
}
"""A file with `|` where the mouse is, and the title and a part of the text that an editor shows there."""
