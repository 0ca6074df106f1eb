"""Commands that people ask for by the bridge: pushed in their names, or answered with what stood in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.bridge.people import Person
from reconciler.bridge.petition import Petition
from reconciler.daemon import petitions
from reconciler.daemon.petitions import Petitions
from reconciler.model.command import Command, render_command
from reconciler.model.errors import TransientError, UserError
from reconciler.model.names import RemediationId, ServicePath, StageName
from tests.daemon.site import Site, git

ADA = Person("Ada", "ada@example.org")


def asked(stage: str = "production", service: str = "", person: Person = ADA, reason: str = "") -> Petition:
    return Petition(StageName(stage), ServicePath(service), Command("suspend", reason=reason), person)


def test_one_commit_for_each_with_the_person_as_author(site: Site) -> None:
    with site.loop() as loop:
        first = loop.inbox.petitions.ask(asked(reason="Event: decided"))
        second = loop.inbox.petitions.ask(asked(service="carts", person=Person("Eve", "eve@example.org")))
        loop.tick()
        assert first.result(0) != second.result(0)
    told = git(
        site.remote, "log", "-2", "--reverse", "--format=%an|%cn|%s|%(trailers:key=Event,valueonly)", "production"
    )
    assert told.split("\n")[0] == "Ada|reconciler|production: suspend|"
    assert "Eve|reconciler|carts: suspend|" in told
    files = git(site.remote, "ls-tree", "-r", "--name-only", "production", "ops/").split()
    assert sorted(each.rpartition("/")[0] for each in files) == [
        "ops/production/carts/commands",
        "ops/production/commands",
    ]


def test_what_is_asked_of_nobody_or_by_nobody_is_refused_and_keeps_nothing_else_out(site: Site) -> None:
    with site.loop() as loop:
        wrong = [
            loop.inbox.petitions.ask(asked("nowhere")),
            loop.inbox.petitions.ask(asked(service="nobody")),
            loop.inbox.petitions.ask(asked(person=Person("<x>", "a@b"))),
            loop.inbox.petitions.ask(
                replace(asked(service="carts"), command=Command("approve", RemediationId("a/b"), 1))
            ),
        ]
        right = loop.inbox.petitions.ask(asked())
        loop.tick()
        loop.tick()
        assert right.result(0).commit
        for each in wrong:
            assert isinstance(each.exception(0), UserError | TransientError)


@pytest.mark.parametrize("shortage", [OSError(28, "No space left on device"), MemoryError()])
def test_a_shortage_is_no_bug(site: Site, monkeypatch: pytest.MonkeyPatch, shortage: Exception) -> None:
    """Who asked may ask again when there is room."""

    def short(_: Command) -> bytes:
        raise shortage

    with site.loop() as loop:
        with monkeypatch.context() as there:
            there.setattr(petitions, "render_command", short)
            refused = loop.inbox.petitions.ask(asked())
            loop.tick()
        taken = loop.inbox.petitions.ask(asked())
        loop.tick()
    error = refused.exception(0)
    assert isinstance(error, TransientError)
    assert "short of something" in error.message
    assert taken.result(0).commit


def test_a_push_that_was_lost_to_a_person_is_made_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with site.loop() as loop:
        loop.tick()
        lost = [True]

        def pushed_by_somebody_else(stage: object) -> None:
            if lost and stage:
                lost.clear()
                site.push({"carts/notes.txt": "x"})

        def late(command: Command) -> bytes:
            pushed_by_somebody_else("production")
            return render_command(command)

        monkeypatch.setattr(petitions, "render_command", late)
        future = loop.inbox.petitions.ask(asked())
        loop.tick()
        assert future.result(0).commit in git(site.remote, "rev-list", "production").split()
        assert site.file("carts/notes.txt") is not None


def test_nobody_waits_for_what_will_not_be_done() -> None:
    waiting = Petitions(lambda: None)
    first = waiting.ask(asked())
    waiting.turn_away(TransientError("the remote is away"))
    assert "away" in str(first.exception(0))
    second = waiting.ask(asked())
    waiting.close()
    for each in (second, waiting.ask(asked())):
        assert isinstance(each.exception(0), TransientError)


def test_only_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(petitions, "_CAPACITY", 1)
    waiting = Petitions(lambda: None)
    first, second = waiting.ask(asked()), waiting.ask(asked())
    assert not first.done()
    assert isinstance(second.exception(0), TransientError)
