"""K8: where credentials come from, and that they are picked up when they change."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.embedded.cluster import EmbeddedCluster, User
from reconciler.embedded.cluster.faults import Refuse, matching
from reconciler.model.errors import BlindError, TerminalError
from reconciler.model.targets import WantWorkload
from reconciler.targets.kubernetes import InCluster, Kubeconfig, TokenFile, client
from reconciler.targets.kubernetes.refusals import Call, Unreachable
from reconciler.targets.protocol import TargetServer
from tests.closed import closed, open_to_all
from tests.embedded.sandbox import workload
from tests.targets.kubernetes.conftest import Bench, Clock, effect, make, nothing_of, want, workload_of


@pytest.fixture(autouse=True)
def carts(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))


def test_importing_the_package_and_making_a_server_does_not_load_the_client() -> None:
    code = (
        "import sys; from reconciler.targets.kubernetes import KubernetesServer, Kubeconfig;"
        "KubernetesServer(Kubeconfig('/nowhere')).close();"
        "sys.exit(any(name.split('.')[0] in ('kubernetes', 'urllib3') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_is_a_target_server(bench: Bench) -> None:
    server: TargetServer[WantWorkload] = bench.server
    assert workload_of(server.observe(want("carts"))).replicas == 1


def test_a_kubeconfig_and_its_contexts(bench: Bench, tmp_path: Path) -> None:
    path = bench.cluster.write_kubeconfig(tmp_path / "config")
    document = json.loads(path.read_text())
    document["contexts"].append({"name": "other", "context": {"cluster": "other", "user": "embedded"}})
    document["clusters"].append({"name": "other", "cluster": {"server": "http://127.0.0.1:1"}})
    path.write_text(json.dumps(document))
    for access, environ in ((Kubeconfig(str(path)), {}), (Kubeconfig(), {"KUBECONFIG": str(path)})):
        server = make(access, bench.clock, environ=environ)
        assert workload_of(server.observe(want("carts"))).replicas == 1
        server.close()
    server = make(Kubeconfig(str(path), "other"), bench.clock)
    assert nothing_of(server.observe(want("carts"))).trouble == "blind"
    server.close()


@pytest.mark.parametrize("content", [None, "", "a: b: c", "[]", "{}", '{"current-context": "x"}'])
def test_k8_a_kubeconfig_that_cannot_be_used_is_blind_until_it_can(
    bench: Bench, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    server = make(Kubeconfig(str(path)), bench.clock)
    fact = nothing_of(server.observe(want("carts")))
    assert (fact.trouble, "credentials" in fact.message) == ("blind", True)
    with pytest.raises(BlindError):
        server.apply(effect())
    bench.cluster.write_kubeconfig(path)
    assert workload_of(server.observe(want("carts"))).replicas == 1
    path.write_text("half of a fi: le: [")
    bench.clock.now += 1
    assert workload_of(server.observe(want("carts"))).replicas == 1
    server.close()


def test_k8_a_kubeconfig_that_is_closed_to_us_is_told_as_such(bench: Bench) -> None:
    with open_to_all() as folder:
        (folder / "home").mkdir()
        path = bench.cluster.write_kubeconfig(folder / "home" / "config")
        server = make(Kubeconfig(str(path)), bench.clock)
        with closed(folder / "home"):
            fact = nothing_of(server.observe(want("carts")))
        assert f"{path} cannot be read: permission denied" in fact.message
        server.close()


def project(folder: Path, token: str, generation: int) -> None:
    """Write a projected volume as the kubelet does: data in a new folder, then one symbolic link exchanged."""
    data = folder / f"..{generation}"
    data.mkdir(parents=True)
    (data / "token").write_text(token)
    link = folder / "..new"
    link.symlink_to(data.name)
    link.rename(folder / "..data")
    if not (folder / "token").is_symlink():
        (folder / "token").symlink_to("..data/token")


def test_k8_a_projected_token_that_is_exchanged_is_picked_up(bench: Bench, tmp_path: Path) -> None:
    bench.cluster.users["first"] = User("bot")
    project(tmp_path, "first", 1)
    server = make(TokenFile(bench.cluster.url, str(tmp_path / "token")), bench.clock)
    assert workload_of(server.observe(want("carts"))).replicas == 1
    del bench.cluster.users["first"]
    bench.cluster.users["second"] = User("bot")
    assert nothing_of(server.observe(want("carts"))).trouble == "forbidden"
    project(tmp_path, "second", 2)
    assert workload_of(server.observe(want("carts"))).replicas == 1
    assert bench.cluster.journal.entries()[-1].headers["authorization"] == "Bearer second"
    server.close()


def test_k8_a_token_that_is_exchanged_before_the_old_one_expires_is_used_within_a_second(
    bench: Bench, tmp_path: Path
) -> None:
    bench.cluster.users |= {"first": User("bot"), "second": User("bot")}
    project(tmp_path, "first", 1)
    server = make(TokenFile(bench.cluster.url, str(tmp_path / "token")), bench.clock)

    def used() -> str:
        assert workload_of(server.observe(want("carts"))).replicas == 1
        return bench.cluster.journal.entries()[-1].headers["authorization"]

    assert used() == "Bearer first"
    project(tmp_path, "second", 2)
    bench.clock.now += 0.5
    assert used() == "Bearer first", "the file is not looked at for each call"
    bench.clock.now += 0.5
    assert used() == "Bearer second"
    server.close()


def test_k8_a_kubeconfig_whose_token_file_changed_is_read_again_once_it_is_refused(
    bench: Bench, tmp_path: Path
) -> None:
    bench.cluster.users["second"] = User("bot")
    (tmp_path / "token").write_text("first")
    path = bench.cluster.write_kubeconfig(tmp_path / "config")
    document = json.loads(path.read_text())
    document["users"][0]["user"] = {"tokenFile": str(tmp_path / "token")}
    path.write_text(json.dumps(document))
    server = make(Kubeconfig(str(path)), bench.clock)
    assert nothing_of(server.observe(want("carts"))).trouble == "forbidden"
    (tmp_path / "token").write_text("second")
    assert workload_of(server.observe(want("carts"))).replicas == 1
    server.close()


def test_k8_a_token_may_be_in_no_file(bench: Bench) -> None:
    bench.cluster.users["right"] = User("bot")
    held = {"token": "right"}

    def secret() -> str:
        if not held:
            raise BlindError("the variable is empty")
        return held["token"]

    server = make(TokenFile(bench.cluster.url, secret=secret), bench.clock)
    assert workload_of(server.observe(want("carts"))).replicas == 1
    server.close()
    held.clear()
    server = make(TokenFile(bench.cluster.url, secret=secret), bench.clock)
    found = nothing_of(server.observe(want("carts")))
    assert (found.trouble, "the variable is empty" in found.message) == ("blind", True)
    server.close()


@pytest.mark.parametrize("spelled", ["{}", "Basic {}", "%22{}%22", "z" * 190 + "{}"])
def test_a_token_that_the_server_repeats_is_in_no_fact_and_no_error(bench: Bench, spelled: str) -> None:
    token = "s3cret-of-this-cluster"
    said = spelled.format(token)
    server = make(TokenFile(bench.cluster.url, secret=lambda: token), bench.clock)
    for body in (json.dumps({"message": said}).encode(), said.encode()):
        bench.cluster.faults.add(Refuse(403, body=body), when=matching("GET", "deployments/carts"))
        assert "s3cret" not in nothing_of(server.observe(want("carts"))).message
        bench.cluster.faults.add(Refuse(422, body=body), when=matching("PATCH"))
        with pytest.raises(TerminalError) as caught:
            server.apply(effect("carts", 2, 1))
        assert "s3cret" not in caught.value.message
    server.close()


def test_k8_an_empty_token_file_is_not_sent(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    server = make(TokenFile(bench.cluster.url, str(tmp_path / "token")), bench.clock)
    fact = nothing_of(server.observe(want("carts")))
    server.close()
    assert fact.trouble == "blind"
    assert "is empty" in fact.message
    assert bench.cluster.journal.entries() == []


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """Make a self-signed certificate for the loopback address, `<name>.pem`, and a server context with it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    pem, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return context


def test_k8_an_authority_that_is_exchanged_is_picked_up(tmp_path: Path) -> None:
    certificate(tmp_path, "old")
    context = certificate(tmp_path, "new")
    (tmp_path / "ca.crt").write_bytes((tmp_path / "old.pem").read_bytes())
    with EmbeddedCluster(tls=context) as cluster:
        clock = Clock()
        bench = Bench(cluster, make(TokenFile(cluster.url, certificate=str(tmp_path / "ca.crt")), clock), clock)
        bench.put(workload("Deployment", "carts"))
        fact = nothing_of(bench.server.observe(want("carts")))
        assert fact.trouble == "blind"
        assert "TLS" in fact.message
        swapped = tmp_path / "ca.new"
        swapped.write_bytes((tmp_path / "new.pem").read_bytes())
        swapped.rename(tmp_path / "ca.crt")
        assert workload_of(bench.server.observe(want("carts"))).replicas == 1
        bench.server.close()


def test_k8_in_a_pod_the_service_account_is_used(tmp_path: Path) -> None:
    context = certificate(tmp_path, "ca")
    (tmp_path / "ca.crt").write_bytes((tmp_path / "ca.pem").read_bytes())
    (tmp_path / "token").write_text("pod")
    clock = Clock()
    with EmbeddedCluster(tls=context) as cluster:
        cluster.users["pod"] = User("system:serviceaccount:reconciler:default")
        _, host, port = cluster.url.replace("//", "").split(":")
        environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        bench = Bench(cluster, make(InCluster(str(tmp_path)), clock, environ=environ), clock)
        bench.put(workload("Deployment", "carts"))
        assert workload_of(bench.server.observe(want("carts"))).replicas == 1
        bench.server.close()
    server = make(InCluster(str(tmp_path)), clock, environ={})
    assert "not in a pod" in nothing_of(server.observe(want("carts"))).message
    server.close()


def test_an_answer_that_is_too_large_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_LARGEST", 20)
    greedy = client.Client(TokenFile(bench.cluster.url), {}, lambda: 0.0)
    with pytest.raises(Unreachable, match="is larger than"):
        greedy.call(Call("get", "", "version", "/version"), 4.0)
    greedy.close()


def test_every_call_says_who_we_are_and_goes_over_few_connections(bench: Bench) -> None:
    for _ in range(5):
        bench.server.observe(want("carts"))
    agents: set[Any] = {one.headers["user-agent"].partition("/")[0] for one in bench.cluster.journal.entries()}
    assert agents == {"reconciler"}
