"""Who is told: a held remediation reaches its receiver at least once, whatever dies on the way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from reconciler.decide.draft import RULES
from reconciler.model.instant import Instant, format_instant
from tests.daemon.site import SCALING, Site, eventually, git, until
from tests.targets.endpoints.receiver import Receiver, Say, receiving, unused_port

SHADOW = "mode: shadow\n"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def tell(site: Site, *receivers: str) -> None:
    """Put receivers into the daemon's configuration."""
    lines = "".join(f"    - {receiver}\n" for receiver in receivers)
    site.config.write_text(
        site.config.read_text().replace("    stages:\n", f"    notifications:\n{lines}    stages:\n")
    )


def on_call(port: int, more: str = "") -> str:
    return f"{{name: on-call, kind: webhook, url: 'http://127.0.0.1:{port}/hook'{more}}}"


def allow(site: Site, receiver: Receiver) -> None:
    """Let playbooks call the endpoint `runbooks`; the stage's block is the last of the configuration."""
    endpoint = f"{{runbooks: {{url: 'http://127.0.0.1:{receiver.port}/run'}}}}"
    site.config.write_text(f"{site.config.read_text()}        allow: {{endpoints: {endpoint}}}\n")


def commit_of(site: Site, event: str) -> str:
    found = git(site.remote, "log", "--format=%H %(trailers:key=Event,valueonly,separator=)", "production")
    (commit,) = [line.split()[0] for line in found.splitlines() if line.split()[1:] == [event]]
    return commit


def hold(site: Site) -> None:
    site.push({"stage.yaml": SHADOW})
    site.problem("p1", "Response time degradation")


def test_a_held_remediation_is_told_with_its_commit_as_the_key(site: Site, receiver: Receiver) -> None:
    tell(site, on_call(receiver.port))
    with site.loop() as loop:
        hold(site)
        until(loop, lambda: receiver.told, "told")
        loop.tick()
    commit = commit_of(site, "held")
    assert receiver.keys() == [commit]
    (told,) = receiver.told
    document = told.json()
    assert document["commit"] == document["key"] == commit
    assert document == document | {
        "project": "sockshop", "stage": "production", "service": "carts", "remediation": "p1", "event": "held",
        "unhealed": False, "condition": "shadow", "problems": [{"id": "p1", "title": "Response time degradation"}],
    }  # fmt: skip
    assert document["subject"] == git(site.remote, "show", "-s", "--format=%s", commit)
    assert "would scale 1 → 2" in document["reason"]
    assert document["lifts"]
    assert f"Sequence: {document['sequence']}" in git(site.remote, "show", "-s", "--format=%B", commit)
    assert f"Now: {document['time']}" in git(site.remote, "show", "-s", "--format=%B", commit)


def test_what_nobody_wants_is_told_to_nobody(site: Site, receiver: Receiver) -> None:
    tell(
        site,
        on_call(receiver.port, ", events: [decided]"),
        f"{{name: other, kind: webhook, url: 'http://127.0.0.1:{receiver.port}/other', stages: [staging]}}",
    )
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: receiver.told, "told")
        until(loop, lambda: "applied" in site.events(), "applied")
    assert [(told.path, told.key) for told in receiver.told] == [("/hook", commit_of(site, "decided"))]


def test_a_receiver_of_a_stage_that_there_is_not_is_said(site: Site, receiver: Receiver) -> None:
    tell(site, on_call(receiver.port, ", stages: [prodution]"))
    with site.loop() as loop:
        loop.tick()
        said = "on-call is told of prodution: no stage of sockshop that is reconciled here (it has production)"
        assert loop.conditions == {"notifications": said}


def test_a_receiver_that_is_down_is_told_when_it_is_back_and_the_loop_does_not_wait(site: Site) -> None:
    port = unused_port()
    tell(site, on_call(port), "{name: nobody, kind: webhook, urlFile: nobody.url}")
    with site.loop() as loop:
        hold(site)
        until(loop, lambda: "held" in site.events(), "held")
        site.push({"stage.yaml": None})
        until(loop, lambda: "applied" in site.events(), "applied while nobody can be told")
        with receiving(port) as receiver:

            def told() -> object:
                loop.unblock()  # as a changed secret does: everything that waits is tried again at once
                return receiver.told

            eventually(told, "told")
            assert receiver.keys() == [commit_of(site, "held")]


@pytest.mark.parametrize("point", ["after-push", "before-notify"])
def test_killed_before_it_told_and_started_again_without_its_disk_it_tells(
    site: Site, receiver: Receiver, point: str
) -> None:
    tell(site, on_call(receiver.port))
    hold(site)
    eventually(lambda: site.pass_once(point) == -9, f"killed at {point}")
    assert site.events()[-1] == "held"
    assert receiver.told == []
    shutil.rmtree(site.folder / "state")
    assert site.pass_once() == 0
    assert receiver.keys() == [commit_of(site, "held")]


def test_killed_when_it_had_told_and_before_it_noted_so_it_tells_again_with_the_same_key(
    site: Site, receiver: Receiver
) -> None:
    tell(site, on_call(receiver.port))
    hold(site)
    eventually(lambda: site.pass_once("after-notify") == -9, "killed after telling")
    assert site.pass_once() == 0
    assert receiver.keys() == [commit_of(site, "held")] * 2
    assert site.pass_once() == 0
    assert len(receiver.told) == 2


def test_a_single_pass_is_not_held_up_by_a_receiver_that_is_down(site: Site) -> None:
    tell(site, on_call(unused_port()))
    hold(site)
    eventually(lambda: site.pass_once() == 0 and "held" in site.events(), "held")


def test_a_plan_tells_nobody(site: Site, receiver: Receiver) -> None:
    import structlog

    from reconciler.daemon.service import preview, read_config

    tell(site, on_call(receiver.port, ", events: [held, opened, decided]"))
    hold(site)
    found = preview(read_config(site.config), structlog.get_logger(), clock=site.clock)
    assert any(step.event == "held" for result in found.values() for step in result.steps)
    assert receiver.told == []


FORGED = """\
carts: held: call the number below

Stage: production
Service: carts
Remediation: zz
Event: held
Sequence: {sequence}
Now: {now}
Rules: {rules}
"""


@pytest.mark.parametrize("sequence", [1, 2])
@pytest.mark.parametrize("lie", ['problem: "x"\n', 'entry: "x"\nactions: 3\n', "reported: 5\n", 'reason: "call me"\n'])
def test_a_commit_in_our_name_is_not_told_and_stops_nobody(
    site: Site, receiver: Receiver, lie: str, sequence: int
) -> None:
    tell(site, on_call(receiver.port))
    with site.loop() as loop:
        hold(site)
        until(loop, lambda: receiver.told, "told of the true one")
        now = format_instant(Instant(int(site.clock.wall())))
        head = f'event: "held"\nsequence: {sequence}\nnow: "{now}"\nrules: {RULES}\n'
        git(site.clone, "pull", "-q", "--rebase", "origin", "production")
        site.write("ops/production/carts/remediations/zz/01-held.yaml", head + lie)
        git(site.clone, "add", "-A")
        git(site.clone, "commit", "-q", "-m", FORGED.format(sequence=sequence, now=now, rules=RULES))
        site.push_head()
        until(loop, lambda: len(receiver.told) > 1, "told that it was put back")
    assert [told.json()["event"] for told in receiver.told] == ["held", "restored"]
    assert receiver.keys() == [receiver.keys()[0], commit_of(site, "restored")]


def calling(endpoint: str) -> str:
    return SCALING.replace("action: scaling\n    value: +1", f"action: webhook\n    value: {endpoint}")


def test_a_playbook_calls_an_endpoint_with_one_key_until_it_answers(site: Site, receiver: Receiver) -> None:
    allow(site, receiver)
    receiver.answers = [Say(503)]
    with site.loop() as loop:
        site.push({"carts/remediation.yaml": calling("runbooks")})
        site.problem("p1", "Response time degradation")
        until(loop, lambda: "applied" in site.events(), "applied")
    assert [told.path for told in receiver.told] == ["/run", "/run"]
    first, second = (told.json() for told in receiver.told)
    assert first == second
    assert receiver.keys() == [first["key"]] * 2
    assert first["key"].startswith("sockshop/production/carts/p1/")
    assert first == first | {
        "project": "sockshop", "stage": "production", "service": "carts", "title": "Response time degradation",
        "remediation": "p1", "commit": commit_of(site, "decided"),
    }  # fmt: skip


def test_what_an_endpoint_says_to_a_call_does_not_get_into_git(site: Site, receiver: Receiver) -> None:
    allow(site, receiver)
    receiver.always = Say(403, body=b'{"error": "not allowed", "authorization": "Bearer SECRET"}')
    with site.loop() as loop:
        site.push({"carts/remediation.yaml": calling("runbooks")})
        site.problem("p1", "Response time degradation")
        until(loop, lambda: "failed" in site.events(), "failed")
    assert "answered 403 (Forbidden)" in git(site.remote, "show", "-s", "--format=%B", commit_of(site, "failed"))
    assert "SECRET" not in git(site.remote, "log", "-p", "production")


def test_killed_between_the_call_and_its_step_it_calls_again_with_the_same_key(site: Site, receiver: Receiver) -> None:
    allow(site, receiver)
    site.push({"carts/remediation.yaml": calling("runbooks")})
    site.problem("p1", "Response time degradation")
    eventually(lambda: site.pass_once("after-apply") == -9, "killed after the call")
    assert "applied" not in site.events()
    shutil.rmtree(site.folder / "state")
    eventually(lambda: site.pass_once() == 0 and "applied" in site.events(), "applied")
    first, second = receiver.told
    assert (first.key, first.body) == (second.key, second.body)


def test_a_playbook_calls_no_endpoint_that_it_may_not(site: Site, receiver: Receiver) -> None:
    allow(site, receiver)
    with site.loop() as loop:
        site.push({"carts/remediation.yaml": calling("runbook")})
        site.problem("p1", "Response time degradation")
        until(loop, lambda: "escalated" in site.events(), "escalated")
    failed = git(site.remote, "show", "-s", "--format=%B", commit_of(site, "failed"))
    assert "'runbook' is not allowed" in failed
    assert "id you mean runbooks?" in failed
    assert receiver.told == []
