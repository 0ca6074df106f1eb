"""Why a commit is not the step that it says it is: the first difference, at its place.

Only looked at where something is wrong, so it may cost what it likes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from reconciler.decide.actions.registry import unpin
from reconciler.model import canonical
from reconciler.model.errors import BugError, UserError
from reconciler.model.names import BlobId, CommitId, StageName
from reconciler.model.step import Step
from reconciler.repo.layout import ops_place
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import FILE, parse_commit
from reconciler.repo.replay_findings import LOOK, Difference, Finding, Kind, first_difference
from reconciler.repo.replay_reading import Read
from reconciler.repo.steps import MACHINE_LIMIT, Claimed, OwnFile, as_commit, own_change, own_file
from reconciler.repo.trailers import parse

RawCommit: TypeAlias = Callable[[CommitId], bytes]
_TRAILER: Final = re.compile(r"([A-Z][a-z]+(?:-[A-Z][a-z]+)?): ")
_UNKNOWN: Final = re.compile(r"unknown action ('[^']*')")
"""How the registry of actions refuses a name."""
_BINARY: Final = "something that is no text"
_INSTALL: Final = "install the package that brings it, and replay again"


class Explainer:
    """Looks at the commits of one stage more closely. ``raw`` returns a commit's bytes."""

    def __init__(self, store: Mirror, stage: StageName, raw: RawCommit) -> None:
        self._store = store
        self._stage = stage
        self._raw = raw

    def unfit(self, claim: Claimed, read: Read) -> Finding | None:
        """Return why a commit cannot be a step at all; None where it can."""
        if len(read.parents) != 1:
            why = "it is a merge" if read.parents else "it stands on nothing"
        elif own_change(read.differences(), claim) is None:
            why = self._why(read)
        else:
            return None
        return _finding(Kind.FORM, claim, f"it says that it is step {claim.sequence}, and is none: {why}", LOOK)

    def _why(self, read: Read) -> str:
        paths = [change.path or repr(change.raw) for change in read.differences()]
        for path in paths:
            place = ops_place(path, self._stage)
            if place is None or not place.machine:
                return f"it changes {path}"
        return f"it does not write its own file; it changes {', '.join(paths[:3]) or 'nothing'}"

    def own(self, claim: Claimed) -> OwnFile | None:
        """Return the step's own file; None where there is no such one."""
        return own_file(self._store, claim)

    def message(self, read: Read) -> str:
        """Return the commit's message as it is."""
        return parse_commit(read.id, self._raw(read.id)).message

    def odd(self, read: Read, expected: bytes) -> Difference | None:
        """Return where a commit's headers are not those of another one, a signature apart."""
        there: list[bytes] = []
        signature = False
        for line in self._raw(read.id).partition(b"\n\n")[0].split(b"\n"):
            signature = line.startswith(b"gpgsig ") or (signature and line.startswith(b" "))
            there += [] if signature else [line]
        return first_difference(_text(expected.partition(b"\n\n")[0]), _text(b"\n".join(there)))

    def forged_facts(self, claim: Claimed, read: Read) -> Finding | None:
        """Return that the recorded facts are not those of which the message has the hash; None where they are."""
        own = self._content(claim, read)
        if own is None:
            return None
        path, content = own
        try:
            data = canonical.read(content, path)
            facts = data.get("facts", {})
            told = hashlib.sha256(canonical.emit(facts) if facts else b"").hexdigest()
        except UserError as error:
            where = str(error.place or path)
            return _finding(Kind.FILE, claim, f"its file cannot be read: {error.message}", LOOK, where)
        except (BugError, AttributeError) as error:
            return _finding(Kind.FILE, claim, f"its facts cannot be read: {error}", LOOK, path)
        named = parse(claim.info.message, ("Facts",)).get("Facts", "")
        if told == named:
            return None
        what = "its facts are not those that it was decided on: they have another hash than its message says"
        return _finding(Kind.MESSAGE, claim, what, LOOK, "Facts", told, named)

    def explain(self, claim: Claimed, read: Read, made: Step | None) -> Iterator[Finding]:
        """Yield how a step differs from what is decided in its place; ``made`` None: nothing is."""
        missing = self._missing_action(claim, read, made)
        if missing is not None:
            yield missing
            return
        forged = self.forged_facts(claim, read)
        if forged is not None:
            yield forged
            return
        if made is None:
            yield _finding(Kind.NOTHING, claim, "nothing was to be decided there, with the facts that it records", LOOK)
            return
        new = as_commit(made, kept=claim.kept)
        there = {change.path: change for change in read.differences()}
        if made.path not in there:
            what = "another step had to come there"
            yield _finding(Kind.NOTHING, claim, what, LOOK, "subject", made.subject, read.message.partition("\n")[0])
            return
        found = False
        for path, content in new.files.items():
            change = there.pop(path, None)
            blob = change.new_blob if change is not None else self._store.blob_id(read.id, path)
            mode = change.new_mode if change is not None else FILE
            different = self._different(claim, path, content, blob, mode)
            if different is not None:
                found = True
                yield different
        for extra in there:
            found = True
            yield _finding(Kind.FILE, claim, f"it changes {extra}, which the step does not", LOOK, extra or "")
        difference = first_difference(new.message, self.message(read))
        if difference is not None and (not found or difference.line == 1):
            yield self._in_message(claim, difference.line, difference.expected, difference.there)

    def _in_message(self, claim: Claimed, line: int, expected: str, there: str) -> Finding:
        trailer = _TRAILER.match(expected or there)
        where = "subject" if line == 1 else trailer[1] if trailer is not None else f"message:{line}"
        return _finding(Kind.MESSAGE, claim, "its message is not the step's", LOOK, where, expected, there)

    def _different(
        self, claim: Claimed, path: str, content: bytes | None, blob: BlobId | None, mode: str | None
    ) -> Finding | None:  # fmt: skip
        if content is None:
            if blob is None:
                return None
            return _finding(Kind.FILE, claim, f"{path} is there, and the step deletes it", LOOK, path)
        if blob is None:
            return _finding(Kind.FILE, claim, f"{path} is missing, and the step writes it", LOOK, path)
        if mode != FILE:
            return _finding(Kind.FILE, claim, f"{path} is no regular file", LOOK, path, FILE, mode or "")
        known = self._store.blobs([blob], MACHINE_LIMIT)[blob]
        difference = first_difference(_text(content), _text(known) if isinstance(known, bytes) else _BINARY)
        if difference is None:
            return None
        where = f"{path}:{difference.line}"
        what = f"{path.rpartition('/')[2]} is not what the step writes"
        return _finding(Kind.FILE, claim, what, LOOK, where, difference.expected, difference.there)

    def _missing_action(self, claim: Claimed, read: Read, made: Step | None) -> Finding | None:
        """Return that a step, or its service's playbook, is about an action that is not known here."""
        unknown: list[str] = []
        for data in self._pinned(claim, read):
            try:
                unpin(data, "remediation.yaml")
            except UserError as error:
                unknown.append(error.message)
            except (LookupError, TypeError, ValueError, AttributeError):
                continue
        if made is not None and made.event == "refused":
            unknown += made.body.splitlines()
        name = next((match[1] for text in unknown if (match := _UNKNOWN.search(text)) is not None), None)
        if name is None:
            return None
        what = f"it is about an action that is not installed here, {name}: it was not replayed"
        return _finding(Kind.ACTION, claim, what, _INSTALL)

    def _pinned(self, claim: Claimed, read: Read) -> Iterator[Mapping[str, Any]]:
        """Yield the actions that its remediation pinned."""
        own = self._content(claim, read)
        if own is None:
            return
        folder = own[0].rpartition("/")[0]
        blobs = {entry.blob: entry.path for entry in self._store.entries(read.id, folder) if entry.path is not None}
        for blob, content in self._store.blobs(list(blobs), MACHINE_LIMIT).items():
            try:
                data = canonical.peek(content, blobs[blob]) if isinstance(content, bytes) else {}
            except UserError:
                continue
            actions = data.get("actions", ())
            yield from (each for each in actions if isinstance(each, Mapping)) if isinstance(actions, list) else ()

    def _content(self, claim: Claimed, read: Read) -> tuple[str, bytes] | None:
        own = own_change(read.differences(), claim)
        if own is None or own.path is None or own.new_blob is None:
            return None
        content = self._store.blobs([own.new_blob], MACHINE_LIMIT)[own.new_blob]
        return (own.path, content) if isinstance(content, bytes) else None


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _finding(
    kind: Kind, claim: Claimed, what: str, todo: str, where: str = "", expected: str = "", there: str = ""
) -> Finding:  # fmt: skip
    return Finding(kind, claim.commit, what, todo, True, claim.sequence, where, expected, there)
