"""What remediations pinned when they were opened: objectives and SLI queries, read by blob from wherever they are now.

A step names what it pinned as `path@blob`. The files may have changed or be gone since; their content is in the history
for good, so it is read by id. What cannot be read stands in its place as the error that says so: it holds one
remediation, and no other.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Final

from reconciler.decide.evaluation.objectives import Objectives, understand
from reconciler.decide.snapshot import FileRef, Pinned
from reconciler.model.errors import Place, UserError
from reconciler.model.names import BlobId
from reconciler.model.sli import Sli, load_sli, merged
from reconciler.model.slo import load_slo
from reconciler.repo.cache import ParseCache
from reconciler.repo.layout import SLI_FILES
from reconciler.repo.objects import Oversize
from reconciler.repo.reader import too_large

_LIMIT: Final = 256 << 10
"""Bytes of the largest file that is read, as of all files of people."""
_REMEMBERED: Final = 4096
_AT_ONCE: Final = 128
"""Files that are read in one go, where many were said to be asked for."""
_HELD: Final = 8 << 20
"""Bytes of files that were read with others and not asked for yet; more are read again when they are."""
_NAMES: Final = ("slo.yaml", *SLI_FILES)
_REF: Final = re.compile(r"(?P<path>[^\n\0]+)@(?P<blob>[0-9a-f]{40})\Z")

ReadBlobs = Callable[[list[BlobId], int], Mapping[BlobId, bytes | Oversize]]
"""Contents by id, at most so many bytes each; what is not there, or is no file's content, is left out."""


class PinReader:
    """Reads pinned files, each parsed once. Is a `decide.snapshot.Pins`."""

    def __init__(self, read: ReadBlobs) -> None:
        self._read = read
        self._slos = ParseCache(_objectives, _LIMIT)
        self._slis = ParseCache(load_sli, _LIMIT)
        self._known: OrderedDict[tuple[str, ...], Pinned] = OrderedDict()
        self._coming: Iterable[FileRef] = ()
        self._expected: dict[BlobId, None] = {}
        self._ahead: dict[BlobId, bytes | Oversize] = {}

    def expect(self, files: Iterable[FileRef]) -> None:
        """Say which files will likely be asked for: the first that is brings others with it."""
        self._coming, self._expected, self._ahead = files, {}, {}

    def __call__(self, refs: tuple[str, ...]) -> Pinned:
        """Return what the files say, the most general one first; files of other kinds are passed over."""
        found = self._known.pop(refs, None)
        if found is None:
            found = self._pinned(refs)
        if not any(isinstance(each, UserError) for each in (found.objectives, *found.unreadable)):
            self._known[refs] = found
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _pinned(self, refs: tuple[str, ...]) -> Pinned:
        slo: tuple[Objectives, tuple[tuple[str, str], ...]] | UserError | None = None
        slis: dict[str, list[Sli]] = {}
        unreadable: list[UserError] = []
        for ref in refs:
            match = _REF.match(ref)
            if match is None:
                unreadable.append(_no_reference(ref))
                continue
            path, blob = match["path"], BlobId(match["blob"])
            folder, _, name = path.rpartition("/")
            provider = folder.rpartition("/")[2]
            if name == "slo.yaml":
                slo = self._slos.get(path, blob, partial(self._content, path, blob))
            elif f"{provider}/{name}" in SLI_FILES:
                sli = self._slis.get(path, blob, partial(self._content, path, blob))
                if isinstance(sli, UserError):
                    unreadable.append(sli)
                else:
                    slis.setdefault(provider, []).append(sli)
        indicators = {provider: merged(files) for provider, files in slis.items()}
        objectives, filters = slo if isinstance(slo, tuple) else (slo, ())
        return Pinned(objectives, filters, indicators, tuple(unreadable))

    def _is_new(self, file: FileRef) -> bool:
        key = (file.path, file.blob)
        return file.path.endswith(_NAMES) and key not in self._slos and key not in self._slis

    def _content(self, path: str, blob: BlobId) -> bytes | UserError:
        if blob not in self._ahead:
            coming, self._coming = self._coming, ()
            self._expected |= {file.blob: None for file in coming if self._is_new(file)}
            self._expected.pop(blob, None)
            others = list(islice(self._expected, _AT_ONCE))
            for other in others:
                del self._expected[other]
            if sum(len(each) for each in self._ahead.values() if isinstance(each, bytes)) > _HELD:
                self._ahead.clear()
            self._ahead |= self._read([blob, *others], _LIMIT)
        content = self._ahead.get(blob)
        if content is None:
            return UserError(
                f"{blob} is not in the repository",
                place=Place(path),
                expected="the file as it was when the remediation was opened",
                hint="push the commit that had it, or `reconciler abort` the remediation",
            )
        return too_large(content, _LIMIT, Place(path)) if isinstance(content, Oversize) else content


def _objectives(data: bytes, path: str) -> tuple[Objectives, tuple[tuple[str, str], ...]]:
    slo = load_slo(data, path)
    return understand(slo), slo.filter


def _no_reference(text: str) -> UserError:
    return UserError(f"{text[:200]!r} names no file", expected="path@blob", hint="take the change back")
