"""The part `leases` of `reconciler.yaml`, right and wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.connections import KubernetesConnection
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.invalid import InvalidFile
from reconciler.model.leases_config import LeasesConfig

PROJECTS = "projects: {shop: {repository: {url: shop.git}}}\n"


def load(text: str) -> LeasesConfig | None:
    return load_daemon_config((text + PROJECTS).encode(), "/etc/reconciler/reconciler.yaml").leases


def test_work_is_not_shared_unless_it_is_wanted() -> None:
    assert load("") is None
    assert load("leases:\n") is None


def test_a_namespace_is_enough() -> None:
    assert load("leases: {namespace: ops}\n") == LeasesConfig("ops", KubernetesConnection(), 15.0, 5.0, "")


def test_everything_can_be_said() -> None:
    found = load(
        "leases: {namespace: ops, kubernetes: {kubeconfig: k, context: c}, duration: 1m, renew: 10s, identity: a-0}\n"
    )
    kubernetes = KubernetesConnection(kubeconfig=Path("/etc/reconciler/k"), context="c")
    assert found == LeasesConfig("ops", kubernetes, 60.0, 10.0, "a-0")


def test_a_short_duration_is_renewed_more_often() -> None:
    found = load("leases: {namespace: ops, duration: 3s}\n")
    assert found is not None
    assert found.renew == 1.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("leases: {}", "namespace"),
        ("leases: {namespace: Ops}", "namespace"),
        ("leases: {namespace: ops, duration: 500ms}", "too short for a lease"),
        ("leases: {namespace: ops, renew: 6s}", "at most 5s"),
        ("leases: {namespace: ops, duration: 30s, renew: 0s}", "at most 10s"),
        ("leases: {namespace: ops, identity: 'a b'}", "identity"),
        ("leases: {namespace: ops, kubernetes: {server: 'https://a', kubeconfig: b}}", "exclude each other"),
        ("leases: {namespace: ops, holder: a}", "holder"),
    ],
)
def test_what_cannot_work_is_told(text: str, told: str) -> None:
    with pytest.raises(InvalidFile, match=told):
        load(text + "\n")
