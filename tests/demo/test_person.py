"""A person's clone: pushes that land beside somebody else's, and the history as `git fetch` brings it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.demo import settings
from reconciler.demo.person import Person
from reconciler.demo.world import Places, clean_environment, make_repository
from reconciler.model.errors import TerminalError


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "gitconfig").write_text(settings.GIT, "utf-8")
    return Places(tmp_path)


def test_pushes_land_beside_others(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as a hook of another repository would set it
    environment = clean_environment(places)
    you = make_repository(places, environment)
    other = Person.clone(places.remote, places.folder / "other", settings.STAGE, environment)
    since = other.fetched()[-1].id

    you.push({"ops/production/carts/problems/p1.yaml": "title: x\nstate: open\n"}, "one", "monitoring")
    late = other.push({"stage.yaml": "mode: shadow\n"}, "two\n\nStage: production\nRemediation: p1\nEvent: x", "you")

    seen = you.fetched(since)
    assert [(each.author, each.subject) for each in seen] == [("monitoring", "one"), ("you", "two")]
    assert [(each.remediation, each.event) for each in seen] == [("", ""), ("p1", "x")]
    assert seen[-1].id == late.id
    assert you.read("stage.yaml") != "mode: shadow\n"
    you.pull()
    assert you.read("stage.yaml") == "mode: shadow\n"


def test_what_git_refuses_is_told(places: Places) -> None:
    with pytest.raises(TerminalError, match=r"git clone failed: .*does not exist"):
        Person.clone(places.remote, places.clone, settings.STAGE, clean_environment(places))


def test_a_repository_that_cannot_be_made_is_told(places: Places) -> None:
    places.remote.mkdir()
    (places.remote / "something").touch()
    with pytest.raises(TerminalError, match=r"reconciler init --bare failed: .*is not empty"):
        make_repository(places, clean_environment(places))
