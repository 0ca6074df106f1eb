"""Who may sign, read anew when the files that say so have changed: they are the daemon's, never the repository's.

While they cannot be read nobody judges by what stood there before: a key that was taken out would go on to count.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from reconciler.model.errors import BlindError, ConfigError
from reconciler.repo.signatures import GpgCheck, Judge
from reconciler.repo.signatures_allowed import AllowedSigners, read_allowed_signers

_Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]


class Signers:
    """The files of those who may sign and of keys that are revoked. One owner thread.

    ``ours`` judges signatures by reconciler's own GPG key, ``people`` those by people's: a GPG key is not tied to a
    name, so what is allowed for one says nothing for the other. Without a file no SSH key is allowed.
    """

    def __init__(
        self, allowed: Path | None, revoked: Path | None = None, *,
        ours: GpgCheck | None = None, people: GpgCheck | None = None,
    ) -> None:  # fmt: skip
        self._allowed = allowed
        self._revoked = revoked
        self._gpg = (ours, people)
        self._stamp: _Stamp | None = None
        self._judges: tuple[Judge, Judge] | None = None
        self._why: ConfigError | None = None
        self._number = 0

    @property
    def number(self) -> int:
        """How often the files were read with another outcome; it stays as it is while they cannot be read."""
        self._look()
        return self._number

    @property
    def trouble(self) -> str:
        """Why the files cannot be read now; empty where they can."""
        self._look()
        return self._why.message if self._why is not None else ""

    def judge_ours(self) -> Judge:
        """Return who judges what reconciler has committed. Raises BlindError while the files cannot be read."""
        return self._known()[0]

    def judge_people(self) -> Judge:
        """Return who judges what people have committed. Raises BlindError while the files cannot be read."""
        return self._known()[1]

    def _known(self) -> tuple[Judge, Judge]:
        self._look()
        if self._judges is None:
            why = self._why.message if self._why is not None else "it was never read"
            raise BlindError(
                f"nobody can say who may sign: {why}",
                hint="put the file of allowed signers right; until then no new commit of people counts",
            )
        return self._judges

    def _look(self) -> None:
        stamp = _stamps([each for each in (self._allowed, self._revoked) if each is not None])
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            none = AllowedSigners({})
            allowed = read_allowed_signers(self._allowed, self._revoked) if self._allowed is not None else none
            self._judges = Judge(allowed, self._gpg[0]), Judge(allowed, self._gpg[1])
            self._why = None
            self._number += 1
        except ConfigError as error:
            self._judges, self._why = None, error


def _stamps(files: Sequence[Path]) -> _Stamp:
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
