"""Objectives, an indicator and a playbook of two actions, for tests in which what was done is measured."""

from __future__ import annotations

TITLE = "Response time degradation"
SLO = """\
objectives:
- sli: response_time_p90
  pass:
  - criteria: ["<=100"]
total_score: {pass: "100%"}
"""
SLI = 'indicators:\n  response_time_p90: p90{job="$SERVICE"}\n'
TWO = f"""\
remediations:
- name: {TITLE}
  actions:
  - {{action: scaling, value: +1}}
  - {{action: featuretoggle, value: "EnableItemsCache:on"}}
"""
