"""Flag servers: today's Unleash, that of Keptn's time, and flagd's file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.doctor.finding import Finding
from reconciler.cli.doctor.flag_servers import FlagServer
from reconciler.embedded.unleash import ADMIN_TOKEN, CLIENT_TOKEN, LEGACY_LOGIN, UnleashDouble
from reconciler.model.connections import FlagsConnection
from tests.cli.doctor.looking import seen, wrong
from tests.evidence.speaking import Request, Response, SpeakingServer

PRODUCTION = {"shop/production": (frozenset({"default"}), frozenset({"production"}))}


@pytest.fixture
def modern() -> Iterator[UnleashDouble]:
    with UnleashDouble() as double:
        yield double


def flags(
    url: str, folder: Path, token: str = ADMIN_TOKEN, places: Any = None, deadline: float = 60.0
) -> list[Finding]:
    (folder / "token").write_text(token, "utf-8")
    connection = FlagsConnection("unleash", url, token_file=folder / "token", deadline=deadline)
    found = list(FlagServer("flags of shop/production", connection, places or PRODUCTION).examine())
    assert not token or token not in repr(found)
    return found


def legacy(url: str, login: str, monkeypatch: pytest.MonkeyPatch, *stages: str) -> list[Finding]:
    user, _, password = login.partition(":")
    monkeypatch.setenv("UNLEASH_PASSWORD", password)
    connection = FlagsConnection("unleash-legacy", url, username=user, password_env="UNLEASH_PASSWORD", deadline=60.0)
    places = {f"shop/{stage}": (frozenset({"default"}), frozenset({stage})) for stage in stages}
    return list(FlagServer("flags", connection, places).examine())


def test_all_is_well_and_nothing_is_written(modern: UnleashDouble, tmp_path: Path) -> None:
    told = seen(flags(modern.url, tmp_path))
    assert set(told) == {("flags-reach", "ok"), ("flags-place", "ok")}
    assert told["flags-place", "ok"].found == "default/production: there"
    assert {exchange.method for exchange in modern.journal} == {"GET"}


def test_tokens_that_are_not_known_or_of_another_type(modern: UnleashDouble, tmp_path: Path) -> None:
    unknown = wrong(flags(modern.url, tmp_path, "nobody's"))
    assert "does not accept the credentials (401)" in unknown["flags-reach"].found
    client = wrong(flags(modern.url, tmp_path, CLIENT_TOKEN))
    assert "403" in client["flags-reach"].found
    assert "admin token" in client["flags-reach"].do


TOKEN = "an admin token (or a personal access token of a user that may switch flags)"


def test_a_token_that_is_missing_is_named_with_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is sent to look at a server that was not asked."""
    monkeypatch.delenv("UNLEASH", raising=False)
    nowhere, none, there = "http://127.0.0.1:1", tmp_path / "none", tmp_path / "there"
    gone = f"{none} cannot be read: no such file or directory"
    for content, connection, told, do in (
        ("", FlagsConnection("unleash", nowhere, token_env="UNLEASH"), "the variable UNLEASH is not set here",
         f"set UNLEASH to {TOKEN}, where the daemon runs"),
        ("", FlagsConnection("unleash", nowhere, token_file=none), gone, f"mount {TOKEN} as that file"),
        (" \n", FlagsConnection("unleash", nowhere, token_file=there), f"{there} is empty", f"mount {TOKEN}"),
        ("*:*.a\n*:*.b", FlagsConnection("unleash", nowhere, token_file=there), "not one line", f"hold {TOKEN}, and"),
        ("tökén", FlagsConnection("unleash", nowhere, token_file=there), "ASCII", f"let it hold {TOKEN}"),
        ("", FlagsConnection("unleash", nowhere), "no token is configured", "`flags.tokenFile` or `flags.tokenEnv`"),
        ("s3cr3t", FlagsConnection("unleash-legacy", nowhere, username_env="UNLEASH", password_file=there),
         "UNLEASH is not set", "set UNLEASH to the name of Unleash's user"),
        ("", FlagsConnection("unleash-legacy", nowhere, username="keptn", password_file=none), gone,
         "mount the password of Unleash's user as that file"),
    ):  # fmt: skip
        there.write_text(content, "utf-8")
        found = wrong(FlagServer("flags", connection, PRODUCTION).examine())["flags-reach"]
        assert told in found.found
        assert do in found.do
        assert content.strip() == "" or content not in repr(found)


def test_a_server_that_is_not_there_or_hangs(modern: UnleashDouble, tmp_path: Path) -> None:
    assert "cannot be reached" in wrong(flags("http://127.0.0.1:1", tmp_path))["flags-reach"].found
    modern.database_gone = True
    assert "did not answer within" in wrong(flags(modern.url, tmp_path, deadline=0.3))["flags-reach"].found


def test_projects_and_environments_that_there_are_not(modern: UnleashDouble, tmp_path: Path) -> None:
    elsewhere = {"shop/production": (frozenset({"defualt"}), frozenset({"production"}))}
    told = wrong(flags(modern.url, tmp_path, places=elsewhere))
    assert told["flags-place"].found == "there is no project `defualt`"
    assert "default" in told["flags-place"].do
    live = {"shop/live": (frozenset({"default"}), frozenset({"live"}))}
    told = wrong(flags(modern.url, tmp_path, places=live))
    assert told["flags-place"].found == "the project `default` has no environment `live`"


def test_an_environment_that_wants_change_requests(tmp_path: Path) -> None:
    answers: dict[str, Any] = {
        "/api/admin/projects": {"projects": [{"id": "default"}]},
        "/api/admin/environments/project/default": {"environments": [{"name": "production", "visible": True}]},
        "/api/admin/projects/default/change-requests/config": [
            {"environment": "production", "type": "production", "changeRequestEnabled": True, "requiredApprovals": 1},
            {"environment": "development", "type": "development", "changeRequestEnabled": True},
        ],
    }

    def respond(request: Request) -> Response:
        body = answers.get(request.path)
        return Response(404) if body is None else Response(body=json.dumps(body).encode())

    with SpeakingServer(respond) as server:
        told = wrong(flags(server.url, tmp_path))
        assert list(told) == ["flags-changes"]
        assert told["flags-changes"].found == "default/production wants change requests"
        answers["/api/admin/projects/default/change-requests/config"][0]["changeRequestEnabled"] = False
        assert wrong(flags(server.url, tmp_path)) == {}
        del answers["/api/admin/environments/project/default"]
        assert wrong(flags(server.url, tmp_path))["flags-place"].verdict == "unknown"


def test_the_server_of_keptns_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with UnleashDouble("legacy") as double:
        alone = seen(legacy(double.url, LEGACY_LOGIN, monkeypatch, "production"))
        assert set(alone) == {("flags-reach", "ok"), ("flags-legacy", "warning")}
        shared = wrong(legacy(double.url, LEGACY_LOGIN, monkeypatch, "staging", "production"))
        assert shared["flags-legacy"].verdict == "problem"
        assert "shop/staging, shop/production" in shared["flags-legacy"].found
        assert "401" in wrong(legacy(double.url, "keptn:other", monkeypatch, "production"))["flags-reach"].found
        today = wrong(flags(double.url, tmp_path))
        assert "user and password" in today["flags-reach"].do


def flagd(file: Path) -> list[Finding]:
    connection = FlagsConnection("flagd", file=file)
    return list(FlagServer("flags of shop/production", connection, PRODUCTION).examine())


def test_the_file_of_flagd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "flags" / "flags.json"
    assert "cannot be read" in wrong(flagd(file))["flags-file"].found
    file.parent.mkdir()
    file.write_text("[]", "utf-8")
    assert "no flag file" in wrong(flagd(file))["flags-file"].found
    file.write_text('{"flags": {"Promo": {}}}', "utf-8")
    told = seen(flagd(file))
    assert told["flags-file", "ok"].found.endswith("has 1 flags and can be exchanged")
    assert [each.name for each in file.parent.iterdir()] == ["flags.json"]
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1000)
    assert "belongs to another user" in wrong(flagd(file))["flags-file"].found
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written to" in wrong(flagd(file))["flags-file"].found
