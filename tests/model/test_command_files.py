"""Command files and the rule for their names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from reconciler.model.command import VERBS, Command, check_command_name, command_name, load_command
from reconciler.model.errors import Place, UserError
from reconciler.model.invalid import InvalidFile

NOON = datetime(2026, 11, 21, 12, 0, 5, 123456, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_enough(verb: str) -> None:
    assert load_command(f"verb: {verb}\n".encode(), "c.yaml") == Command(verb)  # type: ignore[arg-type]  # of VERBS


def test_a_whole_command() -> None:
    text = b"verb: undo\nremediation: dynatrace-4711+2\nstep: 3\nreason: load test is over\n"
    assert load_command(text, "c.yaml") == Command("undo", "dynatrace-4711+2", 3, "load test is over")
    assert load_command(b"verb: retry\nremediation:\nstep:\nreason:\n", "c.yaml") == Command("retry")


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("verb: und\n", (1, 7), "`verb` is `und`", "did you mean `undo`?"),
        ("verb: rollback\n", (1, 7), "`verb` is `rollback`", ""),
        ("remediation: x\n", (1, 1), "`verb` is missing", "write for example `verb: undo`"),
        ("verb: undo\nremedation: x\n", (2, 1), "unknown key `remedation`", "did you mean `remediation`?"),
        ("verb: undo\nremediation: a/b\n", (2, 14), "`remediation` is `a/b`", ""),
        ("verb: undo\nremediation: a\nstep: 0\n", (3, 7), "`step` is `0`", ""),
        ("verb: undo\nremediation: a\nstep: last\n", (3, 7), "`step` is `last`", ""),
        ("verb: undo\nstep: 2\n", (2, 7), "`step` without `remediation`", "add `remediation: ...`"),
        (f"verb: undo\nreason: {'x' * 2001}\n", (2, 9), "`reason` is longer than 2000", ""),
        ("", (1, 1), "the file is empty", ""),
    ],
)
def test_refused_commands(text: str, place: tuple[int, int], message: str, hint: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        load_command(text.encode(), "c.yaml")
    assert caught.value.message == message
    assert caught.value.place == Place("c.yaml", *place)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (Command("suspend"), "20261121T100005.123Z-suspend.yaml"),
        (Command("undo", "dynatrace-4711+2", 3), "20261121T100005.123Z-undo-dynatrace-4711+2-03.yaml"),
        (Command("abort", "a%20b-c.d"), "20261121T100005.123Z-abort-a%20b-c.d-00.yaml"),
        (Command("retry", "x", 1234), "20261121T100005.123Z-retry-x-1234.yaml"),
    ],
)
def test_names_are_made_and_accepted(command: Command, name: str) -> None:
    assert command_name(NOON, command.verb, command.remediation, command.step) == name
    check_command_name(f"ops/production/carts/commands/{name}", command)


def test_names_sort_by_time() -> None:
    moments = [datetime(2026, 11, 21, tzinfo=UTC) + timedelta(milliseconds=333 * n) for n in range(50)]
    names = [command_name(moment, "undo") for moment in moments]
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("undo.yaml", "does not say when and what"),
        ("20261121T100000Z-undo.json", "does not say when and what"),
        ("2026-11-21-undo.yaml", "does not say when and what"),
        ("20261121T100000Z-undo-a-3.yaml", "does not say when and what"),
        ("20261121T100000Z-undp-a-03.yaml", "is no verb"),
        ("20261121T100000Z-abort-a-03.yaml", "something else than the file"),
        ("20261121T100000Z-undo-b-03.yaml", "something else than the file"),
        ("20261121T100000Z-undo-a-04.yaml", "something else than the file"),
        ("20261121T100000Z-undo.yaml", "something else than the file"),
        ("20261321T100000Z-undo-a-03.yaml", "`20261321T100000Z` in the file's name is no moment"),
        ("20260230T100000.5Z-undo-a-03.yaml", "`20260230T100000.5Z` in the file's name is no moment"),
        ("20261121T246000Z-undo-a-03.yaml", "`20261121T246000Z` in the file's name is no moment"),
    ],
)
def test_names_that_lie_are_refused(name: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        check_command_name(f"commands/{name}", Command("undo", "a", 3))
    assert message in caught.value.message
    assert caught.value.place == Place(f"commands/{name}")


@pytest.mark.parametrize(
    "name", ["approve.yaml", "20261321T100000Z-approve-a-03.yaml", "20261121T100000Z-approve.yaml"]
)
def test_nobody_approves_by_putting_a_name_right(name: str) -> None:
    with pytest.raises(UserError) as caught:
        check_command_name(f"commands/{name}", Command("approve", "a", 3))
    assert caught.value.hint == "delete it, and ask anew by `reconciler approve`, which names the file"
