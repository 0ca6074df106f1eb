"""What was kept for a remote that was away, and lies in a folder that is used no more (ADR 0263).

A mirror that is damaged is set aside, one of another address is left where it is. Either may have commits that no
remote has. They are taken from there, beside whatever is broken, before anything is decided without them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from reconciler.model.errors import ReconcilerError, TransientError
from reconciler.model.names import CommitId
from reconciler.repo import argv, upkeep
from reconciler.repo.away import FILE, LEFT, Away, branch_of, noted
from reconciler.repo.engine import Engine
from reconciler.repo.faults import AwayError, checked
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.remote import Remote

Contains: TypeAlias = Callable[[str, CommitId | None], bool]
"""Asks the remote for a branch, fetches it, and tells whether it has a commit; None: whether there is no branch."""

_ROW: Final = "refs/heads/row"


class Salvage:
    """One mirror's. One owner thread. ``stranded``: why a row is not here yet, by branch, or by a ref of `LEFT`."""

    def __init__(self, git_dir: Path, engine: Engine, away: Away) -> None:
        self._git_dir = git_dir
        self._engine = engine
        self._away = away
        self.stranded: dict[str, ReconcilerError] = {}

    def attempt(self, contains: Contains | None = None) -> None:
        """Take what can be taken; ``contains`` is called where that cannot be without the remote, if it is given.

        Raises:
            AwayError: the remote was asked, and is away; what was not here is stranded as before.
        """
        found = upkeep.with_rows(self._git_dir)
        later = TransientError("it was not looked at yet")
        before = self.stranded
        self.stranded = {
            branch_of(row): _told(folder, row, later) for folder in found for row in upkeep.rows_left(folder)
        }
        self.stranded |= {row: error for row, error in before.items() if row in self.stranded}
        failed: dict[str, ReconcilerError] = {}
        for folder in found:
            failed |= self._from(folder, contains)
        self.stranded = failed

    def _from(self, folder: Path, contains: Contains | None) -> dict[str, ReconcilerError]:
        failed: dict[str, ReconcilerError] = {}
        rows = sorted(upkeep.rows_left(folder))
        try:
            claim = upkeep.Claim(folder)
        except (ReconcilerError, OSError) as error:
            return {branch_of(row): _told(folder, row, error) for row in rows}
        try:
            for row in rows:
                try:
                    self._row(folder, row, contains)
                    upkeep.mark_salvaged(folder, row)
                except AwayError:
                    raise
                except (ReconcilerError, OSError) as error:
                    failed[branch_of(row)] = _told(folder, row, error)
        finally:
            claim.release()
        return failed

    def _row(self, folder: Path, row: str, contains: Contains | None) -> None:
        tip = LocalRefs(folder).read(row)
        if tip is None:
            return
        if row.startswith(LEFT):
            self._bring(folder, row, tip)
            return
        ref, seen = branch_of(row), noted(folder / FILE)
        if seen is None or ref not in seen.refs:
            raise TransientError(f"{FILE} does not say where the remote's branch was")
        if self._away.kept.get(ref, tip) != tip:
            raise TransientError("the mirror has other commits for it")
        base, moved = seen.refs[ref], upkeep.marked_url(folder) != self._engine.remote.url
        if moved and contains is None:
            raise TransientError("the repository's address is another one now, and was not asked yet")
        if moved and contains is not None and not contains(ref, base):
            raise TransientError(f"the branch at the repository's new address does not have {base or 'its beginning'}")
        self._away.expect(ref, seen.since, base)
        try:
            self._bring(folder, row, tip)
        except ReconcilerError:
            if contains is None:
                raise
            contains(ref, base)  # what the remote has need not be taken from what is broken
            self._bring(folder, row, tip)
        self._away.take_over(ref, tip)

    def _bring(self, folder: Path, row: str, tip: CommitId) -> None:
        """Fetch one ref, with all that it needs and is not here, into the same name."""
        with self._both(folder, tip) as both:
            command = argv.fetch(self._git_dir, Remote(str(both), "file"), [(_ROW, row)])
            checked("salvaging", self._engine.local("salvaging", command, timeout=self._engine.timeouts.first_fetch))

    @contextmanager
    def _both(self, folder: Path, tip: CommitId) -> Iterator[Path]:
        """Yield a repository with the objects of the mirror and those of the folder, and one ref."""
        both = self._git_dir.with_name(f"{self._git_dir.name}.salvage")
        shutil.rmtree(both, ignore_errors=True)
        try:
            checked("salvaging", self._engine.local("salvaging", argv.init(both)))
            for objects in (self._git_dir / "objects", folder / "objects"):
                upkeep.share_objects(both, objects)
            (both / "packed-refs").write_text(f"{tip} {_ROW}\n", encoding="utf-8")
            yield both
        finally:
            shutil.rmtree(both, ignore_errors=True)


def _told(folder: Path, row: str, error: Exception) -> ReconcilerError:
    reason = error.message if isinstance(error, ReconcilerError) else str(error)
    return TransientError(
        f"what was decided for {branch_of(row)} while the remote was away lies in {folder} and is not taken from there:"
        f" {reason}",
        hint=f"`git --git-dir={folder} fsck` says what is broken there, and {row} has the commits: push them yourself,"
        " or mend it; once the folder is deleted the stage goes on without them",
    )
