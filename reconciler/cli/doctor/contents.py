"""What one stage's branch holds, as far as it says what servers must have; `validate` has all its mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from reconciler.cli.doctor.finding import Finding, failed, ok, problem
from reconciler.decide.actions.featuretoggle import Toggle
from reconciler.decide.actions.protocol import Spec
from reconciler.decide.actions.registry import parse_action
from reconciler.decide.actions.restart import Restart
from reconciler.decide.actions.rollback import Rollback
from reconciler.decide.actions.scaling import Scaling
from reconciler.decide.actions.slowdown import Slowdown
from reconciler.decide.actions.webhook import Webhook
from reconciler.decide.policy import over
from reconciler.model.connections import DEFAULT_FLAG_PROJECT
from reconciler.model.errors import ReconcilerError, UserError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import ServiceConfig, StageConfig, load_service, load_stage
from reconciler.model.targets import WantFlag, WantWorkload
from reconciler.repo.layout import MAKES_A_SERVICE, config_place
from reconciler.repo.probe import Probe

MOST: Final = 200
"""Services whose files are read and whose workloads are asked about; `validate --online` asks about all of them."""
Need: TypeAlias = Literal["kubernetes", "flags", "evidence"]
"""What has to be connected, by its key in reconciler.yaml."""
_ON_WORKLOADS: Final = (Scaling, Restart, Rollback, Slowdown)


@dataclass(frozen=True)
class Content:
    """A stage: its settings, the names of its services, and the workloads that their files act on or name.

    ``flags`` are those that playbooks switch. ``needs`` are the services, by name, that cannot do without what they
    are listed under; ``endpoints`` those whose playbooks call the endpoint of that name. ``config`` has the project's
    defaults where stage.yaml is silent.
    """

    project: ProjectName
    stage: StageName
    config: StageConfig = StageConfig()
    services: tuple[str, ...] = ()
    workloads: tuple[WantWorkload, ...] = ()
    flags: tuple[WantFlag, ...] = ()
    findings: tuple[Finding, ...] = ()
    needs: Mapping[Need, tuple[str, ...]] = field(default_factory=dict)
    endpoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def content(probe: Probe, tip: CommitId, project: ProjectName, stage: StageName, defaults: StageConfig) -> Content:
    """Read a stage's branch at a commit that was fetched; ``defaults`` are the project's."""
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
    config = over(config, defaults)
    files: dict[str, set[str]] = {}
    try:
        files = _files(probe, tip)
    except ReconcilerError as error:
        findings.append(failed("git-fetch", about, error))
    names = {folder: folder.rpartition("/")[2] for folder in files}
    needs: dict[Need, list[str]] = {}
    calls: dict[str, list[str]] = {}
    wants = []
    flags: set[str] = set()
    for folder in [each for each in sorted(files) if each][:MOST]:
        name = names[folder]
        specs = _specs(probe, tip, f"{folder}/remediation.yaml") if "remediation.yaml" in files[folder] else ()
        acts = _acts(specs)
        for endpoint in sorted({each.endpoint for each in specs if isinstance(each, Webhook)}):
            calls.setdefault(endpoint, []).append(name)
        flags.update(flag for each in specs if isinstance(each, Toggle) for flag, _ in each.flags)
        judged: frozenset[Need] = frozenset({"evidence"}) if "slo.yaml" in files[folder] else frozenset()
        for need in acts | judged:
            needs.setdefault(need, []).append(name)
        path = f"{folder}/service.yaml"
        try:
            found = probe.blob_at(tip, path) if "service.yaml" in files[folder] else None
            service = load_service(found[1], path) if found is not None else ServiceConfig()
        except ReconcilerError as error:
            findings.append(problem("stage-file", f"{about}/{name}", f"{error.message} in {path}", mend))
            continue
        own = service.workload.name
        if not (own or service.workload.kind or "kubernetes" in acts):
            continue
        where = service.workload.namespace or config.namespace or f"{project}-{stage}"
        either = (own,) if own else (f"{name}-primary", name)
        wants.append(WantWorkload("kubernetes", where, service.workload.kind or "Deployment", either))
    listed = {need: tuple(services) for need, services in needs.items()}
    called = {endpoint: tuple(services) for endpoint, services in calls.items()}
    services = tuple(sorted(names.values()))
    space, environment = config.flags.project or DEFAULT_FLAG_PROJECT, config.flags.environment or str(stage)
    switched = tuple(WantFlag("flags", space, environment, flag) for flag in sorted(flags))
    return Content(project, stage, config, services, tuple(wants), switched, tuple(findings), listed, called)


def _files(probe: Probe, tip: CommitId) -> dict[str, set[str]]:
    """Return the files of each folder that is a service by them."""
    files: dict[str, set[str]] = {}
    for entry in probe.entries(tip):
        place = config_place(entry.path or "")
        if place is not None and place[1] in MAKES_A_SERVICE:
            files.setdefault(place[0], set()).add(place[1])
    return files


def _specs(probe: Probe, tip: CommitId, path: str) -> tuple[Spec, ...]:
    """Return the actions of a playbook; what of it cannot be read is `validate`'s to tell."""
    try:
        blob = probe.blob_at(tip, path)
        entries = load_playbook(blob[1], path).entries if blob is not None else ()
    except ReconcilerError:
        return ()
    found: list[Spec] = []
    for action in (each for entry in entries for each in entry.actions):
        with suppress(ReconcilerError):
            found.append(parse_action(action.action, action.value, action.place))
    return tuple(found)


def _acts(specs: Iterable[Spec]) -> frozenset[Need]:
    found: set[Need] = set()
    for spec in specs:
        if isinstance(spec, Toggle):
            found.add("flags")
        elif isinstance(spec, _ON_WORKLOADS):
            found.add("kubernetes")
    return frozenset(found)
