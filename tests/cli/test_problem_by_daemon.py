"""`reconciler problem open` and `resolve` with a daemon's address: the daemon writes the file, no clone is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.intake import own
from reconciler.model.webhooks import Belonging
from tests.cli.conftest import Reconciler, git
from tests.cli.recorder import Said, accepted, receipt, recorder

CARTS = ("--project", "shop", "--stage", "production", "--service", "carts")
SLOW = ("--title", "Response time degradation")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is no clone, in which we stand."""
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / "nowhere")
    return tmp_path / "nowhere"


@pytest.mark.usefixtures("nowhere")
def test_open_posts_what_the_daemon_reads(reconciler: Reconciler) -> None:
    more = ("--id", "slow-1", "--root-cause", "cpu_usage", "--label", "a=b", "--url", "https://x.example/1")
    with recorder(accepted()) as daemon:
        result = reconciler("problem", "open", *CARTS, *SLOW, *more, "--source", "Ada", "--daemon", daemon.url)
    assert (result.code, result.err) == (0, "")
    (request,) = daemon.sent
    assert (request.path, request.headers["content-type"]) == ("/webhooks/problem", "application/json")
    (report,) = own.read(request.body, Belonging()).reports
    assert (report.where.project, report.where.stage, report.where.service) == ("shop", "production", "carts")
    problem = report.problem
    assert (report.id, problem.title, problem.state) == ("slow-1", "Response time degradation", "open")
    assert (problem.root_cause, problem.url, problem.source) == ("cpu_usage", "https://x.example/1", "Ada")
    assert problem.labels == {"a": "b"}
    assert problem.started_at


@pytest.mark.usefixtures("nowhere")
def test_what_is_not_said_is_left_to_the_daemon(reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch) -> None:
    with recorder(accepted()) as daemon:
        monkeypatch.setenv("RECONCILER_DAEMON", daemon.url)
        assert reconciler("problem", "open", "--service", "shop/carts", *SLOW).code == 0
    sent = daemon.sent[0].json()
    assert (sent.pop("service"), sent.pop("title")) == ("carts", "Response time degradation")
    assert sent.keys() == {"id", "state", "startedAt"}


def test_in_a_clone_project_and_stage_are_those_of_the_clone(reconciler: Reconciler, clone: Path) -> None:
    before = git(clone.parent / "shop.git", "rev-parse", "production")
    with recorder(accepted()) as daemon:
        assert reconciler("problem", "open", "--service", "carts", *SLOW, "--daemon", daemon.url).code == 0
    sent = daemon.sent[0].json()
    assert (sent["project"], sent["stage"]) == ("shop", "production")
    assert git(clone.parent / "shop.git", "rev-parse", "production") == before


@pytest.mark.usefixtures("nowhere")
def test_a_problem_is_over_by_its_id_and_service(reconciler: Reconciler) -> None:
    with recorder(accepted()) as daemon:
        result = reconciler("problem", "resolve", "slow-1.yaml", *CARTS, "--daemon", daemon.url)
    assert result.code == 0, result.err
    (report,) = own.read(daemon.sent[0].body, Belonging()).reports
    assert (report.id, report.problem.state, report.where.service) == ("slow-1", "resolved", "carts")


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["resolve", "slow-1"], "which problem?"),
        (["resolve", "--service", "carts"], "which problem?"),
        (["resolve", "slow-1", "--service", "carts", "-m", "load test"], "leave --reason out"),
        (["open", "--service", "carts", *SLOW, "--id", "../x"], "cannot be an id"),
        (["open", "--service", "carts", *SLOW, "--label", "novalue"], "KEY=VALUE"),
    ],
)
def test_what_cannot_be_told_a_daemon_is_not_sent(reconciler: Reconciler, arguments: list[str], said: str) -> None:
    with recorder(accepted()) as daemon:
        result = reconciler("problem", *arguments, "--daemon", daemon.url)
    assert (result.code, result.out, daemon.sent) == (2, "", [])
    assert said in result.err


@pytest.mark.usefixtures("nowhere")
def test_an_unknown_service_is_a_no_with_the_known_names(reconciler: Reconciler) -> None:
    said = Said(404, {"problems": [receipt("unknown", reason="there is no service `x`", hint="known: carts")]})
    with recorder(said) as daemon:
        result = reconciler("problem", "open", *CARTS, *SLOW, "--daemon", daemon.url, "-o", "json")
    assert result.code == 1
    assert json.loads(result.out)["problems"][0]["outcome"] == "unknown"
    assert "hint: known: carts" in result.err


def test_a_configuration_without_webhooks_names_no_daemon(reconciler: Reconciler, clone: Path) -> None:
    config = clone.parent / "reconciler.yaml"
    config.write_text("projects: {shop: {repository: {url: shop.git}}}\n", "utf-8")
    result = reconciler("problem", "open", "--service", "carts", *SLOW, "--id", "x", "-c", config)
    assert result.out.endswith(" to production: ops/production/carts/problems/x.yaml\n")


@pytest.mark.parametrize(
    ("listen", "url"),
    [("0.0.0.0:1", "http://127.0.0.1:1"), ("'[::]:1'", "http://[::1]:1"), ("daemon.example:1", "http://daemon.example:1")],
)  # fmt: skip
def test_where_it_listens_is_where_it_is_spoken_to(tmp_path: Path, listen: str, url: str) -> None:
    from reconciler.cli.daemon_options import find_daemon

    config = tmp_path / "reconciler.yaml"
    config.write_text(
        f"projects: {{shop: {{repository: {{url: shop.git}}}}}}\nserver:\n  listen: {listen}\n"
        "webhooks: {problem: {auth: {kind: bearer, tokenEnv: HOOK}}}\n",
        "utf-8",
    )
    found = find_daemon("problem", None, config, None, None)
    assert found is not None
    assert found.url == url
    assert find_daemon("cloudevents", None, config, None, None) is None
