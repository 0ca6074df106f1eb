"""Where a service shows its metrics: what the daemon's configuration says, for a service that the repository names.

Whoever may open a pull request names services, so a name goes into an address only where it cannot change where the
address leads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from reconciler.model.errors import ConfigError, UserError
from reconciler.model.evidence_config import SCRAPE_PLACEHOLDERS
from reconciler.model.names import ProjectName, StageName

_SAFE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\Z")


@dataclass(frozen=True)
class Addresses:
    """Addresses of one stage. ``template`` is for services that ``targets`` does not name; empty: there is none."""

    project: ProjectName
    stage: StageName
    template: str = ""
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def known(self) -> set[tuple[str, ...]]:
        """Return the addresses that are known before any service is: those that are named, and a template for all.

        Raises:
            ConfigError: the stage's name cannot stand in the template.
        """
        found = set(self.targets.values())
        if self.template and "{service}" not in self.template:
            try:
                found.add(self._from_template(""))
            except UserError as error:
                raise ConfigError(error.message, hint=error.hint) from error
        return found

    def of(self, service: str) -> tuple[str, ...]:
        """Return the addresses of a service, all of which are read.

        Raises:
            ConfigError: the configuration has none for it.
            UserError: its name, or the stage's, cannot stand in an address.
        """
        if service in self.targets:
            return self.targets[service]
        if not self.template:
            raise ConfigError(
                f"the daemon's configuration does not say where `{service}` shows its metrics",
                hint=f"add `{service}` to `scrape.targets`, or set `scrape.url`",
            )
        return self._from_template(service)

    def _from_template(self, service: str) -> tuple[str, ...]:
        values = (self.project, self.stage, service, f"{self.project}-{self.stage}")
        address = self.template
        for name, value in zip(SCRAPE_PLACEHOLDERS, values, strict=True):
            if f"{{{name}}}" in address and not _SAFE.match(value):
                raise UserError(
                    f"`{value}` cannot stand in an address",
                    expected="letters, digits, `-` and `_`",
                    hint="name the service's address in `scrape.targets` of the daemon's configuration",
                )
            address = address.replace(f"{{{name}}}", value)
        return (address,)


def split(address: str) -> tuple[str, str]:
    """Return the server's part of an address, and the path with its query.

    Raises:
        ConfigError: it is not http or https, or holds what must not stand there.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise ConfigError("an address of `scrape` is not http://host or https://host", hint="correct it")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or not target.isprintable() or " " in target:
        raise ConfigError("an address of `scrape` has characters that must be percent-encoded", hint="encode them")
    return f"{parts.scheme}://{parts.netloc}", target
