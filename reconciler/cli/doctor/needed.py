"""Whether what a stage's files are about is connected: no playbook without a cluster, no objective without values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.cli.doctor.contents import Content, Need
from reconciler.cli.doctor.finding import Finding, ok, problem, warning
from reconciler.model.daemon_config import Reach

_WORDS: Final[Mapping[Need, tuple[str, str, str]]] = {
    "kubernetes": ("the playbook of", "acts on workloads", "`kubernetes: {inCluster: true}` or `{kubeconfig: ...}`"),
    "flags": ("the playbook of", "switches flags", "`flags: {kind: unleash, url: ..., tokenFile: ...}`"),
    "evidence": ("slo.yaml of", "has objectives", "`evidence: {prometheus: {url: ...}}`, or `dynatrace`"),
}
_NAMED: Final = 3


def needed(about: str, content: Content, reach: Reach) -> Iterator[Finding]:
    """Compare what the files of a stage need with the blocks that its part of reconciler.yaml has."""
    there = {
        "kubernetes": reach.kubernetes is not None,
        "flags": reach.flags is not None,
        "evidence": reach.evidence is not None and bool(reach.evidence.providers),
    }
    lacking = [need for need in _WORDS if need in content.needs and not there[need]]
    for need in lacking:
        whose, does, block = _WORDS[need]
        services = content.needs[need]
        more = f" and {len(services) - _NAMED} more" if len(services) > _NAMED else ""
        subject = f"{whose} {', '.join(services[:_NAMED])}{more}"
        told = f"{subject} {does}, and reconciler.yaml has no `{need}` for this stage"
        # Without values a remediation ends `unverified`, which says so; without a cluster nothing is done at all.
        weigh = warning if need == "evidence" else problem
        yield weigh("needed", about, told, f'add {block} to the stage, or to `"*"`')
    if content.needs and not lacking:
        yield ok("needed", about, f"{', '.join(sorted(content.needs))}: connected")
