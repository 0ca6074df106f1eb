"""What one stage's branch holds, as far as it says what servers must have; `validate` has all its mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.cli.doctor.finding import Finding, failed, ok, problem
from reconciler.model.errors import ReconcilerError, UserError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.policy import StageConfig, load_service, load_stage
from reconciler.model.targets import WantWorkload
from reconciler.repo.layout import MAKES_A_SERVICE, config_place
from reconciler.repo.probe import Probe

MOST: Final = 200
"""Services whose workloads are asked about; `validate --online` asks about all of them."""


@dataclass(frozen=True)
class Content:
    """A stage: its settings, the names of its services, and the workloads that their files name."""

    project: ProjectName
    stage: StageName
    config: StageConfig = StageConfig()
    services: tuple[str, ...] = ()
    workloads: tuple[WantWorkload, ...] = ()
    findings: tuple[Finding, ...] = ()


def content(probe: Probe, tip: CommitId, project: ProjectName, stage: StageName) -> Content:
    """Read a stage's branch at a commit that was fetched."""
    about = f"{project}/{stage}"
    findings: list[Finding] = []
    config = StageConfig()
    mend = f"`reconciler validate --ref {stage}` in a clone shows every mistake"
    try:
        file = probe.blob_at(tip, "stage.yaml")
        config = load_stage(file[1], "stage.yaml") if file is not None else config
        said = "can be used" if file is not None else "there is none, so the defaults hold"
        findings.append(ok("stage-file", about, said))
    except ReconcilerError as error:
        hint = f"{error.hint}; {mend}" if error.hint else mend
        where = f"{error.place}: " if isinstance(error, UserError) and error.place else ""
        findings.append(problem("stage-file", about, f"{where}{error.message}", hint))
    names: dict[str, str] = {}
    files: set[str] = set()
    try:
        for entry in probe.entries(tip):
            place = config_place(entry.path or "")
            if place is not None and place[1] in MAKES_A_SERVICE:
                names[place[0]] = place[0].rpartition("/")[2]
                if place[1] == "service.yaml":
                    files.add(place[0])
    except ReconcilerError as error:
        findings.append(failed("git-fetch", about, error))
    wants = []
    for folder in sorted(files)[:MOST]:
        path = f"{folder}/service.yaml"
        try:
            found = probe.blob_at(tip, path)
            service = load_service(found[1], path) if found is not None else None
        except ReconcilerError as error:
            findings.append(problem("stage-file", f"{about}/{names[folder]}", f"{error.message} in {path}", mend))
            continue
        if service is None or not (service.workload.name or service.workload.kind):
            continue
        where = service.workload.namespace or config.namespace or f"{project}-{stage}"
        own = service.workload.name
        either = (own,) if own else (f"{names[folder]}-primary", names[folder])
        wants.append(WantWorkload("kubernetes", where, service.workload.kind or "Deployment", either))
    return Content(project, stage, config, tuple(sorted(names.values())), tuple(wants), tuple(findings))
