"""A cursor file is a help and never a hindrance."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.model.names import StageName
from reconciler.notify.cursors import Cursors
from tests.notify.making import STAGE, commit, log


def test_what_is_put_is_there_for_the_next_process(tmp_path: Path) -> None:
    cursors = Cursors(tmp_path / "notified", log())
    assert cursors.get(STAGE, "chat") == ""
    cursors.put(STAGE, "chat", commit(1))
    cursors.put(STAGE, "on-call", commit(2))
    cursors.put(StageName("staging"), "chat", commit(3))
    fresh = Cursors(tmp_path / "notified", log())
    assert [fresh.get(STAGE, name) for name in ("chat", "on-call", "other")] == [commit(1), commit(2), ""]
    assert fresh.get(StageName("staging"), "chat") == commit(3)
    assert sorted(file.name for file in (tmp_path / "notified").iterdir()) == ["production.json", "staging.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"chat": 7}', b"\xff", b"[" * 50_000])
def test_a_file_that_says_nothing_is_like_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "production.json").write_bytes(content)
    cursors = Cursors(tmp_path, log())
    assert cursors.get(STAGE, "chat") == ""
    cursors.put(STAGE, "chat", commit(1))
    assert json.loads((tmp_path / "production.json").read_text()) == {"chat": commit(1)}


def test_a_folder_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    cursors = Cursors(tmp_path / "notified", log())
    cursors.put(STAGE, "chat", commit(1))
    shutil.rmtree(tmp_path / "notified")
    cursors.put(STAGE, "chat", commit(2))
    assert Cursors(tmp_path / "notified", log()).get(STAGE, "chat") == commit(2)


def test_a_folder_that_cannot_be_made_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "notified").write_text("a file")
    cursors = Cursors(tmp_path / "notified", log())
    with capture_logs() as lines:
        cursors.put(STAGE, "chat", commit(1))
        cursors.put(STAGE, "chat", commit(2))
    assert [line["event"] for line in lines] == ["how far receivers were told is not kept"]
    assert cursors.get(STAGE, "chat") == commit(2)


def test_two_that_write_at_once_do_not_take_each_others_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = list[str]()
    replace_file = Path.replace

    def noted(self: Path, target: Path) -> Path:
        names.append(self.name)
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    old, new = Cursors(tmp_path, log()), Cursors(tmp_path, log())
    for number, cursors in enumerate((old, new, old)):
        cursors.put(STAGE, "chat", commit(number))
    assert len(names) == 3
    assert len(set(names)) == 2


def test_a_stage_with_a_slash_has_a_file_too(tmp_path: Path) -> None:
    Cursors(tmp_path, log()).put(StageName("team/prod"), "chat", commit(1))
    assert Cursors(tmp_path, log()).get(StageName("team/prod"), "chat") == commit(1)
