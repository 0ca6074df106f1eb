"""Faults of intake: rows W5 and W6, names that are none of ours and texts that want to be more than text."""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
from typing import Any, Final

import httpx
import pytest

from reconciler.model.problem import load_problem
from tests.bridge.serving import parsed
from tests.daemon.site import eventually, git
from tests.faults.invariants import TITLE, Scene
from tests.faults.receiving import alert, group, metric, note, once, outcomes, receiving
from tests.faults.test_intake_strangers import basic
from tests.security.running import KNOWN, PASSWORD, TOKEN, Running

# W5

NAMES: Final = (
    "nobody", "../x", "../../production/carts", "-x", "--upload-pack=touch /tmp/x", "refs/heads/x", "carts/../carts",
    "/carts", "carts/", ".git", ".", "carts\n", "car\0ts", "CARTS", "carts.lock", "@{u}", "*", "ops", "c" * 5000,
    "\u202estrac", "carts\ud800",
)  # fmt: skip
FIELDS: Final = ("project", "stage", "service")


def everything(scene: Scene) -> str:
    """Return all refs of the remote and of the daemon's mirror, and what lies beside them."""
    mirrors = sorted((scene.site.folder / "state" / "mirrors").iterdir())
    found = [git(each, "for-each-ref", "--format=%(refname) %(objectname)") for each in (scene.site.remote, *mirrors)]
    return "\n".join((*found, *sorted(each.name for each in scene.site.folder.iterdir())))


@pytest.mark.parametrize("field", FIELDS)
def test_w5_a_name_that_is_not_there_is_told_and_becomes_nothing(scene: Scene, field: str) -> None:
    with receiving(scene) as daemon:
        before = everything(scene)
        for name in NAMES:
            answer = daemon.hooks.post(
                "/webhooks/alertmanager", content=json.dumps(group(alert(labels={field: name}))),
                headers=KNOWN | {"Content-Type": "application/json"},
            )  # fmt: skip
            if name.strip() == "carts" and field == "service":
                continue  # spaces around a name are none of it
            assert answer.status_code == 404, (name, answer.text)
            (told,) = answer.json()["problems"]
            assert told["outcome"] == "unknown"
            assert "path" not in told
            assert told["hint"]
        assert metric(daemon, "reconciler_webhook_reports_total", source="alertmanager", outcome="unknown") >= 20
        if field != "service":
            assert everything(scene) == before
    refs = git(scene.site.remote, "for-each-ref", "--format=%(refname)").splitlines()
    assert refs == ["refs/heads/main", "refs/heads/production"]


@pytest.mark.parametrize("field", [*FIELDS, "id"])
def test_w5_every_sender_is_told_so(scene: Scene, field: str) -> None:
    where = {"project": "sockshop", "stage": "production", "service": "carts", "id": "n1"} | {field: "../x"}
    with receiving(scene) as daemon:
        before = everything(scene)
        answers = [sent(daemon, *each) for each in senders(where)]
        for answer in answers:
            if field == "id" and answer.status_code == 200:
                note(scene, answer)  # what cannot be a name is made one, with a digest
                (told,) = answer.json()["problems"]
                assert ".." not in told["path"]
                assert told["path"].startswith("ops/production/carts/problems/")
            else:
                assert answer.status_code in (400, 404, 422), answer.text
        if field != "id":
            assert everything(scene) == before
        scene.ends = False


def senders(where: dict[str, str]) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
    """Return a problem as each of them reports it, all but Alertmanager."""
    places = {name: where[name] for name in FIELDS}
    tags = ", ".join(f"{name}:{text}" for name, text in places.items())
    dynatrace = {"State": "OPEN", "PID": where["id"], "ProblemID": "P-1", "ProblemTitle": "Slow", "Tags": tags}
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "sh.keptn.events.problem",
             "data": {"State": "OPEN", "PID": where["id"], "ProblemTitle": "Slow", **places}}  # fmt: skip
    return [
        ("/webhooks/problem", KNOWN, {"title": "Slow", **where}),
        ("/webhooks/dynatrace", {}, dynatrace),
        ("/v1/event", {}, event),
    ]


def sent(daemon: Running, path: str, headers: dict[str, str], document: dict[str, Any]) -> httpx.Response:
    body = json.dumps(document).encode()
    signed = {"X-Signature-256": hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()}
    login = basic("dynatrace", TOKEN) if path.endswith("dynatrace") else {}
    sends = {"Content-Type": "application/json", **headers, **login, **(signed if path == "/v1/event" else {})}
    return daemon.hooks.post(path, content=body, headers=sends)


# W6

EVE: Final = "Signed-off-by: Eve <eve@example.org>"
TEXTS: Final = {
    "trailers": f"\n\n{EVE}\nStage: other\nEvent: decided\nSequence: 999\nRules: 1\nApproved-by: Eve",
    "carriage returns": f"\r\n\r\n{EVE}\r",
    "line separators": f"\u2028{EVE}\u0085{EVE}\x0b{EVE}",
    "a terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m\x00\x7f",
    "text that turns around": "\u202egpj.exe\u2066\u200b\ufeff",
    "HTML": "</title></a><script>alert(1)</script><img src=x onerror=alert(2)>\"' style=x:y {{7*7}} {% raw %}",
    "YAML": '": {x: !!python/object/apply:os.system [id]}\n---\nstate: resolved\n*a: &a [*a]\n',
    "a megabyte": "x" * (1 << 20),
    "half a character": "\ud800",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_w6_a_text_is_text_wherever_it_comes_to(scene: Scene, kind: str) -> None:
    """In the file, in commits of ours and of senders, in the log, in the answer and on the pages."""
    evil = TEXTS[kind]
    sent = alert(
        labels={"problem": TITLE + evil, "evil": evil, "k\n" + evil[:40]: "x"}, fingerprint=f"f{evil[:99]}",
        annotations={"summary": evil, "rootCause": "none" + evil[:999]}, generatorURL="javascript:" + evil[:999],
    )  # fmt: skip
    with receiving(scene) as daemon:
        answer = daemon.hooks.post(
            "/webhooks/alertmanager", content=json.dumps(group(sent)),
            headers=KNOWN | {"Content-Type": "application/json"},
        )  # fmt: skip
        note(scene, answer)
        assert outcomes(answer) == {"accepted": 1}, answer.text
        (told,) = answer.json()["problems"]
        eventually(lambda: "applied" in scene.site.events(), "it took effect")
        pages = shown(daemon, told["problem"])
        for line in daemon.said.getvalue().split("\n"):
            assert plain(line), line
    content = git(scene.site.remote, "show", f"production:{told['path']}").encode()
    problem = load_problem(content, told["path"])
    assert problem.state == "open"
    assert problem.title.startswith(TITLE)
    assert not problem.url
    for line in content.decode().splitlines():
        assert plain(line), line
    assert kind == "a megabyte" or problem.labels["evil"] == evil.replace("\ud800", "\ufffd")
    trailers = [trailer.partition(": ") for trailer in commits(scene)]
    assert {name for name, _, _ in trailers} & {"Signed-off-by", "Approved-by"} == set()
    assert {text for name, _, text in trailers if name == "Stage"} == {"production"}
    for page in pages:
        assert not page.all("img", onerror="alert(2)")
        assert all("src" in each.attributes for each in page.all("script"))
    assert kind != "HTML" or "{{7*7}}" in pages[0].text
    once(scene)


def plain(line: str) -> bool:
    """Whether nothing in a line moves a cursor, ends the line or turns it around."""
    return all(unicodedata.category(each) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in line)


def commits(scene: Scene) -> set[str]:
    """Return all trailers of the branch as git reads them; no message has a line that a terminal would act on."""
    messages = git(scene.site.remote, "log", "--format=%B", "production")
    for line in messages.split("\n"):
        assert plain(line), line
    return set(git(scene.site.remote, "log", "--format=%(trailers)", "production").splitlines())


def shown(daemon: Running, problem: str) -> list[Any]:
    """Return the pages that show it; every element that is opened is closed."""
    login = httpx.BasicAuth("ada", PASSWORD)
    own = "/sockshop/production/remediation/carts/" + problem
    eventually(lambda: daemon.bridge.get(own, auth=login).status_code == 200, "the bridge shows it")
    paths = (own, "/sockshop", "/sockshop/production", "/sockshop/production/service/carts", "/sockshop/-/history")
    return [parsed(daemon.bridge.get(path, auth=login).text) for path in paths]
