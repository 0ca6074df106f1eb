"""How what a mirror kept while the remote was away gets there: pushed as it is, or by a merge of ours (ADR 0251).

Nothing is forced, no commit is made again, and what both sides changed stays as the remote has it. So it is with steps:
what was pushed meanwhile counts, and what was kept does not (`brought`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from reconciler.model.errors import TerminalError, TransientError
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import BlobId, CommitId
from reconciler.repo import argv
from reconciler.repo.brought import HOME, overruled
from reconciler.repo.faults import checked
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import commit_id
from reconciler.repo.objects import Change
from reconciler.repo.push import RefUpdate
from reconciler.repo.steps import MACHINE_LIMIT
from reconciler.repo.stream import NewCommit
from reconciler.repo.trailers import escape

How: TypeAlias = Literal["there", "pushed", "merged", "left"]
_TRIES: Final = 8
_SHOWN: Final = 50
_NAMED: Final = 5


@dataclass(frozen=True)
class Home:
    """What became of a row of so many commits. ``both``: the paths that the remote changed too and has as it likes.

    ``aside``: the ref of the mirror that has the row from now on, where the remote has no place for it. ``overruled``:
    so many steps of the row do not count, since others took steps on the remote meanwhile.
    """

    how: How
    commits: int
    both: tuple[str, ...] = ()
    aside: str = ""
    overruled: int = 0

    @property
    def told(self) -> str:
        """What people should know of it; empty where all went as it should."""
        if self.how == "left":
            return (
                f"the branch was rewritten while the remote was away: {self.commits} commits of ours are not on it;"
                f" the mirror has them as {self.aside}"
            )
        shown = ", ".join(self.both[:_NAMED])
        shown += f" and {len(self.both) - _NAMED} more" if self.both[_NAMED:] else ""
        told = []
        if self.overruled:
            told.append(
                f"another daemon decided while the remote was away, and that counts: {self.overruled} steps of ours"
                " do not; what they changed in the world is as they left it, and is not changed again before a person"
                " has looked"
            )
        if shown:
            told.append(f"both sides changed these while the remote was away, and there they stand: {shown}")
        return "; ".join(told)


def unpushed(mirror: Mirror, ref: str) -> int:
    """Return how many commits are kept of a branch."""
    ours = mirror.away.kept.get(ref)
    return 0 if ours is None else sum(1 for _ in mirror.commits(ours, since=mirror.away.base(ref)))


def bring_home(mirror: Mirror, ref: str, now: Instant) -> Home:
    """Bring a branch that was moved in the mirror to the remote, which is asked; `Away.reached` is the caller's.

    Raises:
        AwayError: the remote is away again. TransientError: the branch is gone, or others push all the time.
        TerminalError: it was declined, or taken and is not shown. Whatever is raised, all stays kept.
    """
    ours, base, count = mirror.away.kept[ref], mirror.away.base(ref), unpushed(mirror, ref)
    for _ in range(_TRIES):
        theirs = mirror.tips([ref])[ref]
        if theirs is None and base is not None:
            raise TransientError(f"branch {ref} is not there", hint=f"push it; {count} commits wait for it")
        mirror.fetch({ref: theirs})
        if theirs is not None and mirror.is_ancestor(ours, theirs):
            mirror.away.home(ref, theirs)
            return Home("there", count)
        if theirs is not None and base is not None and not mirror.is_ancestor(base, theirs):
            return Home("left", count, aside=mirror.away.leave(ref, theirs))
        new: CommitId = ours
        both: tuple[str, ...] = ()
        lost = 0
        if theirs is not None and not mirror.is_ancestor(theirs, ours):
            lost = overruled(mirror, theirs, ours)
            new, both = _merged(mirror, ref, theirs, ours, now, count)
        if _pushed(mirror, ref, theirs, new):
            mirror.away.home(ref, new)
            return Home("pushed" if new == ours else "merged", count, both, overruled=lost)
    raise TransientError(f"others push to {ref} all the time", hint="it is tried again", retry_after=1.0)


def _pushed(mirror: Mirror, ref: str, old: CommitId | None, new: CommitId) -> bool:
    result = mirror.push([RefUpdate(ref, old, new)])
    if result.declined:
        reason = "; ".join(result.declined.values())
        raise TerminalError(
            f"what was decided while the remote was away is declined: {reason}",
            hint=f"allow reconciler's user to push to {ref}; it is kept in the mirror until then",
        )
    if not result.landed:
        return False
    tip = mirror.tips([ref])[ref]
    mirror.fetch({ref: tip})
    if tip is None or not mirror.is_ancestor(new, tip):
        raise TerminalError(
            f"{ref} took the push and does not show it", hint="look at the remote's hooks and replication"
        )
    return True


def _merged(
    mirror: Mirror, ref: str, theirs: CommitId, ours: CommitId, now: Instant, count: int
) -> tuple[CommitId, tuple[str, ...]]:
    """Write the merge of our row into the remote's; return it with the paths that both sides changed."""
    with mirror.start(argv.merge_base(mirror.path, theirs, ours)) as process:
        fork = commit_id(checked("looking where the two rows part", process.finish()).decode("ascii").strip())
    their = {change.path: change for change in mirror.diff(fork, theirs) if change.path is not None}
    wanted, both = _ours(mirror.diff(fork, ours), their)
    blobs = mirror.blobs([blob for blob in wanted.values() if blob is not None], MACHINE_LIMIT)
    files: dict[str, bytes | None] = {}
    for path, blob in wanted.items():
        content = blobs[blob] if blob is not None else None
        if content is not None and not isinstance(content, bytes):
            raise TerminalError(f"{path} is too large to be merged", hint="merge it by hand")
        files[path] = content
    branch = ref.removeprefix("refs/heads/")
    rows = [f"- {escape(path)}" for path in both[:_SHOWN]] + (["- ..."] if len(both) > _SHOWN else [])
    told = ["", "Both sides changed these, and they stay as they are here:", "", *rows] if both else []
    message = "\n".join([
        f"{branch}: {count} commits from while the repository was away", "",
        f"They were made on {fork[:12]} and kept until {format_instant(now)}; {branch} had moved to {theirs[:12]}.",
        *told,
    ])  # fmt: skip
    merge = NewCommit(files, f"{message}\n\n{HOME}: {ours}\n", datetime.fromtimestamp(now, UTC), merged=ours)
    return mirror.write(theirs, [merge])[0], both


def _ours(changes: Iterable[Change], their: Mapping[str, Change]) -> tuple[dict[str, BlobId | None], tuple[str, ...]]:
    """Return what only our side changed, by path with its content, and what both did otherwise than each other."""
    folders = {path[: at + 1] for path in their for at, letter in enumerate(path) if letter == "/"}
    added = {path for path, change in their.items() if change.new_blob is not None}
    wanted: dict[str, BlobId | None] = {}
    both: list[str] = []
    for change in changes:
        path = change.path
        if path is None:
            continue
        above = any(path[:at] in added for at, letter in enumerate(path) if letter == "/")
        known = their.get(path)
        if known is None and not above and f"{path}/" not in folders:
            wanted[path] = change.new_blob
        elif known is None or known.new_blob != change.new_blob:
            both.append(path)
    return wanted, tuple(sorted(both))
