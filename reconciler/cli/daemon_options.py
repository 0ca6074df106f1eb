"""How a verb finds a running daemon: options win over the environment, the environment over the daemon's own file.

Where none of them names an address there is none, and the verb pushes to the repository.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

import click

from reconciler.model.errors import ConfigError

if TYPE_CHECKING:
    from reconciler.cli.daemon_client import Daemon
    from reconciler.evidence.login import Secret
    from reconciler.model.webhooks import Listen

Webhook: TypeAlias = Literal["problem", "cloudevents"]
TOKEN: Final = "RECONCILER_TOKEN"  # noqa: S105 - the name of a variable
_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - what is listened on is not ours
_Command = TypeVar("_Command", bound=Callable[..., Any])


def daemon_options(command: _Command) -> _Command:
    """Add where the daemon is and how it knows us: `daemon`, `config`, `token_file` and `ca_file`."""
    for option in (
        click.option(
            "--ca-file", type=_FILE, envvar="RECONCILER_CA_FILE", show_envvar=True,
            help="Whose certificate the daemon's is signed by, where that is nobody known.",
        ),
        click.option(
            "--token-file", type=_FILE, envvar="RECONCILER_TOKEN_FILE", show_envvar=True,
            help=f"A file with the webhook's token; without it, {TOKEN}.",
        ),
        click.option(
            "-c", "--config", type=_FILE, envvar="RECONCILER_CONFIG", show_envvar=True,
            help="The daemon's own configuration, which says where it listens and what the token is.",
        ),
        click.option(
            "--daemon", metavar="URL", envvar="RECONCILER_DAEMON", show_envvar=True,
            help="Send it to the daemon there; without it and --config, it is pushed to the repository.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def find_daemon(
    webhook: Webhook, daemon: str | None, config: Path | None, token_file: Path | None, ca_file: Path | None
) -> Daemon | None:
    """Return the daemon that is to be spoken to; None where nothing names one.

    Raises:
        ConfigError: the address, the configuration or the token cannot be used.
    """
    from reconciler.cli.daemon_client import Daemon
    from reconciler.cli.daemon_faults import BEARER_ONLY

    given = _Token(token_file, TOKEN if os.environ.get(TOKEN) else "", "correct --token-file or RECONCILER_TOKEN_FILE")
    if daemon:
        return Daemon(daemon, "--daemon or RECONCILER_DAEMON", given.secret(), ca_file, given.name)
    if config is None:
        return None
    from reconciler.daemon.service import read_config

    found = read_config(config)
    server, hook = found.server, getattr(found.webhooks, webhook)
    if server.listen is None or hook is None:
        return None
    if hook.auth.kind not in ("none", "bearer"):
        message = f"webhooks.{webhook} wants `{hook.auth.kind}`, and the command line can only show a bearer token"
        raise ConfigError(message, hint=f"{BEARER_ONLY}; without -c and --daemon it is pushed from a clone")
    if not given.name and hook.auth.kind == "bearer":
        correct = f"correct webhooks.{webhook} in {config}, or name the file with --token-file"
        given = _Token(hook.auth.secret_file, hook.auth.secret_env, correct)
    if server.listen.port == 0:
        hint = "name the address with --daemon"
        raise ConfigError(f"{config} lets the system choose the port that the daemon listens on", hint=hint)
    url = _url(server.listen, tls=server.tls is not None)
    certificate = server.tls.cert_file if server.tls is not None else None
    return Daemon(url, f"`server.listen` in {config}", given.secret(), ca_file, given.name, certificate)


@dataclass(frozen=True)
class _Token:
    """Where a token is: a file or a variable, or neither; and what corrects a file that cannot be read."""

    file: Path | None
    variable: str
    correct: str

    @property
    def name(self) -> str:
        return str(self.file) if self.file is not None else self.variable

    def secret(self) -> Secret | None:
        """Return how it is read. Raises ConfigError where its file cannot be."""
        from reconciler.daemon.secrets import secret_source

        try:
            if self.file is not None:
                self.file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise ConfigError(f"the token file {self.file} cannot be read: {why}", hint=self.correct) from error
        return secret_source(self.file, self.variable, "the token")


def _url(listen: Listen, *, tls: bool) -> str:
    host = _ANY.get(listen.host, listen.host)
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{listen.port}"
