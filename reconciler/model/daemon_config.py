"""`reconciler.yaml`: the daemon's own configuration, which never lies in the configuration repository.

Whoever can open a pull request there must not be able to redirect a token or widen what may be reached, so
connections and allow-lists are here. It names files and environment variables with secrets and never holds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, cast

from reconciler.model.bridge_config import BridgeConfig, bridge_from
from reconciler.model.connections import (
    DEFAULT_FLAG_PROJECT,
    DEFAULT_KINDS,
    AllowList,
    Endpoint,
    FlagsConnection,
    KubernetesConnection,
    StageConnections,
    connections_from,
    one_of,
)
from reconciler.model.document import Checks, Fields, checked, parse
from reconciler.model.evidence_config import EvidenceConfig
from reconciler.model.forge_config import ForgeConfig, forge_from
from reconciler.model.github_app_config import GitHubAppConfig, app_of_remote
from reconciler.model.invalid import InvalidFile
from reconciler.model.leases_config import LeasesConfig, leases_from
from reconciler.model.names import ProjectName, StageName
from reconciler.model.no_secrets import check_git_url, inline_secrets, is_local
from reconciler.model.nodes import MapNode
from reconciler.model.notifications import Notification, notifications_from
from reconciler.model.signing_config import SigningConfig, signing_from
from reconciler.model.tracing_config import TracingConfig, tracing_from
from reconciler.model.webhooks import ServerConfig, WebhooksConfig
from reconciler.model.webhooks_config import server_from, webhooks_from
from reconciler.model.webhooks_slips import plainer

POLL: Final = 30.0
"""Seconds between two looks at a repository that does not tell of its commits."""
EVERY_STAGE: Final = "*"


@dataclass(frozen=True)
class RepositoryConfig:
    """The configuration repository. A ``url`` that is a path has been made relative to the daemon's folder."""

    url: str
    branch_prefix: str = ""
    username: str = ""
    token_file: Path | None = None
    token_env: str = ""
    ssh_key_file: Path | None = None
    known_hosts_file: Path | None = None
    ca_file: Path | None = None
    github_app: GitHubAppConfig | None = None


@dataclass(frozen=True)
class Reach:
    """What a stage may reach and how, with every default filled in. A server that is None is not connected."""

    namespaces: frozenset[str]
    kinds: frozenset[str]
    flag_projects: frozenset[str]
    flag_environments: frozenset[str]
    endpoints: Mapping[str, Endpoint]
    kubernetes: KubernetesConnection | None
    flags: FlagsConnection | None
    evidence: EvidenceConfig | None = None


@dataclass(frozen=True)
class ProjectConnections:
    """A project's part of the configuration. ``poll`` is in seconds; ``stages`` may have the key `*`."""

    name: ProjectName
    repository: RepositoryConfig
    poll: float = POLL
    stages: Mapping[str, StageConnections] = field(default_factory=dict)
    notifications: tuple[Notification, ...] = ()
    forge: ForgeConfig | None = None
    signing: SigningConfig = SigningConfig()

    def reach(self, stage: StageName) -> Reach:
        """Return the connections of a stage: its own blocks, else those of `*`, else the defaults.

        The defaults are the namespace `<project>-<stage>`, Deployments and StatefulSets, the flag project `default` and
        the stage's name as flag environment; a project and environment named in the flag connection are allowed too.
        """
        wider = self.stages.get(EVERY_STAGE, StageConnections())
        own = self.stages.get(stage, StageConnections()).over(wider)
        allow = own.allow or AllowList()
        flags = own.flags
        if flags is not None:
            flags = replace(
                flags, project=flags.project or DEFAULT_FLAG_PROJECT, environment=flags.environment or stage
            )
        project = flags.project if flags else DEFAULT_FLAG_PROJECT
        environment = flags.environment if flags else stage
        return Reach(
            namespaces=_or(allow.namespaces, f"{self.name}-{stage}"),
            kinds=_or(allow.kinds, *DEFAULT_KINDS),
            flag_projects=_or(allow.flag_projects, project),
            flag_environments=_or(allow.flag_environments, environment),
            endpoints=allow.endpoints,
            kubernetes=own.kubernetes,
            flags=flags,
            evidence=own.evidence,
        )


@dataclass(frozen=True)
class LogConfig:
    """What is logged and how."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True)
class DaemonConfig:
    """A whole `reconciler.yaml`. ``state_dir`` may be deleted at any time; without ``leases`` work is not shared."""

    projects: Mapping[ProjectName, ProjectConnections]
    state_dir: Path
    log: LogConfig = LogConfig()
    server: ServerConfig = ServerConfig()
    webhooks: WebhooksConfig = WebhooksConfig()
    bridge: BridgeConfig = BridgeConfig()
    leases: LeasesConfig | None = None
    tracing: TracingConfig | None = None


def load_daemon_config(data: bytes, path: str) -> DaemonConfig:
    """Load the configuration; names of files are taken from the folder of ``path``. Nothing is opened.

    Raises:
        InvalidFile: with all findings; none of them repeats a secret that was written into the file.
    """
    root = parse(data, path)
    if secrets := list(inline_secrets(root)):
        raise InvalidFile(secrets)
    try:
        fields = checked(root, "reconciler")
    except InvalidFile as error:
        raise InvalidFile(plainer(error.errors, root)) from error
    folder = Path(path).parent
    checks = Checks()
    projects = {
        ProjectName(name): _project(ProjectName(name), section, folder, checks)
        for name, section in _sections(fields, "projects")
    }
    server = server_from(fields.section("server"), folder, checks)
    named = {str(name): tuple(project.stages) for name, project in projects.items()}
    webhooks = webhooks_from(fields.section("webhooks"), server, folder, checks, named)
    bridge = bridge_from(fields.section("bridge"), server, folder, checks)
    leases = leases_from(fields.section("leases"), folder, checks) if fields.node("leases") is not None else None
    tracing = tracing_from(fields.section("tracing"), folder, checks) if fields.node("tracing") is not None else None
    checks.done()
    log = fields.section("log")
    return DaemonConfig(
        projects=projects,
        state_dir=folder / fields.text("stateDir", "state"),
        log=LogConfig(
            cast("Literal['json', 'console']", log.text("format", "json")),
            cast("Literal['debug', 'info', 'warning', 'error']", log.text("level", "info")),
        ),
        server=server,
        webhooks=webhooks,
        bridge=bridge,
        leases=leases,
        tracing=tracing,
    )


def _project(name: ProjectName, fields: Fields, folder: Path, checks: Checks) -> ProjectConnections:
    poll = fields.go_seconds("poll")
    if poll is not None and poll <= 0:
        checks.add("`poll` is no time at all", fields.place_of("poll"), expected="a duration above 0")
    return ProjectConnections(
        name=name,
        repository=_repository(fields.section("repository"), folder, checks),
        poll=poll or POLL,
        stages={stage: connections_from(section, folder, checks) for stage, section in _sections(fields, "stages")},
        notifications=notifications_from(fields, folder, checks),
        forge=forge_from(fields, folder, checks),
        signing=signing_from(fields.section("signing"), folder, checks),
    )


def _repository(fields: Fields, folder: Path, checks: Checks) -> RepositoryConfig:
    url = fields.text("url")
    checks.run(lambda: check_git_url(url, fields.place_of("url")), None)
    one_of(fields, ("tokenFile", "tokenEnv"), checks)
    if fields.node("caFile") is not None and not url.startswith("https:"):
        hint = "delete it; host keys of ssh are in `knownHostsFile`"
        checks.add(
            "`caFile` is for addresses of https only", fields.place_of("caFile"), expected="no such key", hint=hint
        )

    def file(name: str) -> Path | None:
        text = fields.text(name)
        return folder / text if text else None

    return RepositoryConfig(
        url=str(folder / url) if is_local(url) else url,
        branch_prefix=fields.text("branchPrefix"),
        username=fields.text("username"),
        token_file=file("tokenFile"),
        token_env=fields.text("tokenEnv"),
        ssh_key_file=file("sshKeyFile"),
        known_hosts_file=file("knownHostsFile"),
        ca_file=file("caFile"),
        github_app=app_of_remote(fields, folder, checks),
    )


def _sections(fields: Fields, name: str) -> list[tuple[str, Fields]]:
    node = fields.node(name)
    return [(key.raw, Fields(value)) for key, value in node.entries] if isinstance(node, MapNode) else []


def _or(listed: tuple[str, ...] | None, *default: str) -> frozenset[str]:
    return frozenset(default if listed is None else listed)
