"""`reconciler evaluate` where values come late: without --from and --to the window ends where all of them are there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, Result
from tests.cli.test_evaluate_live import commit
from tests.evidence.speaking import Request, Response, SpeakingServer

SLO = 'objectives:\n- {sli: response_time, pass: [{criteria: ["<600"]}]}\ntotal_score: {pass: 90%}\n'
METRIC = "metricSelector=builtin:service.response.time:avg"
SESSIONS = "USQL;SINGLE_VALUE;;SELECT AVG(duration) FROM usersession"
CONFIG = """\
projects:
  shop:
    repository: {{url: shop.git}}
    stages:
      production:
        evidence:
          dynatrace: {{url: "{url}", tokenFile: api.token, deadline: 5s}}
"""


def respond(request: Request) -> Response:
    """Answer a metric query and one for user sessions with 300."""
    if "userSession" in request.path:
        return Response(body=json.dumps({"columnNames": ["a"], "values": [[300]]}).encode())
    ends = int(request.params["to"])
    series = [{"dimensions": [], "timestamps": [ends], "values": [300]}]
    return Response(body=json.dumps({"result": [{"metricId": "builtin", "data": series}]}).encode())


@pytest.fixture
def evaluate(clone: Path, reconciler: Reconciler) -> Iterator[Callable[..., Result]]:
    config = clone.parent / "reconciler.yaml"

    def run(query: str, *arguments: object) -> Result:
        commit(clone, {"carts/slo.yaml": SLO, "carts/dynatrace/sli.yaml": f"indicators:\n  response_time: {query}\n"})
        return reconciler("evaluate", "--service", "carts", "-c", config, "-o", "json", *arguments)

    (clone.parent / "api.token").write_text("secret", "ascii")
    with SpeakingServer(respond) as server:
        config.write_text(CONFIG.format(url=server.url), "utf-8")
        yield run


@pytest.mark.parametrize(("query", "late"), [(METRIC, 120), (SESSIONS, 360)], ids=["metrics", "user sessions"])
@pytest.mark.parametrize("arguments", [(), ("--window", "10m")], ids=["the stage's window", "a window"])
def test_the_window_ends_where_all_values_are_there(
    evaluate: Callable[..., Result], query: str, late: int, arguments: tuple[str, ...]
) -> None:
    began = int(time.time())
    result = evaluate(query, *arguments)
    ended = time.time()
    assert result.code == 0, result.out + result.err
    found = json.loads(result.out)
    start, end = (datetime.fromisoformat(found[key]).timestamp() for key in ("start", "end"))
    assert began - late <= end <= ended - late
    assert end - start == 600
    assert f"{late} s ago, when all values are there" in " ".join(result.err.split())


def test_a_window_that_is_named_is_measured_as_it_is_named(evaluate: Callable[..., Result]) -> None:
    now = int(time.time())
    start, end = (datetime.fromtimestamp(each).astimezone().isoformat() for each in (now - 600, now))
    result = evaluate(METRIC, "--from", start, "--to", end)
    assert result.code == 1
    assert (
        "Dynatrace has all data of a window only 120 s after its end"
        in json.loads(result.out)["measures"][0]["message"]
    )
