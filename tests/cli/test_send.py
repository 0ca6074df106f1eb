"""`reconciler send event`: another tool's event reaches the daemon, or the repository by a push."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from reconciler.cli.daemon_client import LONGEST_PAUSE, PAUSES, Daemon, post
from reconciler.model import canonical
from reconciler.model.errors import ConfigError
from tests.cli.conftest import Reconciler, git
from tests.cli.recorder import Recorder, Said, accepted, broken, receipt, recorder

TOKEN = "a-very-secret-token"
EVENT = {
    "specversion": "1.0",
    "type": "sh.keptn.events.problem",
    "source": "tool",
    "id": "7",
    "data": {
        "State": "OPEN", "PID": "7", "ProblemTitle": "Response time degradation",
        "project": "shop", "stage": "production", "service": "carts",
    },
}  # fmt: skip
PATH = "ops/production/carts/problems/cloudevents-7.yaml"
COME_AGAIN = Said(503, {"error": "too many reports", "hint": "send it again"}, {"Retry-After": "0"})


@pytest.fixture
def event(tmp_path: Path) -> Path:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(EVENT), "utf-8")
    return file


def changed(event: Path, **data: str) -> Path:
    event.write_text(json.dumps({**EVENT, "data": {**EVENT["data"], **data}}), "utf-8")  # type: ignore[dict-item]  # it is a mapping
    return event


# To a daemon


def test_an_event_is_posted_as_a_structured_cloudevent(reconciler: Reconciler, event: Path) -> None:
    with recorder(accepted()) as daemon:
        result = reconciler("send", "event", event, "--daemon", daemon.url)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"pushed 0123456789 to production: {PATH}\n"
    (request,) = daemon.sent
    assert request.path == "/webhooks/cloudevents"
    assert request.headers["content-type"] == "application/cloudevents+json"
    assert "authorization" not in request.headers
    assert request.json() == EVENT


def test_yaml_is_posted_as_json_with_its_attributes_as_texts(reconciler: Reconciler, event: Path) -> None:
    event.write_text(
        "specversion: '0.2'\ntype: sh.keptn.event.problem.open\nsource: tool\nid: 7\n"
        "data: {state: OPEN, problemTitle: Slow, PID: '7', service: carts}\n",
        "utf-8",
    )
    with recorder(accepted("unchanged")) as daemon:
        result = reconciler("send", "event", event, "--daemon", daemon.url)
    assert result.code == 0, result.err
    assert result.out == f"already there, in 0123456789 on production: {PATH}\n"
    (request,) = daemon.sent
    assert {**request.json(), "data": None} == {
        "specversion": "0.2", "type": "sh.keptn.event.problem.open", "source": "tool", "id": "7", "data": None,
    }  # fmt: skip


def test_the_environment_names_the_daemon_and_an_option_wins(
    reconciler: Reconciler, event: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorder(accepted()) as one, recorder(accepted()) as other:
        monkeypatch.setenv("RECONCILER_DAEMON", one.url)
        assert reconciler("send", "event", event).code == 0
        assert reconciler("send", "event", event, "--daemon", other.url).code == 0
    assert (len(one.sent), len(other.sent)) == (1, 1)


def test_the_daemons_own_configuration_names_its_address_and_token(
    reconciler: Reconciler, event: Path, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", "utf-8")
    with recorder(accepted()) as daemon:
        config = tmp_path / "reconciler.yaml"
        config.write_text(
            "projects: {shop: {repository: {url: shop.git}}}\n"
            f"server: {{listen: '{daemon.url.removeprefix('http://')}'}}\n"
            "webhooks: {cloudevents: {auth: {kind: bearer, tokenFile: token}}}\n",
            "utf-8",
        )
        result = reconciler("send", "event", event, "-c", config)
    assert result.code == 0, result.err
    assert daemon.sent[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_token_comes_from_a_file_or_the_environment(
    reconciler: Reconciler, event: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("from-a-file", "utf-8")
    monkeypatch.setenv("RECONCILER_TOKEN", "from-the-environment")
    with recorder(accepted()) as daemon:
        reconciler("send", "event", event, "--daemon", daemon.url)
        reconciler("send", "event", event, "--daemon", daemon.url, "--token-file", tmp_path / "token")
    assert [each.headers["authorization"] for each in daemon.sent] == [
        "Bearer from-the-environment", "Bearer from-a-file",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        (Said(400, {"error": "no CloudEvent", "hint": "send one"}), 1, ["error: no CloudEvent", "hint: send one"]),
        (Said(413, {"error": "too large", "hint": "send less"}), 1, ["error: too large"]),
        (Said(401, {"error": "a token is missing"}), 2, ["answered 401", "--token-file or RECONCILER_TOKEN"]),
        (Said(403, {"error": "no"}), 2, ["answered 403: no"]),
        (Said(404, b"<h1>not found</h1>"), 2, ["answered 404", "/webhooks/cloudevents served there?"]),
        (Said(302, b"", {"Location": "http://elsewhere.example"}), 2, ["redirects are not followed"]),
        (Said(200, b"welcome"), 2, ["answered 200", "the address of `server.listen`"]),
        (Said(500, {"error": "oops"}), 2, ["answered 500: oops"]),
        (
            Said(404, {"problems": [receipt("unknown", reason="no service `cart`", hint="known: carts")]}),
            1,
            ["cloudevents-7: unknown: no service `cart`", "hint: known: carts"],
        ),
        (Said(422, {"problems": [receipt("refused", reason="r", hint="h")]}), 1, ["refused: r", "hint: h"]),
        (
            Said(503, {"problems": [receipt("unavailable", reason="the remote is away")]}, {"Retry-After": "0"}),
            2,
            ["not taken now: the remote is away"],
        ),
        (COME_AGAIN, 2, ["answered 503: too many reports, 5 times", "hint: send it again"]),
        (Said(200, {"problems": [], "note": "a test notification"}), 1, ["a test notification"]),
        (Said(200, {"problems": [receipt("accepted"), {"outcome": 5}]}), 1, ["not taken"]),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Said) else None,
)  # fmt: skip
def test_every_answer_has_its_words_and_its_exit_code(
    reconciler: Reconciler, event: Path, monkeypatch: pytest.MonkeyPatch, said: Said, code: int, words: list[str]
) -> None:
    if said.status != 401:
        monkeypatch.setenv("RECONCILER_TOKEN", TOKEN)
    with recorder(said) as daemon:
        result = reconciler("send", "event", event, "--daemon", daemon.url)
    assert result.code == code, result.err
    assert [each for each in words if each not in result.err] == []
    assert "Traceback" not in result.err
    assert TOKEN not in result.out + result.err
    assert {request.path for request in daemon.sent} == {"/webhooks/cloudevents"}


def test_what_a_server_repeats_of_the_token_is_not_shown(
    reconciler: Reconciler, event: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_TOKEN", TOKEN)
    said = Said(400, {"error": f"what is {TOKEN}?", "hint": f"not {TOKEN}"})
    lines = Said(422, {"problems": [receipt("refused", reason=f"what is {TOKEN}?")]})
    for answer in (said, lines):
        with recorder(answer) as daemon:
            result = reconciler("send", "event", event, "--daemon", daemon.url, "-o", "json")
        assert "what is ***?" in result.err
        assert TOKEN not in result.out + result.err


def test_where_nothing_listens_that_is_said(reconciler: Reconciler, event: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    result = reconciler("send", "event", event, "--daemon", url)
    assert (result.code, result.out) == (2, "")
    assert f"error: the daemon at {url.removeprefix('http://')} cannot be reached: " in result.err
    assert "--daemon or RECONCILER_DAEMON" in result.err


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"no HTTP\r\n\r\n"])
def test_where_an_answer_breaks_off_that_is_said(reconciler: Reconciler, event: Path, answer: bytes) -> None:
    with broken(answer) as url:
        result = reconciler("send", "event", event, "--daemon", url)
    assert (result.code, result.out) == (2, "")
    assert "broke off: " in result.err
    assert "sending it again is safe" in result.err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("daemon.example", "is not http:// or https://"),
        ("http://[::1", "is not http:// or https://"),
        ("http://x:99999", "is not http:// or https://"),
        ("https://ada:hunter2@daemon.example", "holds credentials"),
        ("http://daemon.example?token=hunter2", "holds credentials"),
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(
    reconciler: Reconciler, event: Path, url: str, said: str
) -> None:
    result = reconciler("send", "event", event, "--daemon", url)
    assert result.code == 2
    assert said in result.err
    assert "hunter2" not in result.err


@pytest.mark.parametrize("content", ["", "two\nlines", "ü"])
def test_a_token_that_cannot_be_sent_is_not(reconciler: Reconciler, event: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content, "utf-8")
    with recorder(accepted()) as daemon:
        arguments = ("send", "event", event, "--daemon", daemon.url, "--token-file")
        results = [reconciler(*arguments, tmp_path / name) for name in ("token", "missing")]
    assert [each.code for each in results] == [2, 2]
    assert not daemon.sent


def sleeping(daemon: Recorder) -> list[float]:
    slept: list[float] = []
    post(Daemon(daemon.url, "a test"), "/x", b"{}", "application/json", slept.append)
    return slept


def test_it_comes_again_with_growing_pauses_or_those_that_it_was_asked_for() -> None:
    later = Said(503, {"error": "busy"})
    with recorder(later, later, accepted()) as daemon:
        assert sleeping(daemon) == list(PAUSES[:2])
    asked = [Said(503, {}, {"Retry-After": text}) for text in ("3", "9999", "Sun, 22 Nov 2026 10:00:00 GMT")]
    with recorder(*asked, accepted()) as daemon:
        assert sleeping(daemon) == [3.0, LONGEST_PAUSE, PAUSES[2]]


def test_an_authority_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    daemon = Daemon("https://127.0.0.1:1", "a test", ca_file=tmp_path / "missing.pem")
    with pytest.raises(ConfigError, match=r"missing\.pem"):
        post(daemon, "/x", b"", "application/json")


# To the repository


def test_without_a_daemon_the_event_is_pushed_as_the_daemon_would_write_it(
    reconciler: Reconciler, clone: Path, event: Path
) -> None:
    result = reconciler("send", "event", event)
    assert result.code == 0, result.err
    assert result.out.endswith(f" to production: {PATH}\n")
    remote = clone.parent / "shop.git"
    data = canonical.read(git(remote, "show", f"production:{PATH}").encode() + b"\n", "x")
    assert (data["title"], data["state"], data["source"]) == ("Response time degradation", "open", "tool")
    assert git(remote, "log", "-1", "--format=%an|%s", "production") == (
        "Ada|carts: problem open: Response time degradation"
    )
    again = reconciler("send", "event", event)
    assert (again.code, again.out) == (0, f"already there on production: {PATH}\n")
    assert reconciler("send", "event", changed(event, State="RESOLVED")).code == 0
    assert 'state: "resolved"' in git(remote, "show", f"production:{PATH}")


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        ({"service": "cart"}, 2, "did you mean carts?"),
        ({"stage": "prod"}, 2, "did you mean production?"),
        ({"project": "books"}, 2, "books"),
        ({"service": ""}, 1, "does not say which service"),
    ],
)
def test_what_belongs_nowhere_is_not_pushed(
    reconciler: Reconciler, clone: Path, event: Path, data: dict[str, str], code: int, said: str
) -> None:
    before = git(clone.parent / "shop.git", "rev-parse", "production")
    result = reconciler("send", "event", changed(event, **data))
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert git(clone.parent / "shop.git", "rev-parse", "production") == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: Slow\nstate: open\n", "event.json:1:1: error: this is no CloudEvent"),
        ("{", "event.json:1:1: error: not YAML: a `{` is not closed"),
        ("[]", "this is no CloudEvent"),
        (json.dumps({**EVENT, "data": {}}), "event.json:1:"),
    ],
)
def test_what_is_no_problem_event_is_refused_with_its_place_before_anything_is_sent(
    reconciler: Reconciler, event: Path, text: str, said: str
) -> None:
    event.write_text(text, "utf-8")
    with recorder(accepted()) as daemon:
        result = reconciler("send", "event", event, "--daemon", daemon.url)
    assert (result.code, result.out, daemon.sent) == (1, "", [])
    assert said in result.err
