"""What the chart is rendered with: the combinations of values that differ in what comes out."""

from __future__ import annotations

from typing import Any

MINIMAL: dict[str, Any] = {
    "config": {
        "projects": {
            "shop": {
                "repository": {"url": "https://git.example.com/shop/config.git"},
                "stages": {"production": {"kubernetes": {"inCluster": True}}},
            }
        }
    },
    "targets": [{"namespace": "shop-production"}],
}
TEXT = """\
projects:
  shop:
    repository: {url: "https://git.example.com/shop/config.git"}
    stages:
      production:
        evidence:
          prometheus: {url: "http://prometheus.monitoring:9090"}
          dynatrace: {url: "https://dynatrace.example.com", tokenFile: /etc/reconciler/secrets/dynatrace/token}
stateDir: /var/lib/reconciler
server: {status: "0.0.0.0:9090"}
"""
BEARER = {"kind": "bearer", "tokenFile": "/etc/reconciler/secrets/webhooks/token"}
PERSON = {"username": "ada", "passwordFile": "/etc/reconciler/secrets/people/ada"}
FULL: dict[str, Any] = {
    "config": {
        "log": {"level": "debug"},
        "server": {"maxBody": 4194304, "rate": 0.5},
        "webhooks": {"alertmanager": {"auth": BEARER}},
        "bridge": {"auth": {"kind": "basic", "people": [PERSON]}, "actions": True},
        "projects": {
            "shop": {
                "repository": {
                    "url": "https://git.example.com/shop/config.git",
                    "username": "reconciler",
                    "tokenFile": "/etc/reconciler/secrets/git/token",
                },
                "poll": "30s",
                "stages": {
                    "*": {
                        "kubernetes": {"inCluster": True},
                        "evidence": {"deadline": "20s", "prometheus": {"url": "http://prometheus.monitoring:9090"}},
                    }
                },
            }
        },
    },
    "image": {"repository": "registry.example.com/reconciler", "digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "secrets": [
        {"name": "git", "existingSecret": "reconciler-git", "items": [{"key": "password", "path": "token"}]},
        {"name": "webhooks", "existingSecret": "reconciler-webhooks"},
        {"name": "people", "existingSecret": "reconciler-people"},
    ],
    "environment": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
    "targets": [
        {
            "namespace": "shop-production",
            "kinds": ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "VirtualService.networking.istio.io"],
            "scalable": [{"group": "argoproj.io", "resource": "rollouts"}],
            "keda": True,
        }
    ],
    "serviceAccount": {"annotations": {"example.com/role": "reconciler"}},
    "service": {"type": "LoadBalancer", "annotations": {"example.com/internal": "true"}},
    "ingress": {
        "webhooks": {"enabled": True, "host": "hooks.example.com", "className": "nginx", "tlsSecret": "hooks-tls"},
        "bridge": {"enabled": True, "host": "bridge.example.com", "annotations": {"example.com/a": "b"}},
    },
    "networkPolicy": {
        "webhooksFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "bridgeFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
        "statusFrom": [{"namespaceSelector": {}}],
        "egress": [{"ports": [{"protocol": "TCP", "port": 443}]}],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "rules": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Operations"}},
    "podAnnotations": {"example.com/note": "ours"},
    "podLabels": {"team": "platform"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "priorityClassName": "system-cluster-critical",
}
PROXIED: dict[str, Any] = {
    **MINIMAL,
    "config": {**MINIMAL["config"], "bridge": {"auth": {"kind": "proxy"}}},
    "bridgeProxyPort": 4180,
    "extraContainers": [{"name": "proxy", "image": "proxy:1", "ports": [{"containerPort": 4180}]}],
}
DISK: dict[str, Any] = {**MINIMAL, "state": {"kind": "persistentVolumeClaim"}}
KEPT: dict[str, Any] = {
    **FULL,
    "replicas": 3,
    "state": {
        "kind": "persistentVolumeClaim",
        "size": "5Gi",
        "storageClass": "fast",
        "accessModes": ["ReadWriteOncePod"],
        "annotations": {"example.com/backup": "none"},
    },
}
CASES: dict[str, dict[str, Any]] = {
    "nothing but what is needed": MINIMAL,
    "everything": FULL,
    "several namespaces": {
        **MINIMAL,
        "targets": [{"namespace": "shop-staging"}, {"namespace": "shop-production", "kinds": ["Deployment"]}],
    },
    "secrets that exist": {
        **MINIMAL,
        "secrets": [{"name": "git", "existingSecret": "reconciler-git"}],
        "serviceAccount": {"create": False, "name": "existing"},
    },
    "two replicas": {**MINIMAL, "replicas": 2},
    "a proxy before the bridge": PROXIED,
    "a disk": DISK,
    "a disk that is there": {**MINIMAL, "state": {"kind": "persistentVolumeClaim", "existingClaim": "mirror-0"}},
    "everything, and three disks": KEPT,
    "text": {"configFile": TEXT},
    "an assigned user, and others' rights": {**MINIMAL, "user": None, "rbac": {"create": False}},
    "no rights by leases": {**MINIMAL, "leases": {"enabled": False}, "networkPolicy": {"enabled": False}},
}
