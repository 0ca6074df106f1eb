"""Steps of other rules cannot be decided again: whoever writes another number hides nothing above or beneath it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.decide.draft import RULES
from reconciler.model.names import CommitId
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import whole
from reconciler.repo.replay_chunks import Wish, replay
from reconciler.repo.replay_findings import Kind, Replayed
from tests.decide.files import STAGE
from tests.decide.world import World
from tests.repo.branch import SETTINGS, desired
from tests.repo.conftest import Hub, OpenMirror
from tests.repo.deciding import PLAYBOOK, Deciding, Remote, problem
from tests.repo.replaying import PRODUCTION, Writing, Written, WrittenWorld, errors, made, replayed, rewritten, shown

DESIRED = "ops/production/carts/state/desired.yaml"
OLDER = (RULES - 1, 0, -7)
NEWER = RULES + 97


def two(world: World) -> None:
    """Two problems of one service, one after the other: steps 1 to 5, and 6 to 10."""
    for each in ("p1", "p2"):
        world.open(each)
        world.tick()
        world.over(each)
        world.later(90_000)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    return made(tmp_path_factory.mktemp("past") / "past.git", two)


def of_rules(each: Written, rules: int) -> Written:
    return each.saying((f"Rules: {RULES}\n", f"Rules: {rules}\n"), (f"rules: {RULES}\n", f"rules: {rules}\n"))


def holding_nine(each: Written) -> Written:
    """The decision about p2 writes another value into desired.yaml."""
    content = each.files[DESIRED]
    assert content is not None
    assert b"value: 3\n" in content
    return replace(each, files={**each.files, DESIRED: content.replace(b"value: 3\n", b"value: 9\n")})


def changed(commits: list[Written], sequence: int, change: Callable[[Written], Written]) -> list[Written]:
    return [change(each) if each.sequence == sequence else each for each in commits]


def after(commits: list[Written], sequence: int, *more: Written) -> list[Written]:
    """Put further commits right after a step."""
    place = next(number for number, each in enumerate(commits) if each.sequence == sequence) + 1
    return [*commits[:place], *more, *commits[place:]]


@pytest.mark.parametrize("rules", [*OLDER, NEWER])
def test_a_value_under_another_number_is_named_and_so_is_what_follows_from_it(
    rules: int, history: list[Written], tmp_path: Path
) -> None:
    """The decision about p2 says 9; the two steps after it do not touch it, and the ninth writes it once more."""
    became = rewritten(
        tmp_path / "past.git", history, lambda known: changed(known, 7, lambda e: of_rules(holding_nine(e), rules))
    )
    found = replayed(tmp_path / "past.git")
    forged = next(each for each in history if each.sequence == 7)
    first = errors(found)[0]
    assert (first.kind, first.commit, first.where) == (Kind.RULES, became[forged.id], "Rules"), shown(found)
    assert f"rules {rules}" in first.what
    assert found.exact < found.steps


@pytest.mark.parametrize("rules", OLDER)
def test_what_others_changed_beneath_a_step_of_older_rules_is_still_theirs(
    rules: int, history: list[Written], tmp_path: Path
) -> None:
    """Somebody changes a value, and lets a commit of older rules stand on it."""
    edit = Written(
        CommitId("e" * 40), (), {DESIRED: b"targets: {}\n"}, "a change\n", "Ann <a@x.org>", "Ann <a@x.org>", 0
    )

    def beneath(known: list[Written]) -> list[Written]:
        return after(changed(known, 6, lambda each: of_rules(each, rules)), 5, edit)

    became = rewritten(tmp_path / "past.git", history, beneath)
    found = replayed(tmp_path / "past.git")
    named = {each.commit: each.kind for each in errors(found)}
    assert named[became[edit.id]] == Kind.FOREIGN, shown(found)
    assert Kind.RULES in named.values()


@pytest.mark.parametrize("rules", [*OLDER, NEWER])
def test_a_merge_that_chose_an_older_state_is_named_under_steps_of_other_rules_too(rules: int, tmp_path: Path) -> None:
    """The differences of a merge say nothing; what it chose is seen from where steps left the files."""
    with Writing(tmp_path / "past.git") as writing:
        world = WrittenWorld(writing)
        begin = writing.tips[PRODUCTION]
        world.open("p1")
        world.tick()
        side = writing.commit({"carts/slo.yaml": b"x: 1\n"}, "mine\n", ref="refs/heads/mine", parents=[begin])
        merge = {path: content for path, content in world.files.items() if path.startswith("ops/") and path != DESIRED}
        merged = writing.commit(merge, "Merge\n", parents=[side, writing.tips[PRODUCTION]])
        third = next(each for each in writing.written if each.sequence == 3)
        forged = of_rules(third, rules).saying(
            ("Sequence: 3\n", "Sequence: 4\n"), ("sequence: 3\n", "sequence: 4\n"),
        )  # fmt: skip
        path = "ops/production/carts/remediations/p1/04-applied.yaml"
        writing.commit({path: next(iter(forged.files.values()))}, forged.message, forged.author, when=forged.when)
    found = replayed(tmp_path / "past.git")
    named = {each.commit: each.kind for each in errors(found)}
    assert named.get(merged) == Kind.FOREIGN, shown(found)
    assert Kind.RULES in named.values()


def test_after_a_step_of_newer_rules_ours_are_nobodys_and_decided_again_all_the_same(
    history: list[Written], tmp_path: Path
) -> None:
    """A branch with newer rules is held, so no step of ours can follow; and what it changed is named besides."""

    def later(known: list[Written]) -> list[Written]:
        return changed(
            changed(known, 7, lambda each: each.saying(("carts: scale 2", "carts: scale 0"))),
            3,
            lambda each: of_rules(each, NEWER),
        )

    rewritten(tmp_path / "past.git", history, later)
    found = replayed(tmp_path / "past.git")
    rules = [each for each in errors(found) if each.kind == Kind.RULES]
    assert [(each.sequence, each.count) for each in rules] == [(3, 1), (4, 4), (8, 3)], shown(found)
    assert f"after step 3 of rules {NEWER}" in rules[1].what
    (wrong,) = (each for each in errors(found) if each.kind == Kind.MESSAGE)
    assert (wrong.sequence, wrong.where) == (7, "subject")
    assert found.exact == 2


def test_many_of_one_number_one_after_the_other_are_one_finding(history: list[Written], tmp_path: Path) -> None:
    became = rewritten(
        tmp_path / "past.git", history, lambda known: [of_rules(e, NEWER) if e.sequence > 4 else e for e in known]
    )
    found = replayed(tmp_path / "past.git")
    (told,) = errors(found)
    last = next(each for each in history if each.sequence == 10)
    assert (told.kind, told.sequence, told.count, told.until) == (Kind.RULES, 5, 6, became[last.id])
    assert found.exact == 4


def test_a_step_of_newer_rules_out_of_its_place_is_nobodys(history: list[Written], tmp_path: Path) -> None:
    """By its number it is not the next one, so nobody takes it; what comes after it does not stand on it."""
    second = next(each for each in history if each.sequence == 2)
    own = "ops/production/carts/remediations/p1/33-decided.yaml"
    message = of_rules(second, NEWER).message.replace("Sequence: 2\n", "Sequence: 33\n")
    files: dict[str, bytes | None] = {DESIRED: b"targets: {}\n", own: b"x: 1\n"}
    extra = Written(CommitId("e" * 40), (), files, message, "Ann <a@x.org>", "Ann <a@x.org>", 0)
    became = rewritten(tmp_path / "past.git", history, lambda known: after(known, 5, extra))
    found = replayed(tmp_path / "past.git")
    assert {each.commit for each in errors(found)} == {became[extra.id]}, shown(found)
    assert found.exact == found.steps - 1


def test_a_range_does_not_begin_with_a_step_of_older_rules(history: list[Written], tmp_path: Path) -> None:
    """It is no step, so what the range begins with is the step before it, and it is told."""
    forged = of_rules(next(each for each in history if each.sequence == 5), RULES - 1)
    forged = replace(forged, id=CommitId("e" * 40), message=forged.message.replace("Sequence: 5\n", "Sequence: 77\n"))

    became = rewritten(tmp_path / "past.git", history, lambda known: after(known, 5, forged))
    found = replayed(tmp_path / "past.git", since=became[forged.id])
    assert [each.kind for each in errors(found)] == [Kind.RULES], shown(found)
    assert found.exact == 5


def _replayed(hub: Hub) -> Replayed:
    with LocalRepository.open(hub.path) as repository, whole(repository) as offline:
        return replay(repository, offline, Wish(STAGE, hub.tip(), hub.tip("main")))


@pytest.mark.parametrize("value", [6, 1])
def test_what_the_daemon_put_back_is_a_note_and_all_steps_are_exact(
    value: int, hub: Hub, open_mirror: OpenMirror
) -> None:
    """A daemon takes a step of older rules for somebody's change; the replay of what it wrote says the same."""
    project = hub.land({"project.yaml": b"name: sockshop\nstages: [production]\n"}, "main")
    hub.land({"carts/remediation.yaml": PLAYBOOK, **problem("p1")})
    remote = Remote(hub, projects={project: SETTINGS}, project=project)
    daemon = Deciding(remote, open_mirror("daemon"))
    daemon.tick()
    hub.land(problem("p2"))
    step = daemon.decide({}).steps[0]
    hub.land(dict.fromkeys(problem("p2")))
    forged = replace(step, rules=RULES - 1, files={DESIRED: desired(value=value, sequence=step.sequence)})
    (commit,) = remote.land([forged])
    assert daemon.tick()[0].event == "restored"
    found = _replayed(hub)
    told = [each for each in found.findings if each.kind != Kind.BY]
    assert {each.commit for each in told} == {commit}, shown(found)
    assert {each.kind for each in told} == {Kind.RULES, Kind.FOREIGN}
    assert all("put back by step" in each.what and not each.error for each in told)
    # Who lands commits in this test is nobody's daemon; but for that, each is what had to come.
    assert len(errors(found)) == found.steps - 1
