"""What Prometheus answers, as it was captured from a real one, and what no real one would answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.evidence.answer import Answer
from reconciler.evidence.prometheus.reading import number, points
from reconciler.model.errors import BlindError, ReconcilerError, TerminalError
from reconciler.model.instant import Instant
from reconciler.model.measures import Series

CAPTURED = Path(__file__).parents[4] / "shared" / "conformance" / "payloads" / "prometheus"
TIME = 1_795_305_739


def answer(body: Any, status: int = 200) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {}, data, "Prometheus at host")


def success(kind: str, result: Any, **more: Any) -> Answer:
    return answer({"status": "success", "data": {"resultType": kind, "result": result}, **more})


def vector(*values: Any, **more: Any) -> Answer:
    return success("vector", [{"metric": {"code": str(n)}, "value": [TIME, v]} for n, v in enumerate(values)], **more)


# One finite number


@pytest.mark.parametrize(
    ("text", "value"), [("1.498076923076923", 1.498076923076923), ("0", 0.0), ("-3", -3.0), ("1e+21", 1e21)]
)
def test_one_series_with_a_finite_value_is_a_number(text: str, value: float) -> None:
    assert number(vector(text)) == value


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (vector(), "the query gives nothing for this window"),
        (vector("NaN"), "the query gives NaN"),
        (vector("+Inf"), r"the query gives \+Inf"),
        (vector("-Inf"), "the query gives -Inf"),
        (vector("1", "2"), "gives 2 series that differ in code"),
        (success("scalar", [TIME, "2"]), "gives a scalar, not an instant vector"),
        (success("string", [TIME, "x"]), "gives a string, not an instant vector"),
        (success("matrix", [{"metric": {}, "values": [[TIME, "1"]]}]), "gives a matrix, not an instant vector"),
        (success("vector", [{"metric": {}, "histogram": [TIME, {}]}]), "gives a whole histogram"),
    ],
)
def test_s1_everything_else_has_a_reason(found: Answer, message: str) -> None:
    with pytest.raises((BlindError, TerminalError), match=message) as caught:
        number(found)
    assert caught.value.hint


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b'{"status": "success"}',
        b'{"status": "error", "data": {"resultType": "vector", "result": []}}',
        b'{"status": "success", "data": {"resultType": 1, "result": []}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": {}}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [1]}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [{"value": 1}]}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, 2]}]}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [{"value": ["1", "2"]}]}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [{"value": [true, "2"]}]}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, "two"]}]}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [{"value": [1' + b"0" * 400 + b', "2"]}]}}',
    ],
)
def test_an_answer_of_something_else_is_no_number(body: bytes) -> None:
    with pytest.raises(BlindError, match="did not answer as Prometheus does"):
        number(answer(body))


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"error": "unclosed", "errorType": "bad_data"}, r"refused the query \(400 bad_data\): unclosed"),
        (422, {"error": "many-to-many", "errorType": "execution"}, r"refused the query \(422 execution\): many"),
        (503, {"error": "timed out", "errorType": "timeout"}, r"gave the query up \(503 timeout\): timed out"),
        (500, {"error": "oops", "errorType": "internal"}, "answered 500: oops"),
        (503, b"Service Unavailable", "answered 503$"),
        (404, b"404 page not found\n", "answered 404$"),
        (400, b"Bad Request", "answered 400$"),
    ],
)
def test_a_refusal_is_told_in_its_words(status: int, body: Any, message: str) -> None:
    with pytest.raises((BlindError, TerminalError), match=message):
        number(answer(body, status))


# Warnings


def test_a_value_with_a_warning_is_none() -> None:
    with pytest.raises(BlindError, match="a part only: store gateway down; another"):
        number(vector("1", warnings=["store gateway down", "another"]))


@pytest.mark.parametrize("more", [{"infos": ["PromQL info: x"]}, {"warnings": ["PromQL info: x"]}, {"warnings": None}])
def test_a_remark_on_style_is_no_warning(more: dict[str, Any]) -> None:
    assert number(vector("1", **more)) == 1.0


# The picture


def matrix(*pairs: tuple[float, str]) -> Answer:
    return success("matrix", [{"metric": {}, "values": [list(pair) for pair in pairs]}])


def test_points_stand_at_their_moments_and_what_is_missing_is_none() -> None:
    found = points(matrix((TIME, "1"), (TIME + 20, "3"), (TIME + 30.0, "NaN"), (TIME + 5, "9"), (TIME + 40, "9")),
                   Instant(TIME), 10, 4)  # fmt: skip
    assert found == Series(Instant(TIME), 10, (1.0, None, 3.0, None))


@pytest.mark.parametrize(
    "found",
    [
        success("matrix", []),
        success("matrix", [{"metric": {}, "values": []}, {"metric": {}, "values": []}]),
        success("vector", []),
        matrix((TIME, "NaN")),
        success("matrix", [{"metric": {}, "values": None}]),
    ],
)
def test_without_one_series_there_is_no_picture(found: Answer) -> None:
    assert points(found, Instant(TIME), 10, 4) is None


# Captured


def captured(name: str) -> Answer:
    response = json.loads((CAPTURED / f"{name}.json").read_text("utf-8"))["response"]
    body = response["body"]
    return answer(body.encode() if isinstance(body, str) else body, response["status"])


needs_captured = pytest.mark.skipif(not CAPTURED.is_dir(), reason="the conformance folder is not beside the repository")
VALUES = {"01-instant-vector": 1.498076923076923, "02-instant-rfc3339": 1.498076923076923, "07e-or-vector0": 0.0}
VALUES |= {"07h-up": 1.0, "07i-up-target-down": 0.0, "08-quantile-top-bucket": 0.005}
VALUES |= {"11b-error-ratio": 0.32061068702290074, "11e-bool-compare": 0.0}
REASONS = {
    "03-scalar": "a scalar",
    "03b-number-literal": "a scalar",
    "03c-string": "a string",
    "04-matrix-range-selector": "a matrix",
    "05-no-data-unknown-metric": "nothing",
    "06-stale-now": "nothing",
    "07-nan-0-div-0": "nothing",
    "07b-nan-vector": "NaN",
    "07c-inf": "Inf",
    "07d-quantile-no-traffic-nan": "NaN",
    "07f-error-ratio-no-traffic-nan": "NaN",
    "07g-nan-compare-drops": "nothing",
    "07j-after-target-down-stale": "nothing",
    "09-parse-error-400": "400 bad_data",
    "09b-type-error": "400 bad_data",
    "09c-many-to-many-422": "422 execution",
    "09d-duplicate-labelset-422": "422 execution",
    "09e-bad-time-400": "400 bad_data",
    "09f-timeout-503": "503 timeout",
    "09g-missing-query": "400 bad_data",
    "11-multi-series": "series that differ in code",
    "11c-error-ratio-no-errors-is-empty": "nothing",
    "11d-mixed-scalar-compare-filters-out": "nothing",
    "15-post-form": "series that differ in instance, job",
    "16-404": "404",
}


@needs_captured
@pytest.mark.parametrize("name", VALUES)
def test_captured_values(name: str) -> None:
    assert number(captured(name)) == VALUES[name]


@needs_captured
@pytest.mark.parametrize("name", REASONS)
def test_captured_reasons(name: str) -> None:
    with pytest.raises(ReconcilerError, match=REASONS[name]):
        number(captured(name))


@needs_captured
def test_a_captured_range() -> None:
    request = json.loads((CAPTURED / "10-range.json").read_text("utf-8"))["request"]["path"]
    body = captured("10-range").json()["data"]["result"]
    first, second = (moment for moment, _ in body[0]["values"][:2])
    found = points(captured("10-range"), Instant(int(first)), int(second - first), len(body[0]["values"]))
    assert "query_range" in request
    assert found is not None
    assert [each for each in found.values if each is not None] == [float(text) for _, text in body[0]["values"]]
