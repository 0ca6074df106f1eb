"""Which entry a problem matches: root cause, title, longest beginning of the title, `default`; never an empty name."""

from __future__ import annotations

import pytest

from reconciler.decide.matching import match
from reconciler.model.playbook import load_playbook
from tests.decide.files import entry, playbook


def matched(names: list[str], *, title: str, root_cause: str = "") -> str | None:
    text = playbook(*(entry(f'"{name}"', "scaling +1") for name in names))
    found = match(load_playbook(text.encode(), "carts/remediation.yaml"), root_cause=root_cause, title=title)
    return found.name if found else None


@pytest.mark.parametrize(
    ("names", "title", "root_cause", "expected"),
    [
        (["cpu_usage", "CPU"], "CPU", "cpu_usage", "cpu_usage"),
        (["cpu_usage", "CPU"], "CPU", "memory", "CPU"),
        (["CPU", "CPU usage", "CPU usage on carts"], "CPU usage on carts is high", "", "CPU usage on carts"),
        (["CPU", "default"], "CPU usage", "", "CPU"),
        (["memory", "default"], "CPU usage", "", "default"),
        (["memory"], "CPU usage", "", None),
        (["CPU usage"], "CPU", "", None),
        (["cpu usage"], "CPU usage", "", None),
        (["default"], "default thing", "", "default"),
        (["CPU"], "x CPU", "CPU usage", None),
        ([], "CPU", "", None),
    ],
)
def test_the_rule(names: list[str], title: str, root_cause: str, expected: str | None) -> None:
    if not names:
        found = match(load_playbook(b"remediations: []\n", "p"), root_cause=root_cause, title=title)
        assert found is None
    else:
        assert matched(names, title=title, root_cause=root_cause) == expected


def test_a_root_cause_is_equal_or_nothing() -> None:
    assert matched(["cpu"], title="slow", root_cause="cpu_usage") is None


def test_both_generations_follow_one_rule() -> None:
    second = """\
apiVersion: spec.keptn.sh/0.1.4
kind: Remediation
metadata:
  name: carts
spec:
  remediations:
  - problemType: Response time degradation
    actionsOnOpen:
    - action: scaling
      name: scale
      description: more
      value: "1"
"""
    found = match(load_playbook(second.encode(), "p"), root_cause="Response time degradation", title="anything")
    assert found is not None
    assert found.name == "Response time degradation"
