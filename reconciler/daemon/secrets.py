"""Secrets: read where they are needed, each time, so that a changed file is picked up without a restart.

None is logged, put into an argument list or given to a process that is not to show it. What was read is known from then
on (`KNOWN`), in memory alone: a sender may repeat it in what it reports, and a server in what it refuses.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

from reconciler.model.daemon_config import ProjectConnections
from reconciler.model.errors import BlindError
from reconciler.model.hidden import hide, may_hold
from reconciler.repo.remote import secret_file

_LEAST: Final = 8
"""Characters of a secret that is taken out of everything; a shorter one may be a word that people use."""
_KEPT: Final = 8
"""Secrets of one source that are known: what was good an hour ago may be in what is told now."""

_ADDRESS: Final = re.compile(r"https?://[^/\s]+/?(?P<rest>\S*)\Z", re.IGNORECASE)
_WORDS: Final = re.compile(r"[A-Za-z]?[a-z]{0,14}(?:[-_./][A-Za-z]?[a-z]{0,14})*\Z")
"""A path of words, `hooks/alerts`: no secret, and titles of problems have such words in them."""


class Known:
    """Every secret that this process has read, and of those that come anew each hour the last ones.

    Used from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[Hashable, tuple[str, ...]] = {}
        self._secrets: frozenset[str] = frozenset()

    def note(self, secret: str, source: Hashable = None) -> str:
        """Remember a secret, and return it. Of an address only what comes behind the host is one, if it is no words.

        ``source`` is where it was read: of that the last few are remembered, so that a daemon may run for years.
        """
        address = _ADDRESS.match(secret)
        hidden = secret if address is None else "" if _WORDS.match(address["rest"]) else address["rest"]
        source = hidden if source is None else source
        if len(hidden) >= _LEAST and self._of.get(source, ("",))[0] != hidden:
            with self._lock:
                before = (each for each in self._of.get(source, ()) if each != hidden)
                self._of[source] = (hidden, *before)[:_KEPT]
                self._secrets = frozenset(chain.from_iterable(self._of.values()))
        return secret

    def hide(self, text: str) -> str:
        """Return a text without any of them."""
        return hide(text, self._secrets)

    def suspects(self, text: str) -> bool:
        """Tell whether one of them may be in a text; cheap, where hundreds of texts are put together."""
        return may_hold(text, self._secrets)

    def cleaned(self, value: Any) -> Any:
        """Return decoded JSON without any of them, keys too."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, Mapping):
            return {self.hide(key): self.cleaned(each) for key, each in value.items()}
        return [self.cleaned(each) for each in value] if isinstance(value, list | tuple) else value


KNOWN: Final = Known()
_TAKEN: Final[dict[str, str]] = {}
_SECRET_FILES: Final = frozenset({"token_file", "password_file", "key_file", "secret_file", "url_file"})
_HOLDING: Final = ("token_env", "password_env", "secret_env", "key_env", "url_env", "headers_env")
"""How fields are called that name a variable with a secret."""
OF_TRACING: Final = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
"""OpenTelemetry's own variables with secrets, which are read where `tracing` says nothing."""


def secret_source(file: Path | None, variable: str, what: str) -> Callable[[], str] | None:
    """Return how to read a secret from its file or environment variable; None where neither is configured.

    The returned function raises BlindError where the secret is not there now.
    """
    if file is not None:
        from_file = secret_file(file)
        return lambda: KNOWN.note(from_file(), file)
    if not variable:
        return None

    def read() -> str:
        value = os.environ.get(variable, _TAKEN.get(variable, "")).strip()
        if not value:
            raise BlindError(f"{what}: the environment variable {variable} is empty", hint=f"set {variable}")
        return KNOWN.note(value, variable)

    return read


def take_variables(config: Any) -> None:
    """Take the variables that a configuration reads secrets from out of the environment, into our memory.

    Whatever is started from now on, by whomever, does not have them; reading them goes on.
    """
    traced = getattr(config, "tracing", None) is not None
    for name in (*_variables(config), *(OF_TRACING if traced else ())):
        if name in os.environ:
            _TAKEN[name] = os.environ.pop(name)


def know_secrets(config: Any) -> None:
    """Know the secrets that a configuration names before anything comes in: a sender may repeat one at once.

    What cannot be read is told by whoever needs it.
    """
    sources = [secret_source(file, "", str(file)) for file in _files(config)]
    sources += [secret_source(None, variable, variable) for variable in _variables(config)]
    for source in sources:
        if source is not None:
            with contextlib.suppress(BlindError):
                source()


def variables() -> dict[str, str]:
    """Return the environment with what was taken out of it, to be read and given to nobody."""
    return {**_TAKEN, **os.environ}


def _variables(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        part = tuple(part.values())
    if isinstance(part, tuple | list):
        for each in part:
            yield from _variables(each)
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if field.name.endswith(_HOLDING) and isinstance(value, str) and value:
                yield value
            else:
                yield from _variables(value)


def _files(part: Any) -> Iterator[Path]:
    """Yield the files that hold secrets, of a part of a configuration whose keys are called as everywhere."""
    if isinstance(part, Mapping):
        part = tuple(part.values())
    if isinstance(part, tuple | list):
        for each in part:
            yield from _files(each)
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if isinstance(value, Path) and field.name in _SECRET_FILES:
                yield value
            elif not isinstance(value, Path):
                yield from _files(value)


def secret_files(project: ProjectConnections) -> list[Path]:
    """Return every mounted file with credentials that a project's connections read."""
    files = [project.repository.token_file, project.repository.ssh_key_file, project.signing.ssh_key_file]
    files += [file for each in project.notifications for file in (each.token_file, each.url_file)]
    files += [project.forge.token_file] if project.forge is not None else []
    apps = [project.repository.github_app, project.forge.github_app if project.forge is not None else None]
    files += [app.key_file for app in apps if app is not None]
    for stage in project.stages.values():
        if stage.kubernetes is not None:
            files += [stage.kubernetes.token_file, stage.kubernetes.kubeconfig, stage.kubernetes.ca_file]
        if stage.flags is not None:
            files += [stage.flags.token_file, stage.flags.password_file]
        files += _files(stage.evidence)
        if stage.allow is not None:
            files += [endpoint.token_file for endpoint in stage.allow.endpoints.values()]
    return [file for file in files if file is not None]
