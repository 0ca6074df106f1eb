"""`githubApp` in `reconciler.yaml`: a GitHub App in place of a token, for Git over https or for the forge.

Its private key is a file or a variable like every other secret; where its API is and for which repository a token is
asked for stands in the daemon's own configuration or follows from an address there. Nothing is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.model.connections import one_of
from reconciler.model.document import Checks, Fields

GITHUB: Final = "https://api.github.com"
_DEADLINE: Final = 10.0
_HTTP: Final = re.compile(r"https?://(?P<place>(?P<host>[^/:@\s]+)(?::[0-9]+)?)/(?P<path>\S*)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class GitHubAppConfig:
    """An app and its private key. ``id`` is the app's number or its client id; ``deadline`` is in seconds for one call.

    ``installation`` None: GitHub is asked which one has the ``repository`` (`owner/name`). ``only_repository``: tokens
    are good for that one alone. ``api`` is where tokens are asked for.
    """

    id: str
    api: str
    repository: str
    installation: int | None = None
    key_file: Path | None = None
    key_env: str = ""
    only_repository: bool = True
    ca_file: Path | None = None
    deadline: float = _DEADLINE


def app_of_remote(fields: Fields, folder: Path, checks: Checks) -> GitHubAppConfig | None:
    """Return the app of a `repository`, None where it has none; API and repository follow from its address."""
    if fields.node("githubApp") is None:
        return None
    one_of(fields, ("githubApp", "tokenFile", "tokenEnv"), checks)
    one_of(fields, ("githubApp", "username"), checks)
    address = _HTTP.match(fields.text("url"))
    if address is None:
        checks.add(
            "`githubApp` is for addresses of https only",
            fields.place_of("githubApp"), expected="`url: https://<host>/<owner>/<name>.git`",
            hint="write the repository's https address, or use `sshKeyFile` for ssh",
        )  # fmt: skip
        return None
    path = address["path"].strip("/").removesuffix(".git")
    return _app(fields.section("githubApp"), folder, checks, _api_of(address["host"], address["place"]), path)


def app_of_forge(fields: Fields, folder: Path, checks: Checks, api: str) -> GitHubAppConfig | None:
    """Return the app of a `forge`, None where it has none; API and repository are the forge's."""
    if fields.node("githubApp") is None:
        return None
    if fields.text("kind") != "github":
        place = fields.place_of("githubApp")
        checks.add("only GitHub has apps", place, expected="`kind: github`", hint="use `tokenFile` or `tokenEnv`")
    return _app(fields.section("githubApp"), folder, checks, api or GITHUB, fields.text("repository"))


def _api_of(host: str, place: str) -> str:
    """Return where the API of a host is: as GitHub has it for itself, for tenants of their own, and on servers."""
    if host.lower() == "github.com":
        return GITHUB
    return f"https://api.{host}" if host.lower().endswith(".ghe.com") else f"https://{place}/api/v3"


def _app(fields: Fields, folder: Path, checks: Checks, api: str, repository: str) -> GitHubAppConfig:
    names = ("privateKeyFile", "privateKeyEnv")
    one_of(fields, names, checks)
    if all(fields.node(name) is None for name in names):
        words = "`privateKeyFile` or `privateKeyEnv`"
        checks.add("the app has no private key", fields.place, expected=words, hint=f"add {words}")
    named = fields.text("repository") or repository
    if named.count("/") != 1:
        checks.add(
            "nothing says for which repository the app's token is", fields.place, expected="`repository: owner/name`",
            hint="add `repository`, as GitHub calls it",
        )  # fmt: skip
    deadline = fields.go_seconds("deadline")
    if deadline is not None and deadline <= 0:
        checks.add("`deadline` is no time at all", fields.place_of("deadline"), expected="a duration above 0")

    def file(name: str) -> Path | None:
        text = fields.text(name)
        return folder / text if text else None

    return GitHubAppConfig(
        id=fields.text("id"), api=(fields.text("api") or api).rstrip("/"), repository=named,
        installation=fields.integer("installation"), key_file=file("privateKeyFile"),
        key_env=fields.text("privateKeyEnv"), only_repository=fields.flag("onlyRepository", default=True),
        ca_file=file("caFile"), deadline=deadline or _DEADLINE,
    )  # fmt: skip
