"""The HTTP client of providers: bounded whatever the server does, and its credentials stay where they belong."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.evidence.answer import DEPTH
from reconciler.evidence.login import Login
from reconciler.evidence.tls import Tls
from reconciler.model.errors import BlindError, BugError, ConfigError
from tests.evidence.conftest import MakeClient
from tests.evidence.raw import RawServer, Wire, answer
from tests.evidence.speaking import Request, Response, SpeakingServer

DEADLINE = 0.3
SECRET = "s3cr3t-t0ken"


def ok(_: Request) -> Response:
    return Response(body=b"{}")


def bearer(token: str = SECRET) -> Login:
    return Login("Bearer", lambda: token)


def scripted(data: bytes) -> Callable[[Wire], None]:
    """A script that reads a request, sends these bytes, and waits for the end."""

    def script(wire: Wire) -> None:
        wire.request()
        wire.send(data)
        wire.stopping.wait()

    return script


# What is sent


def test_a_request_has_the_path_behind_the_address_and_encoded_parameters(connect: MakeClient) -> None:
    with SpeakingServer(ok) as server:
        client = connect(f"{server.url}/prometheus/", "Prometheus")
        assert client.get("/api/v1/query", [("query", 'up{job="a&b"} + 1'), ("odd", "\ud800")]).json() == {}
        client.post_form("/api", [("query", "a b")])
        client.post_json("/comments", {"message": "x"})
    got, form, sent = server.requests
    assert (got.method, got.path) == ("GET", "/prometheus/api/v1/query")
    assert got.params == {"query": 'up{job="a&b"} + 1', "odd": "?"}
    assert "authorization" not in got.headers
    assert got.headers["accept-encoding"] == "identity"
    assert (form.method, form.body) == ("POST", b"query=a+b")
    assert (sent.headers["content-type"], json.loads(sent.body)) == ("application/json", {"message": "x"})


@pytest.mark.parametrize(
    ("login", "header", "value"),
    [
        (Login("Bearer", lambda: " abc\n"), "authorization", "Bearer abc"),
        (Login("Api-Token", lambda: "abc"), "authorization", "Api-Token abc"),
        (Login("", lambda: "abc", header="X-Api-Key"), "x-api-key", "abc"),
        (Login("Basic", lambda: "pässword", "ada"), "authorization", "Basic YWRhOnDDpHNzd29yZA=="),
    ],
)  # fmt: skip
def test_credentials_go_into_their_header(connect: MakeClient, login: Login, header: str, value: str) -> None:
    with SpeakingServer(ok) as server:
        connect(server.url, login=login).get("/")
    assert server.requests[0].headers[header] == value


@pytest.mark.parametrize("secret", ["", " ", "two\nlines", "tökén"])
def test_a_token_that_cannot_be_sent_is_told_without_it(connect: MakeClient, secret: str) -> None:
    with pytest.raises(BlindError, match=r"token for it at .* is empty or not one line") as caught:
        connect("http://127.0.0.1", login=bearer(secret)).get("/")
    assert not secret.strip() or secret not in str(caught.value)


def test_proxies_of_the_environment_are_not_used(connect: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with SpeakingServer(ok) as server:
        assert connect(server.url).get("/").good


@pytest.mark.parametrize("path", ["api", "/a b", "/ä", "/a\r\nX: y", ""])
def test_a_path_that_was_not_encoded_is_a_bug(connect: MakeClient, path: str) -> None:
    with pytest.raises(BugError):
        connect("http://127.0.0.1").get(path)


@pytest.mark.parametrize(
    "url", ["ftp://host", "host", "http://", "http://a:b@host", "http://host?x=1", "http://host#x"]
)
def test_an_address_that_is_none_is_refused(connect: MakeClient, url: str) -> None:
    with pytest.raises(ConfigError):
        connect(url)


# What comes back


def test_x4_other_statuses_are_answers_and_say_what_the_server_said(connect: MakeClient) -> None:
    body = json.dumps({"error": f"bad\x1b[31m query {SECRET}", "n": 1}).encode()
    with SpeakingServer(lambda _: Response(422, body)) as server:
        got = connect(server.url, login=bearer()).get("/")
    assert (got.status, got.good) == (422, False)
    assert got.said("message", "error") == "bad [31m query ***"
    assert got.refusal("error").message == f"it at {server.url[7:]} answered 422: bad [31m query ***"
    assert SECRET not in repr(got)


def test_a_long_text_of_the_server_is_cut(connect: MakeClient) -> None:
    with SpeakingServer(lambda _: Response(500, json.dumps({"error": "x" * 5000}).encode())) as server:
        assert len(connect(server.url).get("/").said("error")) == 300


@pytest.mark.parametrize(
    "body",
    [b"", b"Service Unavailable", b'{"a": 1', b'{"a": NaN}', b"[" * 100_000, b"\xff\xfe\xfa", b"1" * 5000],
    ids=["nothing", "text", "cut", "NaN", "deep", "no text", "long number"],
)
def test_what_is_no_json_is_told_so(connect: MakeClient, body: bytes) -> None:
    with SpeakingServer(lambda _: Response(body=body)) as server:
        answered = connect(server.url).get("/")
    with pytest.raises(BlindError, match="did not answer with JSON"):
        answered.json()


def test_json_is_bounded_in_depth(connect: MakeClient) -> None:
    with SpeakingServer(
        lambda request: Response(body=b"[" * int(request.path[1:]) + b"]" * int(request.path[1:]))
    ) as server:
        client = connect(server.url)
        assert client.get(f"/{DEPTH - 1}").json()
        with pytest.raises(BlindError, match="levels"):
            client.get(f"/{DEPTH + 1}").json()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(connect: MakeClient, status: int) -> None:
    with (
        SpeakingServer(ok) as other,
        SpeakingServer(lambda _: Response(status, headers={"Location": other.url})) as server,
    ):
        with pytest.raises(BlindError, match="redirect"):
            connect(server.url, login=bearer()).get("/")
        assert other.requests == []


def test_refused_credentials_are_read_again_once(connect: MakeClient) -> None:
    tokens = iter(["old", "new"])
    with SpeakingServer(lambda r: Response(200 if r.headers["authorization"] == "Bearer new" else 401)) as server:
        assert connect(server.url, login=Login("Bearer", lambda: next(tokens))).get("/").good
        with pytest.raises(BlindError, match="does not accept the credentials") as caught:
            connect(server.url, login=bearer()).get("/")
    assert SECRET not in str(caught.value)
    assert [request.headers["authorization"][7:] for request in server.requests] == ["old", "new", SECRET]


def test_a_server_that_wants_credentials_where_there_are_none(connect: MakeClient) -> None:
    with SpeakingServer(lambda _: Response(401)) as server, pytest.raises(BlindError, match="wants credentials"):
        connect(server.url).get("/")


def test_a_server_that_wants_to_be_left_alone_is(connect: MakeClient) -> None:
    with SpeakingServer(lambda _: Response(429, headers={"Retry-After": "60"})) as server:
        client = connect(server.url)
        with pytest.raises(BlindError, match="too many requests") as first:
            client.get("/")
        with pytest.raises(BlindError, match="left alone for 60 s"):
            client.get("/")
        assert len(server.requests) == 1
    assert first.value.retry_after == 60


def test_a_retry_after_is_believed_so_long_and_no_longer(connect: MakeClient) -> None:
    with SpeakingServer(lambda _: Response(429, headers={"Retry-After": "3000"})) as server:
        for options, most in (({}, 300.0), ({"longest_wait": 7.0}, 7.0)):
            with pytest.raises(BlindError) as caught:
                connect(server.url, **options).get("/")
            assert caught.value.retry_after == most


@pytest.mark.parametrize("value", ["soon", "-1", "", "9" * 400, "\u0661"])
def test_a_retry_after_that_is_no_number_of_seconds_counts_for_nothing(connect: MakeClient, value: str) -> None:
    with SpeakingServer(lambda _: Response(503, headers={"Retry-After": value.encode().decode("latin-1")})) as server:
        client = connect(server.url)
        assert [client.get("/").status, client.get("/").status] == [503, 503]


# Faults


HEAD = b"HTTP/1.1 200 OK\r\n"
LATE: dict[str, Callable[[Wire], object]] = {
    "silence": lambda wire: wire.stopping.wait(),
    "headers drip": lambda wire: wire.drip(HEAD + b"X: y\r\n" * 1000),
    "body drips": lambda wire: wire.drip(HEAD + b"Content-Length: 9999\r\n\r\n" + b"x" * 9999),
    "chunks drip": lambda wire: wire.drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 999),
    "half an answer": scripted(HEAD + b"Content-Length: 10\r\n\r\nabc"),
    "nothing but 100": scripted(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
}


@pytest.mark.parametrize("script", LATE.values(), ids=LATE)
def test_s1_a_request_ends_at_its_deadline(connect: MakeClient, script: Callable[[Wire], object]) -> None:
    with RawServer(script) as server:
        began = time.monotonic()
        with pytest.raises(BlindError, match=r"took longer than 0\.3 s"):
            connect(server.url, deadline=DEADLINE).get("/")
        assert DEADLINE <= time.monotonic() - began < DEADLINE + 5


def test_a_single_request_may_have_less_time(connect: MakeClient) -> None:
    with RawServer(lambda wire: wire.stopping.wait()) as server, pytest.raises(BlindError, match=r"than 0\.05 s"):
        connect(server.url, deadline=600).get("/", deadline=0.05)


def test_s1_an_answer_without_end_is_not_read_to_its_end(connect: MakeClient) -> None:
    sent = 0

    def script(wire: Wire) -> None:
        nonlocal sent
        wire.request()
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not wire.stopping.is_set():
            wire.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            sent += 0x10000

    with RawServer(script) as server, pytest.raises(BlindError, match="sent more than 100,000 bytes"):
        connect(server.url, largest=100_000).get("/")
    assert sent < 32 << 20


@pytest.mark.parametrize("size", [100, 101])
def test_the_limit_of_an_answer(connect: MakeClient, size: int) -> None:
    with SpeakingServer(lambda _: Response(body=b"x" * size)) as server:
        client = connect(server.url, largest=100)
        if size == 100:
            assert len(client.get("/").body) == 100
        else:
            with pytest.raises(BlindError, match="more than 100 bytes"):
                client.get("/")


@pytest.mark.parametrize(
    "data",
    [
        b"not http at all\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 300_000,
        b"HTTP/1.1 2x" + b"y" * 60_000 + b"\r\n\r\n",
    ],
    ids=["no HTTP", "nothing", "a length that is none", "a huge header", "a huge line"],
)
def test_what_is_no_answer_is_told(connect: MakeClient, data: bytes) -> None:
    def script(wire: Wire) -> None:
        wire.request()
        wire.send(data)
        wire.socket.close()

    with RawServer(script) as server:
        with pytest.raises(BlindError, match=r"it at 127.0.0.1:\d+ broke off: ") as caught:
            connect(server.url).get("/")
        assert server.connections == 2
    assert len(caught.value.message) < 500, "it goes to Git"


def test_a_compressed_answer_that_was_not_asked_for_is_refused(connect: MakeClient) -> None:
    bomb = scripted(answer(b"\x1f\x8b", "Content-Encoding: gzip"))
    with RawServer(bomb) as server, pytest.raises(BlindError, match="compressed"):
        connect(server.url).get("/")


def test_nobody_listens(connect: MakeClient) -> None:
    with RawServer(lambda _: None) as server:
        url = server.url
    with pytest.raises(BlindError, match="cannot be reached"):
        connect(url).get("/")


def test_a_connection_that_was_kept_too_long_is_opened_again(connect: MakeClient) -> None:
    def script(wire: Wire) -> None:
        if wire.request():
            wire.send(answer(b"1"))
        if wire.request():
            wire.reset()

    with RawServer(script) as server:
        client = connect(server.url)
        assert [client.get("/").json(), client.get("/").json()] == [1, 1]
        assert server.connections == 2


def test_what_may_be_sent_once_only_is_not_sent_twice(connect: MakeClient) -> None:
    def script(wire: Wire) -> None:
        wire.request()
        wire.reset()

    with RawServer(script) as server:
        with pytest.raises(BlindError, match="broke off"):
            connect(server.url).post_json("/comments", {})
        assert server.connections == 1


def test_a_slow_request_does_not_delay_another(connect: MakeClient) -> None:
    released = threading.Event()

    def respond(request: Request) -> Response:
        if request.path == "/slow":
            released.wait()
        return Response(body=b"1")

    with SpeakingServer(respond) as server:
        client = connect(server.url, deadline=60)
        slow = threading.Thread(target=client.get, args=("/slow",))
        slow.start()
        assert client.get("/fast").json() == 1
        released.set()
        slow.join()


# TLS


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities that certify nobody but themselves, `one` and `two`, for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("one", "two"):
        subprocess.run(
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key"
            f" -out {name}.crt -days 2 -subj /CN={name} -addext subjectAltName=IP:127.0.0.1".split(),
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return folder


def over_tls(server: SpeakingServer, folder: Path, name: str, *, client: str = "") -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / f"{client}.crt")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server.url.replace("http:", "https:")


def test_a_certificate_must_come_from_the_authority(connect: MakeClient, certificates: Path) -> None:
    server = SpeakingServer(ok)
    url = over_tls(server, certificates, "one")
    with server:
        client = connect(url, tls=Tls(certificates / "one.crt"))
        assert client.get("/").good
        for tls in (Tls(), Tls(certificates / "two.crt")):
            with pytest.raises(BlindError, match="CERTIFICATE_VERIFY_FAILED"):
                connect(url, tls=tls, login=bearer()).get("/")
    assert len(server.requests) == 1


def test_our_own_certificate_is_shown(connect: MakeClient, certificates: Path) -> None:
    server = SpeakingServer(ok)
    url = over_tls(server, certificates, "one", client="two")
    ca, own, key = (certificates / name for name in ("one.crt", "two.crt", "two.key"))
    with server:
        client = connect(url, tls=Tls(ca, own, key))
        assert client.get("/").good
        with pytest.raises(BlindError):
            connect(url, tls=Tls(ca)).get("/")


def test_a_changed_authority_is_picked_up(connect: MakeClient, certificates: Path, tmp_path: Path) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_bytes((certificates / "two.crt").read_bytes())
    server = SpeakingServer(ok)
    url = over_tls(server, certificates, "one")
    with server:
        client = connect(url, tls=Tls(ca))
        with pytest.raises(BlindError):
            client.get("/")
        (tmp_path / "new").write_bytes((certificates / "one.crt").read_bytes())
        (tmp_path / "new").replace(ca)
        assert client.get("/").good


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_read_is_named(connect: MakeClient, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_text(content, "utf-8")
    with pytest.raises(BlindError, match=r"the certificates in .*ca\.crt cannot be used"):
        connect("https://127.0.0.1:1", tls=Tls(file)).get("/")


def test_a_request_after_the_end_leaves_no_connection_open(connect: MakeClient) -> None:
    with SpeakingServer(ok) as server:
        client = connect(server.url, "Prometheus")
        client.close()
        assert client.get("/").status == 200
        assert client._pool is None
