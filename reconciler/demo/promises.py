"""What the team of carts pushes before the story: objectives, how they are measured, what is done about them."""

from __future__ import annotations

from typing import Final

from reconciler.demo.carts import CACHE, PROMOTION
from reconciler.demo.metrics import REQUESTS, SECONDS
from reconciler.demo.pace import Pace
from reconciler.demo.readings import Spell
from reconciler.demo.settings import SERVICE, STAGE
from reconciler.demo.watcher import News, Rule

SLOWEST: Final = 500
"""Milliseconds that nine of ten requests may take: far from what a queue makes of it, and from what it is without."""
MOST_FAILED: Final = 5
"""Percent of the requests that may fail."""
SLOW: Final = "Response time degradation"
FAILING: Final = "Failure rate increase"

OBJECTIVES: Final = f"""\
spec_version: "1.0"
comparison:
  compare_with: single_result
  include_result_with_score: pass
  aggregate_function: avg
objectives:
  - sli: response_time_p90
    displayName: Response time, 90th percentile, in milliseconds
    pass:
      - criteria: ["<={SLOWEST}"]
  - sli: error_rate
    displayName: Failed requests, in percent
    pass:
      - criteria: ["<={MOST_FAILED}"]
total_score:
  pass: "100%"
  warning: "75%"
"""

INDICATORS: Final = f"""\
spec_version: "1.0"
indicators:
  response_time_p90: 1000 * quantile(0.9, {SECONDS})
  error_rate: 100 * ratio({REQUESTS}{{code=~"5.."}}, {REQUESTS})
"""

PLAYBOOK: Final = f"""\
apiVersion: spec.keptn.sh/0.1.4
kind: Remediation
metadata:
  name: carts-remediation
spec:
  remediations:
    - problemType: {SLOW}
      actionsOnOpen:
        - action: scaling
          name: One more
          description: Add one replica
          value: "+1"
        - action: featuretoggle
          name: Cache
          description: Answer from the cache, ten times as fast and not always fresh
          value:
            {CACHE}: "on"
    - problemType: {FAILING}
      actionsOnOpen:
        - action: featuretoggle
          name: No promotion
          description: Do without the discount
          value:
            {PROMOTION}: "off"
    - problemType: default
      actionsOnOpen:
        - action: escalate
          name: Call somebody
"""


def stage(pace: Pace) -> str:
    """Return `stage.yaml`, with the times of the demo."""
    return f"""\
mode: automated
bounds:
  replicas: {{min: 1, max: 4}}
budgets:
  actionsPerHour: 20
loopGuard: {{times: 10, within: 1h}}

# Seconds here, minutes elsewhere: after a change took effect, queues drain; then it is waited, and of that time the
# last part is measured.
settle: {pace.settle}s
wait: {pace.wait}s
window: {pace.window}s
"""


def files(pace: Pace) -> dict[str, str]:
    """Return everything that is pushed, path → content."""
    return {
        "stage.yaml": stage(pace),
        f"{SERVICE}/slo.yaml": OBJECTIVES,
        f"{SERVICE}/scrape/sli.yaml": INDICATORS,
        f"{SERVICE}/remediation.yaml": PLAYBOOK,
    }


def _slow(spell: Spell) -> bool | None:
    return None if spell.p90 is None else spell.p90 > SLOWEST


def _failing(spell: Spell) -> bool | None:
    return None if spell.failed is None else spell.failed * 100 > MOST_FAILED


RULES: Final = (Rule("slow", SLOW, _slow), Rule("failing", FAILING, _failing))


def problem_path(identity: str) -> str:
    """Return where the problem of this id lies on the stage's branch."""
    return f"ops/{STAGE}/{SERVICE}/problems/{identity}.yaml"


def problem(news: News) -> str:
    """Return a problem's file."""
    spell = news.spell
    lines = [f"title: {news.rule.title}", f"state: {news.state}", "source: watcher", "details:"]
    if spell.p90 is not None and spell.failed is not None:
        lines += [f"  p90Milliseconds: {spell.p90:.0f}", f"  failedPercent: {spell.failed * 100:.1f}"]
    return "\n".join(lines) + "\n"


def message(news: News) -> str:
    """Return what the commit of a problem says."""
    return f"{SERVICE}: {'' if news.state == 'open' else 'no longer: '}{news.rule.title}"
