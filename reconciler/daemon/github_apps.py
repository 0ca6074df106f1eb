"""From the configuration of a GitHub App to its tokens: one way for Git and for the forge's API."""

from __future__ import annotations

import time
from collections.abc import Callable

from reconciler.daemon.secrets import KNOWN, secret_source
from reconciler.forge.github_app import USER, AppTokens
from reconciler.model.daemon_config import RepositoryConfig
from reconciler.model.errors import BugError
from reconciler.model.github_app_config import GitHubAppConfig
from reconciler.repo.remote import Credentials


def app_tokens(app: GitHubAppConfig, wall: Callable[[], float]) -> AppTokens:
    """Return the tokens of an app; nothing is read or asked yet. ``wall`` is seconds since 1970."""
    key = secret_source(app.key_file, app.key_env, f"the private key of the GitHub App {app.id}")
    if key is None:
        raise BugError(f"the GitHub App {app.id} has no key in its configuration")
    return AppTokens(app, key, wall)


def noted(app: GitHubAppConfig, tokens: AppTokens) -> Callable[[], str]:
    """Return how to get a token that is taken out of all texts from then on."""
    return lambda: KNOWN.note(tokens(), (app.id, app.repository))


def credentials_of(repository: RepositoryConfig, wall: Callable[[], float] = time.time) -> Credentials:
    """Return how one gets into the configuration repository."""
    key, known, authority = repository.ssh_key_file, repository.known_hosts_file, repository.ca_file
    if repository.github_app is not None:
        tokens = app_tokens(repository.github_app, wall)
        return Credentials(USER, noted(repository.github_app, tokens), key, known, authority, renew=tokens.renew)
    secret = secret_source(repository.token_file, repository.token_env, "the Git token")
    return Credentials(repository.username, secret, key, known, authority)
