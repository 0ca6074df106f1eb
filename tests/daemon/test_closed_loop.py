"""The whole loop: a problem's file, the action, the wait, the values, and how it ends, with restarts all the way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from reconciler.daemon import stage_loop
from reconciler.model.evaluations import load_evaluations
from reconciler.model.instant import Instant, format_instant
from tests.daemon.measured import SLI, SLO, TITLE, TWO
from tests.daemon.site import Site, eventually, git, until
from tests.evidence.speaking import Request, Response, SpeakingServer

WAIT = 20


class Monitoring:
    """A Prometheus whose every query has one value, which a test sets; None is an empty answer."""

    def __init__(self) -> None:
        self.value: float | None = None
        self.asked: list[tuple[str, float]] = []

    def __call__(self, request: Request) -> Response:
        if request.path.endswith("/query_range"):
            return self._answer("matrix", [])
        moment = float(request.params["time"])
        self.asked.append((request.params["query"], moment))
        return self._answer(
            "vector", [] if self.value is None else [{"metric": {}, "value": [moment, str(self.value)]}]
        )

    @staticmethod
    def _answer(kind: str, result: list[dict[str, object]]) -> Response:
        body = json.dumps({"status": "success", "data": {"resultType": kind, "result": result}})
        return Response(200, body.encode(), {"Content-Type": "application/json"})


@pytest.fixture
def measured() -> Monitoring:
    return Monitoring()


@pytest.fixture
def shop(site: Site, measured: Monitoring) -> Iterator[Site]:
    """The site with objectives, a playbook of two actions, and a Prometheus."""
    with SpeakingServer(measured) as server:
        config = site.config.read_text()
        site.config.write_text(f"{config}        evidence: {{prometheus: {{url: {server.url!r}}}}}\n")
        site.push({
            "carts/slo.yaml": SLO, "carts/prometheus/sli.yaml": SLI, "carts/remediation.yaml": TWO,
            "stage.yaml": f"wait: {WAIT}s\n",
        })  # fmt: skip
        yield site


@dataclass(frozen=True)
class Story:
    """What is measured at each evaluation, before which of them the source resolves, and how it goes."""

    values: tuple[float | None, ...]
    resolved_before: int | None
    events: tuple[str, ...]


BEGUN = ("opened", "decided", "applied")
NEXT = ("evaluated", "decided", "applied")
STORIES = {
    "remediated": Story((80,), 0, (*BEGUN, "evaluated", "remediated")),
    "over a wait later": Story((80, 80), 1, (*BEGUN, "evaluated", "evaluated", "remediated")),
    "still firing": Story((80, 80), None, (*BEGUN, "evaluated", "evaluated", "escalated")),
    "resolved and not healed": Story((500,), 0, (*BEGUN, "evaluated", "resolved")),
    "the second action helps": Story((500, 80), 1, (*BEGUN, *NEXT, "evaluated", "remediated")),
    "no action left": Story((500, 500), None, (*BEGUN, *NEXT, "evaluated", "escalated")),
    "unverified": Story((None,) * 4, 0, (*BEGUN, *["evaluated"] * 4, "unverified")),
}


def play(site: Site, measured: Monitoring, story: Story, wait_for: Callable[[Callable[[], object], str], None]) -> None:
    """Let a story happen, and see that it goes as it says."""
    site.problem("p1", TITLE)
    wait_for(lambda: site.events()[-1:] == ["applied"], "the first action took effect")
    seen = len(BEGUN)
    for number, value in enumerate(story.values):
        if story.resolved_before == number:
            site.problem("p1", TITLE, "resolved")
        measured.value = value
        site.later(WAIT)
        more = [at for at, event in enumerate(story.events) if event == "evaluated" and at > seen]
        seen = more[0] if number + 1 < len(story.values) else len(story.events)
        wait_for(lambda seen=seen: len(site.events()) >= seen, f"evaluation {number + 1} and what follows")  # type: ignore[misc]  # a lambda with a default
    assert tuple(site.events()) == story.events


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_a_story_ends_as_it_should(shop: Site, measured: Monitoring, story: Story) -> None:
    with shop.loop() as loop:
        play(shop, measured, story, lambda met, what: until(loop, met, what))
        before = git(shop.remote, "rev-parse", "production")
        assert loop.tick() == ()
    assert git(shop.remote, "rev-parse", "production") == before
    assert shop.replicas() == 2
    assert shop.flag("EnableItemsCache") == ("on" if story.events.count("decided") == 2 else "off")


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_and_so_it_does_with_a_restart_on_an_empty_disk_after_every_push_and_every_write(
    shop: Site, measured: Monitoring, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_loop, "_ROUNDS", 1)

    def one_round_of_a_new_daemon(met: Callable[[], object]) -> object:
        shutil.rmtree(shop.folder / "state", ignore_errors=True)
        with shop.loop() as loop:
            loop.tick()
        return met()

    play(shop, measured, story, lambda met, what: eventually(lambda: one_round_of_a_new_daemon(met), what))
    values = [body["spec"]["replicas"] for body in shop.scalings() if "spec" in body]
    assert values == [2], "every effect happens once"


def test_the_values_asked_for_are_those_of_the_window(shop: Site, measured: Monitoring) -> None:
    with shop.loop() as loop:
        play(shop, measured, STORIES["remediated"], lambda met, what: until(loop, met, what))
    (asked,) = measured.asked
    evaluated = shop.file("ops/production/carts/remediations/p1/04-evaluated.yaml") or ""
    until_then = next(line for line in evaluated.splitlines() if line.startswith("  end:"))
    assert asked[0] == 'p90{job="carts"}'
    assert format_instant(Instant(int(asked[1]))) in until_then
    kept = load_evaluations(
        f"{shop.file('ops/production/carts/state/evaluations.yaml')}\n".encode(), "evaluations.yaml"
    )
    assert [(each.result, each.values) for each in kept] == [("pass", {"response_time_p90": 80.0})]
