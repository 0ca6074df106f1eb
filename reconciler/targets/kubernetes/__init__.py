"""Workloads and autoscalers on Kubernetes: observed and scaled through the official client.

Importing this package does not import `kubernetes`; the first call does.
"""

from __future__ import annotations

from reconciler.targets.kubernetes.access import Access, InCluster, Kubeconfig, TokenFile
from reconciler.targets.kubernetes.server import KubernetesServer

__all__ = ["Access", "InCluster", "Kubeconfig", "KubernetesServer", "TokenFile"]
