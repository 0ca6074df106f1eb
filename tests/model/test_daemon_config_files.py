"""`reconciler.yaml`: connections and allow-lists, defaults for a stage, and no secret in the file or in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.connections import AllowList, Endpoint, FlagsConnection, KubernetesConnection, StageConnections
from reconciler.model.daemon_config import (
    DaemonConfig,
    LogConfig,
    ProjectConnections,
    Reach,
    RepositoryConfig,
    load_daemon_config,
)
from reconciler.model.errors import Place
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import ProjectName, StageName

SECRET = "hunter2-hunter2"

STAGE = "projects: {shop: {repository: {url: x}, stages: {dev: {%s}}}}"
WHOLE = b"""\
stateDir: /var/lib/reconciler
log: {format: console, level: debug}
projects:
  shop:
    repository:
      url: https://git.example.com/shop/config.git
      branchPrefix: shop/
      username: reconciler
      tokenFile: secrets/git.token
    poll: 500ms
    stages:
      "*":
        kubernetes: {kubeconfig: kubeconfig.yaml, context: shop, deadline: 3s}
        flags: {kind: flagd, file: flags.json}
        allow: {kinds: [Deployment, Rollout.argoproj.io]}
      production:
        flags:
          kind: unleash
          url: https://unleash.example.com/
          tokenEnv: UNLEASH_TOKEN
          caFile: company.crt
          environment: prod
        allow:
          namespaces: [shop, shop-extra]
          endpoints:
            runbooks: {url: "https://hooks.example.com/restart", tokenFile: hook.token}
  other:
    repository: {url: "git@git.example.com:other.git", sshKeyFile: id, knownHostsFile: hosts}
"""


def load(text: str | bytes) -> DaemonConfig:
    return load_daemon_config(text if isinstance(text, bytes) else text.encode(), "etc/reconciler.yaml")


def refused(text: str) -> InvalidFile:
    with pytest.raises(InvalidFile) as caught:
        load(text)
    return caught.value


def test_a_whole_configuration() -> None:
    config = load(WHOLE)
    assert config.state_dir == Path("/var/lib/reconciler")
    assert config.log == LogConfig("console", "debug")
    shop, other = config.projects[ProjectName("shop")], config.projects[ProjectName("other")]
    assert shop.poll == 0.5
    assert shop.repository == RepositoryConfig(
        "https://git.example.com/shop/config.git",
        branch_prefix="shop/",
        username="reconciler",
        token_file=Path("etc/secrets/git.token"),
    )
    assert other == ProjectConnections(
        ProjectName("other"),
        RepositoryConfig(
            "git@git.example.com:other.git", ssh_key_file=Path("etc/id"), known_hosts_file=Path("etc/hosts")
        ),
    )
    assert shop.stages["production"] == StageConnections(
        flags=FlagsConnection(
            "unleash",
            url="https://unleash.example.com/",
            token_env="UNLEASH_TOKEN",
            ca_file=Path("etc/company.crt"),
            environment="prod",
        ),
        allow=AllowList(
            namespaces=("shop", "shop-extra"),
            endpoints={"runbooks": Endpoint("https://hooks.example.com/restart", Path("etc/hook.token"))},
        ),
    )


def test_a_stage_has_its_own_blocks_else_those_of_every_stage() -> None:
    shop = load(WHOLE).projects[ProjectName("shop")]
    kubernetes = KubernetesConnection(Path("etc/kubeconfig.yaml"), "shop", deadline=3.0)
    assert shop.reach(StageName("production")) == Reach(
        namespaces=frozenset({"shop", "shop-extra"}),
        kinds=frozenset({"Deployment", "StatefulSet"}),
        flag_projects=frozenset({"default"}),
        flag_environments=frozenset({"prod"}),
        endpoints={"runbooks": Endpoint("https://hooks.example.com/restart", Path("etc/hook.token"))},
        kubernetes=kubernetes,
        flags=FlagsConnection(
            "unleash",
            url="https://unleash.example.com/",
            token_env="UNLEASH_TOKEN",
            ca_file=Path("etc/company.crt"),
            project="default",
            environment="prod",
        ),
    )
    dev = shop.reach(StageName("dev"))
    assert dev.kinds == frozenset({"Deployment", "Rollout.argoproj.io"})
    assert dev.flags == FlagsConnection("flagd", file=Path("etc/flags.json"), project="default", environment="dev")
    assert dev.kubernetes == kubernetes


def test_without_a_word_a_stage_reaches_its_own_namespace_only() -> None:
    other = load(WHOLE).projects[ProjectName("other")]
    assert other.reach(StageName("production")) == Reach(
        namespaces=frozenset({"other-production"}),
        kinds=frozenset({"Deployment", "StatefulSet"}),
        flag_projects=frozenset({"default"}),
        flag_environments=frozenset({"production"}),
        endpoints={},
        kubernetes=None,
        flags=None,
    )
    assert other.poll == 30.0


def test_an_empty_list_allows_nothing() -> None:
    text = "projects: {shop: {repository: {url: x}, stages: {dev: {allow: {namespaces: [], kinds: []}}}}}"
    reach = load(text).projects[ProjectName("shop")].reach(StageName("dev"))
    assert reach.namespaces == reach.kinds == frozenset()


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("/srv/git/shop.git", "/srv/git/shop.git"),
        ("../remote.git", "etc/../remote.git"),
        ("remote.git", "etc/remote.git"),
        ("file:///srv/git/shop.git", "file:///srv/git/shop.git"),
        ("https://git.example.com:8443/x.git", "https://git.example.com:8443/x.git"),
        ("http://127.0.0.1:3000/x", "http://127.0.0.1:3000/x"),
        ("ssh://git@git.example.com:22/x.git", "ssh://git@git.example.com:22/x.git"),
        ("git@git.example.com:shop/config.git", "git@git.example.com:shop/config.git"),
    ],
)
def test_addresses_of_repositories(url: str, kept: str) -> None:
    config = load(f"projects: {{shop: {{repository: {{url: '{url}'}}}}}}")
    assert config.projects[ProjectName("shop")].repository.url == kept
    assert config.state_dir == Path("etc/state")
    assert config.log == LogConfig("json", "info")


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% hacked",
        "fd::17",
        "--upload-pack=touch",
        "-x",
        "ftp://git.example.com/x",
        "git://git.example.com/x",
        "https://git.example.com/a b",
    ],
)
def test_g13_addresses_that_git_would_run_are_refused(url: str) -> None:
    error = refused(f"projects: {{shop: {{repository: {{url: '{url}'}}}}}}")
    assert error.place == Place("etc/reconciler.yaml", 1, 37)
    assert "form that is not supported" in error.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"projects: {{shop: {{repository: {{url: x, token: {SECRET}}}}}}}", "`tokenFile: <file>` or `tokenEnv:"),
        (f"projects: {{shop: {{repository: {{url: x, password: {SECRET}}}}}}}", "`passwordFile: <file>` or"),
        (f"projects: {{shop: {{repository: {{url: x, sshKey: {SECRET}}}}}}}", "`sshKeyFile: <file>`"),
        (f"projects: {{shop: {{repository: {{url: x, api_key: {SECRET}}}}}}}", "`tokenFile: <file>`"),
        (f"projects: {{shop: {{repository: {{url: 'https://u:{SECRET}@h/x'}}}}}}", "`tokenFile:`"),
        (f"projects: {{shop: {{repository: {{url: 'https://{SECRET}@h/x'}}}}}}", "`tokenFile:`"),
        (f"projects: {{shop: {{repository: {{url: 'ssh://u:{SECRET}@h/x'}}}}}}", "`tokenFile:`"),
        (f"projects: {{shop: {{repository: {{url: x, tokenEnv: '{SECRET}'}}}}}}", "RECONCILER_GIT_TOKEN"),
        (STAGE % f"flags: {{kind: unleash, url: 'http://u:{SECRET}@h', tokenFile: t}}", "https://unleash.example.com"),
        (STAGE % f"allow: {{endpoints: {{a: {{url: 'https://u:{SECRET}@h'}}}}}}", "https://hooks.example.com"),
        (f"tokens: [{{token: {SECRET}}}]", "`tokenFile: <file>`"),
    ],
)
def test_secrets_in_the_file_are_refused_and_not_repeated(text: str, hint: str) -> None:
    error = refused(text)
    assert hint in error.hint
    for each in error.errors:
        assert SECRET not in f"{each} {each.message} {each.hint} {each.expected}"


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ("flags: {kind: unlesh}", "`kind` is `unlesh`"),
        ("flags: {kind: unleash, tokenFile: t}", "`unleash` needs `url`"),
        ("flags: {kind: unleash, url: 'http://h'}", "`unleash` needs `tokenFile` or `tokenEnv`"),
        ("flags: {kind: unleash, url: 'http://h', tokenFile: t, tokenEnv: T}", "`tokenFile` and `tokenEnv` exclude"),
        ("flags: {kind: unleash, url: 'http://h', tokenFile: t, file: f}", "`file` means nothing for `unleash`"),
        ("flags: {kind: unleash-legacy, url: 'http://h', username: u}", "`unleash-legacy` needs `passwordFile` or"),
        ("flags: {kind: unleash-legacy, url: 'http://h', passwordEnv: P}", "`unleash-legacy` needs `username` or"),
        ("flags: {kind: flagd}", "`flagd` needs `file`"),
        ("flags: {kind: flagd, file: f, url: 'http://h'}", "`url` means nothing for `flagd`"),
        ("flags: {kind: flagd, file: f, caFile: c}", "`caFile` means nothing for `flagd`"),
        ("kubernetes: {inCluster: true, kubeconfig: k}", "`inCluster` and `kubeconfig` exclude each other"),
        ("kubernetes: {server: 'http://h', kubeconfig: k}", "`server` and `kubeconfig` exclude each other"),
        ("kubernetes: {tokenFile: k}", "`tokenFile` without `server`"),
        ("kubernetes: {deadline: soon}", "`deadline` is `soon`"),
        ("kubernetes: {deadline: 0s}", "`deadline` is no time at all"),
        ("flags: {kind: flagd, file: f, deadline: 0s}", "`deadline` is no time at all"),
        ("allow: {endpoints: {a: {url: 'http://h', deadline: 0s}}}", "`deadline` is no time at all"),
        ("allow: {namespaces: ['*']}", "item 1 of `namespaces` is the text `*`"),
        ("allow: {namespaces: [a, a]}", "`namespaces` names one thing twice"),
        ("allow: {kinds: [deployment]}", "item 1 of `kinds` is `deployment`"),
        ("allow: {endpoints: {'a/b': {url: 'http://h'}}}", "`a/b` cannot be a name in `endpoints`"),
        ("kubernets: {}", "unknown key `kubernets` in `dev`"),
    ],
)
def test_refused_blocks(blocks: str, message: str) -> None:
    error = refused(STAGE % blocks)
    assert error.message.startswith(message)
    assert error.place is not None
    assert error.place.line == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("projects: {}", "`projects` is empty"),
        ("projects: {Shop: {repository: {url: x}}}", "`Shop` cannot be a name in `projects`"),
        ("projects: {shop: {}}", "`repository` is missing in `shop`"),
        ("projects: {shop: {repository: {url: x}, poll: 0s}}", "`poll` is no time at all"),
        ("projects: {shop: {repository: {url: x}, stages: {../x: {}}}}", "`../x` cannot be a name in `stages`"),
        ("projects: {shop: {repository: {url: x}}}\nlog: {level: loud}", "`level` is `loud`"),
        ("projects: {shop: {repository: {url: x}}}\nstatedir: x", "unknown key `statedir`"),
    ],
)
def test_refused_configurations(text: str, message: str) -> None:
    assert refused(text).message == message
