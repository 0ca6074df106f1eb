"""How the targets of a stage are reached, and what may be reached at all: a stage's part of `reconciler.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast

from reconciler.model.document import Checks, Fields
from reconciler.model.evidence_config import EvidenceConfig, evidence_from
from reconciler.model.nodes import MapNode

DEFAULT_KINDS: Final = ("Deployment", "StatefulSet")
DEFAULT_FLAG_PROJECT: Final = "default"
KUBERNETES_DEADLINE: Final = 10.0
"""Seconds that one call to an API server may take: its own client has no limit."""
FLAGS_DEADLINE: Final = 5.0
ENDPOINT_DEADLINE: Final = 10.0


@dataclass(frozen=True)
class KubernetesConnection:
    """An API server: by kubeconfig (and ``context``), from inside the cluster, or by its address.

    With none of them the environment decides, as for kubectl. ``deadline`` is in seconds for one call.
    """

    kubeconfig: Path | None = None
    context: str = ""
    in_cluster: bool = False
    server: str = ""
    ca_file: Path | None = None
    token_file: Path | None = None
    token_env: str = ""
    deadline: float = KUBERNETES_DEADLINE


@dataclass(frozen=True)
class FlagsConnection:
    """A flag server, or flagd's file. ``deadline`` is in seconds for one call, ``ca_file`` for an own authority.

    ``project`` and ``environment`` are where flags are looked for unless stage or service say; empty leaves it to the
    allow-list's defaults.
    """

    kind: Literal["unleash", "unleash-legacy", "flagd"]
    url: str = ""
    token_file: Path | None = None
    token_env: str = ""
    username: str = ""
    username_env: str = ""
    password_file: Path | None = None
    password_env: str = ""
    ca_file: Path | None = None
    file: Path | None = None
    project: str = ""
    environment: str = ""
    deadline: float = FLAGS_DEADLINE


@dataclass(frozen=True)
class Endpoint:
    """A webhook that playbooks call by its name. ``deadline`` is in seconds for one call."""

    url: str
    token_file: Path | None = None
    token_env: str = ""
    ca_file: Path | None = None
    deadline: float = ENDPOINT_DEADLINE


@dataclass(frozen=True)
class AllowList:
    """What the configuration repository may reach. None: the default for the stage."""

    namespaces: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    flag_projects: tuple[str, ...] | None = None
    flag_environments: tuple[str, ...] | None = None
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)


@dataclass(frozen=True)
class StageConnections:
    """The blocks of one stage as written; None where the file has none."""

    kubernetes: KubernetesConnection | None = None
    flags: FlagsConnection | None = None
    allow: AllowList | None = None
    evidence: EvidenceConfig | None = None

    def over(self, wider: StageConnections) -> StageConnections:
        """Return these blocks, with the wider ones where there is none here."""
        return StageConnections(
            self.kubernetes or wider.kubernetes,
            self.flags or wider.flags,
            self.allow or wider.allow,
            self.evidence or wider.evidence,
        )


def connections_from(fields: Fields, folder: Path, checks: Checks) -> StageConnections:
    """Return the blocks of a stage; files are named from ``folder``."""
    here = _Files(folder)
    return StageConnections(
        kubernetes=kubernetes_from(fields.section("kubernetes"), folder, checks) if fields.node("kubernetes") else None,
        flags=_flags(fields.section("flags"), here, checks) if fields.node("flags") else None,
        allow=_allow(fields.section("allow"), here, checks) if fields.node("allow") else None,
        evidence=evidence_from(fields.section("evidence"), folder, here.get, checks)
        if fields.node("evidence")
        else None,
    )


def one_of(fields: Fields, names: tuple[str, ...], checks: Checks) -> None:
    """Note a finding if more than one of the keys is there."""
    given = [name for name in names if fields.node(name) is not None]
    if len(given) > 1:
        checks.add(
            f"`{given[0]}` and `{given[1]}` exclude each other",
            fields.place_of(given[1]),
            expected="one of the two",
            hint=f"delete `{given[1]}` or `{given[0]}`",
        )


class _Files:
    """Names of files, relative to the folder of the configuration."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, fields: Fields, name: str) -> Path | None:
        text = fields.text(name)
        return self._folder / text if text else None


def kubernetes_from(fields: Fields, folder: Path, checks: Checks) -> KubernetesConnection:
    """Return how an API server is reached; files are named from ``folder``."""
    here = _Files(folder)
    if fields.flag("inCluster"):
        one_of(fields, ("inCluster", "kubeconfig"), checks)
        one_of(fields, ("inCluster", "context"), checks)
    one_of(fields, ("server", "kubeconfig"), checks)
    one_of(fields, ("tokenFile", "tokenEnv"), checks)
    for name in ("caFile", "tokenFile", "tokenEnv"):
        if fields.node(name) is not None and fields.node("server") is None:
            checks.add(f"`{name}` without `server`", fields.place_of(name), expected="`server`, or none of both")
    return KubernetesConnection(
        kubeconfig=here.get(fields, "kubeconfig"),
        context=fields.text("context"),
        in_cluster=fields.flag("inCluster"),
        server=fields.text("server"),
        ca_file=here.get(fields, "caFile"),
        token_file=here.get(fields, "tokenFile"),
        token_env=fields.text("tokenEnv"),
        deadline=_deadline(fields, KUBERNETES_DEADLINE, checks),
    )


_FLAGS_NEED: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "unleash": (("url",), ("tokenFile", "tokenEnv")),
    "unleash-legacy": (("url",), ("username", "usernameEnv"), ("passwordFile", "passwordEnv")),
    "flagd": (("file",),),
}


def _flags(fields: Fields, here: _Files, checks: Checks) -> FlagsConnection:
    kind = fields.text("kind")
    needed = _FLAGS_NEED[kind]
    for names in needed:
        one_of(fields, names, checks)
        if all(fields.node(name) is None for name in names):
            words = " or ".join(f"`{name}`" for name in names)
            checks.add(f"`{kind}` needs {words}", fields.place_of("kind"), expected=words, hint=f"add {words}")
    allowed = {name for names in needed for name in names} | {"kind", "project", "environment", "deadline"}
    allowed |= {"caFile"} if "url" in allowed else set()
    for key, _ in fields.map.entries:
        if key.raw not in allowed:
            checks.add(f"`{key.raw}` means nothing for `{kind}`", key.place, expected="no such key", hint="delete it")
    return FlagsConnection(
        kind=cast("Literal['unleash', 'unleash-legacy', 'flagd']", kind),
        url=fields.text("url"),
        token_file=here.get(fields, "tokenFile"),
        token_env=fields.text("tokenEnv"),
        username=fields.text("username"),
        username_env=fields.text("usernameEnv"),
        password_file=here.get(fields, "passwordFile"),
        password_env=fields.text("passwordEnv"),
        ca_file=here.get(fields, "caFile"),
        file=here.get(fields, "file"),
        project=fields.text("project"),
        environment=fields.text("environment"),
        deadline=_deadline(fields, FLAGS_DEADLINE, checks),
    )


def _allow(fields: Fields, here: _Files, checks: Checks) -> AllowList:
    endpoints: dict[str, Endpoint] = {}
    node = fields.node("endpoints")
    for key, value in node.entries if isinstance(node, MapNode) else ():
        endpoint = Fields(value)
        one_of(endpoint, ("tokenFile", "tokenEnv"), checks)
        endpoints[key.raw] = Endpoint(
            endpoint.text("url"),
            here.get(endpoint, "tokenFile"),
            endpoint.text("tokenEnv"),
            here.get(endpoint, "caFile"),
            _deadline(endpoint, ENDPOINT_DEADLINE, checks),
        )
    return AllowList(
        namespaces=_listed(fields, "namespaces"),
        kinds=_listed(fields, "kinds"),
        flag_projects=_listed(fields, "flagProjects"),
        flag_environments=_listed(fields, "flagEnvironments"),
        endpoints=endpoints,
    )


def _deadline(fields: Fields, default: float, checks: Checks) -> float:
    """Read a deadline in seconds; one of no time would be taken for none and the default."""
    found = fields.go_seconds("deadline")
    if found is not None and found <= 0:
        checks.add(
            "`deadline` is no time at all",
            fields.place_of("deadline"), expected="a duration above 0", hint=f"write `deadline: {default:g}s`",
        )  # fmt: skip
    return found or default


def _listed(fields: Fields, name: str) -> tuple[str, ...] | None:
    return fields.texts(name) if fields.node(name) is not None else None
