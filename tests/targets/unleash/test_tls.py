"""An Unleash behind an authority of one's own, which a file holds and which is read anew when that changes."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from reconciler.model.errors import BlindError
from reconciler.targets.unleash.wire import Budget, Wire
from tests.evidence.speaking import Response, SpeakingServer


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities that certify nobody but themselves, `one` and `two`, for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("one", "two"):
        subprocess.run(
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key"
            f" -out {name}.crt -days 2 -subj /CN={name} -addext subjectAltName=IP:127.0.0.1".split(),
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    return folder


def over_tls(server: SpeakingServer, folder: Path) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "one.crt", folder / "one.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server.url.replace("http:", "https:")


def asked(wire: Wire) -> bool:
    return wire.get("/x", Budget(lambda: 0.0, 60)).good


def test_the_authority_is_that_of_the_file_and_read_anew_when_it_changes(certificates: Path, tmp_path: Path) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_bytes((certificates / "two.crt").read_bytes())
    server = SpeakingServer(lambda _: Response(body=b"{}"))
    url = over_tls(server, certificates)
    with server:
        plain = Wire(url, lambda: "token", call_seconds=60)
        with pytest.raises(BlindError, match="CERTIFICATE_VERIFY_FAILED"):
            asked(plain)
        wire = Wire(url, lambda: "token", call_seconds=60, ca_file=ca)
        with pytest.raises(BlindError, match="CERTIFICATE_VERIFY_FAILED"):
            asked(wire)
        (tmp_path / "new").write_bytes((certificates / "one.crt").read_bytes())
        (tmp_path / "new").replace(ca)
        assert asked(wire)
        assert asked(wire)
        wire.close()
        plain.close()
    assert [each.headers["authorization"] for each in server.requests] == ["token", "token"]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    ca = tmp_path / "ca.crt"
    if content is not None:
        ca.write_text(content, "utf-8")
    wire = Wire("https://127.0.0.1:1", lambda: "token", ca_file=ca)
    with pytest.raises(BlindError, match=r"the certificates in .*ca\.crt cannot be used") as told:
        asked(wire)
    assert "PEM" in told.value.hint
    wire.close()
