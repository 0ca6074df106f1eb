"""Pod templates as the API server keeps them: without nulls, and with the defaults of a pod and its containers.

A revision is recognised by its template being equal to another one, so what a client leaves out and what it spells out
(kubectl writes `resources: {}` and nulls) have to come to the same. Source: the generated defaults of core/v1.
"""

from __future__ import annotations

from typing import Any

_POD: dict[str, Any] = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_CONTAINER: dict[str, Any] = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_PROBE: dict[str, Any] = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def defaulted(template: dict[str, Any]) -> dict[str, Any]:
    """Return a pod template with its defaults; the same object where nothing was missing."""
    whole = _without_nulls(template)
    metadata, spec = whole.get("metadata"), whole.get("spec")
    if isinstance(metadata, dict):
        # Go leaves empty maps out.
        whole = {**whole, "metadata": {key: value for key, value in metadata.items() if value != {}}}
    if isinstance(spec, dict):
        containers = {
            field: [_container(one) if isinstance(one, dict) else one for one in spec[field]]
            for field in ("initContainers", "containers")
            if isinstance(spec.get(field), list)
        }
        whole = {**whole, "spec": {**_POD, **spec, **containers}}
    return template if whole == template else whole


def _container(container: dict[str, Any]) -> dict[str, Any]:
    tag = str(container.get("image", "")).rpartition("/")[2].partition(":")[2]
    policy = "Always" if tag in ("", "latest") else "IfNotPresent"
    whole = {**_CONTAINER, "imagePullPolicy": policy, **container}
    if isinstance(whole.get("ports"), list):
        whole["ports"] = [{"protocol": "TCP", **port} if isinstance(port, dict) else port for port in whole["ports"]]
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(whole.get(probe), dict):
            whole[probe] = {**_PROBE, **whole[probe]}
    return whole


def _without_nulls(value: Any) -> Any:
    """Return a value as a typed decoder leaves it: what is null was not said."""
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return [_without_nulls(child) for child in value] if isinstance(value, list) else value
