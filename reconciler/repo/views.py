"""From the files of a service to what `decide` sees of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal, Protocol, TypeVar

from reconciler.decide.actions.registry import check_playbook
from reconciler.decide.folding import fold
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import CommandFile, FileRef, Foreign, ProblemFile, ServiceView
from reconciler.model.checks import service_path
from reconciler.model.closed import Archive, load_archive
from reconciler.model.command import Command, check_command_name, load_command
from reconciler.model.desired import load_desired
from reconciler.model.errors import BugError, Place, UserError
from reconciler.model.evaluations import load_evaluations
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import BlobId, CommitId, ProblemId, RemediationId, ServicePath
from reconciler.model.playbook import Playbook, load_playbook
from reconciler.model.policy import ServiceConfig, StageConfig, load_service, load_stage
from reconciler.model.problem import load_problem, problem_id
from reconciler.model.step import StepFile, load_step
from reconciler.repo.cache import ParseCache
from reconciler.repo.index import Files, StageIndex, Stored
from reconciler.repo.layout import SLI_FILES, ops_prefix
from reconciler.repo.objects import Oversize
from reconciler.repo.reader import too_large
from reconciler.repo.steps import MACHINE_LIMIT

_REGULAR = frozenset({"100644", "100755"})
_LIMIT = 256 << 10
"""Bytes of the largest file of people that is read: a problem's limit."""

_TAKE_BACK = "look up with `git log` who changed it, and put back what stood there"


class UnreadableError(BugError):
    """Our own files of a service cannot be read: nothing is decided about it.

    ``fault`` is the file, or the folder with a slash at its end, from the service's directory under `ops/` on.
    """

    def __init__(self, message: str, fault: str) -> None:
        super().__init__(message, hint=_TAKE_BACK)
        self.fault = fault


T = TypeVar("T")
D = TypeVar("D")


class Objects(Protocol):
    """Where blobs and their history are read from."""

    def blobs(self, ids: list[BlobId], limit: int) -> Mapping[BlobId, bytes | Oversize]:
        """Return the contents by id, read in one go."""

    def author(self, path: str) -> tuple[str, CommitId]:
        """Return who last changed a path on the ops branch, and in which commit."""


class Views:
    """Makes views, with everything that was parsed kept by blob.

    ``project_slis`` are the SLI files of the whole project, which lie on another branch. ``unsigned`` tells why what
    stands at a path, or was deleted there, does not count as a person's word; nothing where it does.
    """

    def __init__(
        self, index: StageIndex, objects: Objects, unsigned: Callable[[str], str] = lambda _: ""
    ) -> None:  # fmt: skip
        self._index = index
        self._objects = objects
        self._unsigned = unsigned
        self.project_slis: tuple[FileRef, ...] = ()
        self._read: dict[BlobId, bytes | Oversize] = {}
        self._ahead: set[ServicePath] = set()
        self._playbooks = ParseCache(_playbook, _LIMIT)
        self._services = ParseCache(load_service, _LIMIT)
        self._stages = ParseCache(load_stage, _LIMIT)
        self._problems = ParseCache(load_problem, _LIMIT)
        self._commands = ParseCache(_command, _LIMIT)
        self._steps = ParseCache(load_step, MACHINE_LIMIT)
        self._desired = ParseCache(load_desired, MACHINE_LIMIT)
        self._evaluations = ParseCache(load_evaluations, MACHINE_LIMIT)
        self._archives = ParseCache(load_archive, MACHINE_LIMIT)

    def service(self, path: ServicePath) -> ServiceView:
        """Return a service as `decide` sees it.

        Raises:
            UnreadableError: what we wrote about it ourselves cannot be read back; nothing may be decided without it.
        """
        config = self._index.config.get(path, {})
        ops = self._index.ops.get(path, {})
        here = f"{ops_prefix(self._index.stage)}/{path}"
        if path not in self._ahead:
            self.ahead((path,))
        self._ahead.discard(path)
        remediations = self._remediations(here, ops)
        answered = frozenset().union(*(each.answered for each in remediations.values()))
        problems, shadowed = self._problem_files(here, ops)
        clash = self._index.clash(path)
        return ServiceView(
            path=path,
            exists=self._index.is_service(path),
            clash=clash or "",
            config=self._service_config(path, config),
            config_file=_ref(path, config, "service.yaml"),
            playbook=self._one(self._playbooks, path, config, "remediation.yaml", None),
            playbook_file=_ref(path, config, "remediation.yaml"),
            pinned=self.pinned(path),
            problems=problems,
            shadowed=shadowed,
            commands=self.commands(here, ops, answered),
            remediations=remediations,
            desired=self._state(self._desired, here, ops, "state/desired.yaml") or {},
            evaluations=self._state(self._evaluations, here, ops, "state/evaluations.yaml") or (),
            foreign=self.foreign(path),
        )  # fmt: skip

    def stage_config(self) -> tuple[StageConfig | UserError, FileRef | None]:
        """Return the stage's own file, the defaults where there is none."""
        root = ServicePath("")
        files = self._index.config.get(root, {})
        return self._one(self._stages, root, files, "stage.yaml", StageConfig()), _ref(root, files, "stage.yaml")

    def steps(self, here: str, files: Files) -> list[StepFile]:
        """Return the steps among files, in the order of their sequence; what is none of ours is left out."""
        names = sorted(name for name in files if name.startswith("steps/"))
        found = [self._parsed(self._steps, f"{here}/{name}", files[name]) for name in names]
        return sorted((step for step in found if isinstance(step, StepFile)), key=lambda step: step.sequence)

    def closed(self, here: str, files: Files) -> Archive:
        """Return what was archived; nothing where that file of ours cannot be read, which the next step writes anew."""
        stored = files.get("closed.yaml")
        found = self._parsed(self._archives, f"{here}/closed.yaml", stored) if stored is not None else Archive()
        return found if isinstance(found, Archive) else Archive()

    def commands(self, here: str, files: Files, answered: frozenset[str]) -> tuple[CommandFile, ...]:
        """Return the command files; only of those not answered yet it is looked up who pushed them."""
        found = []
        for name in sorted(name for name in files if name.startswith("commands/")):
            path = f"{here}/{name}"
            command = self._parsed(self._commands, path, files[name])
            file = FileRef(path, files[name].blob)
            if path in answered:
                found.append(CommandFile(file, command, "", CommitId("")))
                continue
            author, commit = self._objects.author(path)
            found.append(CommandFile(file, command, author, commit, self._unsigned(path)))
        return tuple(found)

    def foreign(self, path: ServicePath) -> tuple[Foreign, ...]:
        """Return what others changed in machine-written files."""
        here = "/".join(filter(None, (ops_prefix(self._index.stage), path)))
        found = []
        for rest, stored in sorted(self._index.foreign.get(path, {}).items()):
            ours = self._index.ops.get(path, {}).get(rest)
            author, commit = self._objects.author(f"{here}/{rest}")
            change: Literal["deleted", "modified", "added"] = (
                "deleted" if stored is None else "modified" if ours is not None else "added"
            )
            unsigned = self._unsigned(f"{here}/{rest}") if change == "deleted" else ""
            content = self._bytes(ours) if ours else None
            found.append(Foreign(f"{here}/{rest}", change, author, commit, content, unsigned))
        return tuple(found)

    def _bytes(self, stored: Stored) -> bytes:
        content = self._objects.blobs([stored.blob], MACHINE_LIMIT)[stored.blob]
        if isinstance(content, Oversize):
            raise BugError(str(too_large(content, MACHINE_LIMIT, None)))
        return content

    def ahead(self, services: Collection[ServicePath]) -> None:
        """Read in one go every blob that the parsers will ask for, for these services' views; forget others' blobs."""
        self._ahead, self._read = set(), {}
        wanted: dict[int, set[BlobId]] = {_LIMIT: set(), MACHINE_LIMIT: set()}
        for path in services:
            for cache, where, files, starts in self._sources(path):
                wanted[cache.limit] |= {
                    stored.blob
                    for name, stored in files.items()
                    if name.startswith(starts)
                    and stored.mode in _REGULAR
                    and (f"{where}{name}", stored.blob) not in cache
                }
        for limit, blobs in sorted(wanted.items()):
            self._read |= self._objects.blobs(sorted(blobs), limit) if blobs else {}
        self._ahead = set(services)

    def _sources(self, path: ServicePath) -> Iterable[tuple[ParseCache[object], str, Files, str]]:
        config, ops = self._index.config.get(path, {}), self._index.ops.get(path, {})
        here = f"{ops_prefix(self._index.stage)}/{path}"
        yield self._services, f"{path}/", config, "service.yaml"
        yield self._playbooks, f"{path}/", config, "remediation.yaml"
        yield self._problems, f"{here}/", ops, "problems/"
        yield self._commands, f"{here}/", ops, "commands/"
        yield self._steps, f"{here}/", ops, "remediations/"
        yield self._desired, f"{here}/", ops, "state/desired.yaml"
        yield self._evaluations, f"{here}/", ops, "state/evaluations.yaml"

    def _parsed(self, cache: ParseCache[T], path: str, stored: Stored) -> T | UserError:
        return cache.get(path, stored.blob, lambda: self._content(path, stored, cache.limit))

    def _content(self, path: str, stored: Stored, limit: int) -> bytes | UserError:
        if stored.mode not in _REGULAR:
            kind = {"120000": "a symbolic link", "160000": "a submodule"}.get(stored.mode, f"of mode {stored.mode}")
            return UserError(
                f"this is {kind}", place=Place(path), expected="a regular file", hint="commit the file itself"
            )
        content = self._read.get(stored.blob)
        if content is None:
            content = self._objects.blobs([stored.blob], limit)[stored.blob]
        if isinstance(content, bytes) and len(content) > limit:
            content = Oversize(stored.blob, len(content))
        return too_large(content, limit, Place(path)) if isinstance(content, Oversize) else content

    def _one(self, cache: ParseCache[T], folder: ServicePath, files: Files, name: str, absent: D) -> T | D | UserError:
        stored = files.get(name)
        if stored is None:
            return absent
        return self._parsed(cache, "/".join(filter(None, (folder, name))), stored)

    def _service_config(self, path: ServicePath, files: Files) -> ServiceConfig | UserError:
        try:
            service_path(path)
        except UserError as error:
            return error
        return self._one(self._services, path, files, "service.yaml", ServiceConfig())

    def pinned(self, path: ServicePath) -> tuple[FileRef, ...]:
        """Return the SLO and every SLI file that counts for a service: the project's, the stage's and its own."""
        root, config = (self._index.config.get(folder, {}) for folder in (ServicePath(""), path))
        found = [_ref(ServicePath(""), root, name) for name in SLI_FILES]
        found += [_ref(path, config, name) for name in ("slo.yaml", *SLI_FILES)]
        return (*self.project_slis, *(ref for ref in found if ref is not None))

    def _problem_files(self, here: str, ops: Files) -> tuple[Mapping[ProblemId, ProblemFile], tuple[ProblemFile, ...]]:
        """Return the live problem files by id, and those that are none: a second file of an id, an unusable name."""
        live: dict[ProblemId, ProblemFile] = {}
        refused: list[ProblemFile] = []
        for name in sorted(name for name in ops if name.startswith("problems/")):
            path = f"{here}/{name}"
            file = FileRef(path, ops[name].blob)
            try:
                identity = problem_id(name.rpartition("/")[2].rpartition(".")[0])
            except UserError as error:
                refused.append(ProblemFile(ProblemId(""), file, error))
                continue
            problem = self._parsed(self._problems, path, ops[name])
            if identity in live:
                refused.append(ProblemFile(identity, file, problem, live[identity].file.path))
            else:
                live[identity] = ProblemFile(identity, file, problem)
        return live, tuple(refused)

    def step_path(self, path: ServicePath, sequence: int) -> tuple[str, BlobId] | None:
        """Return path and content of the step of a service with this sequence; None where none of its files is it."""
        here = f"{ops_prefix(self._index.stage)}/{path}"
        for name, stored in self._index.ops.get(path, {}).items():
            if name.startswith("remediations/"):
                step = self._parsed(self._steps, f"{here}/{name}", stored)
                if isinstance(step, StepFile) and step.sequence == sequence:
                    return f"{here}/{name}", stored.blob
        return None

    def _remediations(self, here: str, ops: Files) -> Mapping[RemediationId, Remediation]:
        steps: dict[RemediationId, list[StepFile]] = {}
        for name in (name for name in ops if name.startswith("remediations/")):
            step = self._parsed(self._steps, f"{here}/{name}", ops[name])
            if isinstance(step, UserError):
                raise UnreadableError(_said(step), name) from step
            _, identity, *rest = name.split("/")
            if len(rest) != 1:
                raise UnreadableError(f"{here}/{name}: a step that lies in no remediation's folder", name)
            steps.setdefault(RemediationId(identity), []).append(step)
        states = [_folded(here, identity, found) for identity, found in steps.items()]
        return {state.id: state for state in sorted(states, key=lambda state: state.opened_by)}

    def _state(self, cache: ParseCache[T], here: str, ops: Files, name: str) -> T | None:
        """Return what one of our files under `state/` says, None where there is none."""
        stored = ops.get(name)
        if stored is None:
            return None
        state = self._parsed(cache, f"{here}/{name}", stored)
        if isinstance(state, UserError):
            raise UnreadableError(_said(state), name) from state
        return state


def _said(error: UserError) -> str:
    return f"{error.place}: {error.message}; expected {error.expected or 'what reconciler wrote'}"


def _folded(here: str, identity: RemediationId, found: list[StepFile]) -> Remediation:
    try:
        return fold(identity, sorted(found, key=lambda step: step.number))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        name = f"remediations/{identity}/"
        raise UnreadableError(f"the steps under {here}/{name} don't make a remediation: {error!r}", name) from error


def _ref(folder: ServicePath, files: Files, name: str) -> FileRef | None:
    stored = files.get(name)
    return FileRef("/".join(filter(None, (folder, name))), stored.blob) if stored else None


def _command(data: bytes, path: str) -> Command:
    """Load a command whose name says what it asks, as listings, reviews and hooks show it; stopping needs no name."""
    command = load_command(data, path)
    if command.verb != "suspend":
        check_command_name(path, command)
    return command


def _playbook(data: bytes, path: str) -> Playbook:
    """Load a playbook whose every action is understood: one that is not would be noticed when it is needed most."""
    playbook = load_playbook(data, path)
    findings = check_playbook(playbook)
    if findings:
        raise InvalidFile(findings)
    return playbook
