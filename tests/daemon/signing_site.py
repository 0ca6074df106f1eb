"""A site whose daemon acts only on what people have signed, and people who sign, forge or forget to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.daemon.site import SCALING, Site, git
from tests.repo.signing_keys import OURS, Key, allow, make_key

PERSON = "person@example.org"
TWO = SCALING.replace("+1", "+2")


@dataclass
class Signed:
    """``ours`` signs steps, ``theirs`` is the person's key; ``allowed`` is the file of those who may sign."""

    site: Site
    ours: Key
    theirs: Key
    allowed: Path
    lines: list[tuple[str, Key] | tuple[str, Key, str]] = field(default_factory=list)

    def allow(self, *lines: tuple[str, Key] | tuple[str, Key, str]) -> None:
        """Write the file of those who may sign."""
        self.lines = list(lines)
        allow(self.allowed, *lines)

    def push(self, files: dict[str, str | None], *, by: Key | None = None, message: str = "a change") -> str:
        """Push a change, signed by a key or by none."""
        with self.signing(by):
            return self.site.push(files, message)

    @contextmanager
    def signing(self, key: Key | None) -> Iterator[None]:
        """Let git sign in the person's clone."""
        if key is not None:
            for name, value in (("gpg.format", "ssh"), ("user.signingKey", str(key.private)), ("commit.gpgSign", "1")):
                git(self.site.clone, "config", name, value)
        try:
            yield
        finally:
            git(self.site.clone, "config", "commit.gpgSign", "0")

    def short(self, commit: str) -> str:
        """Return how a commit is named for people."""
        return commit[:12]


def sign_all(site: Site, *, steps: bool = True, more: str = "") -> Signed:
    """Configure a site so that people have to sign from now on; ``steps``: the daemon signs too."""
    ours, theirs = make_key(site.folder, "ours"), make_key(site.folder, "theirs")
    made = Signed(site, ours, theirs, site.folder / "allowed")
    made.allow((OURS, ours), (PERSON, theirs))
    since = [git(site.remote, "rev-parse", branch) for branch in ("main", "production")]
    key = "sshKeyFile: ours, " if steps else ""
    text = site.config.read_text()
    line = "    repository: {url: remote.git}\n"
    assert line in text
    signing = f"    signing: {{{key}allowedSigners: allowed, signedSince: [{', '.join(since)}]{more}}}\n"
    site.config.write_text(text.replace(line, line + signing))
    return made
