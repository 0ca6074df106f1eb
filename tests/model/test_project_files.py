"""`project.yaml` and Keptn's shipyards of both forms."""

from __future__ import annotations

import pytest

from reconciler.model.errors import Place
from reconciler.model.invalid import InvalidFile
from reconciler.model.policy import StageConfig
from reconciler.model.project import ProjectConfig, StageEntry, load_project
from reconciler.model.shipyard import load_shipyard


def test_a_whole_project() -> None:
    text = b"""\
name: shop
stages: [dev, {name: staging, mode: shadow}, production]
opsBranch: ops/{stage}
defaults: {wait: 10m, mode: suspended}
"""
    assert load_project(text, "project.yaml") == ProjectConfig(
        name="shop",
        stages=(StageEntry("dev"), StageEntry("staging", "shadow"), StageEntry("production")),
        ops_branch="ops/{stage}",
        defaults=StageConfig(mode="suspended", wait=600),
    )


@pytest.mark.parametrize("text", [b"", b"# nothing yet\n", b"stages:\ndefaults:\n"])
def test_everything_is_optional(text: bytes) -> None:
    assert load_project(text, "project.yaml") == ProjectConfig()


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("name: Shop\n", (1, 7), "`name` is `Shop`"),
        ("stage: [dev]\n", (1, 1), "unknown key `stage`"),
        ("stages: dev\n", (1, 9), "`stages` is `dev`"),
        ("stages: [dev, production, dev]\n", (1, 27), "the stage `dev` stands twice, first in line 1"),
        ("stages: [dev, Dev]\n", (1, 10), "the stages `Dev`, `dev` differ in capitals only"),
        ("stages: [ops]\n", (1, 10), "the stage name `ops` is reserved"),
        ("stages: [HEAD]\n", (1, 10), "the stage name `HEAD` is reserved"),
        ("stages: [proposals]\n", (1, 10), "the stage name `proposals` is reserved"),
        ("stages: [-x]\n", (1, 10), "item 1 of `stages` is `-x`"),
        ("stages: [a/b]\n", (1, 10), "item 1 of `stages` is `a/b`"),
        ("stages: [../x]\n", (1, 10), "item 1 of `stages` is `../x`"),
        ("stages: [a..b]\n", (1, 10), "the stage name `a..b` cannot be used in paths and refs"),
        ("stages: [a.lock]\n", (1, 10), "the stage name `a.lock` cannot be used in paths and refs"),
        ("stages: [1]\n", (1, 10), "item 1 of `stages` is `1`"),
        ("stages: [{mode: shadow}]\n", (1, 10), "`name` is missing in item 1 of `stages`"),
        ("stages: [{name: dev, mod: shadow}]\n", (1, 22), "unknown key `mod` in item 1 of `stages`"),
        ("opsBranch: x..y\n", (1, 12), "the branch name `x..y` cannot be a branch"),
        ("opsBranch: ops\n", (1, 12), "`opsBranch` has no `{stage}`"),
        ('opsBranch: "ops/{stages}"\n', (1, 12), "`opsBranch` has no `{stage}`"),
        ("opsBranch: -x\n", (1, 12), "the branch name `-x` cannot be a branch"),
        ("opsBranch: '{stage}'\n", (1, 12), "the ops branch would be a stage's own branch"),
        ("stages: [dev, x-dev]\nopsBranch: x-{stage}\n", (2, 12), "the ops branch would be a stage's own branch"),
        ("defaults: {mod: shadow}\n", (1, 12), "unknown key `mod` in `defaults`"),
        ("defaults: {bounds: {replicas: {min: 3, max: 1}}}\n", (1, 37), "`min` (3) is above `max` (1)"),
    ],
)
def test_refused_projects(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        load_project(text.encode(), "project.yaml")
    error = caught.value
    assert error.message.startswith(message)
    assert error.place == Place("project.yaml", *place)
    assert error.expected


def test_a_shipyard_of_the_first_form_acts_where_it_says_so() -> None:
    text = b"""\
stages:
  - name: dev
    deployment_strategy: direct
    test_strategy: ""
  - name: staging
    approval_strategy: {pass: automatic, warning: manual}
    remediation_strategy: manual
  - name: production
    remediation_strategy: automated
"""
    assert load_shipyard(text, "shipyard.yaml") == ProjectConfig(
        stages=(StageEntry("dev", "shadow"), StageEntry("staging", "shadow"), StageEntry("production", "automated"))
    )


def test_a_shipyard_of_the_second_form_acts_where_it_has_the_sequence() -> None:
    text = b"""\
apiVersion: spec.keptn.sh/0.2.2
kind: Shipyard
metadata: {name: shipyard-shop, owner: [somebody]}
spec:
  stages:
    - name: dev
    - name: staging
      sequences:
        - name: delivery
          tasks: [{name: evaluation, triggeredAfter: 1h}]
    - name: canary
      sequences: [{name: remediation}]
    - name: production
      sequences:
        - name: remediation
          triggeredOn: [{event: production.remediation.finished, selector: {match: {evaluation.result: fail}}}]
          tasks:
            - name: get-action
            - name: action
            - name: evaluation
              triggeredAfter: 1h30m
              properties: {timeframe: 15m}
"""
    assert load_shipyard(text, "shipyard.yaml").stages == (
        StageEntry("dev", "shadow"),
        StageEntry("staging", "shadow"),
        StageEntry("canary", "automated"),
        StageEntry("production", "automated", triggered_after=5400.0, timeframe=900.0),
    )


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("stages: []\n", (1, 9), "`stages` is empty"),
        ("{}\n", (1, 1), "`stages` is missing"),
        ("stage: [{name: dev}]\n", (1, 1), "unknown key `stage`"),
        ("stages: [{deployment_strategy: direct}]\n", (1, 10), "`name` is missing"),
        ("stages: [{name: dev, remediation_stategy: automated}]\n", (1, 22), "unknown key `remediation_stategy`"),
        ("stages: [{name: dev}, {name: dev}]\n", (1, 30), "the stage `dev` stands twice"),
        ("kind: Shipyard\nspec: {stages: [{name: dev}]}\n", (1, 1), "`apiVersion` is missing"),
        (
            "apiVersion: spec.keptn.sh/0.3.0\nkind: Shipyard\nspec: {stages: [{name: dev}]}\n",
            (1, 13),
            "`apiVersion` is",
        ),
    ],
)
def test_refused_shipyards(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        load_shipyard(text.encode(), "shipyard.yaml")
    assert caught.value.message.startswith(message)
    assert caught.value.place == Place("shipyard.yaml", *place)


def test_a_wait_that_is_no_duration_is_refused() -> None:
    text = b"""\
apiVersion: spec.keptn.sh/0.2.2
kind: Shipyard
spec:
  stages:
    - name: production
      sequences: [{name: remediation, tasks: [{name: evaluation, triggeredAfter: soon}]}]
"""
    with pytest.raises(InvalidFile) as caught:
        load_shipyard(text, "shipyard.yaml")
    assert caught.value.message == "`triggeredAfter` is `soon`"
    assert caught.value.place == Place("shipyard.yaml", 6, 82)
