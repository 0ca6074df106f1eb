"""The daemon as a whole: what ends it, and what it takes up without being ended."""

from __future__ import annotations

import pytest
import structlog

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.service import Daemon
from reconciler.model.errors import BugError
from tests.daemon.site import Site


@pytest.mark.parametrize(
    ("died", "raised"), [(SystemExit(0), BugError), (RuntimeError("no"), RuntimeError), (BugError("no"), BugError)]
)
def test_a_project_that_ends_by_itself_ends_the_daemon_and_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, died: BaseException, raised: type[Exception]
) -> None:
    def run(loop: ProjectLoop) -> None:
        raise died

    monkeypatch.setattr(ProjectLoop, "run", run)
    with pytest.raises(raised) as caught:
        Daemon(site.config, structlog.get_logger()).run()
    assert caught.value is died or type(died).__name__ in str(caught.value)
