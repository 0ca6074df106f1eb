"""An audit that knows who may sign blames what was forged, and none of the steps of ours that answered it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.names import CommitId
from reconciler.model.step import Step
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from reconciler.repo.steps import as_commit
from tests.repo.conftest import PRODUCTION
from tests.repo.test_signing_audit import Story, key, story

__all__ = ["key", "story"]
UNSIGNED = "this step is not signed by us: it is not signed"


def forge(told: Story, folder: Path, *sequences: int) -> list[CommitId]:
    """Write steps as ours and with our name, by somebody who does not have our key."""
    with Mirror.open(folder / f"else-{sequences[0]}", str(told.hub.path)) as other:
        ids: list[CommitId] = []
        for sequence in sequences:
            tip = told.tip
            [made] = other.write(tip, [as_commit(told.step(sequence))])
            other.push([RefUpdate(PRODUCTION, tip, made)])
            told.tip = made
            ids.append(made)
    return ids


@pytest.fixture
def answered(story: Story, tmp_path: Path) -> tuple[Story, list[CommitId], list[CommitId]]:
    """Five steps, two that somebody forged, and two of ours with the numbers of those, the first of which answered."""
    story.five()
    forged = forge(story, tmp_path, 6, 7)
    return story, forged, [story.write(_again(story, 6)), story.write(_again(story, 7)), story.write(story.step(8))]


def _again(told: Story, sequence: int) -> Step:
    """Return a step with the number of another one, in a file of its own."""
    return told.step(sequence, number=sequence + 10)


def test_steps_that_answer_a_forgery_are_not_blamed(
    answered: tuple[Story, list[CommitId], list[CommitId]],
) -> None:  # fmt: skip
    told, forged, _ = answered
    found = told.audit().findings
    assert [(each.commit, each.what) for each in found] == [(each, UNSIGNED) for each in forged]


def test_a_range_that_begins_after_the_answer_goes_on_from_it(
    answered: tuple[Story, list[CommitId], list[CommitId]],
) -> None:  # fmt: skip
    told, _, ours = answered
    assert told.audit(since=ours[0]).findings == []


def test_without_keys_two_steps_of_a_number_are_named(
    answered: tuple[Story, list[CommitId], list[CommitId]],
) -> None:  # fmt: skip
    """Nobody can say which of them is ours, so both stand there."""
    told, forged, _ = answered
    assert f"there is another step 6: {forged[0][:12]}" in told.told(signatures=False)


def test_what_is_missing_before_a_forgery_is_still_named(story: Story, tmp_path: Path) -> None:
    story.five()
    forge(story, tmp_path, 8)
    story.write(story.step(9))
    assert story.told() == ["steps 6 to 7 are missing before it", UNSIGNED]


def test_steps_that_were_signed_from_some_number_on_go_on_from_those_before(story: Story, tmp_path: Path) -> None:
    forge(story, tmp_path, 1, 2)
    story.write(story.step(3))
    assert story.told() == [UNSIGNED] * 2
