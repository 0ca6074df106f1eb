"""Where the API server is and who we are to it: three ways, and none of them from the config repository.

A source is only named here; `client` reads it, and reads it again when one of its files changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True)
class Kubeconfig:
    """A kubeconfig file and one of its contexts. Empty: `$KUBECONFIG` or `~/.kube/config`, and the current context."""

    path: str = ""
    context: str = ""


@dataclass(frozen=True)
class InCluster:
    """The service account of the pod that we run in; ``folder`` is where its projected volume is mounted."""

    folder: str = SERVICE_ACCOUNT


@dataclass(frozen=True)
class TokenFile:
    """An API server's URL, the file that holds our bearer token, and that of the authority that signed its certificate.

    ``token`` may be empty for a server that wants none, ``certificate`` for one that public authorities vouch for.
    ``secret`` reads a token that is in no file.
    """

    url: str
    token: str = ""
    certificate: str = ""
    secret: Callable[[], str] | None = None


Access: TypeAlias = Kubeconfig | InCluster | TokenFile
