"""TLS as the daemon's configuration wants it, made anew when one of its files has changed."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import httpx

from reconciler.model.errors import BlindError

Stamp: TypeAlias = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Tls:
    """Whose certificates are believed (None: the well-known authorities'), and which certificate is ours."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def stamp(self) -> Stamp:
        """Return what changes when one of the files does; one that is missing or closed to us has no part in it."""
        found = []
        for file in (self.ca_file, self.cert_file, self.key_file):
            try:
                stat = file.stat() if file is not None else None
            except OSError:
                continue
            if stat is not None:
                found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        return tuple(found)

    def context(self) -> ssl.SSLContext:
        """Read the files. Raises BlindError where one of them cannot be used; it may be on its way."""
        try:
            if self.ca_file is None:
                context = httpx.create_ssl_context()
            else:
                context = ssl.create_default_context(cafile=str(self.ca_file))
            if self.cert_file is not None:
                # No password: a callback that gives none keeps OpenSSL from asking on the terminal.
                context.load_cert_chain(self.cert_file, self.key_file, password=lambda: b"")
        except OSError as error:
            names = ", ".join(str(file) for file in (self.ca_file, self.cert_file, self.key_file) if file is not None)
            raise BlindError(
                f"the certificates in {names} cannot be used: {error.strerror or type(error).__name__}",
                hint="mount PEM files, the key without a password",
            ) from error
        return context
