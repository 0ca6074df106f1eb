"""Keys that nobody reads are told, wherever they stand, with what was probably meant."""

from __future__ import annotations

import pytest

from reconciler.cli.findings.finding import Finding
from reconciler.cli.objective_doubts import about_objectives
from reconciler.cli.playbook_doubts import about_playbook

BOOK = """\
remediations:
- name: x
  actions:
  - action: scaling
    value: +1
"""
KEPTN = """\
apiVersion: spec.keptn.sh/0.1.4
kind: Remediation
metadata: {name: carts, labels: {a: b}}
spec:
  remediations:
  - problemType: x
    actionsOnOpen:
    - action: scaling
      name: One more
      description: Add a replica
      value: "+1"
"""
SLO = """\
spec_version: "1.0"
comparison:
  compare_with: single_result
objectives:
- sli: response_time_p90
  key_sli: false
  pass:
  - criteria: ["<600"]
total_score:
  pass: "90%"
"""


def told(found: list[Finding]) -> list[tuple[str, str, str, str]]:
    return [
        (f"{each.place.line}:{each.place.column}", each.severity, each.error.message, each.error.hint)
        for each in found
        if each.check == "unknown-key"
    ]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("needsApproval: true", "write `approval: required`"),
        ("approval_required: true", "write `approval: required`"),
        ("manual: true", "write `approval: required`"),
        ("retry: 3", "write `retries: 3`"),
        ("repeat: often", "write `retries: 2`"),
        ("Wait: 7m", "write `wait: 7m`"),
        ("waitFor: 5m", "write `wait: 5m`"),
        ("delay: 5m", "write `wait: 5m`"),
        ("timeout: 1h", "write `wait: 1h`"),
        ("maxReplicas: 3", "`bounds` in service.yaml or stage.yaml"),
        ("enabled: false", "nothing is switched off by a key: delete the action"),
        ("rollback: true", "write `onFail: revert`"),
        ("namespace: x", "the folder that it lies in"),
        ("colour: red", "begins with `#`"),
    ],
)
def test_of_an_action(key: str, hint: str) -> None:
    # Beside the key that was meant, which says something else, a slip counts for nothing as well.
    book = f"{BOOK}    wait: 9m\n    retries: 1\n    {key}\n"
    ((place, severity, message, said),) = told(list(about_playbook(book.encode())))
    assert (place, severity) == ("8:5", "warning")
    assert f"`{key.partition(':')[0]}` in an action" in message
    assert hint in said


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("enabled: false", "delete the entry"),
        ("disabled: true", "delete the entry"),
        ("match: x", "`name: ...`"),
        ("rootCause: x", "`name: ...`"),
        ("titel: x", "`name: ...`"),
        ("default: true", "write `name: default`"),
        ("description: x", "make it a comment"),
    ],
)
def test_of_an_entry(key: str, hint: str) -> None:
    ((place, severity, message, said),) = told(list(about_playbook(f"{BOOK}  {key}\n".encode())))
    assert (place, severity) == ("6:3", "warning")
    assert f"`{key.partition(':')[0]}` in an entry" in message
    assert hint in said


@pytest.mark.parametrize(
    ("old", "new", "place", "hint"),
    [
        ("  pass:\n", "  warn: [{criteria: ['<9']}]\n  pass:\n", "7:3", "did you mean `warning`?"),
        ("  pass:\n", "  fail: [{criteria: ['<9']}]\n  pass:\n", "7:3", "neither `pass` nor `warning` fails"),
        ("  pass:\n", "  keysli: true\n  pass:\n", "7:3", "write `key_sli: true`"),
        ("  pass:\n", "  threshold: 5\n  pass:\n", "7:3", "write what is good as `pass:"),
        ("  pass:\n", "  pass_criteria: 5\n  pass:\n", "7:3", "write what is good as `pass:"),
        ("  pass:\n", "  name: x\n  pass:\n", "7:3", "write `displayName: ...`"),
        ("  pass:\n", "  query: up\n  pass:\n", "7:3", "sli.yaml"),
        ("  - criteria", "  - what: x\n    criteria", "8:5", "make it a comment"),
        ("total_score:\n", 'total_score:\n  warn: "50%"\n', "10:3", 'write `warning: "50%"`'),
        ("total_score:\n", 'total_score:\n  fail: "50%"\n', "10:3", "neither `pass` nor `warning` fails"),
        ("comparison:\n", "comparison:\n  window: 5m\n", "3:3", "`window` belongs to stage.yaml"),
        ("comparison:\n", "wait: 5m\ncomparison:\n", "2:1", "`wait` belongs to an action"),
        ("comparison:\n", "indicators: {x: y}\ncomparison:\n", "2:1", "sli.yaml"),
        ("comparison:\n", "service: carts\ncomparison:\n", "2:1", "the folder that it lies in"),
    ],
)
def test_of_objectives(old: str, new: str, place: str, hint: str) -> None:
    ((where, severity, _, said),) = told(list(about_objectives(SLO.replace(old, new, 1).encode())))
    assert (where, severity) == (place, "warning")
    assert hint in said


@pytest.mark.parametrize("text", [BOOK, KEPTN, f"{KEPTN}version: 0.2.0\n", f"x-owner: shop\n{BOOK}"])
def test_what_keptn_knows_and_what_is_somebodys_own_is_right(text: str) -> None:
    assert told(list(about_playbook(text.encode()))) == []
    assert told(list(about_objectives(SLO.encode()))) == []


def test_in_keptns_form_what_means_nothing_is_a_notice() -> None:
    text = KEPTN + "      colour: red\n      retry: 3\n"
    severities = [severity for _, severity, _, _ in told(list(about_playbook(text.encode())))]
    assert severities == ["notice", "warning"]
