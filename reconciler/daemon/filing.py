"""Which file a report becomes at one commit of a stage, and whether it changes anything there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.daemon.inbox import Names, Receipt
from reconciler.intake.merging import file_path, merged
from reconciler.intake.report import Report
from reconciler.model.closed import load_closed
from reconciler.model.errors import UserError
from reconciler.model.names import BlobId, ProblemId, ServicePath, StageName
from reconciler.model.problem_ids import problem_id
from reconciler.model.reader import PROBLEM_LIMIT
from reconciler.repo.layout import ops_prefix
from reconciler.repo.names import tree_path
from reconciler.repo.stage import StageRepo

_ARCHIVE_LIMIT = 16 << 20


@dataclass(frozen=True)
class Unfiled:
    """Why a report became no file, as the receipt that its sender gets."""

    receipt: Receipt


class Filing:
    """Files reports on top of what a stage holds; ``files`` are those to be written, by path.

    The repository must have been synced to the commit that they are written onto.
    """

    def __init__(self, repo: StageRepo, stage: StageName) -> None:
        self._repo = repo
        self._stage = stage
        self._names: Names | None = None
        self._unusable: Mapping[str, str] = {}
        self._lying: dict[ServicePath, Mapping[str, BlobId]] = {}
        self._places: dict[ServicePath, Mapping[ProblemId, str]] = {}
        self._closed: frozenset[tuple[ServicePath, ProblemId]] | None = None
        self.files: dict[str, bytes] = {}

    def take(self, report: Report) -> str | Unfiled:
        """Return the path of the report's file; it is among ``files`` if it has to be written.

        Whatever the repository's content stands in the way of may be accepted later; only a report that is wrong in
        itself, or about what no file could be written of, is refused. None keeps the others of its batch out.
        """
        service = self._service(report.where.service)
        if isinstance(service, Receipt):
            return Unfiled(service)
        here = f"{ops_prefix(self._stage)}/{service}"
        try:
            rest = file_path(report)
        except UserError as error:
            return Unfiled(Receipt("refused", path=here, reason=str(error), hint=error.hint))
        known = self._known(service, report.id, rest)
        if known is None and (service, report.id) in self._archived():
            return f"{here}/{rest}"
        rest = known or rest
        path = f"{here}/{rest}"
        try:
            tree_path(path)
        except UserError as error:
            return Unfiled(Receipt("refused", path=path, reason=error.message, hint=error.hint))
        try:
            content = merged(report, self._existing(service, path, rest), path)
        except UserError as error:
            return Unfiled(Receipt("unavailable", path=path, reason=str(error), hint=error.hint))
        if content is not None:
            self.files[path] = content
        return path

    def _service(self, name: str) -> ServicePath | Receipt:
        found = sorted(self._repo.named(name))
        if len(found) == 1:
            return found[0]
        if found:
            both = " and ".join(f"{path}/" for path in found)
            return Receipt("unavailable", reason=f"{self._stage} has two services called {name}", hint=f"rename {both}")
        if self._names is None:
            configured, self._unusable = self._repo.configured()
            self._names = Names("service", self._stage, configured)
        if name in self._unusable:
            return Receipt("refused", reason=self._unusable[name], hint="rename the folder of the service")
        return self._names.unknown(name)

    def _files(self, service: ServicePath) -> Mapping[str, BlobId]:
        if service not in self._lying:
            self._lying[service] = self._repo.problem_files(service)
        return self._lying[service]

    def _known(self, service: ServicePath, identity: ProblemId, rest: str) -> str | None:
        """Return where the problem's file lies already, None where there is none."""
        files = self._files(service)
        if rest in files:
            return rest
        if service not in self._places:
            named = ((_id(path), path) for path in sorted(files, reverse=True))
            self._places[service] = {found: path for found, path in named if found is not None}
        return self._places[service].get(identity)

    def _existing(self, service: ServicePath, path: str, rest: str) -> bytes | None:
        if path in self.files:
            return self.files[path]
        blob = self._files(service).get(rest)
        return None if blob is None else self._repo.blob(blob, PROBLEM_LIMIT)

    def _archived(self) -> frozenset[tuple[ServicePath, ProblemId]]:
        if self._closed is None:
            blob = self._repo.archive()
            found = load_closed(self._repo.blob(blob, _ARCHIVE_LIMIT), "closed.yaml") if blob is not None else ()
            self._closed = frozenset((line.service, line.problem) for line in found)
        return self._closed


def _id(path: str) -> ProblemId | None:
    """Return the id that a file's name gives; None for a name that gives none, whose file is no problem's."""
    try:
        return problem_id(path.rpartition("/")[2].rpartition(".")[0])
    except UserError:
        return None
