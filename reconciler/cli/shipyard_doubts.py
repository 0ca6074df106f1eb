"""What a shipyard says in vain beside a project.yaml, which it only adds to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.cli.findings.finding import Finding, doubt
from reconciler.model.errors import Place, UserError
from reconciler.model.project import load_project
from reconciler.model.shipyard import load_shipyard


def hidden_stages(files: Mapping[str, bytes | UserError]) -> Iterator[Finding]:
    """Yield the shipyard whose stages `project.yaml` beside it does not have; of those that it has it adds to them."""
    project, shipyard = files.get("project.yaml"), files.get("shipyard.yaml")
    if not isinstance(project, bytes) or not isinstance(shipyard, bytes):
        return
    try:
        known = [stage.name for stage in load_project(project, "project.yaml").stages]
        said = [stage.name for stage in load_shipyard(shipyard, "shipyard.yaml").stages]
    except UserError:
        return
    hidden = [name for name in said if known and name not in known]
    if hidden:
        names = ", ".join(f"`{name}`" for name in hidden)
        yield doubt(
            "shadowed-name",
            f"{names}: `project.yaml` beside it says which stages there are",
            Place("shipyard.yaml"),
            expected="stages of project.yaml, to which a shipyard adds when they act and how long they wait",
            hint=f"add {names} to `stages` in project.yaml, or take it out here",
        )
