"""What a stage's files mean for one problem of one service at one commit, in pieces that can be compared.

Two commits that mean the same would have treated the problem alike, whatever else changed in their files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, NamedTuple

from reconciler.decide.actions.registry import pin
from reconciler.decide.evaluation.objectives import Objectives
from reconciler.decide.matching import match
from reconciler.model import canonical
from reconciler.model.errors import ReconcilerError, UserError
from reconciler.model.names import CommitId, ProjectName, ServicePath, StageName
from reconciler.model.playbook import Playbook, load_playbook
from reconciler.model.policy import load_service, load_stage
from reconciler.repo.layout import PROJECT_FILES, SERVICE_FILES, SLI_FILES, STAGE_FILES
from reconciler.repo.offline import Offline
from reconciler.repo.pins import PinReader
from reconciler.repo.project import settings_at

OF_PROJECT: Final = (*PROJECT_FILES, *SLI_FILES)
_ABSENT: Final = "(none)"


class Piece(NamedTuple):
    """One thing that counts: in words, and the file that says so, empty where none does."""

    value: str
    file: str


Meaning = Mapping[str, Piece]
"""What counts, by what it is called: `entry`, `action 1`, `objective response_time_p95`, `stage wait`."""


class Reader:
    """Reads meanings for one problem, each content once."""

    def __init__(self, git: Offline, stage: StageName, project: ProjectName, service: ServicePath) -> None:
        self._git = git
        self._stage = stage
        self._project = project
        self._service = service
        self._pins = PinReader(git.reader.known_blobs)
        self._known: dict[tuple[CommitId, CommitId, str, str], dict[str, Piece]] = {}

    def paths(self) -> list[str]:
        """Return the files of service and stage that may count."""
        own = (f"{self._service}/{name}" for name in sorted(SERVICE_FILES))
        return [*own, *sorted(STAGE_FILES)]

    def at(self, config: CommitId, project: CommitId, title: str, root_cause: str) -> Meaning:
        """Return what the files of two commits mean for a problem."""
        key = (config, project, title, root_cause)
        if key not in self._known:
            pieces = (*self._playbook(config, title, root_cause), *self._evidence(config, project))
            self._known[key] = dict((*pieces, *self._settings(config), *self._defaults(project)))
        return self._known[key]

    def _playbook(self, config: CommitId, title: str, root_cause: str) -> Iterator[tuple[str, Piece]]:
        path = f"{self._service}/remediation.yaml"
        playbook = self._loaded(config, path, load_playbook)
        if not isinstance(playbook, Playbook):
            yield "entry", Piece(playbook or _ABSENT, path)
            return
        entry = match(playbook, root_cause=root_cause, title=title)
        yield "entry", Piece(entry.name if entry is not None else "(no entry matches)", path)
        for number, action in enumerate(entry.actions if entry is not None else (), 1):
            told = pin(action)
            value = f" {_plain(told['value'])}" if "value" in told else ""
            options = f" {_plain(told['options'])}" if "options" in told else ""
            yield f"action {number}", Piece(f"{action.action}{value}{options}", path)

    def _evidence(self, config: CommitId, project: CommitId) -> Iterator[tuple[str, Piece]]:
        slo = f"{self._service}/slo.yaml"
        here = [(project, name) for name in SLI_FILES]
        here += [(config, name) for name in SLI_FILES]
        here += [(config, f"{self._service}/{name}") for name in ("slo.yaml", *SLI_FILES)]
        refs = [f"{path}@{blob}" for commit, path in here if (blob := self._git.blob_id(commit, path)) is not None]
        found = self._pins(tuple(refs))
        if isinstance(found.objectives, UserError):
            yield "objectives", Piece(f"cannot be read: {found.objectives.message}", slo)
        elif isinstance(found.objectives, Objectives):
            yield from _objectives(found.objectives, slo)
        for provider, indicators in found.indicators.items():
            for sli, indicator in indicators.items():
                file = next((ref.partition("@")[0] for ref in reversed(refs) if f"{provider}/sli.yaml@" in ref), "")
                yield f"query {sli} ({provider})", Piece(indicator.query, file)

    def _settings(self, config: CommitId) -> Iterator[tuple[str, Piece]]:
        files = (("stage", "stage.yaml", load_stage), ("service", f"{self._service}/service.yaml", load_service))
        for label, path, load in files:
            yield from _fields(label, self._loaded(config, path, load), path)

    def _defaults(self, project: CommitId) -> Iterator[tuple[str, Piece]]:
        try:
            settings = settings_at(self._git, project, self._project, self._stage)
        except ReconcilerError as error:
            yield "project", Piece(f"cannot be read: {error.message}", "project.yaml")
            return
        yield from _fields("project", settings.defaults, "project.yaml")
        implied = (settings.implied_mode, settings.implied_wait, settings.implied_window)
        yield "project's mode, wait and window of the stage", Piece(str(implied), "project.yaml")

    def _loaded(self, commit: CommitId, path: str, load: Any) -> Any:
        """Return the file understood, a text that says why it is not, or None where there is none."""
        try:
            found = self._git.blob_at(commit, path)
            return load(found[1], path) if found is not None else None
        except UserError as error:
            return f"cannot be read: {error.message}"


def _objectives(found: Objectives, path: str) -> Iterator[tuple[str, Piece]]:
    for goal in found.goals:
        rules = {"pass": goal.passing, "warning": goal.warning}
        told = "; ".join(f"{name} {_rules(each)}" for name, each in rules.items() if each)
        weight = f", weight {goal.weight}{', key' if goal.key_sli else ''}"
        yield f"objective {goal.sli}", Piece(f"{told or 'for information'}{weight}", path)
    yield "total score", Piece(_said(found.total_score), path)
    yield "comparison", Piece(_said(found.comparison), path)


def _rules(alternatives: tuple[tuple[Any, ...], ...]) -> str:
    return " or ".join(" and ".join(str(getattr(rule, "text", rule)) for rule in rules) for rules in alternatives)


def _fields(label: str, config: Any, path: str) -> Iterator[tuple[str, Piece]]:
    if config is None or isinstance(config, str):
        yield label, Piece(config or _ABSENT, path)
        return
    for each in fields(config):
        value = getattr(config, each.name)
        if value != each.default:
            yield f"{label} {each.name}", Piece(_said(value), path)


def _said(value: Any) -> str:
    """Return a setting in words: what is set of it, and never where it stands."""
    if is_dataclass(value):
        set_ = ((each, getattr(value, each.name)) for each in fields(value) if each.name != "place")
        return ", ".join(f"{each.name} {_said(of)}" for each, of in set_ if of is not None and of != each.default)
    if isinstance(value, tuple):
        return "; ".join(map(_said, value)) or _ABSENT
    return str(value)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else canonical.text(value)


def differences(one: Meaning, other: Meaning) -> Iterator[tuple[str, str, str, str]]:
    """Yield what differs: what it is called, before, after, and the file."""
    for name in sorted(one.keys() | other.keys()):
        before, after = one.get(name), other.get(name)
        values = tuple(each.value if each is not None else _ABSENT for each in (before, after))
        if values[0] != values[1]:
            file = (after or before or Piece("", "")).file
            yield name, values[0], values[1], file
