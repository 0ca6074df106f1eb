"""One call to a forge is over at its deadline however the answer comes, and the token goes nowhere else."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.forge.wire import MAX_ANSWER, Access, RefusedError, TooMuchError, Wire
from reconciler.model.errors import BlindError, ConfigError, TransientError

NOW = 1_800_000_000.0


def wire(url: str, deadline: float = 30.0, token: str = "t0ken", authority: Path | None = None) -> Wire:
    return Wire(Access(url, lambda: token, lambda text: {"Authorization": text}, deadline, authority), lambda: NOW)


@contextmanager
def answering(*pieces: bytes, pause: float = 0.0, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that sends these pieces to whoever comes first, and hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(60)
    done = threading.Event()

    def serve() -> None:
        try:
            connection, _ = listening.accept()
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)
                    if done.wait(pause):
                        return
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        done.set()
        thread.join(5)
        listening.close()


def head(status: str, *lines: str, length: int = 2) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {length}", *lines, "", ""]).encode()


@pytest.mark.parametrize("part", ["head", "body"])
def test_an_answer_that_trickles_is_cut_off(part: str) -> None:
    drops = [b"HTTP/1.1 200 OK\r\n", *(b"X-%d: y\r\n" % each for each in range(200))]
    if part == "body":
        drops = [head("200 OK", length=200), *(b"1" for _ in range(200))]
    began = time.monotonic()
    with answering(*drops, pause=0.2) as url, pytest.raises(BlindError, match=r"did not answer within 0\.3 s"):
        wire(url, 0.3).get("/x")
    assert time.monotonic() - began < 20, "all of it takes forty seconds"


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """The certificate of this machine, which vouches for itself, and a server that has it."""
    folder = tmp_path_factory.mktemp("tls")
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {folder}/key -out {folder}/crt -days 2 -subj /CN=forge"
    subprocess.run([*words.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    return folder / "crt", context


@pytest.mark.parametrize("part", ["handshake", "head", "body"])
def test_so_is_one_over_tls(part: str, certified: tuple[Path, ssl.SSLContext]) -> None:
    authority, context = certified
    tls = None if part == "handshake" else context
    first = {"handshake": b"\x16\x03\x03\x40\x00", "head": b"HTTP/1.1 200 OK\r\n", "body": head("200 OK", length=200)}
    drops = [b"X-%d: y\r\n" % each if part == "head" else b"\x02" for each in range(200)]
    began = time.monotonic()
    with (
        answering(first[part], *drops, pause=0.2, tls=tls) as url,
        pytest.raises(BlindError, match=r"did not answer within 0\.5 s"),
    ):
        wire(url.replace("http:", "https:"), 0.5, authority=authority).get("/x")
    assert time.monotonic() - began < 20, "all of it takes forty seconds"


def test_an_answer_that_is_too_large_is_not_read() -> None:
    with (
        answering(head("200 OK", length=MAX_ANSWER * 2), b"1" * (MAX_ANSWER + 1)) as url,
        pytest.raises(TooMuchError, match="sent more than 8 MiB"),
    ):
        wire(url).get("/x")


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (("Retry-After: 30",), 30),
        (("Retry-After: 999999999",), 3600),
        (("Retry-After: Fri, 15 Jan 2027 08:00:20 GMT",), 20),
        (("Retry-After: soon",), 0),
        (("Retry-After: Mon, 01 Jan 0001 00:00:00 +2359",), 0),
        (("X-RateLimit-Remaining: 0", f"X-RateLimit-Reset: {int(NOW) + 90}"), 90),
        ((), 0),
    ],
)
def test_how_long_it_wants_to_be_left_alone(lines: tuple[str, ...], seconds: float) -> None:
    with answering(head("429 Too Many Requests", *lines), b"{}") as url, pytest.raises(TransientError) as caught:
        wire(url).get("/x")
    assert caught.value.retry_after == seconds


def test_what_it_refuses_is_told_in_its_words_without_the_token() -> None:
    body = b'{"message": "no t0ken\\u0007 here", "errors": [{"message": "one"}, {"code": "two"}, "three"]}'
    with (
        answering(head("422 Unprocessable Entity", length=len(body)), body) as url,
        pytest.raises(RefusedError) as caught,
    ):
        wire(url).send("POST", "/x", {})
    assert (caught.value.status, caught.value.said) == (422, "no *** here; one; two; three")


def test_what_is_no_answer_is_told_in_a_few_words() -> None:
    line = b"HTTP/1.1 2x t0ken-planted" + b"y" * 60_000 + b"\r\n\r\n"
    with answering(line) as url, pytest.raises(BlindError, match="illegal status line") as caught:
        wire(url, token="t0ken-planted").get("/x")
    assert len(caught.value.message) < 500
    assert "planted" not in caught.value.message


def test_nobody_there_is_blindness() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(BlindError, match="cannot be reached"):
        wire(f"http://127.0.0.1:{port}").get("/x")


@pytest.mark.parametrize("token", ["", "two\nlines", "t\u00f6ken"])
def test_a_token_that_is_none_is_not_sent(token: str) -> None:
    with pytest.raises(BlindError, match="token"):
        wire("http://127.0.0.1:9", token=token).get("/x")


@pytest.mark.parametrize("url", ["ftp://x", "https://u:p@x", "https://x?y=1", "nonsense"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        wire(url)


@pytest.mark.parametrize(
    ("status", "lines", "seconds"), [("403 Forbidden", (), 60), ("429 Too Many", ("Retry-After: 7",), 7)]
)
def test_a_secondary_limit_is_no_missing_right(status: str, lines: tuple[str, ...], seconds: float) -> None:
    body = b'{"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}'
    with answering(head(status, *lines, length=len(body)), body) as url, pytest.raises(TransientError) as caught:
        wire(url).get("/x")
    assert not isinstance(caught.value, BlindError)
    assert caught.value.retry_after == seconds
