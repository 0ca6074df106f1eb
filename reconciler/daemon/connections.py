"""From the daemon's configuration to target servers and mirrors. Nothing is connected to before its first use."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from reconciler.daemon.clock import Clock, ServerDates
from reconciler.daemon.dispatch import Allowed, Servers
from reconciler.daemon.evidence import connect_evidence
from reconciler.daemon.github_apps import credentials_of
from reconciler.daemon.secrets import secret_source
from reconciler.model.connections import Endpoint, FlagsConnection, KubernetesConnection
from reconciler.model.daemon_config import ProjectConnections, RepositoryConfig
from reconciler.model.errors import ConfigError
from reconciler.model.names import StageName
from reconciler.model.signing_config import SigningConfig
from reconciler.model.targets import WantFlag
from reconciler.repo.conversation import Heard, unheard
from reconciler.repo.mirror import Mirror
from reconciler.repo.signatures_gpg import GpgJudge, GpgSigner
from reconciler.repo.signatures_policy import Policy
from reconciler.repo.signatures_signers import Signers
from reconciler.repo.signing import CommitSigner, SshKeyFile
from reconciler.targets.endpoints import Address, EndpointServer
from reconciler.targets.flagd import FlagdFile
from reconciler.targets.kubernetes import Access, InCluster, Kubeconfig, KubernetesServer, TokenFile
from reconciler.targets.protocol import KubernetesWant, TargetServer
from reconciler.targets.unleash import LegacyUnleashServer, UnleashServer


def connect(project: ProjectConnections, stage: StageName, clock: Clock) -> Servers:
    """Return the target servers of a stage, with what the configuration allows of them.

    Raises:
        ConfigError: a connection cannot work as configured.
    """
    reach = project.reach(stage)
    allowed = Allowed(reach.namespaces, reach.kinds, reach.flag_projects, reach.flag_environments)
    dates = ServerDates(clock)
    return Servers(
        kubernetes=_kubernetes(reach.kubernetes, dates) if reach.kubernetes is not None else None,
        flags=flag_server(reach.flags) if reach.flags is not None else None,
        allowed=allowed,
        dates=dates,
        endpoints=EndpointServer({name: _address(name, endpoint) for name, endpoint in reach.endpoints.items()}),
        evidence=connect_evidence(reach.evidence, project.name, stage) if reach.evidence is not None else None,
    )


def _kubernetes(connection: KubernetesConnection, dates: ServerDates) -> TargetServer[KubernetesWant]:
    return KubernetesServer(access_of(connection), deadline=connection.deadline, heard_date=dates.heard)


def access_of(connection: KubernetesConnection) -> Access:
    """Return where an API server is and who we are to it. Raises ConfigError where that cannot work."""
    if connection.in_cluster:
        return InCluster()
    if connection.server:
        secret = secret_source(None, connection.token_env, f"the token for {connection.server}")
        if connection.token_file is None and secret is None:
            raise ConfigError(
                "`kubernetes.server` needs `tokenFile` or `tokenEnv`",
                hint="mount the token as a file, or use a kubeconfig",
            )
        return TokenFile(connection.server, _text(connection.token_file), _text(connection.ca_file), secret)
    return Kubeconfig(_text(connection.kubeconfig), connection.context)


def _address(name: str, endpoint: Endpoint) -> Address:
    token = secret_source(endpoint.token_file, endpoint.token_env, f"the token of the endpoint {name}")
    return Address(endpoint.url, token, endpoint.deadline, endpoint.ca_file)


def _text(path: Path | None) -> str:
    return "" if path is None else str(path)


def flag_server(connection: FlagsConnection) -> TargetServer[WantFlag]:
    """Return the flag server behind a connection. Raises ConfigError where that cannot work."""
    if connection.kind == "flagd":
        if connection.file is None:
            raise ConfigError("`flags.kind: flagd` needs `file`", hint="name the flag file that flagd reads")
        return FlagdFile(connection.file)
    if not connection.url:
        raise ConfigError(f"`flags.kind: {connection.kind}` needs `url`", hint="https://unleash.example.com")
    if connection.kind == "unleash":
        token = secret_source(connection.token_file, connection.token_env, "the Unleash token")
        if token is None:
            raise ConfigError("`flags.kind: unleash` needs `tokenFile` or `tokenEnv`", hint="an admin API token")
        return UnleashServer(connection.url, token, deadline=connection.deadline, ca_file=connection.ca_file)
    user = secret_source(None, connection.username_env, "the Unleash user")
    password = secret_source(connection.password_file, connection.password_env, "the Unleash password")
    if password is None:
        raise ConfigError("`flags.kind: unleash-legacy` needs `passwordFile` or `passwordEnv`")
    return LegacyUnleashServer(
        connection.url,
        lambda: f"{user() if user is not None else connection.username}:{password()}",
        deadline=connection.deadline,
        ca_file=connection.ca_file,
    )


def check_legacy_flags(project: ProjectConnections, stages: list[StageName]) -> None:
    """Refuse a legacy Unleash that several stages share: it switches a flag in all environments at once.

    Raises:
        ConfigError: naming the stages.
    """
    by_url: dict[str, list[StageName]] = {}
    for stage in stages:
        flags = project.reach(stage).flags
        if flags is not None and flags.kind == "unleash-legacy":
            by_url.setdefault(flags.url, []).append(stage)
    for url, shared in by_url.items():
        if len(shared) > 1:
            raise ConfigError(
                f"{', '.join(shared)} share the legacy flag server at {url}, which knows no environments",
                hint="give each stage a server of its own, or use `kind: unleash`",
            )


def signer(signing: SigningConfig) -> CommitSigner | None:
    """Return what signs our commits, None where they are not signed. The key is read when it is needed first."""
    if signing.ssh_key_file is not None:
        return SshKeyFile(signing.ssh_key_file)
    return GpgSigner(signing.gpg_key) if signing.gpg_key else None


def policy(signing: SigningConfig) -> Callable[[Mirror, StageName | None, Policy | None], Policy] | None:
    """Return what judges people's commits on a branch of a project, None where everybody's count."""
    if signing.allowed_signers is None:
        return None
    ours = GpgJudge((signing.gpg_key,)) if signing.gpg_key else None
    people = GpgJudge(signing.allowed_gpg) if signing.allowed_gpg else None
    signers = Signers(signing.allowed_signers, signing.revoked_keys, ours=ours, people=people)
    own = signer(signing)

    def key() -> bytes | None:
        return own.public() if isinstance(own, SshKeyFile) else None

    return lambda mirror, stage, project: Policy(
        mirror, signers, stage, signing.since, project=project, signs=own is not None, key=key
    )


def check_signing(signing: SigningConfig) -> None:
    """Refuse an SSH key that cannot sign. Raises ConfigError, or BlindError where it is not there."""
    found = signer(signing)
    if isinstance(found, SshKeyFile):
        found.public_line()


def open_mirror(
    repository: RepositoryConfig, state: Path, heard: Heard = unheard, signing: CommitSigner | None = None,
    *, wall: Callable[[], float] = time.time, project: str = "",
) -> Mirror:  # fmt: skip
    """Open the mirror of a project's repository below the daemon's state directory, which may be deleted any time.

    ``wall`` is seconds since 1970, for credentials that end. ``project`` is whose mirror it is, so that what another
    mirror of it keeps, of an address that it had before, is found.
    """
    credentials = credentials_of(repository, wall)
    where = mirror_path(repository, state)
    return Mirror.open(where, repository.url, credentials=credentials, heard=heard, signer=signing, project=project)


def mirror_path(repository: RepositoryConfig, state: Path) -> Path:
    """Return where the mirror of a project's repository lies."""
    name = hashlib.sha256(repository.url.encode()).hexdigest()[:16]
    return state / "mirrors" / f"{name}.git"
