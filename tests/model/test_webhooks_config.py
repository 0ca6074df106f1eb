"""`server` and `webhooks` in `reconciler.yaml`: where problems come in, who may report them, and where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.daemon_config import DaemonConfig, load_daemon_config
from reconciler.model.errors import UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.schema import load_schema
from reconciler.model.webhooks import (
    MAX_BODY,
    Authentication,
    Belonging,
    Listen,
    Rule,
    ServerConfig,
    Tls,
    WebhookConfig,
    WebhooksConfig,
)
from reconciler.model.webhooks_config import webhook_files

LOCAL = "server: {listen: '127.0.0.1:8080'}\n"
PUBLIC = "server: {listen: '0.0.0.0:8080'}\n"


def load(text: str) -> DaemonConfig:
    return load_daemon_config(f"projects: {{shop: {{repository: {{url: x}}}}}}\n{text}".encode(), "etc/reconciler.yaml")


def refused(text: str) -> tuple[UserError, ...]:
    with pytest.raises(InvalidFile) as caught:
        load(text)
    return tuple(caught.value.errors)


def test_everything() -> None:
    config = load("""
server:
  listen: "[::]:8443"
  status: 127.0.0.1:9090
  tls: {certFile: tls.crt, keyFile: tls.key, clientCaFile: /etc/ca.crt}
  maxBody: 1024
  rate: 2.5
  connections: 7
webhooks:
  alertmanager:
    auth: {kind: basic, username: am, passwordFile: am.password}
    labels: {stage: environment}
    rules:
      - {labels: {job: carts, n: 1}, service: carts}
      - {labels: {team: a}, project: shop, stage: production}
    default: {project: shop}
    api: http://am:9093/prefix
    apiAuth: {kind: bearer, tokenEnv: AM_TOKEN}
  dynatrace: {auth: {kind: client-certificate}}
  cloudevents: {auth: {kind: hmac, secretEnv: KEPTN_KEY, header: X-Sum}}
  problem: {auth: {kind: bearer, tokenFile: t}}
  git: {kind: hmac, secretFile: git.secret}
""")
    assert config.server == ServerConfig(
        Listen("::", 8443), Listen("127.0.0.1", 9090),
        Tls(Path("etc/tls.crt"), Path("etc/tls.key"), Path("/etc/ca.crt")), 1024, 2.5, 7,
    )  # fmt: skip
    assert config.webhooks == WebhooksConfig(
        WebhookConfig(
            Authentication("basic", "am", Path("etc/am.password")),
            Belonging(
                stage_label="environment", project="shop",
                rules=(
                    Rule({"job": "carts", "n": "1"}, service="carts"),
                    Rule({"team": "a"}, project="shop", stage="production"),
                ),
            ),
            "http://am:9093/prefix",
            Authentication("bearer", secret_env="AM_TOKEN"),
        ),
        WebhookConfig(Authentication("client-certificate")),
        WebhookConfig(Authentication("hmac", secret_env="KEPTN_KEY", header="X-Sum")),
        WebhookConfig(Authentication("bearer", secret_file=Path("etc/t"))),
        Authentication("hmac", secret_file=Path("etc/git.secret")),
    )  # fmt: skip
    assert webhook_files(config.server) == [Path("etc/tls.crt"), Path("etc/tls.key"), Path("/etc/ca.crt")]


@pytest.mark.parametrize("text", ["", "server:\nwebhooks:\n", "server: {}\nwebhooks: {}\n"])
def test_without_it_nothing_is_served(text: str) -> None:
    config = load(text)
    assert config.server == ServerConfig()
    assert config.server.max_body == MAX_BODY
    assert config.webhooks == WebhooksConfig()


def test_on_this_machine_nobody_has_to_say_who_it_is() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        config = load(f"server: {{listen: '{host}:0'}}\nwebhooks: {{alertmanager: {{}}, git: {{kind: none}}}}\n")
        assert config.webhooks == WebhooksConfig(alertmanager=WebhookConfig(), git=Authentication())


@pytest.mark.parametrize(
    "block",
    ["problem: {}", "problem: {auth: {kind: none}}", "problem: {auth: null}", "git: {kind: none}", "alertmanager: {}"],
)
def test_everywhere_else_it_is_required(block: str) -> None:
    (error,) = refused(f"{PUBLIC}webhooks: {{{block}}}\n")
    assert "without authentication" in error.message
    assert "required unless bound to loopback" in error.expected
    assert error.place is not None
    assert error.place.line == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("webhooks: {problem: {}}", "without an address to listen on"),
        ("server: {listen: 'a:80', status: 'a:80'}", "are the same"),
        ("server: {listen: 'a:65536'}", "no port that there is"),
        ("server: {listen: '8080'}", "listen"),
        ("server: {listen: 'http://a:80'}", "listen"),
        ("server: {tls: {certFile: a}}", "keyFile"),
        ("server: {rate: -1}", "rate"),
        ("server: {connections: 0}", "connections"),
        ("server: {maxBody: 10}", "maxBody"),
        (f"{LOCAL}webhooks: {{problem: {{auth: {{kind: bearer}}}}}}", "`bearer` needs `tokenFile` or `tokenEnv`"),
        (f"{LOCAL}webhooks: {{problem: {{auth: {{kind: bearer, tokenFile: a, tokenEnv: b}}}}}}", "exclude each other"),
        (f"{LOCAL}webhooks: {{problem: {{auth: {{kind: basic, passwordFile: a}}}}}}", "`basic` needs `username`"),
        (f"{LOCAL}webhooks: {{problem: {{auth: {{kind: hmac, tokenFile: a, secretFile: b}}}}}}", "means nothing for"),
        (f"{LOCAL}webhooks: {{problem: {{auth: {{kind: none, tokenFile: a}}}}}}", "means nothing for"),
        (f"{LOCAL}webhooks: {{problem: {{auth: {{tokenFile: a}}}}}}", "kind"),
        (f"{LOCAL}webhooks: {{problem: {{auth: {{kind: client-certificate}}}}}}", "nobody asks for client"),
        (f"{LOCAL}webhooks: {{problem: {{rules: [{{labels: {{a: b}}}}]}}}}", "a rule that says nothing"),
        (f"{LOCAL}webhooks: {{problem: {{rules: [{{labels: {{}}, service: a}}]}}}}", "labels"),
        (f"{LOCAL}webhooks: {{problem: {{default: {{stage: ../x}}}}}}", "../x"),
        (f"{LOCAL}webhooks: {{problem: {{api: 'http://x'}}}}", "api"),
        (f"{LOCAL}webhooks: {{alertmanager: {{apiAuth: {{kind: bearer, tokenEnv: A}}}}}}", "`apiAuth` without `api`"),
        (
            f"{LOCAL}webhooks: {{alertmanager: {{api: 'http://x', apiAuth: {{kind: hmac, secretEnv: A}}}}}}",
            "not for what we ask ourselves",
        ),
        (f"{LOCAL}webhooks: {{nagios: {{}}}}", "nagios"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_its_place(text: str, said: str) -> None:
    (error,) = refused(text)
    assert said in f"{error.message} {error.expected} {error.hint}"
    assert error.place is not None
    assert error.place.line > 1
    assert error.hint or error.expected


def test_a_secret_in_the_file_itself_is_refused_and_not_repeated() -> None:
    for key in ("token: hunter2", "password: hunter2", "secret: hunter2"):
        errors = refused(f"{LOCAL}webhooks: {{problem: {{auth: {{kind: bearer, {key}}}}}}}\n")
        assert "holds a secret" in errors[0].message
        assert "hunter2" not in str(errors)


def test_the_schema_knows_the_webhooks_that_there_are() -> None:
    assert set(load_schema("reconciler")["properties"]["webhooks"]["properties"]) == set(WebhooksConfig.__annotations__)


TWO = """projects:
  shop: {repository: {url: x}, stages: {production: {}, staging: {}}}
  blog: {repository: {url: x}, stages: {live: {}}}
  open: {repository: {url: x}, stages: {"*": {}}}
"""


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("default: {project: shp}", "did you mean `shop`?"),
        ("default: {project: nobody}", "there are: blog, open, shop"),
        ("rules: [{labels: {a: b}, project: shp, stage: x}]", "did you mean `shop`?"),
        ("default: {project: shop, stage: prodction}", "did you mean `production`?"),
        ("rules: [{labels: {a: b}, project: blog, stage: production}]", "`blog` has: live"),
    ],
)
def test_where_problems_belong_is_among_what_the_file_has(block: str, said: str) -> None:
    text = f"{TWO}{LOCAL}webhooks: {{alertmanager: {{{block}}}}}\n"
    with pytest.raises(InvalidFile) as caught:
        load_daemon_config(text.encode(), "etc/reconciler.yaml")
    (error,) = caught.value.errors
    assert said in error.hint
    assert error.place is not None
    assert error.place.line == 6


@pytest.mark.parametrize(
    "block",
    [
        "default: {project: open, stage: anything}", "default: {stage: anything}",
        "rules: [{labels: {a: b}, stage: anything}]", "default: {project: shop, stage: staging, service: any}",
    ],
)  # fmt: skip
def test_what_cannot_be_known_here_is_not_refused(block: str) -> None:
    load_daemon_config(f"{TWO}{LOCAL}webhooks: {{problem: {{{block}}}}}\n".encode(), "etc/reconciler.yaml")


def test_a_stage_of_no_project_at_all_is_refused_where_all_are_named() -> None:
    named = "projects: {shop: {repository: {url: x}, stages: {production: {}}}}\n"
    with pytest.raises(InvalidFile, match="prod"):
        load_daemon_config(f"{named}{LOCAL}webhooks: {{problem: {{default: {{stage: prod}}}}}}\n".encode(), "r.yaml")


def test_git_is_an_authentication_itself() -> None:
    (error,) = refused(f"{LOCAL}webhooks: {{git: {{auth: {{kind: hmac, secretFile: f}}}}}}\n")
    assert error.hint == "put `kind` and `secretFile` directly under `git`"
    assert error.place is not None
    assert error.place.line == 3


@pytest.mark.parametrize("written", ["18080", "'18080'", "':18080'"])
def test_a_port_alone_is_told_an_address_that_works_without_more(written: str) -> None:
    (error,) = refused(f"server: {{listen: {written}}}\n")
    assert '`listen: "127.0.0.1:18080"`' in error.hint
    assert load('server: {listen: "127.0.0.1:18080"}\nwebhooks: {problem: {}}\n').server.listen is not None
    (other,) = refused("server: {status: 9090}\n")
    assert '`status: "127.0.0.1:9090"`' in other.hint
