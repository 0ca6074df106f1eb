"""`forge` in `reconciler.yaml`: which repository where, and no secret in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.daemon.secrets import secret_files
from reconciler.model.daemon_config import ProjectConnections, load_daemon_config
from reconciler.model.errors import UserError
from reconciler.model.forge_config import ForgeConfig
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import ProjectName


def project(forge: str) -> ProjectConnections:
    text = f"projects:\n  shop:\n    repository: {{url: x}}\n    forge: {{{forge}}}\n"
    return load_daemon_config(text.encode(), "etc/reconciler.yaml").projects[ProjectName("shop")]


def refused(forge: str) -> UserError:
    with pytest.raises(InvalidFile) as caught:
        project(forge)
    return caught.value.errors[0]


def test_without_one_there_is_none() -> None:
    text = "projects:\n  shop:\n    repository: {url: x}\n"
    assert load_daemon_config(text.encode(), "reconciler.yaml").projects[ProjectName("shop")].forge is None


def test_the_hosted_ones_need_no_address() -> None:
    made = project("kind: github, repository: shop/config, tokenFile: forge.token")
    assert made.forge == ForgeConfig(
        "github", "https://api.github.com", "shop/config", token_file=Path("etc/forge.token")
    )
    assert secret_files(made) == [Path("etc/forge.token")], "watched, and read anew"
    gitlab = project("kind: gitlab, repository: group/sub/config, tokenEnv: TOKEN").forge
    assert gitlab is not None
    assert gitlab.api == "https://gitlab.com/api/v4"


def test_everything_can_be_said() -> None:
    assert project(
        'kind: forgejo, api: "https://git.example.com/api/v1/", repository: shop/config, tokenEnv: TOKEN, '
        "caFile: ca.crt, poll: 1m, deadline: 3s, labels: [a, b], approvals: false, statuses: false"
    ).forge == ForgeConfig(
        "forgejo", "https://git.example.com/api/v1", "shop/config", None, "TOKEN", Path("etc/ca.crt"),
        60.0, 3.0, ("a", "b"), approvals=False, statuses=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("forge", "told"),
    [
        ("kind: github, repository: shop/config", "there is no token"),
        ("kind: github, repository: shop/config, tokenFile: a, tokenEnv: B", "exclude each other"),
        ("kind: gitea, repository: shop/config, tokenEnv: T", "`gitea` needs `api`"),
        ('kind: gitea, api: "https://x", repository: shop/config, tokenEnv: T', "does not end in `/api/v1`"),
        ("kind: github, repository: config, tokenEnv: T", "not `owner/name`"),
        ('kind: github, repository: "../a/b", tokenEnv: T, api: "https://u:p@x"', ""),
        ("kind: bitbucket, repository: shop/config, tokenEnv: T", ""),
        ("kind: github, repository: shop/config, token: s3cret", "holds a secret in the file itself"),
        ("kind: github, repository: shop/config, tokenEnv: T, poll: 0s", "`poll` is no time at all"),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(forge: str, told: str) -> None:
    error = refused(forge)
    assert told in error.message
    assert error.place is not None
    assert error.place.line == 4
    assert "s3cret" not in str(error)
