"""Held fields, the archive and the evaluations: written canonically, read back, and held against their schemas."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from reconciler.model import canonical
from reconciler.model.closed import Archive, Closed, load_archive, load_closed, render_closed
from reconciler.model.desired import Claim, Desired, Held, load_desired, render_desired
from reconciler.model.errors import Place, UserError
from reconciler.model.evaluations import Evaluation, load_evaluations, render_evaluations
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import BlobId, ProblemId, RemediationId, ServicePath
from reconciler.model.step import load_step
from reconciler.model.targets import ROUTE, Target

SCHEMAS = Path(__file__).parents[2] / "schemas"
AT = Instant(1_795_255_200)
EVALUATIONS = (
    Evaluation(RemediationId("p1"), 4, AT, Instant(AT + 600), "pass", 100.0, {"response_time_p95": 312.5}),
    Evaluation(RemediationId("p2"), 6, AT, Instant(AT + 60), "fail", 0.0, {}, invalidated=True),
)
CLOSED = (
    Closed(ServicePath("shop/carts"), ProblemId("dynatrace-4711"), 2, "resolved", AT),
    Closed(ServicePath("carts"), ProblemId("p1"), 1, "remediated", AT, BlobId("f" * 40)),
)

P1 = RemediationId("p1")
WORKLOAD = Target("kubernetes", "shop-production", "Deployment", "carts")
DESIRED: Desired = {
    (WORKLOAD, "replicas"): Held(1, 3, 128, P1, (Claim(P1, 2, 127, 1), Claim(RemediationId("p2"), 2, 128, 1))),
    (Target("kubernetes", "shop-production", "HorizontalPodAutoscaler", "carts"), "minReplicas"): Held(
        1, 2, 129, P1, (Claim(P1, 3, 129, 1),), WORKLOAD
    ),
    (Target("flags", "default/production", "Flag", "EnablePromotion"), "enabled"): Held(
        True, True, 130, P1, (), None, False
    ),
    (Target("kubernetes", "shop-production", ROUTE, "carts"), "delay@10.0.0.7"): Held(
        "", "2s", 131, P1, (Claim(P1, 5, 131, None, "2s"),)
    ),
}


def test_held_fields_come_back_as_they_were() -> None:
    content = render_desired(DESIRED)
    assert content is not None
    assert load_desired(content, "state/desired.yaml") == DESIRED


def test_evaluations_come_back_as_they_were() -> None:
    content = render_evaluations(EVALUATIONS)
    assert load_evaluations(content, "state/evaluations.yaml") == EVALUATIONS
    assert b'{"remediation": "p1", "step": 4, "start": "2026-11-21T10:00:00Z"' in content


def test_the_archive_comes_back_as_it_was() -> None:
    content = render_closed(CLOSED)
    assert load_closed(content, "closed.yaml") == CLOSED
    assert content.decode().count("\n") == 3
    assert len(content) == len("closed:\n") + sum(line.size for line in CLOSED)


def test_the_archive_is_asked_by_service_and_problem() -> None:
    archive = load_archive(render_closed(CLOSED), "closed.yaml")
    assert archive.find(ServicePath("carts"), ProblemId("p1")) == CLOSED[1]
    assert archive.find(ServicePath("orders"), ProblemId("p1")) is None
    assert Archive().find(ServicePath("carts"), ProblemId("p1")) is None


@pytest.mark.parametrize(
    ("content", "schema"),
    [
        (render_desired(DESIRED), "desired"),
        (render_evaluations(EVALUATIONS), "evaluations"),
        (render_closed(CLOSED), "closed"),
        (render_closed(()), "closed"),
    ],
)
def test_what_is_written_is_valid_by_its_schema(content: bytes, schema: str) -> None:
    rules = json.loads((SCHEMAS / f"{schema}.schema.json").read_text())
    jsonschema.validate(canonical.read(content, "file"), rules)


@pytest.mark.parametrize("load", [load_closed, load_evaluations])
@pytest.mark.parametrize(
    "content",
    [
        b"other: 1\n",
        b'closed:\n  - {"service": "x"}\n',
        b'evaluations:\n  - {"result": "great"}\n',
        b"closed: 1\n",
        b"\xff\n",
    ],
)
def test_anything_else_is_refused_with_its_file(load: Callable[[bytes, str], object], content: bytes) -> None:
    with pytest.raises(UserError) as caught:
        load(content, "ops/production/closed.yaml")
    assert caught.value.place is not None
    assert caught.value.place.path == "ops/production/closed.yaml"


def changed(written: bytes | None, old: str, new: str) -> bytes:
    """Return a file of ours with one value exchanged, still in the canonical form."""
    assert written is not None
    assert written.count(old.encode()) >= 1
    return written.replace(old.encode(), new.encode(), 1)


@pytest.mark.parametrize(
    ("load", "content"),
    [
        (load_closed, changed(render_closed(CLOSED), format_instant(AT), "2026-11-21N10:05:00Z")),
        (load_closed, changed(render_closed(CLOSED), '"occurrence": 2', f'"occurrence": "{"9" * 5000}"')),
        (load_evaluations, changed(render_evaluations(EVALUATIONS), format_instant(AT), "yesterday")),
        (load_evaluations, changed(render_evaluations(EVALUATIONS), "100.0", f"1{'0' * 400}")),
        (load_step, b'event: "opened"\nsequence: 1\nnow: "today"\nrules: 3\n'),
        (load_step, b'event: "opened"\nsequence: 1\nnow: []\nrules: 3\n'),
    ],
)
def test_a_value_that_is_none_is_refused_with_its_file(load: Callable[[bytes, str], object], content: bytes) -> None:
    canonical.read(content, "its form is ours")
    with pytest.raises(UserError) as caught:
        load(content, "ops/production/0001-opened.yaml")
    assert caught.value.place == Place("ops/production/0001-opened.yaml")
    assert caught.value.hint == "take the change back"
