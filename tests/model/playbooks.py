"""Playbooks of both generations as they ought to be, and how one that is refused is asked for."""

from __future__ import annotations

import textwrap

import pytest

from reconciler.model.invalid import InvalidFile
from reconciler.model.playbook import load_playbook

FIRST = b"""\
remediations:
- name: cpu_usage
  actions:
  - action: scaling
    value: +1
- name: "Failure rate increase"
  actions:
  - action: featuretoggle
    value: EnablePromotion:off
"""
SECOND = b"""\
apiVersion: spec.keptn.sh/0.1.4
kind: Remediation
metadata:
  name: carts
  anything: [1, {a: b}]
spec:
  remediations:
    - problemType: Response time degradation
      actionsOnOpen:
        - action: scaling
          name: Scale up
          description: Scale up by one
          value: "1"
          onResolve: revert
          onFail: keep
          onWarning: next
          wait: 1h30m
          window: 1h
          settle: 0s
          retries: 2
          approval: required
        - action: toggle-feature
          value:
            EnablePromotion: off
    - problemType: default
      actionsOnOpen:
        - action: escalate
          value:
"""


def refused(text: str | bytes) -> InvalidFile:
    data = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
    with pytest.raises(InvalidFile) as caught:
        load_playbook(data, "remediation.yaml")
    return caught.value
