"""Every secret and certificate that the configuration names: is it there, and is anything in it? None of it is shown.

Found by the names of the configuration's own fields (`token_file`, `password_env`), so that a new block has its part in
it without being told here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.cli.doctor.finding import Finding, ok, problem, warning
from reconciler.model.bridge_config import BridgeConfig
from reconciler.model.daemon_config import DaemonConfig
from reconciler.model.github_app_config import GitHubAppConfig
from reconciler.model.webhooks import Authentication


def named(config: DaemonConfig) -> Iterator[tuple[str, Path | str]]:
    """Yield the key of each secret as it is written, with its file, or with its variable."""
    seen: set[tuple[str, Path | str]] = set()
    for key, value in _walk(config, ""):
        if (key, value) not in seen:
            seen.add((key, value))
            yield key, value


def secrets(config: DaemonConfig, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at all of them."""
    count = 0
    for key, value in named(config):
        told = missing(value, environ)
        if told:
            yield problem("secrets", key, told, _advice(key, value, told))
        elif isinstance(value, Path) and not environ.get(_IN_A_POD) and not key.endswith(_PUBLIC) and _is_open(value):
            told = f"{value} can be read by everybody on this machine"
            yield warning("secrets-open", key, told, f"let its owner alone read it: `chmod 600 {value}`")
        count += not told
    if count:
        yield ok("secrets", "reconciler.yaml", f"{count} that it names {'is' if count == 1 else 'are'} there")


def missing(value: Path | str, environ: Mapping[str, str]) -> str:
    """Return what is wrong with a secret's file or variable, empty where nothing is. Nothing of the secret is in it."""
    if isinstance(value, str):
        return "" if environ.get(value, "").strip() else f"the variable {value} is not set here"
    try:
        return "" if value.read_bytes().strip() else f"{value} is empty"
    except OSError as error:
        return f"{value} cannot be read: {(error.strerror or type(error).__name__).lower()}"


_IN_A_POD: Final = "KUBERNETES_SERVICE_HOST"
"""A variable of pods: mounted secrets have the mode 0644 there, and nobody else is there."""
_PUBLIC: Final = ("caFile", "certFile", "clientCaFile", "knownHostsFile", "allowedSigners", "revokedKeys")
_PASSABLE: Final = 0o001


def _is_open(file: Path) -> bool:
    """Whether everybody may read a file and get to it."""
    try:
        real = file.resolve()
        return bool(real.stat().st_mode & 0o004) and all(each.stat().st_mode & _PASSABLE for each in real.parents)
    except OSError:
        return False


def _advice(key: str, value: Path | str, told: str) -> str:
    """Return what to do about a secret that is not there."""
    if isinstance(value, str):
        return f"set {value} as the daemon has it, or look at its environment"
    if not told.endswith("is empty"):
        return "mount it, readable for the daemon's user, or correct its path"
    if key.endswith("knownHostsFile"):
        return "write the server's host keys into it: `ssh-keyscan HOST`, compared with what it tells"
    return "write the secret into it"


def _walk(value: Any, path: str) -> Iterator[tuple[str, Path | str]]:
    if is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            inner = getattr(value, each.name)
            key = f"{path}.{_written(each.name, value)}".strip(".")
            file = isinstance(inner, Path) and (each.name.endswith("_file") or each.name in _FILES)
            variable = isinstance(inner, str) and inner != "" and each.name.endswith("_env")
            if file or variable:
                yield key, inner
            else:
                yield from _walk(inner, key or path)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _walk(inner, f"{path}.{name}")
    elif isinstance(value, tuple | list):
        for number, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{number}]")


_FILES = frozenset({"allowed_signers", "revoked_keys"})


def _written(name: str, value: object) -> str:
    """Return a field's name as the configuration writes it; empty where the file has no such level."""
    if name in {"access", "providers"}:
        return ""
    if isinstance(value, Authentication) and name.startswith("secret_"):
        stem = {"bearer": "token", "basic": "password"}.get(value.kind, "secret")
        name = name.replace("secret", stem)
    if isinstance(value, BridgeConfig) and name == "people":
        return "auth.people"
    if isinstance(value, GitHubAppConfig):
        name = name.replace("key_", "private_key_")
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)
