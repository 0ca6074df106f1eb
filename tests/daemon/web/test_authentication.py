"""Who may post: by token, password, certificate or signature, told apart before a body is read."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from reconciler.daemon.web.limits import Limits
from reconciler.model.webhooks import Authentication, ServerConfig, Tls, WebhookConfig, WebhooksConfig
from tests.daemon.web.kit import alert, answered, authority, certificate, group, head, site

PATH = "/webhooks/alertmanager"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    return file


def only(auth: Authentication) -> WebhooksConfig:
    return WebhooksConfig(alertmanager=WebhookConfig(auth), git=auth if auth.kind == "hmac" else None)


@pytest.mark.parametrize("sent", [None, "Bearer", "Bearer wrong", "Bearer s3cret2", "Basic s3cret", "s3cret"])
def test_w3_a_bearer_token_that_is_missing_or_wrong(secret: Path, sent: str | None) -> None:
    with site(only(Authentication("bearer", secret_file=secret))) as here:
        answer = here.post(PATH, group(alert()), headers={"Authorization": sent} if sent else {})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "s3cret" not in answer.text
        assert here.seen == []
        assert here.counted.requests == {("alertmanager", 401): 1}


def test_a_token_that_was_exchanged_counts_at_once(secret: Path) -> None:
    with site(only(Authentication("bearer", secret_file=secret))) as here:
        for token, code in (("s3cret", 200), ("other", 401)):
            assert here.post(PATH, group(alert()), headers={"Authorization": f"bearer {token}"}).status_code == code
        secret.write_text("other")
        for token, code in (("s3cret", 401), ("other", 200)):
            assert here.post(PATH, group(alert()), headers={"Authorization": f"Bearer {token}"}).status_code == code


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text(" \n")], ids=["gone", "empty"])
def test_a_secret_that_cannot_be_read_lets_nobody_in_and_keeps_the_problem_there(
    secret: Path, spoil: Callable[[Path], object]
) -> None:
    spoil(secret)
    with site(only(Authentication("bearer", secret_file=secret))) as here:
        for sent in ({"Authorization": "Bearer s3cret"}, {}):
            answer = here.post(PATH, group(alert()), headers=sent)
            assert answer.status_code == 503
            assert str(secret) not in answer.text


def test_a_secret_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "täglich")
    with site(only(Authentication("basic", "al", secret_env="HOOK"))) as here:
        assert here.post(PATH, group(alert()), auth=httpx.BasicAuth("al", "täglich")).status_code == 200


@pytest.mark.parametrize(
    ("user", "password"), [("am", "wrong"), ("eve", "s3cret"), ("", ""), ("am", ""), ("am:s3cret", "")]
)
def test_user_and_password(secret: Path, user: str, password: str) -> None:
    with site(only(Authentication("basic", "am", secret))) as here:
        assert here.post(PATH, group(alert()), auth=("am", "s3cret")).status_code == 200
        answer = here.post(PATH, group(alert()), auth=(user, password))
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("sent", ["Basic", "Basic !!!", "Basic /w==", "Bearer YW06czNjcmV0"])
def test_what_is_no_user_and_password(secret: Path, sent: str) -> None:
    with site(only(Authentication("basic", "am", secret))) as here:
        assert here.post(PATH, group(alert()), headers={"Authorization": sent}).status_code == 401


def signed(body: bytes, key: str = "s3cret") -> str:
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def test_w3_a_signature_is_over_this_very_body(secret: Path) -> None:
    body = json.dumps(group(alert())).encode()
    with site(only(Authentication("hmac", secret_file=secret, header="X-Sum"))) as here:

        def code(content: bytes, **headers: str) -> int:
            kind = {"Content-Type": "application/json"}
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return here.client.post(PATH, content=content, headers=kind | named).status_code

        assert code(body, X_Sum=signed(body)) == 200
        assert code(body, X_Sum=signed(body)) == 200, "sent again: the same problem, which changes nothing"
        assert code(body) == 401
        assert code(body, X_Signature_256=signed(body)) == 401
        assert code(body + b" ", X_Sum=signed(body)) == 401
        assert code(body, X_Sum=signed(body, "other")) == 401
        assert code(body, X_Sum="sha256=") == 401
        assert here.counted.requests == {("alertmanager", 200): 2, ("alertmanager", 401): 5}


def test_forges_sign_in_their_own_ways(secret: Path) -> None:
    body = b'{"ref": "refs/heads/production"}'
    sum_ = signed(body)
    with site(only(Authentication("hmac", secret_file=secret))) as here:

        def code(**headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            kind = {"Content-Type": "application/json"}
            return here.client.post("/webhooks/git", content=body, headers=kind | named).status_code

        assert code(X_Hub_Signature_256=sum_) == 202
        assert code(X_Gitea_Signature=sum_.removeprefix("sha256=")) == 202
        assert code(X_Gitlab_Token="s3cret") == 202
        assert len(here.hints) == 3
        assert [code(), code(X_Gitlab_Token="s3cre"), code(X_Hub_Signature_256=sum_[:-1])] == [401] * 3
        assert len(here.hints) == 3


def test_who_is_not_known_is_answered_before_the_body_comes(secret: Path) -> None:
    config = only(Authentication("bearer", secret_file=secret))
    with site(config, limits=Limits(linger=0.1)) as here, here.raw() as connection:
        connection.sendall(head(PATH, "Content-Length: 4000000"))
        status, headers, _ = answered(connection)
        assert status == 401
        assert headers["connection"] == "close"


def test_a_wrong_token_is_told_even_while_the_body_is_being_sent(secret: Path) -> None:
    with site(only(Authentication("bearer", secret_file=secret))) as here:
        answer = here.client.post(PATH, content=b"x" * 900_000, headers={"Content-Type": "application/json"})
        assert answer.status_code == 401


def test_client_certificates(tmp_path: Path) -> None:
    for name in ("ours", "others"):
        authority(tmp_path, name)
    certificate(tmp_path, "server", "ours")
    certificate(tmp_path, "alertmanager", "ours")
    certificate(tmp_path, "eve", "others")

    def trust(client: str = "") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=tmp_path / "ours.crt")
        if client:
            context.load_cert_chain(tmp_path / f"{client}.crt", tmp_path / f"{client}.key")
        return context

    tls = Tls(tmp_path / "server.crt", tmp_path / "server.key", tmp_path / "ours.crt")
    config = only(Authentication("client-certificate"))
    with site(config, server=ServerConfig(tls=tls), verify=trust("alertmanager")) as here:
        assert here.post(PATH, group(alert())).status_code == 200
        for stranger in ("", "eve"):
            with (
                httpx.Client(base_url=here.client.base_url, verify=trust(stranger), trust_env=False) as client,
                pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)),
            ):
                client.post(PATH, json=group(alert()))

        (tmp_path / "ours.crt").write_bytes((tmp_path / "others.crt").read_bytes())
        here.renew()
        with httpx.Client(base_url=here.client.base_url, verify=ssl_of(tmp_path), trust_env=False) as client:
            for _ in range(100):
                try:
                    assert client.post(PATH, json=group(alert())).status_code == 200
                    break
                except (httpx.ReadError, httpx.RemoteProtocolError):
                    continue
            else:
                raise AssertionError("the new authority was never taken up")
        assert len(here.seen) == 2


def ssl_of(folder: Path) -> ssl.SSLContext:
    """A client of the other authority, which believes the server whatever it shows."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(folder / "eve.crt", folder / "eve.key")
    return context


def test_without_a_certificate_the_configured_kind_lets_nobody_in() -> None:
    with site(only(Authentication("client-certificate"))) as here:
        assert here.post(PATH, group(alert())).status_code == 401
