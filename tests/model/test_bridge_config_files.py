"""The part `bridge` of `reconciler.yaml`, right and wrong."""

from __future__ import annotations

import pytest

from reconciler.model.bridge_config import BridgeConfig
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.invalid import InvalidFile

PROJECTS = "projects: {shop: {repository: {url: shop.git}}}\n"
TWICE = """\
bridge:
  listen: 127.0.0.1:1
  auth:
    kind: basic
    people:
    - {username: a, passwordEnv: A}
    - {username: a, passwordEnv: B}
"""


def load(text: str) -> BridgeConfig:
    return load_daemon_config((text + PROJECTS).encode(), "/etc/reconciler/reconciler.yaml").bridge


def test_nothing_is_served_unless_it_is_wanted() -> None:
    assert load("").listen is None
    assert load("bridge:\n").listen is None


def test_people_have_names_addresses_and_passwords_of_their_own() -> None:
    found = load("""\
bridge:
  listen: 0.0.0.0:8443
  tls: {certFile: a.crt, keyFile: a.key}
  auth:
    kind: basic
    people:
    - {username: ada, name: Ada L, email: ada@example.org, passwordFile: secrets/ada}
    - {username: bob, passwordEnv: BOB}
  actions: true
""")
    assert found.listen is not None
    assert (found.listen.host, found.listen.port) == ("0.0.0.0", 8443)
    assert found.actions
    ada, bob = found.people
    assert (ada.name, ada.email, str(ada.password_file)) == ("Ada L", "ada@example.org", "/etc/reconciler/secrets/ada")
    assert (bob.name, bob.email, bob.password_env) == ("bob", "bob@localhost", "BOB")
    assert found.tls is not None
    assert str(found.tls.cert_file) == "/etc/reconciler/a.crt"


def test_a_proxy_names_people_by_headers() -> None:
    found = load(
        "bridge: {listen: '127.0.0.1:8090', hosts: [Bridge.Example.org, '[::1]'], "
        "auth: {kind: proxy, userHeader: X-User}, actions: true}\n"
    )
    assert found.hosts == {"bridge.example.org", "[::1]"}
    assert (found.kind, found.user_header, found.email_header) == ("proxy", "X-User", "X-Forwarded-Email")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bridge: {listen: '0.0.0.0:8090'}", "without authentication"),
        ("bridge: {listen: '0.0.0.0:8090', auth: {kind: proxy}}", "could say that they are anybody"),
        ("bridge: {listen: '127.0.0.1:8090', actions: true}", "`actions` of nobody"),
        ("bridge: {listen: '127.0.0.1:8090', auth: {kind: basic}}", "nobody could open"),
        ("bridge: {listen: '127.0.0.1:8090', auth: {kind: basic, people: [{username: a}]}}", "without one password"),
        (
            "bridge: {listen: 'a:1', auth: {kind: basic, people: [{username: a, passwordEnv: A, passwordFile: f}]}}",
            "without one password",
        ),
        (TWICE, "is there twice"),
        (
            "bridge: {listen: '127.0.0.1:8090', auth: {kind: proxy, people: [{username: a, passwordEnv: A}]}}",
            "means nothing for `proxy`",
        ),
        ("bridge: {listen: '127.0.0.1:70000'}", "no port that there is"),
        ("server: {status: '127.0.0.1:1'}\nbridge: {listen: '127.0.0.1:1'}", "`bridge.listen` is `server.status`"),
        ("bridge: {actions: true}", "listen"),
        ("bridge: {listen: '127.0.0.1:1', hosts: ['https://a.example']}", "https://a.example"),
        ("bridge: {listen: '127.0.0.1:1', hosts: ['a.example:80']}", "without scheme and port"),
        ("bridge: {listen: '127.0.0.1:1', auth: {kind: bearer}}", "bearer"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        load(f"{text}\n")
    found = [each for each in refused.value.errors if told in str(each)]
    assert found, str(refused.value)
    assert found[0].place is not None
    assert found[0].place.line
