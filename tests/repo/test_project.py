"""What the project's own branch says of its stages."""

from __future__ import annotations

import pytest

from reconciler.model.errors import ConfigError
from reconciler.model.names import ProjectName
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, read_project
from tests.repo.conftest import Hub, OpenMirror

SHIPYARD = b"""\
apiVersion: spec.keptn.sh/0.2.2
kind: Shipyard
metadata: {name: sockshop}
spec:
  stages:
  - name: staging
    sequences: [{name: delivery, tasks: [{name: deployment}]}]
  - name: production
    sequences:
    - name: remediation
      tasks:
      - name: get-action
      - name: action
      - name: evaluation
        triggeredAfter: 90s
        properties: {timeframe: 2m30.5s}
"""


@pytest.fixture
def mirror(open_mirror: OpenMirror) -> Mirror:
    return open_mirror()


def read(mirror: Mirror, known: Project | None = None) -> Project:
    return read_project(mirror, ProjectName("sockshop"), known=known)


@pytest.mark.parametrize("own", [None, b"stages: [production, {name: staging, mode: automated}]\n"])
def test_waits_and_windows_come_from_the_shipyard(hub: Hub, mirror: Mirror, own: bytes | None) -> None:
    """Whether project.yaml names the stages or not; its mode wins over what the shipyard implies."""
    hub.land({"shipyard.yaml": SHIPYARD, **({"project.yaml": own} if own else {})}, "main")
    project = read(mirror)
    found = {str(stage.name): project.settings(stage) for stage in project.stages}
    production, staging = found["production"], found["staging"]
    assert (production.implied_mode, production.implied_wait, production.implied_window) == ("automated", 90, 151)
    assert staging.implied_mode == ("automated" if own else "shadow")
    assert (staging.implied_wait, staging.implied_window) == (None, None)


def test_the_projects_own_queries_count_for_all_stages(hub: Hub, mirror: Mirror) -> None:
    hub.land({
        "project.yaml": b"stages: [staging, production]\n", "prometheus/sli.yaml": b"indicators: {}\n",
        "scrape/sli.yaml": b"indicators: {a: b}\n", "loki/sli.yaml": b"x", "carts/prometheus/sli.yaml": b"x",
        "http/sli.yaml/folder": b"x",
    }, "main")  # fmt: skip
    project = read(mirror)
    blob = hub.git("rev-parse", "main:scrape/sli.yaml")
    for stage in project.stages:
        slis = project.settings(stage).slis
        assert [ref.path for ref in slis] == ["prometheus/sli.yaml", "scrape/sli.yaml"]
        assert slis[1].blob == blob
    hub.land({"scrape/sli.yaml": None}, "main")
    assert [ref.path for ref in read(mirror, project).slis] == ["prometheus/sli.yaml"]


def test_a_head_that_names_a_branch_that_is_not_there_is_told_as_such(hub: Hub, mirror: Mirror) -> None:
    """As `git init --bare` makes it where Git's own default is another; what was pushed is there."""
    hub.land({"project.yaml": b"stages: [production]\n"}, "main")
    hub.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    with pytest.raises(ConfigError) as caught:
        read(mirror)
    assert caught.value.message == "HEAD of the remote names `trunk`, which is not there"
    assert "git symbolic-ref HEAD refs/heads/main" in caught.value.hint
