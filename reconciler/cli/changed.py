"""What changed from one commit to another, and what that affects, as one part to be checked (ADR 0114).

Nothing walks the whole tree for a changed file: its service's files and the stage's are looked up by their paths. All
paths are listed, and nothing more is read for it, where a file came, went or is a problem, for then names count. Where
a file of the stage itself changed, so many of its services are looked at again and not more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from reconciler.cli import machine_written, promised
from reconciler.cli.answered import answers_to
from reconciler.cli.checking import Part
from reconciler.cli.findings.finding import Finding, remark
from reconciler.cli.manifests import is_manifest, nested
from reconciler.cli.name_doubts import may_be_meant
from reconciler.cli.ranges import Range
from reconciler.cli.sources import contents, name_of, project_of, short, slis_of
from reconciler.cli.strange_names import by_content, in_services, may_be_ours
from reconciler.cli.surroundings import Surroundings, playbooks_of
from reconciler.cli.validation import kind_of
from reconciler.model.errors import Place, UserError
from reconciler.model.names import BlobId
from reconciler.repo.layout import MAKES_A_SERVICE, PROJECT_FILES, SERVICE_FILES, STAGE_FILES, config_place
from reconciler.repo.local import LocalRepository
from reconciler.repo.objects import FILE, Change, Entry

AFFECTED: Final = 500
"""Services that are looked at again because a file of their stage changed: about a second's work."""
_FEW: Final = 50
"""Services up to which their files are looked up one by one; listing all paths costs as much as that."""


def changed(repository: LocalRepository, span: Range) -> Part:
    """Return the files that changed, and those whose meaning they change."""
    look = _Look(repository, span)
    files = contents(repository, look.wanted)
    # What was changed and is wrong may be what makes another file wrong, so all that is near is told of.
    near = {**contents(repository, look.beside), **files}
    around = Surroundings(look.branch, project_of(repository), near, slis_of(repository), own=look.own)
    paths = look.paths
    listed = frozenset(paths or ())
    if look.all is not None:
        below = [path for path in nested(listed) if path not in files][:AFFECTED]
        others = contents(repository, {path: look.all[path] for path in below})
        listed -= {path for path, data in others.items() if is_manifest(data)}
    return Part(
        files, around.among(listed), "", look.branch, span.text, listed, look.odd,
        strange=look.strange, answered=look.answered(files), told=(*look.left_out, *look.promised, *look.by_hand),
    )  # fmt: skip


@dataclass(frozen=True)
class _Look:
    """Which files of the newer commit are to be read."""

    repository: LocalRepository
    span: Range

    @cached_property
    def changes(self) -> list[tuple[str, Change]]:
        reader = self.repository.reader
        return [(_path(change), change) for change in reader.changes(self.span.old, self.span.new)]

    @cached_property
    def branch(self) -> str:
        """Name the branch whose stage is meant: a pull request's own is none, but what it goes to is."""
        names = [short(self.span.head), short(self.span.base)]
        if self.span.head == "HEAD":
            names.insert(0, self.repository.head() or "")
        project = project_of(self.repository)
        known = (name for name in names if Surroundings(name, project).stage)
        return next(known, names[0])

    @property
    def own(self) -> bool:
        """Whether the change is one of the project's own branch, or is to go there."""
        names = [self.span.base, self.span.head]
        if "HEAD" in names:
            names.append(self.repository.head() or "HEAD")
        return any(promised.is_default(self.repository, name) for name in names if name != "HEAD")

    @cached_property
    def services(self) -> set[str]:
        """The directories of people's files that changed, the root left out."""
        places = (config_place(path) for path, _ in self.changes)
        return {place[0] for place in places if place is not None and place[0]}

    @cached_property
    def wide(self) -> list[str]:
        """The files of the stage itself that changed."""
        return [path for path, _ in self.changes if path in STAGE_FILES]

    @cached_property
    def all(self) -> Mapping[str, Entry] | None:
        """All files of the newer commit that have a kind; None where the changes are none of their names."""
        names = any(
            change.old_blob is None or change.new_blob is None or kind_of(path) == "problem"
            for path, change in self.changes
        )
        if not (names or self.wide or len(self.services) > _FEW):
            return None
        named = ((name_of(entry), entry) for entry in self.repository.reader.entries(self.span.new))
        return {name: entry for name, entry in named if kind_of(name) is not None}

    @property
    def paths(self) -> Iterable[str] | None:
        return self.all

    @property
    def odd(self) -> frozenset[str]:
        there = (path for path, change in self.changes if change.new_blob is not None)
        return frozenset(path for path in there if kind_of(path) is None and may_be_meant(path))

    @property
    def strange(self) -> dict[str, str]:
        """The files that came or changed which are ours by their content alone."""
        there = {path: change for path, change in self.changes if change.new_blob is not None}
        others = [path for path in there if kind_of(path) is None and path not in self.odd and may_be_ours(path)]
        folders = {path.rpartition("/")[0] for path in others[:AFFECTED]}
        makers = [f"{folder}/{name}" for folder in folders for name in MAKES_A_SERVICE]
        wanted = {
            path: Entry(there[path].path, there[path].raw, there[path].new_mode or FILE, blob)
            for path in in_services(others[:AFFECTED], [name for name in makers if self._entry(name) is not None])
            if (blob := there[path].new_blob) is not None
        }
        return by_content(contents(self.repository, wanted))

    @cached_property
    def affected(self) -> list[str]:
        """The services that a changed file of the stage is about, beside those that changed themselves."""
        if not self.wide or self.all is None:
            return []
        places = (config_place(path) for path in self.all)
        found = {place[0] for place in places if place is not None and place[0] and place[1] in MAKES_A_SERVICE}
        return sorted(found - self.services)

    @cached_property
    def wanted(self) -> dict[str, Entry]:
        folders = [*sorted(self.services), *self.affected[:AFFECTED]]
        names = [*STAGE_FILES, *(f"{folder}/{name}" for folder in folders for name in sorted(SERVICE_FILES))]
        found = {
            path: Entry(change.path, change.raw, change.new_mode or FILE, change.new_blob)
            for path, change in self.changes
            if change.new_blob is not None and kind_of(path) is not None
        }
        for name in names:
            if name not in found and (entry := self._entry(name)) is not None:
                found[name] = entry
        return found

    @cached_property
    def beside(self) -> dict[str, Entry]:
        """The files that changed ones are held against, and that are not looked at again themselves."""
        there = (path for path, change in self.changes if change.new_blob is not None)
        names = playbooks_of(there)
        if any(path in PROJECT_FILES for path, _ in self.changes):
            names |= set(PROJECT_FILES)
        found = ((name, self._entry(name)) for name in sorted(names) if name not in self.wanted)
        return {name: entry for name, entry in found if entry is not None}

    def answered(self, files: Mapping[str, bytes | UserError]) -> frozenset[str]:
        """Which of the commands among some files the newer commit has an answer to."""
        found: dict[str, Entry] = {}

        def listed(folder: str) -> list[str]:
            inside = {name_of(each): each for each in self.repository.reader.entries(self.span.new, folder)}
            found.update(inside)
            return [name.removeprefix(f"{folder}/") for name in inside]

        return answers_to(files, listed, lambda paths: contents(self.repository, {path: found[path] for path in paths}))

    @property
    def promised(self) -> tuple[Finding, ...]:
        """What the change makes of the project's stages; not of a file that a stage's own branch happens to have."""
        names = {path for path, _ in self.changes}
        if names.isdisjoint(PROJECT_FILES) or Surroundings(self.branch, project_of(self.repository)).stage:
            return ()
        return tuple(promised.about_change(self.repository, self.span.old, self.span.new))

    @property
    def left_out(self) -> tuple[Finding, ...]:
        rest = len(self.affected) - AFFECTED
        if rest <= 0:
            return ()
        return (
            remark(
                "not-looked-at",
                f"this file is about {len(self.affected):,} services, of which {AFFECTED} were looked at again",
                Place(self.wide[0]),
                expected="a check of all of them before the merge",
                hint=f"`reconciler validate --ref {self.span.head}` looks at all",
            ),
        )

    @property
    def by_hand(self) -> Iterator[Finding]:
        """What people changed in files that only reconciler writes."""
        stage = Surroundings(self.branch, project_of(self.repository)).stage
        return machine_written.by_hand(self.repository, self.span, [change for _, change in self.changes], stage)

    def _entry(self, path: str) -> Entry | None:
        if self.all is not None:
            return self.all.get(path)
        item = self.repository.reader.item_at(self.span.new, path)
        # A link that was there before is told where it came in, and by the check of a whole branch.
        return Entry(path, path.encode(), FILE, BlobId(item[0])) if item is not None and item[1] == "blob" else None


def _path(change: Change) -> str:
    return change.path if change.path is not None else change.raw.decode("utf-8", "backslashreplace")
