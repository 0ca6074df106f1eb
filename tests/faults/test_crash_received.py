"""`reconciler run` itself, killed with SIGKILL while a webhook is taken in, pushed and answered, and what follows done.

Its sender repeats itself until it is told 2xx, as all do, and then never again: whoever was told so has to be right,
and who was not must not be heard twice.
"""

from __future__ import annotations

import httpx
import pytest

from tests.daemon.site import eventually
from tests.daemon.test_process import Running, running
from tests.faults.crash_points import COMES_BY, done
from tests.faults.crashing import KILLED
from tests.faults.invariants import Scene
from tests.faults.receiving import PATH, alert, group, note, once, reported

SERVED = "server: {listen: '127.0.0.1:0'}\nwebhooks: {alertmanager: {}}\n"
RECEIVED = ("body", "hand-in", "report-push", "write", "push", "read-back", "answer")
POINTS = (
    *(f"{side}-{name}" for name in RECEIVED for side in ("before", "after")),
    *("before-write:2", "before-push:2", "after-push:2", "before-apply", "after-apply", "before-applied-push"),
)
"""Those of a report until it is answered; and of what is decided about it, before or after the answer."""


class Sender:
    """Monitoring that has one alert to tell."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.thanked = False

    def tries(self, daemon: Running) -> None:
        """Send it, unless it was told that it need not; look whether that was so."""
        if self.thanked:
            return
        [listening] = daemon.logged(event="listening", server="listen")
        try:
            with httpx.Client(base_url=f"http://{listening['address']}", trust_env=False, timeout=30) as client:
                answer = client.post(PATH, json=group(alert()))
        except httpx.TransportError:
            return
        self.thanked = answer.is_success
        if self.thanked:
            note(self._scene, answer)
            assert reported(self._scene) == 1, "it is told to be safe, and is not there"


def test_c1_all_that_a_sender_is_heard_and_told_is_among_the_points() -> None:
    assert COMES_BY["received"] | {"report-push"} <= done([point.partition(":")[0] for point in POINTS])


@pytest.mark.parametrize("point", POINTS)
def test_c1_run_is_killed_and_its_sender_repeats_itself_until_it_is_thanked(scene: Scene, point: str) -> None:
    site = scene.site
    site.config.write_text(site.config.read_text() + SERVED)
    sender = Sender(scene)

    with running(site, point) as daemon:

        def killed() -> bool:
            sender.tries(daemon)
            return daemon.process.poll() is not None

        eventually(killed, f"killed at {point}")
        assert daemon.stop() == KILLED
        scene.said += daemon.lines

    with running(site) as daemon:

        def over() -> bool:
            sender.tries(daemon)
            return sender.thanked and site.events()[-1:] == ["applied"]

        eventually(over, "it is thanked, and all is done")
        assert daemon.stop() == 0
        scene.said += daemon.lines
    assert site.events() == ["opened", "decided", "applied"]
    assert reported(scene) == 1
    once(scene)
