"""Objectives, playbooks and services for tests, as short as what is tested about them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from reconciler.decide.evaluation.criterion import Rule, parse
from reconciler.decide.evaluation.objectives import load_objectives
from reconciler.evidence.prometheus.promql import DEFAULTS, default, filled
from reconciler.model.errors import Place, TerminalError
from reconciler.model.measures import WantMeasures
from reconciler.model.names import ProjectName, ServicePath, StageName
from reconciler.model.playbook import Playbook, load_playbook
from reconciler.model.sli import Indicator, load_sli
from reconciler.monitoring.alerts import ServiceAlerts, Watched, alerts_of

SAMPLES = Path(__file__).parents[3] / "shared" / "conformance" / "keptn" / "samples"

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool on this machine")
needs_amtool = pytest.mark.skipif(shutil.which("amtool") is None, reason="there is no amtool on this machine")


def sets(*texts: str) -> list[list[Rule]]:
    """`sets("<600 >=100", "=0")`: two sets, the first of two criteria."""
    return [[parse(text) for text in each.split()] for each in texts]


def playbook(*names: str) -> Playbook:
    """Return a playbook of these entries."""
    entries = "".join(f"  - name: {name!r}\n    actions: [{{action: scaling, value: 1}}]\n" for name in names)
    return load_playbook(f"remediations:\n{entries}".encode(), "carts/remediation.yaml")


def slo(*objectives: str) -> bytes:
    """Return a `slo.yaml` of objectives in YAML's flow style."""
    listed = "".join(f"  - {each}\n" for each in objectives)
    return f"objectives:\n{listed}total_score: {{pass: '90%'}}\n".encode()


def fill(sli: str, query: str | None, want: WantMeasures) -> str:
    """Fill in queries as evaluations do."""
    if query is not None:
        return filled(query, want)
    if sli not in DEFAULTS:
        raise TerminalError("nothing says how to measure it")
    return default(sli, want)


def queries(found: Mapping[str, str]) -> dict[str, Indicator]:
    return {name: Indicator(name, query, Place("sli.yaml")) for name, query in found.items()}


def watched(
    slo_file: bytes, prometheus: Mapping[str, str] | bytes, *names: str, path: str = "carts",
    other: Mapping[str, Mapping[str, str]] = {},
) -> Watched:  # fmt: skip
    """Return a service with objectives, Prometheus queries (a mapping or a file), and a playbook of these entries."""
    own = (
        {each.name: each for each in load_sli(prometheus, "prometheus/sli.yaml").indicators}
        if isinstance(prometheus, bytes)
        else queries(prometheus)
    )
    return Watched(
        ProjectName("sockshop"), StageName("production"), ServicePath(path), load_objectives(slo_file, "slo.yaml"),
        {"prometheus": own, **{name: queries(each) for name, each in other.items()}}, (), 300,
        playbook(*names) if names else None,
    )  # fmt: skip


def made(service: Watched, providers: Sequence[str] = ("prometheus",)) -> ServiceAlerts:
    return alerts_of(service, fill, providers)
