from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.errors import BlindError, ConfigError
from reconciler.repo.remote import Credentials, basic_authorization, parse_remote, redact, secret_file


@pytest.mark.parametrize(
    ("url", "scheme", "path"),
    [
        ("/srv/config.git", "file", "/srv/config.git"),
        ("file:///srv/my%20config.git", "file", "/srv/my config.git"),
        ("file://localhost/srv/c", "file", "/srv/c"),
        ("https://git.example.org/team/config.git", "https", None),
        ("http://127.0.0.1:3000/c", "http", None),
        ("ssh://git@git.example.org:2222/c.git", "ssh", None),
        ("git@git.example.org:team/config.git", "ssh", None),
    ],
)
def test_addresses(url: str, scheme: str, path: str | None) -> None:
    remote = parse_remote(url)
    assert (remote.url, remote.scheme, remote.path) == (url, scheme, None if path is None else Path(path))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "config.git",
        "../config.git",
        " /srv/c",
        "/srv/c\n",
        "--upload-pack=touch hacked",
        "-oProxyCommand=x:y",
        "ext::sh -c true",
        "git://host/c",
        "ftp://host/c",
        "ssh://-oProxyCommand=x/c",
        "ssh://-oProxyCommand=x@host/c",
        "https:///c",
        "https://[/c",
        "file://elsewhere/c",
        "https://bot:s3cret@host/c",
        "https://s3cret@host/c",
        "ssh://bot:s3cret@host/c",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_remote(url)
    assert "s3cret" not in str(refused.value)


def test_secrets_are_redacted_in_every_form() -> None:
    secret = "p@ss/w%rd"
    encoded = basic_authorization("bot", secret).removeprefix("Basic ")
    text = f"a {secret} b p%40ss%2Fw%25rd c {encoded} d https://bot:{secret}@host/x e https://token@host/y"
    assert redact(text, secret, "bot") == (
        "a [redacted] b [redacted] c [redacted] d https://[redacted]@host/x e https://[redacted]@host/y"
    )


def test_credentials_do_not_show_their_secret(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    credentials = Credentials("bot", secret_file(file))
    assert "s3cret" not in repr(credentials)
    assert credentials.secret is not None
    assert credentials.secret() == "s3cret"
    file.write_text("renewed")
    assert credentials.secret() == "renewed"


def test_a_missing_token_file_makes_blind(tmp_path: Path) -> None:
    with pytest.raises(BlindError, match=r"token file .* cannot be read"):
        secret_file(tmp_path / "none")()
