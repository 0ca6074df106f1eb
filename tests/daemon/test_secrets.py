"""What was read as a secret is known from then on: it is in no line of the log, no report, no child."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from reconciler.daemon import secrets
from reconciler.daemon.inbox import Inbox
from reconciler.daemon.logs import configure
from reconciler.daemon.secrets import Known, _files, secret_files, secret_source, take_variables
from reconciler.intake.report import Report, Where
from reconciler.model.daemon_config import LogConfig, load_daemon_config
from reconciler.model.errors import BlindError
from reconciler.model.evidence_config import Access
from reconciler.model.names import ProblemId
from reconciler.model.problem import Problem

SECRET = "Pl4nted/of+this&test"
CONFIG = """\
webhooks: {problem: {auth: {kind: basic, username: me, passwordEnv: PLANTED_BASIC}}}
server: {listen: "127.0.0.1:0"}
projects:
  shop:
    repository: {url: "https://git.example.com/shop/config", tokenEnv: PLANTED_GIT}
    stages:
      production:
        flags: {kind: unleash-legacy, url: "https://x", usernameEnv: PLANTED_USER, passwordEnv: PLANTED_FLAGS}
        evidence: {prometheus: {url: "https://x", tokenEnv: PLANTED_VALUES}}
        allow: {endpoints: {ticket: {url: "https://x", tokenEnv: PLANTED_TICKET}}}
"""


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    made = Known()
    for module in ("secrets", "logs", "inbox"):
        monkeypatch.setattr(f"reconciler.daemon.{module}.KNOWN", made)
    return made


def test_what_a_source_read_is_known(known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    monkeypatch.setenv("PLANTED_GIT", f"{SECRET}2")
    for source, value in ((secret_source(tmp_path / "token", "", "x"), SECRET),
                          (secret_source(None, "PLANTED_GIT", "x"), f"{SECRET}2")):  # fmt: skip
        assert source is not None
        assert source() == value
    assert known.hide(f"{SECRET} and {SECRET}2") == "*** and ***"


def test_words_that_people_use_are_not_taken_out(known: Known) -> None:
    known.note("admin")
    assert known.hide("the admin asks") == "the admin asks"


def test_of_an_address_that_is_a_secret_the_host_may_be_seen(known: Known) -> None:
    known.note("https://hooks.example.com/services/T00/B00/planted")
    known.note("https://abc.live.example.com")
    assert known.hide("https://hooks.example.com/services/T00/B00/planted") == "https://hooks.example.com/***"
    assert known.hide("https://abc.live.example.com/#problems;pid=1") == "https://abc.live.example.com/#problems;pid=1"


@pytest.mark.parametrize("path", ["webhooks", "hooks/alerts", "Team-Shop/hook.in/"])
def test_words_in_an_address_are_no_secret(known: Known, path: str) -> None:
    known.note(f"https://relay.example.com/{path}")
    assert known.hide(f"the {path} are failing: webhooks") == f"the {path} are failing: webhooks"
    known.note("https://relay.example.com/hooks?key=planted")
    assert known.hide("POST /hooks?key=planted") == "POST /***"


def test_of_what_comes_anew_each_hour_the_last_ones_are_known(known: Known) -> None:
    """A token of an app is good for an hour: a daemon that runs for years would look for tens of thousands."""
    known.note(SECRET, "the Git token")
    tokens = [f"ghs_planted{number:04}" for number in range(1000)]
    for token in tokens:
        known.note(token, "an app")
        known.note(token, "an app")
    hidden = [token for token in tokens if known.hide(token) == "***"]
    assert hidden == tokens[-8:]
    assert known.hide(SECRET) == "***", "what comes from elsewhere is known for all that"


def test_a_secret_that_is_in_force_again_is_the_last_one(known: Known) -> None:
    for number in (*range(8), 0, 8):
        known.note(f"planted-{number}", "a file")
    assert known.hide("planted-0, planted-1, planted-2") == "***, planted-1, ***"


def test_it_is_taken_out_of_data_at_any_depth(known: Known) -> None:
    known.note(SECRET)
    assert known.cleaned({"a": [{SECRET: f"<{SECRET}>"}, 1, None], "b": True}) == {
        "a": [{"***": "<***>"}, 1, None], "b": True
    }  # fmt: skip


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_line_of_the_log_has_it(known: Known, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known.note(SECRET)
    stream = StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log = configure(LogConfig(format=form))  # type: ignore[arg-type]  # of the two that there are
    try:
        int(SECRET)
    except ValueError:
        log.exception("a bug", reason=SECRET.replace("/", "%2F"), count=1)
    log.warning("a list", found=[SECRET, {SECRET: (SECRET,)}], error=ValueError(f"no: {SECRET}"), path=Path(SECRET))
    assert "Pl4nted" not in stream.getvalue()
    assert stream.getvalue().count("***") >= 7


def test_a_report_that_repeats_it_is_taken_in_without(known: Known) -> None:
    known.note(SECRET)
    problem = Problem(f"wrong: {SECRET}", "open", details={"sent": [SECRET]}, labels={"a": SECRET}, url=f"x?{SECRET}")
    inbox = Inbox(lambda: None)
    inbox.submit([Report("problem", Where(), ProblemId("p"), problem)])
    [waiting] = inbox.take()
    [report] = waiting.reports
    assert report.problem == Problem("wrong: ***", "open", details={"sent": ["***"]}, labels={"a": "***"}, url="x?***")


def test_variables_with_secrets_are_given_to_no_child_and_can_still_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_TAKEN", {})
    names = ["PLANTED_GIT", "PLANTED_BASIC", "PLANTED_FLAGS", "PLANTED_VALUES", "PLANTED_TICKET"]
    for name in (*names, "PLANTED_USER"):
        monkeypatch.setenv(name, f"{SECRET}-{name}")
    take_variables(load_daemon_config(CONFIG.encode(), "reconciler.yaml"))
    shown = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    assert [name for name in names if name in shown] == []
    assert "PLANTED_USER" in shown, "a name is no secret"
    for name in names:
        source = secret_source(None, name, "x")
        assert source is not None
        assert source() == f"{SECRET}-{name}"
    assert not set(names) & set(os.environ)


def test_so_are_those_of_opentelemetry_where_traces_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_TAKEN", {})
    for name in secrets.OF_TRACING:
        monkeypatch.setenv(name, f"x-token={SECRET}")
    take_variables(load_daemon_config(CONFIG.encode(), "reconciler.yaml"))
    assert set(secrets.OF_TRACING) <= set(os.environ), "they are somebody else's"
    take_variables(load_daemon_config(f"{CONFIG}tracing: {{}}\n".encode(), "reconciler.yaml"))
    assert not set(secrets.OF_TRACING) & set(os.environ)
    assert secrets.variables()["OTEL_EXPORTER_OTLP_HEADERS"] == f"x-token={SECRET}"


def test_a_variable_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_TAKEN", {})
    source = secret_source(None, "PLANTED_NOWHERE", "the token")
    assert source is not None
    with pytest.raises(BlindError, match="PLANTED_NOWHERE is empty"):
        source()


def test_files_with_secrets_are_watched_wherever_they_are_named() -> None:
    text = """
projects:
  shop:
    repository: {url: "https://git.example.com/shop/config", tokenFile: git}
    stages:
      production:
        evidence:
          prometheus: {url: "https://x", username: me, passwordFile: values}
          http: {orders: {url: "https://x/y", jsonPath: a, tokenFile: orders, caFile: ca, certFile: c, keyFile: k}}
"""
    config = load_daemon_config(text.encode(), "/etc/reconciler.yaml")
    [project] = config.projects.values()
    assert {file.name for file in secret_files(project)} == {"git", "values", "orders", "k"}


@pytest.mark.parametrize("several", [tuple, list, lambda each: {"one": each[0]}])
def test_files_with_secrets_are_found_in_all_that_holds_several(several: Callable[[list[object]], object]) -> None:
    assert list(_files(several([Access(token_file=Path("git"))]))) == [Path("git")]
