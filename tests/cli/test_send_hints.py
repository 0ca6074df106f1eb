"""What a person is told to change where a daemon cannot be spoken to: the option or the file, in their own words."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, Result
from tests.cli.recorder import Said, accepted, receipt, recorder
from tests.evidence.speaking import Response, SpeakingServer

CARTS = ("--project", "shop", "--stage", "production", "--service", "carts")
OPEN = ("problem", "open", "--title", "Slow")
BEARER = {"WWW-Authenticate": 'Bearer realm="reconciler"'}


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is no clone, in which we stand."""
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / "nowhere")
    return tmp_path / "nowhere"


def configured(folder: Path, url: str, auth: str, more: str = "") -> Path:
    config = folder / "reconciler.yaml"
    config.write_text(
        "projects: {shop: {repository: {url: shop.git}}}\n"
        f"server: {{listen: '{url.partition('://')[2]}'{more}}}\nwebhooks: {{problem: {{auth: {auth}}}}}\n",
        "utf-8",
    )
    return config


# Certificates


@pytest.fixture
def https(nowhere: Path) -> Iterator[str]:
    """A server with a certificate, `tls.crt`, that nobody but itself signed, for 127.0.0.1."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", "tls.key", "-out", "tls.crt", "-days", "2", "-subj", "/CN=daemon",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=nowhere, check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(nowhere / "tls.crt", nowhere / "tls.key")
    with SpeakingServer(lambda _: Response(status=500)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield f"https://127.0.0.1:{server.server_address[1]}"


def test_a_certificate_that_nobody_known_signed(reconciler: Reconciler, nowhere: Path, https: str) -> None:
    plain = reconciler(*OPEN, *CARTS, "--daemon", https)
    assert plain.code == 2
    assert "hint: it is signed by nobody known here: name the certificate of who signed it with --ca-file" in plain.err
    config = configured(nowhere, https, "{kind: none}", ", tls: {certFile: tls.crt, keyFile: tls.key}")
    result = reconciler(*OPEN, *CARTS, "-c", config)
    assert result.code == 2
    assert f"--ca-file; where it signed itself that is {nowhere / 'tls.crt'}" in result.err
    assert "answered 500" in reconciler(*OPEN, *CARTS, "-c", config, "--ca-file", "tls.crt").err


def test_a_certificate_for_another_name(reconciler: Reconciler, https: str) -> None:
    url = https.replace("127.0.0.1", "localhost")
    result = reconciler(*OPEN, *CARTS, "--daemon", url, "--ca-file", "tls.crt")
    assert result.code == 2
    assert "it is not for localhost: name the daemon with --daemon as its certificate does" in result.err


# Who we are


@pytest.mark.parametrize(
    ("auth", "cannot"),
    [
        ("{kind: hmac, secretFile: secret, header: X-Signature-256}", "wants `hmac`"),
        ("{kind: basic, username: ada, passwordFile: secret}", "wants `basic`"),
    ],
)
def test_what_the_command_line_cannot_show_is_said_before_anything_is_sent(
    reconciler: Reconciler, nowhere: Path, auth: str, cannot: str
) -> None:
    with recorder(accepted()) as daemon:
        result = reconciler(*OPEN, *CARTS, "-c", configured(nowhere, daemon.url, auth))
    assert (result.code, daemon.sent) == (2, [])
    assert f"webhooks.problem {cannot}, and the command line can only show a bearer token" in result.err
    assert "hint: give that webhook `auth: {kind: bearer, ...}`" in result.err


@pytest.mark.parametrize(
    ("said", "headers"),
    [
        ("the signature is missing or wrong", {}),
        ("no client certificate was shown", {}),
        ("user and password is missing or wrong", {"WWW-Authenticate": 'Basic realm="reconciler"'}),
    ],
)
@pytest.mark.usefixtures("nowhere")
def test_a_daemon_that_wants_something_else(reconciler: Reconciler, said: str, headers: dict[str, str]) -> None:
    with recorder(Said(401, {"error": said, "hint": "send `X: Y`"}, headers)) as daemon:
        result = reconciler(*OPEN, *CARTS, "--daemon", daemon.url)
    assert result.code == 2
    assert (
        "hint: the command line can only show a bearer token: give that webhook `auth: {kind: bearer, ...}`"
        in result.err
    )


def refused(reconciler: Reconciler, *arguments: object) -> Result:
    said = Said(
        401, {"error": "a bearer token is missing or wrong", "hint": "send `Authorization: Bearer <token>`"}, BEARER
    )
    with recorder(said) as daemon:
        result = reconciler(*OPEN, *CARTS, "--daemon", daemon.url, *arguments)
    assert result.code == 2
    assert "Authorization" not in result.err
    return result


def test_a_token_that_is_not_taken_is_named_by_where_it_is(
    reconciler: Reconciler, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nowhere / "git.token").write_text("x\n", "utf-8")
    assert "hint: give the webhook's token by --token-file or RECONCILER_TOKEN" in refused(reconciler).err
    result = refused(reconciler, "--token-file", "git.token")
    assert "hint: is the token in git.token that of webhooks.problem?" in result.err
    monkeypatch.setenv("RECONCILER_TOKEN", "x")
    assert "hint: is the token in RECONCILER_TOKEN that of webhooks.problem?" in refused(reconciler).err


def test_a_token_of_the_configuration_that_is_not_taken(reconciler: Reconciler, nowhere: Path) -> None:
    (nowhere / "token").write_text("x\n", "utf-8")
    with recorder(Said(401, {"error": "no"}, BEARER)) as daemon:
        config = configured(nowhere, daemon.url, "{kind: bearer, tokenFile: token}")
        result = reconciler(*OPEN, *CARTS, "-c", config)
    assert f"is the token in {nowhere / 'token'} that of webhooks.problem" in result.err


def test_a_token_file_that_is_not_there(reconciler: Reconciler, nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_TOKEN_FILE", "nope")
    with recorder(accepted()) as daemon:
        result = reconciler(*OPEN, *CARTS, "--daemon", daemon.url)
        assert (result.code, daemon.sent) == (2, [])
        assert result.err == (
            "error: the token file nope cannot be read: No such file or directory\n"
            "    hint: correct --token-file or RECONCILER_TOKEN_FILE\n"
        )
        monkeypatch.delenv("RECONCILER_TOKEN_FILE")
        config = configured(nowhere, daemon.url, "{kind: bearer, tokenFile: missing}")
        result = reconciler(*OPEN, *CARTS, "-c", config)
    assert f"error: the token file {nowhere / 'missing'} cannot be read: No such file" in result.err
    assert f"hint: correct webhooks.problem in {config}, or name the file with --token-file" in result.err


# Where it is


@pytest.mark.parametrize("path", ["/webhooks/problem", "/webhooks/problem/", "/v1/event", "/api/v1/event"])
@pytest.mark.usefixtures("nowhere")
def test_an_address_with_the_path_of_a_webhook(reconciler: Reconciler, path: str) -> None:
    with recorder(accepted()) as daemon:
        result = reconciler(*OPEN, *CARTS, "--daemon", f"{daemon.url}{path}")
    assert (result.code, daemon.sent) == (2, [])
    assert "the address of the daemon, by --daemon or RECONCILER_DAEMON, has the path of a webhook" in result.err
    assert "hint: write the address of `server.listen`, without a path" in result.err


@pytest.mark.usefixtures("nowhere")
def test_an_address_behind_a_proxy_may_have_a_path(reconciler: Reconciler) -> None:
    with recorder(accepted()) as daemon:
        assert reconciler(*OPEN, *CARTS, "--daemon", f"{daemon.url}/reconciler/").code == 0
    assert daemon.sent[0].path == "/reconciler/webhooks/problem"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (
            {"error": "nothing is served here", "hint": "there are: /healthz, /readyz, /metrics"},
            "this is the address of `server.status`: write that of `server.listen`, without a path",
        ),
        (
            {"error": "no webhook is served here", "hint": "there are: /webhooks/git"},
            "/webhooks/problem is not served: add `problem` to `webhooks` in the daemon's configuration",
        ),
        ({}, "is --daemon or RECONCILER_DAEMON the address of `server.listen`, without a path"),
    ],
)
@pytest.mark.usefixtures("nowhere")
def test_a_place_where_no_such_webhook_is(reconciler: Reconciler, said: dict[str, str], hint: str) -> None:
    with recorder(Said(404, said)) as daemon:
        result = reconciler(*OPEN, *CARTS, "--daemon", daemon.url)
    assert result.code == 2
    assert f"hint: {hint}" in result.err


# Where it belongs


@pytest.mark.parametrize(
    ("given", "lacking", "hint"),
    [
        ([], "project and stage", "name them: --project and --stage"),
        (["--project", "shop"], "stage", "name it: --stage"),
    ],
)
@pytest.mark.usefixtures("nowhere")
def test_outside_a_clone_project_and_stage_are_options(
    reconciler: Reconciler, given: list[str], lacking: str, hint: str
) -> None:
    line = receipt("refused", reason=f"nothing says which {lacking} it belongs to", hint="add the label `stage`")
    with recorder(Said(422, {"problems": [line]})) as daemon:
        result = reconciler(*OPEN, "--service", "carts", *given, "--daemon", daemon.url)
    assert result.code == 1
    assert f"hint: {hint}\n" in result.err
    assert "add the label" not in result.err
