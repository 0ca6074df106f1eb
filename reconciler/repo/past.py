"""All steps that a stage ever had: those of the tip, and those that were archived or deleted since.

What was deleted is found without looking at most commits: our own steps say by their message that they delete no step,
except those that archive. A step's file is believed as it stands in the history that is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final, NamedTuple, cast

from reconciler.model import canonical
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.instant import Instant, parse_instant
from reconciler.model.names import BlobId, CommitId, RemediationId, ServicePath, StageName
from reconciler.model.step import EVENTS, Event, StepFile
from reconciler.repo import argv
from reconciler.repo.faults import checked, local_error
from reconciler.repo.layout import ops_place, ops_prefix
from reconciler.repo.objects import FILE, Oversize, parse_change
from reconciler.repo.offline import Offline
from reconciler.repo.process import Process

_STEP_LIMIT: Final = 1 << 20
"""Bytes of the largest step that is read."""
_STEPS: Final = 2_000_000
"""Steps of one stage at most."""
_KEPT: Final = 64 << 20
"""Bytes of steps that are kept from the first look to the second; what is beyond is read again."""
_BATCH: Final = 2048
_HEAD: Final = re.compile(
    rb'event: "(?P<event>[a-z]+)"\nsequence: (?P<sequence>[0-9]{1,15})\nnow: "(?P<now>[0-9TZ:-]{20})"\n'
)
_File = tuple[str | None, str, BlobId]
"""Path (None where it is no UTF-8), mode and content of a file."""
_END: Final = b"END\n"
"""No object's id: git repeats it where it stands."""
_OURS: Final = f"Event: ({'|'.join(sorted(EVENTS - {'archived'}))})"
TELLING: Final = frozenset(
    {
        "opened", "attached", "held", "released", "decided", "failed", "evaluated", "escalated", "unmatched",
        "refused", "reopened",
    }
)  # fmt: skip
"""Events whose files say more than that they happened, as far as the past is compared."""


class StepRef(NamedTuple):
    """A step's file in history."""

    service: ServicePath
    remediation: RemediationId
    number: int
    event: str
    path: str
    blob: BlobId


@dataclass(frozen=True, slots=True)
class PastStep:
    """A step with its place in the order of the stage. ``content`` is its file's where that was kept."""

    ref: StepRef
    sequence: int
    now: Instant
    content: bytes | None


def steps_ever(offline: Offline, tip: CommitId, stage: StageName) -> list[PastStep]:
    """Return every step of a remediation that the history of a commit holds, in the order of their sequence.

    A file that was deleted several times counts as it was when it was deleted last; what has not the form of a step
    is left out. The same history gives the same list.

    Raises:
        ConfigError: there are more than can be looked at.
    """
    kept = _Kept()
    found: list[PastStep] = []
    refs = _every(offline, tip, stage)
    while batch := list(islice(refs, _BATCH)):
        contents = offline.reader.blobs([ref.blob for ref in batch], _STEP_LIMIT)
        placed = (_placed(ref, contents[ref.blob], kept) for ref in batch)
        found += [step for step in placed if step is not None]
        if len(found) > _STEPS:
            raise ConfigError(f"the stage has more than {_STEPS:,} steps", hint="compare fewer stages in one project")
    return sorted(found, key=lambda each: (each.sequence, each.ref.path))


def read_steps(offline: Offline, steps: Iterable[PastStep]) -> Iterator[tuple[StepRef, StepFile | None]]:
    """Yield steps with what they say, in the order given; None for a file that cannot be read as one.

    Of events that only tell that they happened nothing more than that is read.
    """
    rest = iter(steps)
    while batch := list(islice(rest, _BATCH)):
        missing = [step.ref.blob for step in batch if step.content is None and step.ref.event in TELLING]
        contents = offline.reader.blobs(missing, _STEP_LIMIT) if missing else {}
        for step in batch:
            ref = step.ref
            if ref.event not in TELLING:
                yield ref, StepFile(cast("Event", ref.event), step.sequence, step.now, ref.number, {})
                continue
            content = step.content if step.content is not None else contents[ref.blob]
            yield ref, _read(step, content) if isinstance(content, bytes) else None


def _read(step: PastStep, content: bytes) -> StepFile | None:
    if step.ref.event == "evaluated":
        # Its facts stand at its end, and what was measured is told by the evaluation too.
        told, facts, _ = content.partition(b"\nfacts:\n")
        content = told + b"\n" if facts else content
    try:
        data = canonical.peek(content, step.ref.path)
    except UserError:
        return None
    return StepFile(cast("Event", step.ref.event), step.sequence, step.now, step.ref.number, data)


class _Kept:
    """Counts what is kept."""

    def __init__(self) -> None:
        self.left = _KEPT

    def take(self, content: bytes) -> bytes | None:
        self.left -= len(content)
        return content if self.left >= 0 else None


def _placed(ref: StepRef, content: bytes | Oversize, kept: _Kept) -> PastStep | None:
    match = _HEAD.match(content) if isinstance(content, bytes) else None
    if match is None or not isinstance(content, bytes) or match["event"].decode() != ref.event:
        return None
    try:
        now = parse_instant(match["now"].decode())
    except (UserError, ValueError):
        return None
    return PastStep(ref, int(match["sequence"]), now, kept.take(content) if ref.event in TELLING else None)


def _every(offline: Offline, tip: CommitId, stage: StageName) -> Iterator[StepRef]:
    """Yield the files of all steps, those of the tip before those that were deleted, each path once."""
    seen: set[str] = set()
    with ThreadPoolExecutor(1) as beside:
        # Git looks for them on another core while those of the tip are read.
        deleted = beside.submit(_all_deleted, offline, tip, stage)
        files = ((entry.path, entry.mode, entry.blob) for entry in offline.reader.entries(tip, ops_prefix(stage)))
        for path, mode, blob in chain(files, _awaited(deleted)):
            ref = _ref(path, mode, blob, stage)
            if ref is not None and ref.path not in seen:
                seen.add(ref.path)
                yield ref


def _awaited(found: Future[list[_File]]) -> Iterator[_File]:
    yield from found.result()


def _all_deleted(offline: Offline, tip: CommitId, stage: StageName) -> list[_File]:
    """Return the steps that some commit deleted; with children of its own, so that it can run beside other reading."""
    with offline.start(argv.deletions(offline.git_dir, ops_prefix(stage))) as process:
        process.send(_candidates(offline, tip) + _END)
        return list(_deleted(process))


def _candidates(offline: Offline, tip: CommitId) -> bytes:
    """Return the ids of the commits that may have deleted steps, newest first."""
    with offline.start(argv.rev_list_but(offline.git_dir, tip, _OURS)) as process:
        return checked(f"walking the history of {tip}", process.finish())


def _deleted(process: Process) -> Iterator[_File]:
    """Yield the deleted files that git tells of, until it repeats the line that it cannot understand."""
    rest = b""
    head: bytes | None = None
    while rest != _END:
        chunk = process.chunk()
        if not chunk:
            raise local_error("looking for deleted steps", process.finish().stderr)
        *records, rest = (rest + chunk).split(b"\0")
        for record in records:
            if head is None:
                head = record
                continue
            if b"/remediations/" in record:
                change = parse_change(head, record, b"")
                if change.old_blob is not None and change.old_mode is not None:
                    yield change.path, change.old_mode, change.old_blob
            head = None


def _ref(path: str | None, mode: str, blob: BlobId, stage: StageName) -> StepRef | None:
    place = ops_place(path or "", stage)
    if path is None or mode != FILE or place is None or not place.rest.startswith("remediations/"):
        return None
    _, _, rest = place.rest.partition("/")
    remediation, _, name = rest.partition("/")
    number, _, event = name.removesuffix(".yaml").partition("-")
    if event not in EVENTS or not (number.isascii() and number.isdigit()) or not place.service:
        return None
    return StepRef(place.service, RemediationId(remediation), int(number), event, path, blob)
