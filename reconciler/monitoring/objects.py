"""The same for a cluster with the Prometheus operator: PrometheusRule and AlertmanagerConfig objects as plain data.

One PrometheusRule a service: the operator drops an object that it cannot use as a whole, and one service's bad query
must not take the others' alerts along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from reconciler.model.names import ProjectName, StageName
from reconciler.monitoring.alerts import ServiceAlerts
from reconciler.monitoring.names import name_of, part
from reconciler.monitoring.rules import Style, groups

GROUP: Final = "monitoring.coreos.com"
RULES: Final = ("v1", "prometheusrules", "PrometheusRule")
ROUTES: Final = ("v1alpha1", "alertmanagerconfigs", "AlertmanagerConfig")
"""Version, plural and kind of the operator's resources."""
_MANAGED: Final = {"app.kubernetes.io/managed-by": "reconciler"}
_PROJECT: Final = "reconciler.dev/project"
_STAGE: Final = "reconciler.dev/stage"


def ours(project: ProjectName, stage: StageName) -> dict[str, str]:
    """Return the labels by which the objects of a stage are known to be ours."""
    return {**_MANAGED, _PROJECT: part(project), _STAGE: part(stage)}


def rule_objects(
    services: Iterable[ServiceAlerts], style: Style, namespace: str, labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return a PrometheusRule for every service that has rules; ``labels`` are for the operator's `ruleSelector`.

    Alerts have the label `namespace`, since the operator lets an AlertmanagerConfig route only those of its own.
    """
    inside = replace(style, labels={**style.labels, "namespace": namespace})
    return [
        _object(RULES, rule_name(each), namespace, {**labels, **_ours(each)}, {"groups": groups([each], inside)})
        for each in sorted(services, key=lambda each: each.service.path)
        if each.has_rules
    ]


def rule_name(found: ServiceAlerts) -> str:
    """Return the name of a service's object."""
    return name_of(found.service.project, found.service.stage, found.service.name)


def route_object(
    project: ProjectName, stage: StageName, spec: Mapping[str, Any], namespace: str, labels: Mapping[str, str]
) -> dict[str, Any]:
    """Return the AlertmanagerConfig of a stage; ``labels`` are for the operator's `alertmanagerConfigSelector`."""
    return _object(ROUTES, name_of(project, stage), namespace, {**labels, **ours(project, stage)}, spec)


def _ours(found: ServiceAlerts) -> dict[str, str]:
    return ours(found.service.project, found.service.stage)


def _object(
    resource: tuple[str, str, str], name: str, namespace: str, labels: Mapping[str, str], spec: Mapping[str, Any]
) -> dict[str, Any]:  # fmt: skip
    version, _, kind = resource
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": dict(sorted(labels.items()))},
        "spec": dict(spec),
    }
