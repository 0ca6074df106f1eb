"""A certificate of an authority that is not known: what is said is which key names it."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.cli.doctor.clusters import Cluster
from reconciler.cli.doctor.finding import Finding
from reconciler.cli.doctor.flag_servers import FlagServer
from reconciler.cli.doctor.providers import ProviderOf
from reconciler.model.connections import FlagsConnection, KubernetesConnection
from reconciler.model.evidence_config import Access, DynatraceConnection, PrometheusConnection, ProviderConnection
from reconciler.model.names import ProjectName, StageName
from tests.cli.doctor.looking import wrong
from tests.evidence.speaking import Response, SpeakingServer


def certify(folder: Path, name: str) -> None:
    """Make a certificate for the loopback address that nobody but itself vouches for, with its key."""
    words = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    words += ["-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    certify(folder, "one")
    (folder / "token").write_text("secret", "ascii")
    return folder


@pytest.fixture
def url(certificate: Path) -> Iterator[str]:
    server = SpeakingServer(lambda _: Response(body=b"{}"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "one.crt", certificate / "one.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with server:
        yield server.url.replace("http:", "https:")


def provider(name: str, connection: ProviderConnection) -> Iterator[Finding]:
    return ProviderOf("shop", name, connection, ProjectName("shop"), StageName("production"), (), 0.0).examine()


def prometheus(url: str, token: Path) -> Iterator[Finding]:
    return provider("prometheus", PrometheusConnection(url, Access(deadline=60.0, token_file=token)))


def dynatrace(url: str, token: Path) -> Iterator[Finding]:
    return provider("dynatrace", DynatraceConnection(url, Access(deadline=60.0, token_file=token)))


def unleash(url: str, token: Path) -> Iterator[Finding]:
    return FlagServer("flags", FlagsConnection("unleash", url, token_file=token, deadline=60.0), {}).examine()


def kubernetes(url: str, token: Path) -> Iterator[Finding]:
    return Cluster(
        "cluster", KubernetesConnection(server=url, token_file=token, deadline=60.0), {}, (), lambda: 0.0
    ).examine()


@pytest.mark.parametrize(
    ("look", "key"),
    [
        (prometheus, "evidence.prometheus.caFile"), (dynatrace, "evidence.dynatrace.caFile"), (unleash, "flags.caFile"),
        (kubernetes, "kubernetes.caFile"),
    ],
)  # fmt: skip
def test_the_key_that_names_the_authority(
    look: Callable[[str, Path], Iterator[Finding]], key: str, url: str, certificate: Path
) -> None:
    told = next(iter(wrong(look(url, certificate / "token")).values()))
    assert "certificate" in told.found.lower()
    assert f"`{key}`" in told.do


def test_the_cluster_of_a_kubeconfig_names_it_there(url: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        f"current-context: a\nclusters:\n- {{name: a, cluster: {{server: '{url}'}}}}\nusers:\n"
        "- {name: a, user: {}}\n"
        "contexts:\n- {name: a, context: {cluster: a, user: a}}\n", "utf-8",
    )  # fmt: skip
    connection = KubernetesConnection(kubeconfig=tmp_path / "config", deadline=60.0)
    told = wrong(Cluster("cluster", connection, {}, (), lambda: 0.0).examine())["cluster-reach"]
    assert "`certificate-authority`" in told.do


def test_an_authority_that_is_another_one_is_named_by_its_file(url: str, certificate: Path, tmp_path: Path) -> None:
    certify(tmp_path, "two")
    connection = FlagsConnection(
        "unleash", url, token_file=certificate / "token", ca_file=tmp_path / "two.crt", deadline=60.0
    )
    told = wrong(FlagServer("flags", connection, {}).examine())["flags-reach"]
    assert f"{tmp_path}/two.crt must hold" in told.do
