"""The `forge` of a project in `reconciler.yaml`: where people review, and what is done there.

Address and repository stand here and nowhere else: nothing in the configuration repository decides which server gets
the token. Nothing is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from reconciler.model.document import Checks, Fields
from reconciler.model.github_app_config import GitHubAppConfig, app_of_forge

Kind: TypeAlias = Literal["github", "gitlab", "gitea", "forgejo"]
POLL: Final = 30.0
"""Seconds between two looks at the pull requests that wait."""
DEADLINE: Final = 10.0
"""Seconds that one call may take."""
_APIS: Final[Mapping[str, str]] = {"github": "https://api.github.com", "gitlab": "https://gitlab.com/api/v4"}
_SUFFIX: Final[Mapping[str, str]] = {"gitlab": "/api/v4", "gitea": "/api/v1", "forgejo": "/api/v1"}


@dataclass(frozen=True)
class ForgeConfig:
    """A repository on a forge. ``api`` is the address of its API; ``poll`` and ``deadline`` are in seconds.

    ``approvals``: what needs approval is proposed by pull requests, with these ``labels``; ``statuses``: commits are
    told what became of what they brought.
    """

    kind: Kind
    api: str
    repository: str
    token_file: Path | None = None
    token_env: str = ""
    ca_file: Path | None = None
    poll: float = POLL
    deadline: float = DEADLINE
    labels: tuple[str, ...] = ()
    approvals: bool = True
    statuses: bool = True
    github_app: GitHubAppConfig | None = None


def forge_from(fields: Fields, folder: Path, checks: Checks) -> ForgeConfig | None:
    """Return a project's forge, None where it has none; files are named from ``folder``."""
    if fields.node("forge") is None:
        return None
    section = fields.section("forge")
    kind = cast("Kind", section.text("kind"))
    _check(section, kind, checks)

    def file(name: str) -> Path | None:
        text = section.text(name)
        return folder / text if text else None

    def seconds(name: str, default: float) -> float:
        given = section.go_seconds(name)
        if given is not None and given <= 0:
            checks.add(f"`{name}` is no time at all", section.place_of(name), expected="a duration above 0")
        return given or default

    return ForgeConfig(
        kind=kind,
        api=(section.text("api") or _APIS.get(kind, "")).rstrip("/"),
        repository=section.text("repository"),
        token_file=file("tokenFile"),
        token_env=section.text("tokenEnv"),
        ca_file=file("caFile"),
        poll=seconds("poll", POLL),
        deadline=seconds("deadline", DEADLINE),
        labels=section.texts("labels"),
        approvals=section.flag("approvals", default=True),
        statuses=section.flag("statuses", default=True),
        github_app=app_of_forge(section, folder, checks, section.text("api")),
    )


def _check(section: Fields, kind: str, checks: Checks) -> None:
    tokens = [name for name in ("tokenFile", "tokenEnv", "githubApp") if section.node(name) is not None]
    if len(tokens) != 1:
        told = f"`{tokens[0]}` and `{tokens[1]}` exclude each other" if tokens else "there is no token"
        where = section.place_of(tokens[1]) if tokens else section.place_of("kind")
        app = ", or `githubApp`" if kind == "github" else ""
        checks.add(told, where, expected=f"one of `tokenFile` and `tokenEnv`{app}", hint="keep one of them")
    api, suffix = section.text("api"), _SUFFIX.get(kind, "")
    if not api and kind not in _APIS:
        hint = f"add `api: https://<host>{suffix}`"
        checks.add(f"`{kind}` needs `api`", section.place_of("kind"), expected="the address of its API", hint=hint)
    if api and suffix and not api.rstrip("/").endswith(suffix):
        checks.add(
            f"the address of {kind}'s API does not end in `{suffix}`",
            section.place_of("api"), expected=f"`https://<host>{suffix}`", hint=f"add `{suffix}`",
        )  # fmt: skip
    if kind != "gitlab" and section.text("repository").count("/") != 1:
        checks.add("the repository is not `owner/name`", section.place_of("repository"), expected="`owner/name`")
