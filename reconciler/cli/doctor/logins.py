"""What we show of who we are, looked at before it is shown: is it there, and what is to be set where it is not?

A server that was never asked has nothing wrong with it, so that is not what a person is sent to look at.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from reconciler.cli.doctor.secrets import missing
from reconciler.model.connections import FlagsConnection, KubernetesConnection
from reconciler.model.evidence_config import Access
from reconciler.model.suggest import did_you_mean

Told: TypeAlias = tuple[str, str]
"""What was found, and what to do."""
_UNLEASH: Final = "an admin token (or a personal access token of a user that may switch flags)"
_CLUSTER: Final = "the token of a service account with the rights in docs/deploying.md"
_POD: Final = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")


def of_flags(given: FlagsConnection) -> Told | None:
    """Return what an Unleash cannot be shown, None where all of it is there."""
    if given.kind == "unleash":
        return _secret("flags.token", given.token_file, given.token_env, _UNLEASH)
    name = None if given.username else _secret("flags.username", None, given.username_env, "the name of Unleash's user")
    return name or _secret("flags.password", given.password_file, given.password_env, "the password of Unleash's user")


def of_cluster(given: KubernetesConnection, environ: Mapping[str, str]) -> Told | None:
    """Return what an API server cannot be shown, None where it is there or only the server can tell."""
    if given.in_cluster and not all(environ.get(name) for name in _POD):
        told = "this is no pod of a cluster, so there is no cluster to be inside of"
        return told, "run doctor where the daemon runs (`kubectl exec`), or set `kubernetes.kubeconfig`"
    files = (("kubeconfig", given.kubeconfig), ("caFile", given.ca_file))
    for key, file in files:
        if file is not None and (told := missing(file, environ)):
            return told, f"mount it, readable for the daemon's user, or correct `kubernetes.{key}`"
    if given.server:
        return _secret("kubernetes.token", given.token_file, given.token_env, _CLUSTER)
    return None


def unread(given: KubernetesConnection, environ: Mapping[str, str]) -> str:
    """Return what to do about an API server's address and credentials that cannot be made out."""
    from reconciler.targets.kubernetes.client import contexts

    there = sorted(contexts(str(given.kubeconfig or ""), environ)) if given.context else []
    if there and given.context not in there:
        listed = f"name one of its contexts as `kubernetes.context`: {', '.join(there)}"
        return f"{did_you_mean(given.context, there)} {listed}".lstrip()
    if given.kubeconfig is not None:
        return (
            f"correct that file: `kubectl --kubeconfig {given.kubeconfig} config view --minify` says what is in force"
        )
    return "name the cluster: `kubernetes.kubeconfig`, `inCluster` or `server`; none was found as kubectl looks for it"


def of_provider(access: Access) -> Told | None:
    """Return what a provider of values cannot be shown, None where nothing is configured or it is there."""
    if access.token_file is not None or access.token_env:
        return _secret("token", access.token_file, access.token_env, "a token that may query")
    if access.username:
        return _secret("password", access.password_file, access.password_env, f"the password of {access.username}")
    return None


def _secret(key: str, file: Path | None, variable: str, what: str) -> Told | None:
    """Look at a secret. ``key`` is that of the configuration, without `File` or `Env`."""
    stem = key.rpartition(".")[2]
    if file is None and not variable:
        return f"no {stem} is configured", f"set `{key}File` or `{key}Env`: {what}"
    told = missing(variable if file is None else file, os.environ)
    if told and file is None:
        return told, f"set {variable} to {what}, where the daemon runs"
    if told:
        return told, f"mount {what} as that file, readable for the daemon's user, or correct `{key}File`"
    value = os.environ[variable].encode(errors="replace") if file is None else file.read_bytes()
    if stem == "token" and not (value.strip().isascii() and value.strip().decode("ascii").isprintable()):
        return f"{file or variable} is not one line of ASCII text", f"let it hold {what}, and nothing else"
    return None
