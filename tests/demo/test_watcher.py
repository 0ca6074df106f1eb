"""Monitoring: when it reports a problem, when it takes that back, and what it does when it cannot see."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from reconciler.demo import promises
from reconciler.demo.metrics import Metrics
from reconciler.demo.readings import Reading, Spell
from reconciler.demo.waiting import NotYetError, UnmetError
from reconciler.demo.watcher import Alarm, News, Rule, Tempo, Watcher
from reconciler.model.problem import load_problem
from tests.demo.site import Hands, until

SLOW, FAILING = promises.RULES
TEMPO = Tempo(every=0.5, window=2.0, lasting=1.0)


def spell(at: float, p90: float | None, failed: float = 0.0) -> Spell:
    return Spell(at, 0.0) if p90 is None else Spell(at, 28.0, p90, failed)


def told(times: Iterable[float | None], every: float = 0.5) -> list[tuple[float, str, str]]:
    """Return what an alarm about slowness tells of these p90, half a second apart: when, which problem, its state."""
    alarm = Alarm(SLOW, lasting=1.0)
    news = [(at * every, alarm.feed(spell(at * every, p90))) for at, p90 in enumerate(times)]
    return [(at, one.problem, one.state) for at, one in news if one is not None]


def test_a_problem_is_reported_once_it_lasts() -> None:
    assert told([80, 80, 600, 700, 800, 900, 950]) == [(2.0, "slow-1", "open")]


def test_a_moment_is_no_problem() -> None:
    assert told([80, 600, 700, 80, 600, 700, 80]) == []


def test_it_is_over_once_that_lasts() -> None:
    assert told([600, 600, 600, 80, 80, 600, 80, 80, 80]) == [(1.0, "slow-1", "open"), (4.0, "slow-1", "resolved")]


def test_the_next_one_is_another() -> None:
    assert [problem for _, problem, _ in told([600] * 3 + [80] * 3 + [600] * 3)] == ["slow-1", "slow-1", "slow-2"]


def test_silence_is_neither_a_problem_nor_its_end() -> None:
    assert told([None] * 9) == []
    assert told([600, 600, 600, None, None, None, None, None]) == [(1.0, "slow-1", "open")]
    assert told([600, 600, None, 600, 600, 600]) == [(2.5, "slow-1", "open")]


@pytest.mark.parametrize(
    ("rule", "seen", "broken"),
    [
        (SLOW, spell(0, 500.0), False),
        (SLOW, spell(0, 500.1), True),
        (SLOW, spell(0, None), None),
        (FAILING, spell(0, 80.0, failed=0.05), False),
        (FAILING, spell(0, 80.0, failed=0.06), True),
        (FAILING, spell(0, None), None),
    ],
)
def test_the_objectives(rule: Rule, seen: Spell, broken: bool | None) -> None:
    assert rule.broken(seen) is broken


class Scene:
    """Carts' metrics by a clock that goes on with every look."""

    def __init__(self, every: float = 0.5) -> None:
        self.metrics = Metrics()
        self.hands = Hands()
        self.every = every
        self.news: list[News] = []
        self.watcher = Watcher(self.look, promises.RULES, TEMPO, self.news.append, monotonic=self.hands.monotonic)

    def look(self, at: float) -> Reading:
        return Reading.of(self.metrics.text().encode(), at)

    def go_on(self, looks: int, seconds: float, code: int = 200) -> None:
        """Let the watcher look so often, each time after ten requests that took so many seconds."""
        for _ in range(looks):
            for _ in range(10):
                self.metrics.observe(seconds, code)
            self.hands.now += self.every
            self.watcher.step()


def test_it_judges_by_the_time_since_a_window_ago() -> None:
    scene = Scene()
    scene.go_on(4, 0.04)
    assert scene.watcher.spells() == []
    with pytest.raises(NotYetError):
        scene.watcher.newest()
    scene.go_on(1, 0.04)
    newest = scene.watcher.newest()
    assert newest.p90 == pytest.approx(47.5)
    assert (newest.at, newest.rate, newest.failed) == (scene.hands.now, 20.0, 0.0)
    scene.go_on(4, 0.7)
    assert scene.watcher.newest().p90 == pytest.approx(725.0)
    assert len(scene.watcher.spells()) == 5


def test_late_looks_make_the_window_no_shorter() -> None:
    scene = Scene(every=1.5)
    scene.go_on(2, 0.04)
    assert scene.watcher.spells() == []
    scene.go_on(5, 0.04)
    assert [one.rate for one in scene.watcher.spells()] == pytest.approx([10 / 1.5] * 5)


def test_what_it_tells_is_a_problem_file() -> None:
    scene = Scene()
    scene.go_on(8, 0.04)
    scene.go_on(8, 0.7, code=500)
    scene.go_on(12, 0.04)
    assert [(one.problem, one.state) for one in scene.news] == [
        ("slow-1", "open"), ("failing-1", "open"), ("slow-1", "resolved"), ("failing-1", "resolved"),
    ]  # fmt: skip
    assert scene.watcher.news() == scene.news
    slow, failing, over, _ = scene.news
    assert promises.problem_path(slow.problem) == "ops/production/carts/problems/slow-1.yaml"
    problem = load_problem(promises.problem(slow).encode(), promises.problem_path(slow.problem))
    assert (problem.title, problem.state) == ("Response time degradation", "open")
    assert load_problem(promises.problem(failing).encode(), "p.yaml").title == "Failure rate increase"
    assert load_problem(promises.problem(over).encode(), "p.yaml").state == "resolved"
    assert promises.message(slow) == "carts: Response time degradation"
    assert promises.message(over) == "carts: no longer: Response time degradation"


def test_a_look_that_fails_is_made_again_but_not_for_ever() -> None:
    def look(_: float) -> Reading:
        raise NotYetError("nobody answers")

    watcher = Watcher(look, promises.RULES, TEMPO, lambda _: None)
    for _ in range(19):
        watcher.step()
    with pytest.raises(UnmetError, match="20 looks in a row failed; the last: nobody answers"):
        watcher.step()


def test_on_its_thread_it_looks_until_it_is_stopped() -> None:
    metrics = Metrics()
    tempo = Tempo(every=0.001, window=0.002, lasting=0.002)
    with Watcher(lambda at: Reading.of(metrics.text().encode(), at), (), tempo, lambda _: None) as watcher:
        until(watcher.spells, "a spell")
        watcher.check_alive()
    count = len(watcher.spells())
    with pytest.raises(UnmetError, match="the watcher has ended"):
        watcher.check_alive()
    assert len(watcher.spells()) == count


def test_a_push_that_is_refused_ends_it() -> None:
    metrics = Metrics()

    def look(at: float) -> Reading:
        metrics.observe(9.0, 200)
        return Reading.of(metrics.text().encode(), at)

    def refuse(_: News) -> None:
        raise UnmetError("git push failed", hint="see what git says")

    with Watcher(look, promises.RULES, Tempo(0.001, 0.002, 0.0), refuse) as watcher:

        def gave_up() -> bool:
            try:
                watcher.check_alive()
            except UnmetError as error:
                return (error.message, error.hint) == ("the watcher gave up: git push failed", "see what git says")
            return False

        until(gave_up, "it gives up and says why")
