"""Where Alertmanager posts to and which token it shows, from the options and the daemon's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from reconciler.cli.messages import complain, render
from reconciler.model.errors import ConfigError, ReconcilerError
from reconciler.model.webhooks import Authentication, Listen
from reconciler.monitoring.alertmanager import Hook, Secret

if TYPE_CHECKING:
    from reconciler.cli.monitoring import Wish
    from reconciler.model.daemon_config import DaemonConfig

_PATH: Final = "/webhooks/alertmanager"


def hook_of(wish: Wish, config: DaemonConfig | None) -> Hook:
    """Return where alerts are posted to.

    Raises:
        click.UsageError: what is named is no address.
        ConfigError: neither an option nor the configuration says where it is, or which token it wants.
    """
    url, token = wish.url or _listening(config), wish.token_file or ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise click.UsageError(f"--url {url!r} is no address such as http://reconciler.example:8080{_PATH}")
    url = _with_path(url, parts.path)
    webhook = config.webhooks.alertmanager if config is not None else None
    if webhook is not None and not token and not wish.token_secret:
        token = _configured_token(wish, webhook.auth)
    elif not token and not wish.token_secret and not Listen(parts.hostname, 0).loopback:
        option = "--token-secret NAME/KEY" if wish.crd else "--token-file FILE"
        hint = f"name the token with {option}: the daemon wants one of everybody but its own machine"
        complain(render(ReconcilerError("Alertmanager will not say who it is", hint=hint), "warning"))
    return Hook(url, token)


def _configured_token(wish: Wish, auth: Authentication) -> str:
    """Return the file of the token that the webhook wants, empty where it wants none."""
    if auth.kind == "none":
        return ""
    if auth.kind != "bearer":
        hint = "use `kind: bearer`, or give Alertmanager what it needs by hand"
        raise ConfigError(f"the webhook wants `{auth.kind}`, which is not written for you", hint=hint)
    if wish.crd:
        hint = "name the Secret that holds it: --token-secret NAME/KEY"
        raise ConfigError("the webhook wants a token, which is a Secret in a cluster", hint=hint)
    if auth.secret_file is None:
        hint = "name the file in which Alertmanager finds it: --token-file FILE"
        raise ConfigError("the webhook's token is in a variable, which Alertmanager cannot read", hint=hint)
    return str(_plain(auth.secret_file))


def _plain(file: Path) -> Path:
    """Return a file's absolute path without `..`; links stay where there are none, for what they lead to may change."""
    found = file.absolute()
    return found.parent.resolve() / found.name if ".." in found.parts else found


def _with_path(url: str, path: str) -> str:
    """Return the webhook's address, with its path where none was given."""
    if path in ("", "/"):
        return f"{url.rstrip('/')}{_PATH}"
    if not path.endswith(_PATH):
        hint = "leave the path out, unless something in between makes it the daemon's"
        message = f"the daemon serves {_PATH}, and --url names {path}"
        complain(render(ReconcilerError(message, hint=hint), "warning"))
    return url


def _listening(config: DaemonConfig | None) -> str:
    """Return our webhook's address as the configuration has it."""
    listen = config.server.listen if config is not None else None
    hint = f"say how Alertmanager reaches it: --url http://reconciler.example:8080{_PATH}"
    if config is None or listen is None or config.webhooks.alertmanager is None:
        raise ConfigError("nothing says where the daemon's webhook is", hint=hint)
    if listen.host in ("0.0.0.0", "::", "") or not listen.port:  # noqa: S104 - compared with, not listened on
        raise ConfigError(f"{listen.host}:{listen.port} is no address to post to", hint=hint)
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    return f"{'http' if config.server.tls is None else 'https'}://{host}:{listen.port}{_PATH}"


def secret_of(wish: Wish) -> Secret | None:
    """Return the Secret that holds the token, where one is named. Raises click.UsageError."""
    if wish.token_secret is None:
        return None
    name, _, key = wish.token_secret.partition("/")
    if not name or not key:
        raise click.UsageError(
            f"--token-secret {wish.token_secret!r}: write NAME/KEY, such as reconciler-webhook/token"
        )
    return Secret(name, key)
