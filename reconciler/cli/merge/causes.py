"""Which lines of which files are behind a difference: what the merge changes in files that a service looks at.

Lines are compared, not meanings: that works for files that cannot be read too, and the line is what a person looks for.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

from reconciler.model.names import BlobId, CommitId, ServicePath, StageName
from reconciler.repo.layout import STAGE_FILES, config_place, ops_place
from reconciler.repo.mirror import Mirror

_KEY: Final = re.compile(r"([A-Za-z_][\w-]*)\s*:")
_LINES: Final = 40
"""Changed lines of one file that are looked at."""
_LONG: Final = 4_000
"""Lines of a file above which it is not looked for those that changed: that takes the square of them."""
_SHOWN: Final = 3
_WIDE: Final = STAGE_FILES | {"project.yaml", "shipyard.yaml"}
_TOPICS: Final[Mapping[str, frozenset[str]]] = {
    "shadow": frozenset({"mode", "defaults", "stages", "remediation_strategy", "spec"}),
    "suspended": frozenset({"mode", "defaults"}),
    "budget": frozenset({"budgets", "defaults"}),
    "freeze": frozenset({"freeze", "defaults"}),
    "approval": frozenset({"approval", "remediations", "spec", "defaults"}),
    "cooldown": frozenset({"cooldown", "defaults"}),
    "age": frozenset({"maxProblemAge", "objectives", "indicators", "total_score", "comparison", "defaults"}),
    "bounds": frozenset({"bounds", "defaults"}),
}
"""Which top-level keys a hold's condition, or a decision about bounds, is about; what is not here may be about any."""


@dataclass(frozen=True)
class Cause:
    """A line that the merge adds, changes or takes away. ``line`` counts from 1; 0: the file as a whole."""

    path: str
    line: int
    text: str
    key: str

    def __str__(self) -> str:
        """Render as `path:line: text`."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.text}"


@dataclass(frozen=True)
class Causes:
    """All that a merge changes of one branch. ``stage`` None: the project's own branch."""

    mirror: Mirror
    old: CommitId
    new: CommitId
    stage: StageName

    @cached_property
    def _files(self) -> Mapping[str, tuple[BlobId | None, BlobId | None]]:
        found = self.mirror.changes(self.old, self.new)
        return {each.path: (each.old_blob, each.new_blob) for each in found if each.path is not None}

    @property
    def paths(self) -> frozenset[str]:
        """The files that the merge changes."""
        return frozenset(self._files)

    def of(self, service: ServicePath | None, topics: Iterable[str]) -> tuple[Cause, ...]:
        """Return what is behind a difference of a service: lines about these topics, else all that it looks at."""
        lines = [cause for path in sorted(self._concerning(service)) for cause in self._lines(path)]
        keys = frozenset().union(*(_TOPICS.get(topic, frozenset()) for topic in topics))
        about = [each for each in lines if each.key in keys]
        return tuple((about or lines)[:_SHOWN])

    def _concerning(self, service: ServicePath | None) -> Iterator[str]:
        for path in self._files:
            ops, place = ops_place(path, self.stage), config_place(path)
            if ops is not None:
                if ops.service in ("", service):
                    yield path
            elif path in _WIDE or (place is not None and place[0] == service):
                yield path

    def _lines(self, path: str) -> Iterator[Cause]:
        old, new = self._files[path]
        if new is None:
            yield Cause(path, 0, "the file is taken away", "")
            return
        if old is None:
            yield Cause(path, 1, "the file is new", "")
            return
        before, after = self._text(old), self._text(new)
        if before is None or after is None:
            yield Cause(path, 1, "the file is changed", "")
            return
        yield from islice(changed_lines(path, before, after), _LINES)

    def _text(self, blob: BlobId) -> list[str] | None:
        content = self.mirror.known_blobs([blob]).get(blob)
        lines = content.decode("utf-8", "replace").splitlines() if isinstance(content, bytes) else []
        return lines if 0 < len(lines) <= _LONG else None


def changed_lines(path: str, before: list[str], after: list[str]) -> Iterator[Cause]:
    """Yield the lines of a file that are new or other, and those that are gone where nothing came in their place."""
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        new = [index for index in range(c, d) if _says(after[index])]
        for index in new:
            yield Cause(path, index + 1, _cut(after[index].strip()), _top(after, index))
        if not new:
            # Taken away, or made a comment: then what was there says what the change is about.
            line = min(c + 1, len(after))
            for index in (index for index in range(a, b) if _says(before[index])):
                yield Cause(path, line, f"without {_cut(before[index].strip())}", _top(before, index))


def _says(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("#")


def _top(lines: list[str], index: int) -> str:
    """Return the top-level key that a line stands under."""
    for line in reversed(lines[: index + 1]):
        if (found := _KEY.match(line)) is not None:
            return found[1]
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
