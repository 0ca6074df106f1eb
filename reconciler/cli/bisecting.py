"""Which commit made a problem stop being healed: what changed from the last time that it was to the first that not.

Files are compared by what they mean, so a commit that only reformats is none. Nothing is tried out: two commits that
both mean something else stay two.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.cli.chronicles import StagePast
from reconciler.cli.meaning import OF_PROJECT, Meaning, Reader, differences
from reconciler.cli.past_data import remediation_data
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import BlobId, CommitId, ProjectName, ServicePath
from reconciler.model.problem import load_problem
from reconciler.repo.chronicle import Filter, PastRemediation
from reconciler.repo.chronicle_walk import Walked, walk
from reconciler.repo.objects import Oversize
from reconciler.repo.trailers import parse

_AT_ONCE: Final = 500
_LARGEST: Final = 256 << 10
_NOT_HEALED: Final = frozenset({"escalated", "unmatched"})


@dataclass
class _Suspect:
    """A commit between the two, and what of it changed what counts: name, before, after, `file:line`."""

    commit: Walked
    changes: list[dict[str, Any]] = field(default_factory=list)


def concerned(here: StagePast, service: str, problem: str) -> list[PastRemediation]:
    """Return the remediations of a service about an entry, a title or a problem's id, the oldest first.

    Raises:
        UserError: there never was one.
    """
    found: list[PastRemediation] = []
    before: int | None = None
    while True:
        page = here.chronicle.remediations(Filter(service=service), limit=_AT_ONCE, before=before)
        found += [each for each in page.items if _is_about(each, problem)]
        if page.before is None:
            break
        before = page.before
    if not found:
        hint = f"see `reconciler history --service {service}` for titles, entries and ids"
        raise UserError(f"{service} never had a problem `{problem}` in {here.name}", hint=hint)
    return found[::-1]


def _is_about(each: PastRemediation, problem: str) -> bool:
    return problem in (each.entry, each.id) or any(problem in (one.title, one.id) for one in each.problems)


def verdict(each: PastRemediation) -> bool | None:
    """Return whether it was healed; None where that was not decided: aborted, gone by itself, without data, running."""
    if each.healed:
        return True
    return False if each.unhealed or each.outcome in _NOT_HEALED else None


def bisected(here: StagePast, project: ProjectName, service: str, problem: str) -> dict[str, Any]:
    """Return what was found; ``answer`` is `one`, `several`, `none`, `healed` or `never`."""
    every = concerned(here, service, problem)
    decided = [each for each in every if verdict(each) is not None]
    data: dict[str, Any] = {
        "stage": str(here.name), "service": every[-1].service, "problem": problem, "remediations": len(every),
        "undecided": len(every) - len(decided),
    }  # fmt: skip
    healed = [number for number, each in enumerate(decided) if verdict(each)]
    if not decided:
        return {**data, "answer": "undecided"}
    if not healed:
        return {**data, "answer": "never", "firstNot": remediation_data(here.name, decided[0])}
    last = decided[healed[-1]]
    data["lastHealed"] = remediation_data(here.name, last)
    if healed[-1] == len(decided) - 1:
        return {**data, "answer": "healed"}
    first = decided[healed[-1] + 1]
    data |= {"firstNot": remediation_data(here.name, first), "notHealedSince": len(decided) - healed[-1] - 1}
    return {**data, **_Comparison(here, project, last, first).found()}


class _Comparison:
    """Compares what counted for two remediations of one service."""

    def __init__(self, here: StagePast, project: ProjectName, last: PastRemediation, first: PastRemediation) -> None:
        self._here = here
        self._service = ServicePath(first.service)
        self._reader = Reader(here.git, here.name, project, self._service)
        self._about = (first.title, _root_cause(here, first))
        # What was pinned was read when it was opened, the settings until its end.
        self._old = _named(here, here.chronicle.steps_of(last)[0].commit)
        self._new = _named(here, here.chronicle.steps_of(first)[-1].commit)

    def found(self) -> dict[str, Any]:
        """Return the commits that account for the differences, those that don't, and what nothing accounts for."""
        before, after = self._meaning(*self._old), self._meaning(*self._new)
        differ = {name: (old, new, file) for name, old, new, file in differences(before, after)}
        suspects = [*self._of_config(), *self._of_project()]
        unexplained = []
        for name, (old, new, file) in differ.items():
            guilty = next((each for each in reversed(suspects) if _made(each, name, new)), None)
            if guilty is None:
                unexplained.append({"what": name, "before": old, "after": new, "file": file})
        kept = [(each, [one for one in each.changes if _counts(one, differ)]) for each in suspects]
        guilty_ones = [(each, changes) for each, changes in kept if changes]
        harmless = [each for each, changes in kept if not changes]
        answer = "one" if len(guilty_ones) == 1 and not unexplained else "several" if guilty_ones else "none"
        return {
            "answer": answer if guilty_ones or not unexplained else "unexplained",
            "commits": [{**_told(each.commit), "changes": changes} for each, changes in guilty_ones],
            "without": [_told(each.commit) for each in harmless],
            "unexplained": unexplained,
        }

    def _meaning(self, config: CommitId, project: CommitId) -> Meaning:
        return self._reader.at(config, project, *self._about)

    def _of_config(self) -> Iterator[_Suspect]:
        (old, project), (new, _) = self._old, self._new
        for commit in self._walk(new, old, self._reader.paths()):
            yield self._suspect(commit, lambda at: self._meaning(at, project))

    def _of_project(self) -> Iterator[_Suspect]:
        (_, old), (config, new) = self._old, self._new
        for commit in self._walk(new, old, OF_PROJECT):
            yield self._suspect(commit, lambda at: self._meaning(config, at))

    def _walk(self, new: CommitId, old: CommitId, paths: Sequence[str]) -> Iterator[Walked]:
        if new != old:
            yield from (commit for commit in walk(self._here.git, [new], [old], paths) if len(commit.parents) == 1)

    def _suspect(self, commit: Walked, meaning: Any) -> _Suspect:
        changes = [
            {"what": name, "before": old, "after": new, "place": self._place(commit, file, new)}
            for name, old, new, file in differences(meaning(commit.parents[0]), meaning(commit.id))
        ]
        return _Suspect(commit, changes)

    def _place(self, commit: Walked, file: str, value: str) -> str:
        """Return `file:line` of what a commit changed: the changed line that says the value, else the first one."""
        texts = [self._text(at, file) for at in (commit.parents[0], commit.id)]
        lines = texts[1]
        blocks = difflib.SequenceMatcher(None, texts[0], lines, autojunk=False).get_opcodes()
        changed = [
            line for kind, _, _, start, end in blocks if kind != "equal" for line in range(start, max(end, start + 1))
        ]
        word = value.rpartition(" ")[2]
        said = (line for line in changed if line < len(lines) and word and word in lines[line])
        line = next(said, changed[0] if changed else None)
        return file if line is None or not lines else f"{file}:{min(line, len(lines) - 1) + 1}"

    def _text(self, commit: CommitId, file: str) -> list[str]:
        found = self._here.git.blob_at(commit, file)
        return found[1].decode("utf-8", "replace").splitlines() if found is not None else []


def _made(suspect: _Suspect, name: str, value: str) -> bool:
    return any(each["what"] == name and each["after"] == value for each in suspect.changes)


def _counts(change: dict[str, Any], differ: dict[str, tuple[str, str, str]]) -> bool:
    """Whether a change is a part of the difference that is still there at its end."""
    return change["what"] in differ and change["after"] == differ[change["what"]][1]


def _told(commit: Walked) -> dict[str, Any]:
    return {
        "commit": str(commit.id), "author": commit.author, "when": format_instant(Instant(commit.at)),
        "subject": commit.message.partition("\n")[0],
    }  # fmt: skip


def _named(here: StagePast, step: CommitId) -> tuple[CommitId, CommitId]:
    """Return the config and project commits that a step was decided on. Raises ConfigError where they are gone."""
    named = parse(here.git.reader.commit(step).message, ("Config", "Project"))
    found = [CommitId(named.get(key, "")) for key in ("Config", "Project")]
    for commit in found:
        if len(commit) != 40 or not here.git.reader.has(commit):
            raise ConfigError(
                f"the step {step[:12]} was decided on {commit[:12] or 'a nameless commit'}, which is not here",
                hint="the branch was rewritten since; what was changed between cannot be told any more",
            )
    return found[0], found[1]


def _root_cause(here: StagePast, each: PastRemediation) -> str:
    """Return the root cause that the first problem named, empty where it named none."""
    path, _, blob = each.problems[0].file.partition("@") if each.problems else ("", "", "")
    content = here.git.reader.known_blobs([BlobId(blob)], _LARGEST).get(BlobId(blob)) if len(blob) == 40 else None
    if content is None or isinstance(content, Oversize):
        return ""
    try:
        return load_problem(content, path).root_cause
    except UserError:
        return ""
