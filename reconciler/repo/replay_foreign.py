"""Who changed files that only reconciler writes, and whether a step answered it.

Every such commit is told. It is an error until a `reverted` or `restored` step names all of its files: only then was
what it changed never in force, or was taken for what it is, an undo.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.model.names import CommitId, StageName
from reconciler.model.step import Step
from reconciler.repo.beyond import MORE
from reconciler.repo.layout import ops_place, ops_prefix
from reconciler.repo.objects import Change
from reconciler.repo.replay_findings import Finding, Kind, Replayed
from reconciler.repo.replay_reading import Read
from reconciler.repo.replay_standing import KeptStanding

_ANSWERS: Final = {"reverted": "taken as an undo by step", "restored": "put back by step"}
_UNANSWERED: Final = "no step answers it"
_TODO: Final = "start the daemon, which puts it back; or take it back with `git revert`, and replay what comes after"
_GONE: Final = "what it changed is as it was again: find out who pushed it, and replay what comes after"
_UNREAD: Final = (
    "take it away with `git rm`: nobody reads it there, so no step ever answers it; replay what comes after"
)
_FOLDERS: Final = {"remediations": True, "state": True, "steps": True, "problems": False, "commands": False}
"""The folders of a service or stage, and whether only reconciler writes there."""
_SHOWN: Final = 3


@dataclass
class _Change:
    """A commit of somebody's; ``left`` are its files that nothing has answered."""

    left: set[str]
    answers: list[str] = field(default_factory=list)


class ForeignChanges:
    """Puts what it finds among the findings of ``done``."""

    def __init__(self, stage: StageName, done: Replayed) -> None:
        self._stage = stage
        self._here = f"{ops_prefix(stage)}/".encode()
        self._done = done
        self._open: dict[CommitId, _Change] = {}
        self._by_path: dict[str, list[CommitId]] = {}
        self._why: dict[CommitId, str] = {}

    def disbelieve(self, commit: CommitId, why: str) -> None:
        """Note why a commit that has the form of a step is none."""
        self._why[commit] = why

    def note(self, each: Read) -> None:
        """Note what a commit changes."""
        if each.beyond:
            self._done.foreign += 1
            who = each.author.rpartition(" ")[0]
            what = f"{MORE} was changed by {who}; what is left of it is told by itself"
            self._done.findings.append(Finding(Kind.FOREIGN, each.id, what, "", error=False, by=who))
        paths = [path for name in each.changes[1::2] if (path := self._ours(name)) is not None]
        if paths:
            self._add(each.id, each.author.rpartition(" ")[0], paths)

    def unknown(self, changes: Iterable[Change]) -> set[str]:
        """Return the paths among changes that only reconciler writes and that nobody is known to have changed."""
        found = {path for change in changes if (path := self._ours(change.raw)) is not None}
        return found - self._by_path.keys()

    def chose(self, each: Read, paths: Iterable[str]) -> None:
        """Note what a merge changed by itself."""
        if paths:
            self._add(each.id, each.author.rpartition(" ")[0], paths)

    def _ours(self, name: bytes) -> str | None:
        """Return a path as text where only reconciler writes, whether or not anybody reads there; None elsewhere."""
        if not name.startswith(self._here):
            return None
        path = name.decode("utf-8", "replace")
        rest = path[len(self._here) :]
        folder = next((part for part in rest.split("/") if part in _FOLDERS), None)
        return path if rest == "closed.yaml" or _FOLDERS.get(folder or "", False) else None

    def look(self, standing: KeptStanding) -> None:
        """Note what is foreign at a commit and was not seen to come: a merge may have chosen it."""
        for path in standing.foreign():
            if path not in self._by_path:
                who, commit = standing.author(path)
                self._add(commit, who, [path])

    def _add(self, commit: CommitId, who: str, paths: Iterable[str]) -> None:
        known = self._open.get(commit)
        paths = sorted(paths)
        if known is None:
            known = self._open[commit] = _Change(set())
            self._done.foreign += 1
            shown = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
            what = f"{shown} changed by {who}, and only reconciler writes there"
            if why := self._why.get(commit, ""):
                what = f"{shown} changed in the name of {who}, and is not signed by us: {why}"
            todo = _TODO if all(ops_place(path, self._stage) for path in paths) else _UNREAD
            self._done.findings.append(Finding(Kind.FOREIGN, commit, what, todo, where=paths[0], by=who))
        known.left |= set(paths)
        for path in paths:
            self._by_path.setdefault(path, []).append(commit)

    def answer(self, step: Step) -> None:
        """Note what a step answers."""
        how = _ANSWERS.get(step.event)
        if how is None or not self._open:
            return
        for path in step.data.get("paths", ()):
            for commit in self._by_path.pop(path, ()):
                change = self._open.get(commit)
                if change is None:
                    continue
                change.left.discard(path)
                told = f"{how} {step.sequence}"
                change.answers += [] if told in change.answers else [told]
                if not change.left:
                    self._settle(commit, self._open.pop(commit))

    def _settle(self, commit: CommitId, change: _Change) -> None:
        how = " and ".join(change.answers)
        for position, each in enumerate(self._done.findings):
            if each.commit == commit and each.error:
                self._done.findings[position] = each.settled(how)

    def forget(self, commits: Iterable[CommitId]) -> None:
        """Take commits for steps after all: what is wrong with them has been told."""
        gone = {commit for commit in commits if self._open.pop(commit, None) is not None}
        for path, known in list(self._by_path.items()):
            left = [commit for commit in known if commit not in gone]
            if left:
                self._by_path[path] = left
            else:
                del self._by_path[path]
        findings = self._done.findings
        findings[:] = [each for each in findings if each.commit not in gone or each.kind != Kind.FOREIGN]
        self._done.foreign -= len(gone)

    def close(self, still: Collection[str] | None) -> None:
        """Tell of what nothing has answered that nothing did; a forged step is told of as that alone.

        ``still`` are the paths where something foreign stands at the end, None where nobody knows.
        """
        forged = {each.commit for each in self._done.findings if each.kind != Kind.FOREIGN and each.error}
        told = [each for each in self._done.findings if each.kind != Kind.FOREIGN or each.commit not in forged]
        self._done.findings = [self._closed(each, still) for each in told]

    def _closed(self, each: Finding, still: Collection[str] | None) -> Finding:
        if each.kind != Kind.FOREIGN or not each.error or each.commit not in self._open:
            return each
        gone = still is not None and each.todo == _TODO and self._open[each.commit].left.isdisjoint(still)
        return replace(each, what=f"{each.what}; {_UNANSWERED}", todo=_GONE if gone else each.todo)
