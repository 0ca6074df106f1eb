"""The kubeconfig of an embedded cluster."""

from __future__ import annotations

import json
from typing import Any


def kubeconfig(url: str, *, token: str = "", certificate: str = "") -> str:
    """Return a kubeconfig with one context, `embedded`; JSON, which every reader of YAML takes."""
    user: dict[str, Any] = {"token": token} if token else {}
    cluster = {"server": url, **({"certificate-authority": certificate} if certificate else {})}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "embedded", "cluster": cluster}],
            "users": [{"name": "embedded", "user": user}],
            "contexts": [{"name": "embedded", "context": {"cluster": "embedded", "user": "embedded"}}],
            "current-context": "embedded",
        },
        indent=2,
    )
