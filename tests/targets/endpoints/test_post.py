"""One POST: what it carries, what it never does, and that nobody can hold it longer than its deadline."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from reconciler import __version__
from reconciler.model.errors import BlindError
from reconciler.targets.endpoints import Reply, post
from tests.targets.endpoints.receiver import Receiver, Say, receiving, unused_port

SECRET = "hunter2-hunter2"


def send(url: str, deadline: float = 5.0, **headers: str) -> Reply:
    return post(url, b'{"a": 1}', {name.replace("_", "-"): text for name, text in headers.items()}, deadline=deadline)


def test_it_posts_json_and_says_who_it_is(receiver: Receiver) -> None:
    assert send(f"{receiver.url}/hook?x=1", Idempotency_Key="k") == Reply(200)
    (told,) = receiver.told
    assert (told.method, told.path, told.body, told.key) == ("POST", "/hook?x=1", b'{"a": 1}', "k")
    assert told.headers["content-type"] == "application/json"
    assert told.headers["user-agent"] == f"reconciler/{__version__}"
    assert told.headers["host"] == receiver.url.removeprefix("http://")
    assert told.headers["accept-encoding"] == "identity"


def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert send(receiver.url).status == 200
        assert proxy.told == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_told_and_not_followed(receiver: Receiver, status: int) -> None:
    with receiving() as other:
        receiver.answers = [Say(status, {"Location": other.url})]
        assert send(receiver.url, Authorization=f"Bearer {SECRET}").status == status
        assert other.told == []


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        ("7", "", 7.0),
        (" 0 ", "", 0.0),
        ("999999999999", "", 3600.0),
        ("Sat, 21 Nov 2026 10:00:30 GMT", "Sat, 21 Nov 2026 10:00:00 GMT", 30.0),
        ("Sat, 21 Nov 2026 09:00:30 GMT", "Sat, 21 Nov 2026 10:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 10:00:30 GMT", "", 0.0),
        ("soon", "", 0.0),
        ("-5", "", 0.0),
        ("", "", 0.0),
    ],
)
def test_a_pause_is_read_in_both_forms(receiver: Receiver, text: str, date: str, seconds: float) -> None:
    receiver.answers = [Say(503, {"Retry-After": text} | ({"Date": date} if date else {}))]
    assert send(receiver.url) == Reply(503, seconds)


def test_a_refusals_words_are_short_plain_and_without_our_secrets(receiver: Receiver) -> None:
    words = f"no\r\n\x1b[31m {SECRET} at /T0/B0/{SECRET}x " + "x" * 9000
    receiver.answers = [Say(400, body=words.encode())]
    said = send(f"{receiver.url}/T0/B0/{SECRET}x", Authorization=f"Bearer {SECRET}").said
    assert said.startswith("no [31m [redacted] at [redacted] xxx")
    assert len(said) <= 200
    assert said.isprintable()


def test_an_acceptance_counts_though_its_words_do_not_come(receiver: Receiver) -> None:
    receiver.answers = [Say(202, body=b"ok", how="half"), Say(400, body=b"no", how="half")]
    assert send(receiver.url).status == 202
    assert send(receiver.url).status == 400


@pytest.mark.parametrize(
    ("how", "told"), [("drip", "did not answer"), ("silence", "did not answer"), ("reset", "broke off")]
)
def test_whoever_does_not_answer_is_left_at_the_deadline(receiver: Receiver, how: str, told: str) -> None:
    receiver.answers = [Say(how=how)]  # type: ignore[arg-type]  # parametrised
    with pytest.raises(BlindError, match=told) as caught:
        send(f"{receiver.url}/{SECRET}", deadline=0.2)
    assert SECRET not in str(caught.value)


def test_nobody_there_is_blind() -> None:
    with pytest.raises(BlindError, match="cannot be reached"):
        send(f"http://127.0.0.1:{unused_port()}/{SECRET}")


def test_an_answer_without_end_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.answers = [Say(500, body=b"x" * 1_000_000)]
    assert len(send(receiver.url).said) <= 200


def test_what_is_no_http_is_blind() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def talk() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        with pytest.raises(BlindError, match="broke off") as caught:
            send(f"http://127.0.0.1:{server.getsockname()[1]}")
        assert "OpenSSH" not in caught.value.message
        thread.join(5)


@pytest.mark.parametrize(
    "url",
    ["", "hooks", "ftp://x/y", "http://", "http://user:pass@x/", "http://x/a b", "http://x:0/", "http://x:99999/",
     "http://[x/", "http://x/\ny", "http://x/ä"],
)  # fmt: skip
def test_what_is_no_address_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(BlindError) as caught:
        send(url)
    assert caught.value.message == "an address is not one of the form http(s)://host[:port]/path"


def test_an_address_from_a_file_may_end_with_its_line(receiver: Receiver) -> None:
    assert send(f"{receiver.url}/hook\n").status == 200


@pytest.fixture
def tls(receiver: Receiver, tmp_path: Path) -> tuple[str, Path]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=x", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
    return f"https://localhost:{receiver.port}", certificate


def test_servers_are_verified(tls: tuple[str, Path], receiver: Receiver) -> None:
    url, certificate = tls
    with pytest.raises(BlindError, match="cannot be reached"):
        send(url)
    assert post(url, b"{}", {}, deadline=5.0, ca_file=certificate).status == 200
    with pytest.raises(BlindError, match="cannot be reached"):
        post(url, b"{}", {}, deadline=5.0, ca_file=certificate.with_name("nothing.pem"))
    assert len(receiver.told) == 1
