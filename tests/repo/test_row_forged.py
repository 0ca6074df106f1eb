"""A step that somebody forged costs a start no more than one of ours would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.foreign import PATHS
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.steps import as_commit
from tests.repo.conftest import Hub, OpenMirror
from tests.repo.deciding import PLAYBOOK, Deciding, Reader, Remote, problem


def test_no_more_commits_are_looked_for_than_a_step_of_ours_ever_names(
    hub: Hub, open_mirror: OpenMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.land({"carts/remediation.yaml": PLAYBOOK, **problem("p1")})
    remote = Remote(hub)
    daemon = Deciding(remote, open_mirror("daemon"))
    made = daemon.tick()
    named = [f"{number:040x}" for number in range(30 * PATHS)]
    forged = replace(
        made[-1], event="restored", sequence=made[-1].sequence + 1, number=made[-1].number + 1, data={"commits": named}
    )
    new = as_commit(forged)
    hub.land(new.files, message=new.message)
    found = Mirror.find_commit
    sought: list[str] = []

    def noted(self: Mirror, name: str) -> CommitId | None:
        sought.append(name)
        return found(self, name)

    monkeypatch.setattr(Mirror, "find_commit", noted)
    assert Reader(remote, open_mirror("cold")).sequence() == made[-1].sequence
    assert 0 < len(set(sought) & set(named)) <= PATHS
