"""Whatever is done to a history of steps, a replay finds the commit and says what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import CommitId
from reconciler.repo.replay_findings import Kind
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Workload
from tests.decide.world import World
from tests.repo.replaying import Written, errors, made, replayed, rewritten, shown

OPS = "ops/production/carts"
PICKED = CommitId("0" * 40)
DESIRED = f"{OPS}/state/desired.yaml"
EVALUATIONS = f"{OPS}/state/evaluations.yaml"


def _story(world: World) -> None:
    """Two problems of one service, and one of another: steps 1 to 5, 6 to 10, and 11 to 13."""
    world.playbook(playbook(entry("Response time degradation", "scaling +1")), "orders")
    world.around.workloads["orders"] = Workload()
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    for problem in ("p1", "p2"):
        world.open(problem)
        world.tick()
        world.over(problem)
        world.later(90_000)
    world.open("p3", service="orders")
    world.tick()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    commits = made(tmp_path_factory.mktemp("past") / "past.git", _story)
    assert [each.sequence for each in commits if each.sequence] == list(range(1, 14))
    return commits


Change = Callable[[list[Written]], list[Written]]


def step(commits: Sequence[Written], sequence: int) -> Written:
    (found,) = (each for each in commits if each.sequence == sequence)
    return found


def changing(sequence: int, change: Callable[[Written], Written]) -> Change:
    return lambda commits: [change(each) if each.sequence == sequence else each for each in commits]


def saying(sequence: int, *words: tuple[str, str]) -> Change:
    """Change words wherever they stand in a step's message and files; they must stand there."""

    def change(each: Written) -> Written:
        said = each.saying(*words)
        assert said != each
        return said

    return changing(sequence, change)


def in_file(sequence: int, path: str, old: str, new: str, *, message: tuple[str, str] | None = None) -> Change:
    """Change one file of a step whose name ends so."""

    def change(each: Written) -> Written:
        (name,) = (name for name in each.files if name.endswith(path))
        content = each.files[name]
        assert content is not None
        assert old.encode() in content
        text = each.message.replace(*message) if message else each.message
        return replace(each, files={**each.files, name: content.replace(old.encode(), new.encode())}, message=text)

    return changing(sequence, change)


def without(sequence: int) -> Change:
    return lambda commits: [each for each in commits if each.sequence != sequence]


def swapped(commits: list[Written]) -> list[Written]:
    four, five = (commits.index(step(commits, number)) for number in (4, 5))
    commits[four], commits[five] = commits[five], commits[four]
    return commits


def squashed(commits: list[Written]) -> list[Written]:
    two, three = step(commits, 2), step(commits, 3)
    both = replace(three, files={**two.files, **three.files})
    return [both if each is three else each for each in commits if each is not two]


def picked(commits: list[Written]) -> list[Written]:
    """The decision about p1 once more, at the end."""
    return [*commits, replace(step(commits, 2), id=PICKED)]


def elsewhere(each: Written) -> Written:
    """The step says that it is about another service, and lies in its folder."""
    files = {path.replace("/carts/", "/orders/"): content for path, content in each.files.items()}
    return replace(each, files=files, message=each.message.replace("Service: carts", "Service: orders"))


def with_facts(each: Written) -> Written:
    """Other values were measured, the message has their hash, and nothing else follows from them."""
    (name,) = (name for name in each.files if name.endswith("-evaluated.yaml"))
    content = each.files[name]
    assert content is not None
    head, found, facts = content.partition(b"\nfacts:\n")
    assert b"80.0" in facts

    def told(text: bytes) -> str:
        return hashlib.sha256(text[2:].replace(b"\n  ", b"\n")).hexdigest()

    forged = facts.replace(b"80.0", b"70.0")
    message = each.message.replace(told(facts), told(forged))
    assert message != each.message
    return replace(each, files={**each.files, name: head + found + forged}, message=message)


def renumbered(sequence: int, number: int) -> Change:
    return saying(
        sequence,
        (f"Sequence: {sequence}\n", f"Sequence: {number}\n"),
        (f"sequence: {sequence}\n", f"sequence: {number}\n"),
    )


def founded_elsewhere(each: Written) -> Written:
    config = each.message.partition("Config: ")[2][:40]
    return each.saying((config, "0123456789" * 4))


def earlier(each: Written) -> Written:
    lines = {line.partition(": ")[0]: line.partition(": ")[2] for line in each.message.splitlines()}
    return each.saying((lines["Now"], format_instant(Instant(each.when - 100_000))))


def with_file(path: str, content: bytes) -> Change:
    return changing(2, lambda each: replace(each, files={**each.files, path: content}))


def without_file(path: str) -> Change:
    return changing(2, lambda each: replace(each, files={p: c for p, c in each.files.items() if p != path}))


MORE = f"{OPS}/state/x.yaml"
EVALUATED = "-evaluated.yaml"
TAMPERED: dict[str, tuple[Change, int, Kind, str]] = {
    "a value in desired.yaml": (in_file(2, "desired.yaml", "value: 2", "value: 3"), 2, Kind.FILE, f"{DESIRED}:"),
    "a missing step": (without(3), 4, Kind.NUMBER, "Sequence"),
    "two steps the other way round": (swapped, 5, Kind.NUMBER, "Sequence"),
    "facts without their hash": (in_file(4, EVALUATED, "80.0}", "81.0}"), 4, Kind.MESSAGE, "Facts"),
    "facts with their hash": (changing(4, with_facts), 4, Kind.FILE, f"{EVALUATIONS}:"),
    "the subject": (saying(2, ("carts: scale 1", "carts: scale 0")), 2, Kind.MESSAGE, "subject"),
    "the body": (saying(2, ("had 1 replica", "had 9 replicas")), 2, Kind.MESSAGE, "message:"),
    "a trailer": (saying(2, ("Action-Index: 1/1", "Action-Index: 1/2")), 2, Kind.MESSAGE, "Action-Index"),
    "a moment before that of the step before": (changing(7, earlier), 7, Kind.TIME, "Now"),
    "a number left out": (renumbered(7, 8), 7, Kind.NUMBER, "Sequence"),
    "a number twice": (renumbered(7, 6), 7, Kind.NUMBER, "Sequence"),
    "the commit that it was decided on": (changing(6, founded_elsewhere), 6, Kind.BASE, "Config"),
    "another service": (changing(3, elsewhere), 3, Kind.NOTHING, ""),
    "the result of an evaluation": (in_file(4, EVALUATED, '"pass"', '"fail"'), 4, Kind.FILE, f"{EVALUATED}:"),
    "the evaluations for later": (in_file(4, "evaluations.yaml", "100.0", "99.0"), 4, Kind.FILE, f"{EVALUATIONS}:"),
    "two steps in one commit": (squashed, 3, Kind.NUMBER, "Sequence"),
    "a step picked from elsewhere": (picked, 2, Kind.NUMBER, "Sequence"),
    "a file more": (with_file(MORE, b"{}\n"), 2, Kind.FILE, MORE),
    "a file less": (without_file(DESIRED), 2, Kind.FILE, DESIRED),
    "a file of people's with it": (with_file("carts/slo.yaml", b"x: 1\n"), 2, Kind.FORM, ""),
    "a commit dated otherwise": (
        changing(2, lambda each: replace(each, when=each.when + 1)), 2, Kind.TIME, "the commit's date",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_tampered_with_is_found_and_named(what: str, history: list[Written], tmp_path: Path) -> None:
    tamper, sequence, kind, where = TAMPERED[what]
    became = rewritten(tmp_path / "past.git", history, tamper)
    if what == "a step picked from elsewhere":
        became[step(history, 2).id] = became[PICKED]
    found = replayed(tmp_path / "past.git")
    wrong = errors(found)
    assert wrong, "nothing was found"
    first = wrong[0]
    assert first.commit == became[step(history, sequence).id], shown(found)
    assert first.kind == kind, shown(found)
    assert where in first.where, shown(found)
    assert first.todo


def test_a_history_that_was_written_anew_is_one_finding_for_all_steps_that_show_it(
    history: list[Written], tmp_path: Path
) -> None:
    """Later steps still name commits of the old branch, each of which is gone; their content is what had to come."""
    became = rewritten(tmp_path / "past.git", history, saying(1, ("carts: opened", "carts: Opened")), follow=False)
    found = replayed(tmp_path / "past.git")
    first, others = errors(found)
    assert (first.commit, first.kind) == (became[step(history, 1).id], Kind.MESSAGE)
    assert (others.kind, others.where, others.until) == (Kind.BASE, "Config", became[step(history, 13).id])
    assert others.count > 3


def test_what_is_right_after_a_forgery_is_still_called_right(history: list[Written], tmp_path: Path) -> None:
    """A changed subject leads to nothing else: all other steps are what had to come."""
    rewritten(tmp_path / "past.git", history, saying(2, ("carts: scale 1", "carts: scale 0")))
    found = replayed(tmp_path / "past.git")
    assert found.exact == found.steps - 1
