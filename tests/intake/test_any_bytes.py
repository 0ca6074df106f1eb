"""Whatever comes in, a reader returns a payload or says what is wrong with it, and what it reports can be a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.intake import alertmanager, cloudevents, dynatrace, forges, own
from reconciler.intake.merging import file_path, merged
from reconciler.intake.report import Payload
from reconciler.model.errors import UserError
from reconciler.model.problem import load_problem
from reconciler.model.problem_ids import problem_id
from reconciler.model.reader import PROBLEM_LIMIT
from reconciler.model.webhooks import Belonging, Rule
from tests.intake.payloads import alert, event, notification

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time

QUICK = settings(deadline=None, max_examples=60)
BELONGING = Belonging(rules=(Rule({"team": "shop"}, stage="production"),), project="shop")
EVENTS = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json; charset=utf-8"}
BINARY = {"ce-type": "sh.keptn.events.problem", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "x%0Ay"}

Reader = Callable[[bytes], Payload]
READERS: dict[str, Reader] = {
    "alertmanager": lambda body: alertmanager.read(body, BELONGING),
    "alertmanager's API": lambda body: alertmanager.read_api(body, BELONGING),
    "dynatrace": lambda body: dynatrace.read(body, BELONGING),
    "cloudevents": lambda body: cloudevents.read(EVENTS, body, BELONGING),
    "cloudevents, batch": lambda body: cloudevents.read(BATCH, body, BELONGING),
    "cloudevents, binary": lambda body: cloudevents.read(BINARY, body, BELONGING),
    "own": lambda body: own.read(body, BELONGING),
}

OWN = {"id": "slow-1", "title": "slow", "state": "open", "startedAt": "2026-11-21T10:00:00Z", "details": {}}
MODELS: tuple[dict[str, Any], ...] = (
    {"version": "4", "alerts": [alert()], "groupLabels": {}, "truncatedAlerts": 1},
    notification(),
    event(notification()),
    event({"problem": notification()}, type="sh.keptn.event.production.remediation.triggered", data_base64="e30="),
    OWN,
    {"problems": [OWN]},
)

words = st.text(max_size=8) | st.sampled_from(
    [
        "../x",
        "-x",
        ".git",
        "\0",
        "\u202e",
        "\x1b[31m",
        "a\nb",
        "999",
        "{",
        "keptn_stage:x",
        "RESOLVED",
        "4",
        "\ud800",
        "x" * 600,
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A real payload in which a few values, anywhere, are something else."""
    value = json.loads(json.dumps(draw(st.sampled_from(MODELS))))
    for _ in range(draw(st.integers(0, 4))):
        at = value
        while True:
            key = draw(st.sampled_from(sorted(at)) if isinstance(at, dict) else st.integers(0, len(at) - 1))
            inner = at[key]
            if isinstance(inner, (dict, list)) and inner and draw(st.integers(0, 3)):
                at = inner
                continue
            at[key] = draw(values)
            break
    if draw(st.booleans()):
        value = [value]
    return json.dumps(value).encode()


def check(read: Reader, body: bytes) -> None:
    try:
        payload = read(body)
    except UserError as error:
        says = error.message and (error.expected or error.hint)
        if not says:
            pytest.fail(f"{error} does not say what to do")
        return
    for refused in payload.refused:
        assert refused.which
        assert refused.reason
    for report in payload.reports:
        path = file_path(report)
        data = merged(report, None, path)
        assert data is not None
        assert len(data) <= PROBLEM_LIMIT
        assert load_problem(data, path) == report.problem
        folder, *day, name = path.split("/")
        assert folder == "problems"
        assert problem_id(name.removesuffix(".yaml")) == report.id == name.removesuffix(".yaml")
        assert all(datetime.strptime(each, "%Y-%m-%d").replace(tzinfo=UTC) for each in day)


@pytest.mark.parametrize("name", READERS)
@QUICK
@given(body=st.binary(max_size=200) | bodies())
def test_any_body_is_read_or_refused(name: str, body: bytes) -> None:
    check(READERS[name], body)


@QUICK
@given(body=st.binary(max_size=100) | values.map(lambda value: json.dumps({"ref": value}).encode()))
def test_any_push_event_names_a_branch_or_nothing(body: bytes) -> None:
    ref = forges.changed_ref(body)
    assert ref == "" or ref.startswith(("refs/heads/", "refs/tags/"))


@QUICK
@given(headers=st.dictionaries(st.text(max_size=20) | st.sampled_from(["ce-type", "ce-id", "Content-Type"]), words))
def test_any_headers_are_read_or_refused(headers: dict[str, str]) -> None:
    check(lambda body: cloudevents.read(headers, body, BELONGING), b'{"ProblemTitle": "slow"}')
    assert forges.verified(headers, b"{}", b"a secret") is None
