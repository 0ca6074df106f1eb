"""The Grafana dashboard as data: what stands in the way first, then what is done, then how well the daemon itself does.

Gauges show what is on the branch, so that every daemon tells the same: the greatest counts. Counters are each daemon's
own: they are added up.
"""  # noqa: INP001  read by generate.py alone

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
OF: Final = 'project=~"$project", stage=~"$stage"'
PROJECT: Final = 'project=~"$project"'
CONDITION: Final = "{{project}} {{stage}}: {{condition}}"
ENDS: Final = "remediated|resolved|escalated|unverified|unmatched|refused|aborted|reverted|orphaned"
_WIDTH: Final = 24


@dataclass(frozen=True)
class Panel:
    """One panel; ``queries`` are pairs of PromQL and legend, ``red`` is from which value on a number is red."""

    title: str
    told: str
    queries: Sequence[tuple[str, str]]
    kind: str = "timeseries"
    unit: str = "short"
    width: int = 8
    height: int = 8
    red: float | None = None


def _quantile(of: str, metric: str, labels: str, by: str) -> str:
    return f"histogram_quantile({of}, sum by ({by}, le) (rate({metric}_bucket{{{labels}}}[$__rate_interval])))"


def _rate(metric: str, labels: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"


def _more(metric: str, labels: str, by: str) -> str:
    return f"sum by ({by}) (increase({metric}{{{labels}}}[$__rate_interval]))"


def _now(metric: str, labels: str) -> str:
    return f"sum(max by (project, stage) ({metric}{{{labels}}})) or vector(0)"


BLOCKED: Final = (
    Panel(
        "Standing still",
        "Stages and projects that are not reconciled; the daemon's log says why.",
        [(_now("reconciler_conditions", f'condition="standstill", {PROJECT}'), "")],
        "stat",
        width=4,
        height=4,
        red=1,
    ),
    Panel(
        "Oldest pass",
        "How long ago the last pass over the stage came to its end, where it is longest.",
        [(f"time() - min(max by (project, stage) (reconciler_last_pass_timestamp_seconds{{{OF}}}))", "")],
        "stat",
        "s",
        4,
        4,
        300,
    ),
    Panel(
        "Held",
        "Remediations that wait for a person, a window or a budget.",
        [(f"sum(max by (project, stage, condition) (reconciler_held{{{OF}}})) or vector(0)", "")],
        "stat",
        width=4,
        height=4,
    ),
    Panel(
        "Open problems",
        "Problem files that say `open`.",
        [(_now("reconciler_problems_open", OF), "")],
        "stat",
        width=4,
        height=4,
    ),
    Panel(
        "Not pushed",
        "Commits that are made and not on the remote: nothing of them is applied.",
        [(_now("reconciler_git_unpushed_commits", OF), "")],
        "stat",
        width=4,
        height=4,
        red=1,
    ),
    Panel(
        "Unusable files",
        "Files of the configuration repository, and reconciler.yaml itself, that cannot be used.",
        [(_now("reconciler_config_invalid", ""), "")],
        "stat",
        width=4,
        height=4,
        red=1,
    ),
    Panel(
        "What stands in the way",
        "Conditions of stages and projects.",
        [(f"max by (project, stage, condition) (reconciler_conditions{{{PROJECT}}}) > 0", CONDITION)],
        width=12,
    ),
    Panel(
        "Held, by what they wait for",
        "What lifts it is in the step, and on the bridge.",
        [(f"max by (project, stage, condition) (reconciler_held{{{OF}}}) > 0", CONDITION)],
        width=12,
    ),
)
DONE: Final = (
    Panel(
        "Problems",
        "Taken up, and recorded as over.",
        [(_more("reconciler_problems_total", OF, "source, state"), "{{source}} {{state}}")],
    ),
    Panel(
        "Remediations that have not ended",
        "By phase.",
        [(f"sum by (phase) (max by (project, stage, phase) (reconciler_remediations{{{OF}}}))", "{{phase}}")],
    ),
    Panel(
        "How remediations end",
        "Steps that end one.",
        [(_more("reconciler_steps_total", f'event=~"{ENDS}", {OF}', "event"), "{{event}}")],
    ),
    Panel(
        "Actions",
        "Decided, seen to have taken effect, failed.",
        [(_more("reconciler_decisions_total", OF, "action, result"), "{{action}} {{result}}")],
    ),
    Panel(
        "Evaluations",
        "After an action.",
        [(_more("reconciler_evaluations_total", OF, "result"), "{{result}}")],
    ),
    Panel(
        "Score of evaluations",
        "Half of them are better.",
        [(_quantile("0.5", "reconciler_evaluation_score", OF, "project, stage"), "{{project}} {{stage}}")],
    ),
    Panel(
        "Writes to targets",
        "By kind of server and result.",
        [(_rate("reconciler_apply_total", OF, "target, result"), "{{target}} {{result}}")],
        unit="ops",
    ),
    Panel(
        "Looks at targets, and measurements",
        "By kind of server and result.",
        [(_rate("reconciler_observe_total", OF, "target, result"), "{{target}} {{result}}")],
        unit="ops",
    ),
    Panel(
        "Drift",
        "Held fields that somebody else was found to have changed.",
        [(_more("reconciler_drift_total", OF, "project, stage"), "{{project}} {{stage}}")],
    ),
)
ITSELF: Final = (
    Panel(
        "A pass takes",
        "Idle and failed ones too.",
        [
            (_quantile("0.5", "reconciler_reconcile_duration_seconds", OF, "stage"), "{{stage}} p50"),
            (_quantile("0.95", "reconciler_reconcile_duration_seconds", OF, "stage"), "{{stage}} p95"),
        ],
        unit="s",
    ),
    Panel(
        "A conversation with Git takes",
        "By what it is for.",
        [(_quantile("0.95", "reconciler_git_request_duration_seconds", PROJECT, "op"), "{{op}} p95")],
        unit="s",
    ),
    Panel(
        "Conversations with Git",
        "`lost`: somebody else's push came first; all is decided again.",
        [(_rate("reconciler_git_requests_total", PROJECT, "op, result"), "{{op}} {{result}}")],
        unit="ops",
    ),
    Panel(
        "Pushes begun anew",
        "Where people and daemons push at the same time.",
        [(_rate("reconciler_push_retries_total", OF, "project, stage"), "{{project}} {{stage}}")],
        unit="ops",
    ),
    Panel(
        "Webhook requests",
        "By sender and status.",
        [(_rate("reconciler_webhook_requests_total", "", "source, code"), "{{source}} {{code}}")],
        unit="reqps",
    ),
    Panel(
        "A webhook's answer takes",
        "The push of its problems included.",
        [(_quantile("0.95", "reconciler_webhook_request_duration_seconds", "", "source"), "{{source}} p95")],
        unit="s",
    ),
    Panel(
        "What became of reports",
        "Single alerts of webhook requests.",
        [(_more("reconciler_webhook_reports_total", "", "source, outcome"), "{{source}} {{outcome}}")],
    ),
    Panel(
        "Reports that wait",
        "To be committed and pushed.",
        [(f"sum by (project) (reconciler_queue_depth{{{PROJECT}}})", "{{project}}")],
    ),
    Panel(
        "Spans of traces",
        "Sent, to be sent again, and refused; nothing where nothing is traced.",
        [(_more("reconciler_trace_spans_total", "", "result"), "{{result}}")],
    ),
    Panel(
        "Who reconciles",
        "Stages by daemon.",
        [(f"sum by (instance) (reconciler_leader{{{OF}}})", "{{instance}}")],
    ),
    Panel(
        "Memory",
        "Resident, by daemon; Git's own processes are not in it.",
        [("process_resident_memory_bytes and on (instance) reconciler_build_info", "{{instance}}")],
        unit="bytes",
    ),
    Panel(
        "Processor",
        "Cores, by daemon; Git's own processes are not in it.",
        [("rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) reconciler_build_info", "{{instance}}")],
    ),
    Panel(
        "Versions",
        "What is running.",
        [("count by (version, python) (reconciler_build_info)", "{{version}} on Python {{python}}")],
    ),
)
ROWS: Final = (("What stands in the way", BLOCKED), ("What is done", DONE), ("The daemon itself", ITSELF))


def dashboard() -> dict[str, Any]:
    """Return it as Grafana imports it."""
    return {
        "uid": "gitops-reconciler",
        "title": "reconciler",
        "description": "What stands in the way, what is done, and how the daemon itself does.",
        "tags": ["reconciler", "gitops"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), _variable("project", ""), _variable("stage", f"{{{PROJECT}}}")]},
        "panels": list(_panels()),
    }


def _source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0}


def _variable(name: str, labels: str) -> dict[str, Any]:
    query = f"label_values(reconciler_leader{labels}, {name})"
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "values"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 1, 0
    for title, panels in ROWS:
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": _at(0, y, _WIDTH, 1),
        }
        number, x, y, tallest = number + 1, 0, y + 1, 0
        for panel in panels:
            if x + panel.width > _WIDTH:
                x, y, tallest = 0, y + tallest, 0
            yield _panel(panel, number, _at(x, y, panel.width, panel.height))
            number, x, tallest = number + 1, x + panel.width, max(tallest, panel.height)
        y += tallest


def _at(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.red is not None:
        steps.append({"color": "red", "value": panel.red})
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    stat = panel.kind == "stat"
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.told,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value" if panel.red else "none"}
        if stat
        else {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": SOURCE,
                "expr": expr,
                "legendFormat": legend,
                "instant": stat,
                "range": not stat,
            }
            for index, (expr, legend) in enumerate(panel.queries)
        ],
    }
