"""Whether anybody is called when a remediation needs a person: that nobody is, only silence would show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding, ok, warning
from reconciler.model.daemon_config import ProjectConnections


def told(project: ProjectConnections, stages: Iterable[Content]) -> Iterator[Finding]:
    """Look whether a project whose stages act has a receiver of what it cannot heal by itself."""
    acting = [each.stage for each in stages if each.config.mode != "shadow"]
    about = f"{project.name}, notifications"
    if project.notifications:
        names = ", ".join(each.name for each in project.notifications)
        yield ok("told", about, f"receivers: {names}")
    elif acting:
        found = (
            f"{', '.join(acting)} ends with a person where nothing helps, and reconciler.yaml has no `notifications`"
        )
        yield warning("told", about, found, "add a receiver to `notifications` of the project: docs/notifications.md")
