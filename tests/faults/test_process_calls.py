"""A call of an endpoint, whose answer a killed process takes with it: row C1 where the world shows nothing of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.daemon.site import SCALING, eventually
from tests.faults.crashing import KILLED, Passes
from tests.faults.invariants import Scene
from tests.targets.endpoints.receiver import OK, Receiver, Say, receiving

CALLING = SCALING.replace("action: scaling\n    value: +1", "action: webhook\n    value: runbooks")


@pytest.fixture
def receiver(scene: Scene) -> Iterator[Receiver]:
    """An endpoint that wants a token, which the playbook of `carts` calls."""
    site = scene.site
    with receiving() as made:
        scene.watch_calls(made)
        (site.folder / "runbooks").write_text(scene.plant("tok-4711-of-runbooks", "the endpoint"))
        endpoint = f"{{runbooks: {{url: '{made.url}/run', tokenFile: runbooks}}}}"
        site.config.write_text(f"{site.config.read_text()}        allow: {{endpoints: {endpoint}}}\n")
        scene.person({"carts/remediation.yaml": CALLING}, "call somebody")
        yield made


@pytest.mark.parametrize(
    ("point", "times"), [("before-push:1", 1), ("before-apply", 1), ("after-apply", 2), ("before-push:2", 2)]
)
def test_c1_a_call_is_made_after_its_decision_and_again_only_where_its_answer_died(
    scene: Scene, driver: Passes, receiver: Receiver, point: str, times: int
) -> None:
    site = scene.site
    scene.calls_again = times > 1
    scene.problem()
    assert driver.make(site, point) == KILLED
    shutil.rmtree(site.folder / "state")
    eventually(lambda: driver.make(site) == 0 and site.events()[-1:] == ["applied"], "goes on where it stood")
    assert site.events() == ["opened", "decided", "applied"]
    assert len(receiver.told) == times
    assert len({(told.key, told.body) for told in receiver.told}) == 1, "by the key the receiver makes it once"


def test_c1_a_call_that_was_answered_is_not_made_again(scene: Scene, receiver: Receiver) -> None:
    """Not by the same process, whatever the answers before were."""
    site = scene.site
    receiver.answers = [Say(503), Say(how="reset"), OK]
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        loop.look_at_everything()
        assert loop.tick() == ()
    assert len(receiver.told) == 3
    assert len({told.key for told in receiver.told}) == 1
