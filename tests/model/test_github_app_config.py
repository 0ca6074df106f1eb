"""`githubApp` in `reconciler.yaml`: what follows from an address, what is refused, and no secret in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.daemon.secrets import secret_files
from reconciler.model.daemon_config import ProjectConnections, load_daemon_config
from reconciler.model.errors import UserError
from reconciler.model.github_app_config import GitHubAppConfig
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import ProjectName

KEY = "privateKeyFile: app.pem"


def project(repository: str = "url: x", forge: str = "") -> ProjectConnections:
    text = f"projects:\n  shop:\n    repository: {{{repository}}}\n" + (f"    forge: {{{forge}}}\n" if forge else "")
    return load_daemon_config(text.encode(), "etc/reconciler.yaml").projects[ProjectName("shop")]


def refused(repository: str = "url: x", forge: str = "") -> UserError:
    with pytest.raises(InvalidFile) as caught:
        project(repository, forge)
    return caught.value.errors[0]


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com/shop/config.git", "https://api.github.com"),
        ("https://shop.ghe.com/shop/config", "https://api.shop.ghe.com"),
        ("https://git.example.com:8443/shop/config.git", "https://git.example.com:8443/api/v3"),
    ],
)
def test_api_and_repository_follow_from_the_repositorys_address(url: str, api: str) -> None:
    made = project(f'url: "{url}", githubApp: {{id: 123, {KEY}}}')
    assert made.repository.github_app == GitHubAppConfig("123", api, "shop/config", key_file=Path("etc/app.pem"))
    assert secret_files(made) == [Path("etc/app.pem")], "watched, so that a new key is tried at once"


def test_those_of_a_forge_are_the_forges() -> None:
    app = f"githubApp: {{id: Iv23li, installation: 42, {KEY}}}"
    made = project(forge=f'kind: github, api: "https://git.example.com/api/v3", repository: shop/config, {app}')
    assert made.forge is not None
    assert made.forge.github_app == GitHubAppConfig(
        "Iv23li", "https://git.example.com/api/v3", "shop/config", 42, Path("etc/app.pem")
    )
    assert secret_files(made) == [Path("etc/app.pem")]
    hosted = project(forge=f"kind: github, repository: shop/config, githubApp: {{id: 1, {KEY}}}").forge
    assert hosted is not None
    assert hosted.github_app is not None
    assert hosted.github_app.api == "https://api.github.com"


def test_everything_can_be_said() -> None:
    app = (
        'id: "7", privateKeyEnv: APP_KEY, api: "https://proxy.example.com/github/", repository: shop/other, '
        "onlyRepository: false, caFile: ca.crt, deadline: 3s"
    )
    assert project(f'url: "https://github.com/shop/config", githubApp: {{{app}}}').repository.github_app == (
        GitHubAppConfig(
            "7", "https://proxy.example.com/github", "shop/other", None, None, "APP_KEY",
            only_repository=False, ca_file=Path("etc/ca.crt"), deadline=3.0,
        )
    )  # fmt: skip


HTTPS = 'url: "https://github.com/shop/config"'


@pytest.mark.parametrize(
    ("repository", "forge", "told"),
    [
        ('url: "git@github.com:shop/config", githubApp: {id: 1, privateKeyFile: k}', "", "https only"),
        ("url: config.git, githubApp: {id: 1, privateKeyFile: k}", "", "https only"),
        (f"{HTTPS}, githubApp: {{id: 1}}", "", "no private key"),
        (f"{HTTPS}, githubApp: {{id: 1, privateKeyFile: k, privateKeyEnv: K}}", "", "exclude each other"),
        (f"{HTTPS}, tokenFile: t, githubApp: {{id: 1, privateKeyFile: k}}", "", "exclude each other"),
        (f"{HTTPS}, username: u, githubApp: {{id: 1, privateKeyFile: k}}", "", "exclude each other"),
        (f"{HTTPS}, githubApp: {{privateKeyFile: k}}", "", "`id`"),
        (f"{HTTPS}, githubApp: {{id: 1, privateKeyFile: k, deadline: 0s}}", "", "no time at all"),
        ('url: "https://github.com/config", githubApp: {id: 1, privateKeyFile: k}', "", "for which repository"),
        ("url: x", "kind: github, repository: a/b, tokenEnv: T, githubApp: {id: 1, privateKeyFile: k}", "exclude each"),
        ("url: x", "kind: gitlab, repository: a/b, githubApp: {id: 1, privateKeyFile: k}", "only GitHub has apps"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(repository: str, forge: str, told: str) -> None:
    error = refused(repository, forge)
    assert told in str(error)
    assert error.place is not None
    assert error.place.line in (3, 4)


def test_a_key_in_the_file_itself_is_refused_and_not_repeated() -> None:
    error = refused(f"{HTTPS}, githubApp: {{id: 1, privateKey: MIIEplanted}}")
    assert "holds a secret" in error.message
    assert error.hint == "write `privateKeyFile: <file>` or `privateKeyEnv: <VARIABLE>`"
    assert "planted" not in str(error)
