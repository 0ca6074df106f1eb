"""Whether a step replays: decided once more on what was there before it, it must come out byte for byte.

Anybody who may push can make a commit of a step's form. What cannot be forged is what `decide` makes of the branch
before it and of the facts that it records, so that is what a step of another's is believed for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias, cast

from reconciler.decide.draft import CONFIG, RULES, SIGNATURES
from reconciler.decide.replay import redo, unjudged
from reconciler.decide.snapshot import Snapshot
from reconciler.model.errors import BugError, ConfigError, TransientError, UserError
from reconciler.model.names import BlobId, CommitId, RemediationId, ServicePath, StageName
from reconciler.model.step import Event, StepFile
from reconciler.repo.layout import ops_place
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import is_object_id
from reconciler.repo.objects import FILE
from reconciler.repo.pins import PinReader
from reconciler.repo.signatures_policy import Policy
from reconciler.repo.standing import ProjectSettings, Standing
from reconciler.repo.steps import Claimed, OwnFile, as_commit
from reconciler.repo.stream import NewCommit

SettingsAt: TypeAlias = Callable[[CommitId], ProjectSettings | None]
"""What the project says of the stage at a commit of its branch; None where the branch has no such commit."""

_REMEMBERED: Final = 4096
_REDO_FAILS: Final = (
    BugError, UserError, ConfigError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError,
)  # fmt: skip
"""What deciding again may raise on facts that are none."""


class Proof:
    """Redoes the steps of one stage, moving its standing to each step's parent.

    ``newer`` is asked where a step names a config commit that the config branch, as it was read, does not have; it
    reads the branch's tip anew.
    """

    def __init__(
        self, store: Mirror, stage: StageName, settings_at: SettingsAt, newer: Callable[[], CommitId | None], *,
        apart: bool, policy: Policy | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._stage = stage
        self._settings_at = settings_at
        self._newer = newer
        self._apart = apart
        self._policy = policy
        self._gone: set[CommitId] = set()
        self.pins = PinReader(store.known_blobs)

    @property
    def judges(self) -> bool:
        """Whether it matters who has signed."""
        return self._policy is not None

    def holds(
        self, standing: Standing, claim: Claimed, own: OwnFile, last: Claimed | None, tips: tuple[CommitId, CommitId]
    ) -> bool:  # fmt: skip
        """Tell whether a step may follow ``last``, the step that the standing was brought to last.

        The standing is then at the step's parent. ``tips`` are the project's and the config branch's. Steps of other
        rules than ours cannot be redone: older ones are nobody's, newer ones hold the stage, which is left to a newer
        reconciler.

        Raises:
            TransientError: it names a commit that has only just come; look at all branches anew.
        """
        if claim.rules < (RULES if last is None else max(RULES, last.rules)):
            return False
        if claim.info.parents:
            standing.go(claim.info.parents[0])
        if claim.rules != RULES:
            return True
        named = is_object_id(claim.config) and is_object_id(claim.project)
        if not named or not claim.info.parents or not self._is_founded(standing, claim, own, last, tips[1]):
            return False
        ours = self._policy is not None and (self._policy.is_ours(claim.commit) or self._policy.begun(claim.commit))
        if not ours and not self._is_in_force(claim, own, last):
            return False
        settings = self._settings(claim.project, tips[0])
        if settings is None:
            return False
        before = standing.snapshot(settings, last, claim.config, claim.project, self.pins)
        if ours:
            before = unjudged(before)
        made = (_made(before, claim, own, service) for service in self._services(standing, claim, own))
        return any(self._is_commit_of(new, claim, own) for new in made if new is not None)

    def _settings(self, named: CommitId, tip: CommitId) -> ProjectSettings | None:
        """Return what the project said at the commit that is named, at its tip where that is gone."""
        try:
            return self._settings_at(named) or self._settings_at(tip)
        except (UserError, ConfigError):
            return None

    def _is_in_force(self, claim: Claimed, own: OwnFile, last: Claimed | None) -> bool:
        """Whether a step that no daemon has signed was decided on what counts, as it is judged here."""
        if self._policy is None:
            return True
        told = _facts(own).get(SIGNATURES)
        for path in told if isinstance(told, dict) else ():
            if not self._policy.unsigned(claim.info.parents[0], path):
                return False
        base, project = (last.config, last.project) if last is not None else (None, None)
        if claim.config != base and not self._policy.counts(claim.config, base):
            return False
        projects = self._policy.project
        return projects is None or claim.project == project or projects.counts(claim.project, project)

    def _is_founded(
        self, standing: Standing, claim: Claimed, own: OwnFile, last: Claimed | None, tip: CommitId
    ) -> bool:  # fmt: skip
        """Whether the config commit that a step names may be the one it was decided on; people's files move there.

        A commit that no branch has any more (it was rewritten) proves nothing, nor does it harm: then the files that
        are there stand in for it.
        """
        named = claim.config
        if not self._apart:
            parent = claim.info.parents[0]
            if holds_config(own) and self._is_held(standing, claim, last):
                return True
            standing.follow_config()
            same_push = last is not None and parent == last.commit and named == last.config
            return named == parent or same_push or not self._is_in(named, parent)
        if not self._is_in(named, tip):
            if named not in self._gone and self._is_in(named, self._newer() or tip):
                raise TransientError("the configuration moved on while it was read", hint="it is read again")
            if len(self._gone) >= _REMEMBERED:
                self._gone.clear()
            self._gone.add(named)
            return True
        if last is not None and self._is_in(last.config, tip) and not self._is_in(last.config, named):
            return False
        standing.go_config(named)
        return True

    def _is_held(self, standing: Standing, claim: Claimed, last: Claimed | None) -> bool:
        """Whether a step may have been decided on files of people from before its parent; if so, they stand there."""
        named, parent = claim.config, claim.info.parents[0]
        if last is None or named != last.config or standing.held_config != named:
            if not is_object_id(named) or not self._is_in(named, parent):
                return False
            if last is not None and self._is_in(last.config, parent) and not self._is_in(last.config, named):
                return False
        standing.hold_config(named)
        return True

    def _is_in(self, commit: CommitId, tip: CommitId) -> bool:
        if commit == tip:
            return True
        known = is_object_id(commit) and self._store.find_commit(commit) is not None
        return known and self._store.is_ancestor(commit, tip)

    def _services(self, standing: Standing, claim: Claimed, own: OwnFile) -> Iterator[ServicePath | None]:
        """Yield what the step may be about: a step of no remediation tells a service's name only."""
        name = claim.trailers.get("Service")
        if name is None:
            yield None
            return
        if "Remediation" in claim.trailers:
            place = ops_place(own.path, self._stage)
            if place is not None:
                yield place.service
            return
        file = own.data.get("file")
        about = [*own.named[:1], *([file] if isinstance(file, str) else [])]
        places = (ops_place(path.partition("@")[0], self._stage) for path in about)
        likely = [place.service for place in places if place is not None and place.service]
        yield from likely
        named = (path for path in standing.services() if path.rpartition("/")[2] == name)
        yield from (path for path in sorted(named) if path not in likely)

    def _is_commit_of(self, expected: NewCommit, claim: Claimed, own: OwnFile) -> bool:
        """Whether the commit has the step's message, its files with their bytes, and nothing else."""
        changes = {change.path: change for change in own.changes}
        if expected.message != claim.info.message or not changes.keys() <= expected.files.keys():
            return False
        for path, content in expected.files.items():
            wanted = None if content is None else _blob_id(content)
            change = changes.get(path)
            there = self._store.blob_id(claim.commit, path) if change is None else change.new_blob
            if there != wanted or (change is not None and change.new_mode not in (None, FILE)):
                return False
        return True


def holds_config(own: OwnFile) -> bool:
    """Whether a step says that older files of people were in force than those that its parent has."""
    return CONFIG in _facts(own)


def _facts(own: OwnFile) -> Mapping[str, Any]:
    facts = own.data.get("facts")
    return facts if isinstance(facts, dict) else {}


def _made(before: Snapshot, claim: Claimed, own: OwnFile, service: ServicePath | None) -> NewCommit | None:
    """Return the commit that is made when the step is decided again, None where none or another one is."""
    about = claim.trailers.get("Remediation")
    remediation = RemediationId(about) if about is not None else None
    number = int(own.path.rpartition("/")[2].partition("-")[0])
    recorded = StepFile(cast("Event", claim.event), claim.sequence, claim.now, number, own.data)
    try:
        made = redo(before, service, remediation, recorded)
        return as_commit(made, kept=claim.kept) if made is not None and made.path == own.path else None
    except _REDO_FAILS:
        return None


def _blob_id(content: bytes) -> BlobId:
    """Return the id that git gives to a file's content."""
    head = b"blob %d\0" % len(content)
    return BlobId(hashlib.sha1(head + content, usedforsecurity=False).hexdigest())
