"""No secret leaves the process: with one of every kind planted, everything that comes out of a daemon is searched.

Its servers repeat what they are sent in every way that they can, cut off, escaped and encoded. What may be in what goes
to a server is that server's own.
"""

from __future__ import annotations

import html
import subprocess
from base64 import b64encode
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.daemon.planted import KINDS, URLS, Search, mark, secret
from tests.daemon.planted_site import SERVICES, Daemon, Planted, planted, running
from tests.daemon.site import Site, eventually, git

OWN = {
    "forge": {"forge"}, "unleash": {"unleash"}, "prometheus": {"prometheus"}, "dynatrace": {"dynatrace"},
    "values": {"values"}, "kubernetes": {"kubernetes", "kubeconfig"}, "endpoint": {"endpoint", "endpointurl"},
    "good": {"endpoint"}, "hook": {"hook", "hookurl"}, "slack": {"slack"}, "comments": {"comments"},
    "tracing": {"tracing"},
}  # fmt: skip
"""What a server is sent to know us by."""
ID = {**{name: name for name in SERVICES}, "flags": "dynatrace-77"}
OFTEN = {"forge": 13, "hook": 5, "slack": 5, "kubernetes": 8, "unleash": 2, "prometheus": 3, "values": 3,
         "endpoint": 2, "good": 1, "app": 3, "comments": 1, "tracing": 3}  # fmt: skip
"""How often a server is asked at the least before everything is searched: each time it answers in another way."""
PAGES = ("/", "/sockshop", "/sockshop/production", "/sockshop/production/steps", "/sockshop/production/history",
         "/nothing", "/sockshop/nothing", "/sockshop/production/service/nothing", "/sockshop?at=nothing")  # fmt: skip


@pytest.fixture
def there(site: Site) -> Iterator[Planted]:
    with planted(site) as made:
        yield made


def test_nothing_that_leaves_a_daemon_has_a_secret_in_it(there: Planted) -> None:
    search = Search(there.keys)
    with running(there) as daemon:
        said = told(there, daemon)
        eventually(lambda: all_tried(there, daemon), "every server was asked something", 120)
        said |= shown(there, daemon)
    of_daemon = set(there.spied.iterdir())
    said["log"] = daemon.output()
    said |= {f"argument: {name}": line for name, line in daemon.seen.items()}
    said |= commands(there)
    with running(there, "console") as again:
        eventually(lambda: again.output().count(b"held") > 1, "it says what stands in the way")
    said["console"] = again.output()
    assert {name: found for name, content in said.items() if (found := search.found(content))} == {}
    assert of_git(there, search) == {}
    assert of_requests(there, search) == {}
    assert of_children(there, search, of_daemon) == {}
    assert search.files(there.temporary) == {}
    assert search.files(there.folder / "state") == {}


def told(there: Planted, daemon: Daemon) -> dict[str, bytes]:
    """Report problems, some of which repeat our secrets, and come with what is wrong; returns all answers."""
    hooks = daemon.address("listen")
    eventually(lambda: daemon.lines(event="project", project="sockshop"), "the project was read")
    answers = {}
    with httpx.Client(base_url=hooks, trust_env=False, timeout=60) as client:
        who = {"problem": ("sender", secret("basic"))}
        for service in SERVICES:
            document = {
                "project": "sockshop", "stage": "production", "service": service, "id": ID[service],
                "title": "Too slow", "state": "open", "labels": {"token": secret("git")}, "url": f"http://x/?t={quote(secret('basic'))}",
                "details": {"sent": [f"Basic {b64encode(secret('basic').encode()).decode()}", {secret("git"): 1}]},
            }  # fmt: skip
            answer = client.post("/webhooks/problem", json=document, auth=who["problem"])
            assert answer.status_code == 200, answer.text
            answers[f"answer for {service}"] = answer.content
        staging = {
            "project": "sockshop",
            "stage": "staging",
            "service": "carts",
            "id": "s",
            "title": "x",
            "state": "open",
        }
        answers["staging"] = client.post("/webhooks/problem", json=staging, auth=who["problem"]).content
        for number, (path, header) in enumerate([
            ("problem", f"Basic {secret('basic')}"), ("alertmanager", f"Bearer {secret('bearer')}x"),
            ("git", f"Bearer {secret('hmac')}"), ("nothing", f"Bearer {secret('bearer')}"),
        ]):  # fmt: skip
            wrong = client.post(
                f"/webhooks/{path}?t={secret('bearer')}", content=b"{", headers={"Authorization": header}
            )
            answers[f"wrong {number}"] = wrong.content
        good = client.post(
            "/webhooks/alertmanager", content=b"{", headers={"Authorization": f"Bearer {secret('bearer')}"}
        )
        answers["no JSON"] = good.content
    return answers


def all_tried(there: Planted, daemon: Daemon) -> bool:
    done = {(line.get("service"), line.get("step")) for line in daemon.lines()}
    asked = {name: len(echo.seen) for name, echo in there.echoes.items()}
    return ("judged", "evaluated") in done and all(asked[name] >= least for name, least in OFTEN.items())


def shown(there: Planted, daemon: Daemon) -> dict[str, bytes]:
    """Return every page, whoever asks for it, and what the status port says."""
    found = {}
    with httpx.Client(base_url=daemon.address("bridge"), trust_env=False, timeout=60) as client:
        mine = ("ada", secret("ada"))
        eventually(lambda: client.get("/sockshop", auth=mine).status_code == 200, "the bridge shows the project")
        services = [f"/sockshop/production/service/{name}" for name in SERVICES]
        done = [f"/sockshop/production/remediation/{name}/{ID[name]}" for name in SERVICES]
        for page in (*PAGES, *services, *done):
            found[page] = client.get(page, auth=mine).content
        form = client.post("/sockshop/production/command", auth=("bob", secret("bob")), data={"verb": secret("ada")})
        found["form"] = form.content
        for page in ("/", "/sockshop"):
            found[f"{page} for nobody"] = client.get(page, auth=("ada", secret("bob"))).content
    status = daemon.address("status")
    for page in ("/healthz", "/readyz", "/metrics"):
        found[page] = httpx.get(f"{status}{page}", trust_env=False, timeout=60).content
    return found


def commands(there: Planted) -> dict[str, bytes]:
    config = str(there.site.config)
    asked = {
        "plan": ("plan", "-c", config), "plan as JSON": ("plan", "-c", config, "-o", "json"),
        "reconcile": ("reconcile", "-c", config), "version": ("version", "-o", "json"),
        "status": ("status", "--repo", str(there.site.clone), "-o", "json"),
        "validate": ("validate", str(there.site.clone), "--online", "-c", config),
        "evaluate": ("evaluate", "--service", "judged", "--repo", str(there.site.clone), "-c", config,
                     "--from", "2026-11-21T10:00:00Z", "--to", "2026-11-21T10:10:00Z", "--stage", "production"),
        "doctor": ("doctor", "-c", config), "doctor as JSON": ("doctor", "-c", config, "-o", "json"),
    }  # fmt: skip
    return {name: there.command(*words)[1] for name, words in asked.items()}


def of_git(there: Planted, search: Search) -> dict[str, list[str]]:
    """Return the objects of the remote in which there is something; it has everything that was ever pushed."""
    git(there.site.remote, "fsck", "--full")
    listed = ["git", "cat-file", "--batch", "--batch-all-objects"]
    content = subprocess.run(listed, cwd=there.site.remote, capture_output=True, check=True).stdout
    assert b"Event: evaluated" in content
    found = search.found(content)
    return {git(there.site.remote, "log", "-p", "--all"): found} if found else {}


def of_requests(there: Planted, search: Search) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, echo in there.echoes.items():
        with echo.lock:
            assert echo.seen, f"{name} was never asked anything"
            for request in echo.seen:
                if kinds := search.found(request, OWN.get(name, ())):
                    found[f"{name}: {request.decode('latin-1')}"] = kinds
    return found


def of_children(there: Planted, search: Search, of_daemon: Collection[Path]) -> dict[str, list[str]]:
    """Return what children were given.

    Git alone knows its own, where it talks to the remote. What a command starts has the environment of who types it.
    """
    found: dict[str, list[str]] = {}
    files = sorted(there.spied.iterdir())
    assert {file.name.partition(".")[0] for file in files} >= {"git", "ssh"}
    for file in files:
        argv = file.with_suffix(".argv").read_bytes()
        talks = any(word in argv.split(b"\0") for word in (b"fetch", b"push", b"ls-remote"))
        if file.suffix == ".environ" and file not in of_daemon:
            continue
        own = ("git",) if file.suffix == ".environ" and talks else ()
        if kinds := search.found(file.read_bytes(), own):
            found[f"{argv!r}"[:300] + file.suffix] = kinds
    return found


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    search = Search({"key": "-----BEGIN\n" + "k" * 64 + "\n-----END"})
    for kind in KINDS:
        text = secret(kind)
        for coded in (text, quote(text, safe=""), html.escape(text), mark(kind), text[::-1], text.encode().hex()):
            assert search.found(f"<{coded}>".encode()) == [kind]
        for before in range(4):
            assert search.found(b64encode(f"{'u' * before}:{text}".encode())) == [kind]
        assert search.found(text.encode(), [kind]) == []
    assert set(KINDS) > URLS
    (tmp_path / "file").write_text(f"x {'k' * 64}")
    assert search.files(tmp_path) == {"file": ["key"]}
