"""Forges, as their documentation has them: token, rights, and the rules of the branches that we push to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.cli.doctor.finding import Finding
from reconciler.cli.doctor.forges import ForgeOf
from reconciler.model.forge_config import ForgeConfig
from reconciler.model.github_app_config import GitHubAppConfig
from tests.cli.doctor.looking import seen, wrong
from tests.evidence.speaking import Request, Response, SpeakingServer

TOKEN = "f0rge-t0ken"
REPOSITORY: dict[str, dict[str, Any]] = {
    "github": {"full_name": "shop/config", "permissions": {"admin": False, "push": True, "pull": True}},
    "gitlab": {"id": 1, "permissions": {"project_access": {"access_level": 30}, "group_access": None}},
    "gitea": {"full_name": "shop/config", "permissions": {"admin": False, "push": True, "pull": True}},
}
BRANCH: dict[str, dict[str, Any]] = {
    "github": {"name": "production", "protected": False},
    "gitlab": {"name": "production", "protected": False, "can_push": True, "developers_can_push": False},
    "gitea": {"name": "production", "protected": False, "user_can_push": True},
}
PATHS = {
    "github": ("/repos/shop/config", "/repos/shop/config/branches/"),
    "gitlab": ("/projects/shop%2Fconfig", "/projects/shop%2Fconfig/repository/branches/"),
    "gitea": ("/repos/shop/config", "/repos/shop/config/branches/"),
}
KINDS = tuple(PATHS)


def answering(
    kind: str, repository: dict[str, Any] | None = None, branch: dict[str, Any] | None = None
) -> Callable[[Request], Response]:
    whole, branches = PATHS[kind]

    def respond(request: Request) -> Response:
        assert request.method == "GET", "nothing is written"
        if request.path == whole:
            return Response(body=json.dumps({**REPOSITORY[kind], **(repository or {})}).encode())
        if request.path == f"{branches}ops%2Fproduction":
            return Response(body=json.dumps({**BRANCH[kind], **(branch or {})}).encode())
        return Response(404, b"{}")

    return respond


def looked(kind: Any, respond: Callable[[Request], Response], folder: Path, *branches: str) -> list[Finding]:
    (folder / "token").write_text(TOKEN, "utf-8")
    with SpeakingServer(respond) as server:
        config = ForgeConfig(kind, server.url, "shop/config", token_file=folder / "token", deadline=60.0)
        found = list(ForgeOf("shop, forge", config, branches or ("ops/production",), lambda: 0.0).examine())
    assert TOKEN not in repr(found)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_well(kind: str, tmp_path: Path) -> None:
    told = seen(looked(kind, answering(kind), tmp_path))
    assert set(told) == {("forge-token", "ok"), ("forge-rights", "ok"), ("forge-branch", "ok")}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "words"), [(401, "401"), (404, "404"), (503, "503")])
def test_a_token_that_is_not_good(kind: str, status: int, words: str, tmp_path: Path) -> None:
    told = wrong(looked(kind, lambda _: Response(status, b"{}"), tmp_path))
    assert list(told) == ["forge-token"]
    assert words in told["forge-token"].found


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("github", {"push": False}), ("gitea", {"push": False}),
        ("gitlab", {"project_access": {"access_level": 20}, "group_access": {"access_level": 10}}),
    ],
)  # fmt: skip
def test_who_may_only_read(kind: str, given: Any, tmp_path: Path) -> None:
    told = wrong(looked(kind, answering(kind, {"permissions": given}), tmp_path))
    assert told["forge-rights"].verdict == "problem"


@pytest.mark.parametrize("kind", KINDS)
def test_a_forge_that_does_not_tell(kind: str, tmp_path: Path) -> None:
    told = wrong(looked(kind, answering(kind, {"permissions": None}), tmp_path))
    assert told["forge-rights"].verdict == "unknown"
    assert wrong(looked(kind, answering(kind), tmp_path, "other"))["forge-branch"].verdict == "unknown"


def test_rules_of_a_branch(tmp_path: Path) -> None:
    github = wrong(looked("github", answering("github", branch={"protected": True}), tmp_path))
    assert github["forge-branch"].verdict == "warning", "whether we may pass by the rules is not told"
    for kind, key in (("gitlab", "can_push"), ("gitea", "user_can_push")):
        closed = wrong(looked(kind, answering(kind, branch={"protected": True, key: False}), tmp_path))
        assert closed["forge-branch"].verdict == "problem"
        assert "opsBranch" in closed["forge-branch"].do
        opened = seen(looked(kind, answering(kind, branch={"protected": True, key: True}), tmp_path))
        assert opened["forge-branch", "ok"].found == "protected, and we may push"


def test_an_apps_rights_are_not_told(tmp_path: Path) -> None:
    pem = make_key()
    (tmp_path / "app.pem").write_text(pem, "ascii")

    def respond(request: Request) -> Response:
        if request.path == "/app/installations/7/access_tokens":
            until = {"token": TOKEN, "expires_at": "1970-01-01T01:00:00Z"}
            return Response(201, json.dumps(until).encode())
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        return answering("github")(request)

    with SpeakingServer(respond) as server:
        app = GitHubAppConfig("Iv1", server.url, "shop/config", 7, tmp_path / "app.pem", deadline=60.0)
        config = ForgeConfig("github", server.url, "shop/config", github_app=app, deadline=60.0)
        found = list(ForgeOf("shop, forge", config, ("ops/production",), lambda: 0.0).examine())
        told = seen(found)
        assert set(told) == {("forge-token", "ok"), ("forge-rights", "unknown"), ("forge-branch", "ok")}
        (tmp_path / "app.pem").write_text("no key", "ascii")
        assert "forge-token" in wrong(ForgeOf("shop, forge", config, (), lambda: 0.0).examine())


def make_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def test_an_answer_that_is_none(tmp_path: Path) -> None:
    assert "forge-token" in wrong(looked("github", lambda _: Response(body=b"[]"), tmp_path))
    assert "forge-token" in wrong(looked("github", lambda _: Response(body=b"<html>"), tmp_path))
