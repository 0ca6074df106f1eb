"""The checker itself: each invariant that is broken is noticed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.embedded.cluster.journal import Entry
from reconciler.embedded.git_http import GitRequest
from reconciler.embedded.unleash import Account, World
from reconciler.embedded.unleash.server import Exchange
from reconciler.model.targets import Mark
from reconciler.targets.flagd import flag as flagd
from reconciler.targets.flagd import server as flagd_server
from reconciler.targets.flagd.replace import read
from reconciler.targets.unleash import marks
from tests.daemon.site import Site, git
from tests.evidence.speaking import Request
from tests.faults.effects import ROBOT
from tests.faults.invariants import Scene
from tests.faults.secrecy import Known
from tests.targets.endpoints.receiver import Receiver, Told


def lose_a_problem(scene: Scene) -> None:
    scene.accepted.add("never-pushed")


def ignore_a_problem(scene: Scene) -> None:
    scene.problem("ignored", "looked at by nobody")


def ignore_a_problem_with_a_part_of_anothers_name(scene: Scene) -> None:
    scene.problem("p", "looked at by nobody")


def decide_again_in_another_row(scene: Scene) -> None:
    """Let a second row decide the same about the same problem, a merge bring both together, and both be applied."""
    remote = scene.site.remote
    decided = git(remote, "rev-list", "-1", "--grep=^Event: decided", "production")
    message = git(remote, "log", "-1", "--format=%B", decided)
    twin = git(remote, "commit-tree", f"{decided}^{{tree}}", "-p", f"{decided}^", "-m", message)
    merge = git(remote, "commit-tree", "production^{tree}", "-p", "production", "-p", twin, "-m", "both")
    git(remote, "update-ref", "refs/heads/production", merge)
    last = scene.site.cluster.journal.writes()[-1]
    notes = {"reconciler.dev/step": f"2:{twin}"}
    scene.site.cluster.journal.add(replace(last, body={"metadata": {"annotations": notes}}))


def write_twice(scene: Scene) -> None:
    scene.site.cluster.journal.add(scene.site.cluster.journal.writes()[-1])


def write_unfounded(scene: Scene) -> None:
    last = scene.site.cluster.journal.writes()[-1]
    notes = {"reconciler.dev/step": f"9:{'a' * 40}"}
    scene.site.cluster.journal.add(replace(last, body={"metadata": {"annotations": notes}}))


def drop_a_commit(scene: Scene) -> None:
    git(scene.site.remote, "update-ref", "refs/heads/production", "production~1")


def tell_a_secret(scene: Scene) -> None:
    scene.secrets.append("carts: scale 1")


def switch(scene: Scene, commit: str) -> None:
    """Let us switch a flag on, off and on again by the same step, with a mark that names a commit."""
    world, who = World(), Account(7, ROBOT)
    scene.effects.watch_flags(world)
    flag = world.create(who, "default", "EnableItemsCache", "release", None)
    mark = marks.encode("production", marks.record(Mark("sockshop/production/carts", 3, commit), True, ""))
    world.retag(who, flag, [(marks.TAG_TYPE, value) for value in mark], [])
    for state in (True, False, True):
        world.switch(who, flag, "production", state)


def switch_twice(scene: Scene) -> None:
    switch(scene, git(scene.site.remote, "rev-parse", "production"))


def switch_unfounded(scene: Scene) -> None:
    switch(scene, "a" * 40)


def tip(scene: Scene) -> str:
    return git(scene.site.remote, "rev-parse", "production")


def marked(scene: Scene, flag: str, step: str) -> bytes:
    """Return the flag file with another mark on a flag, as we would leave it."""
    content = json.loads(scene.site.flags.read_text())
    content["flags"][flag].setdefault("metadata", {})[flagd.STEP] = step
    return json.dumps(content).encode()


def put(scene: Scene, content: bytes) -> None:
    """Replace the flag file as the product does, by the name that it knows that by."""
    vars(flagd_server)["replace"](read(scene.site.flags), content)


def write_file(scene: Scene, *steps: str) -> None:
    """Let us replace the flag file once for each step."""
    for step in steps:
        content = marked(scene, "EnablePromotion", step)
        put(scene, content)
        scene.site.flags.write_bytes(marked(scene, "EnablePromotion", ""))


def write_file_twice(scene: Scene) -> None:
    write_file(scene, f"3:{tip(scene)}", f"3:{tip(scene)}")


def write_file_unfounded(scene: Scene) -> None:
    write_file(scene, f"3:{'a' * 40}")


def write_file_for_nothing(scene: Scene) -> None:
    put(scene, scene.site.flags.read_bytes() + b"\n")


def write_file_in_another_process(scene: Scene) -> None:
    scene.site.flags.write_bytes(marked(scene, "EnablePromotion", f"3:{'a' * 40}"))


def call(scene: Scene, commit: str, *keys: str) -> None:
    """Let an endpoint be called and answer well, once with each key."""
    scene.effects.watch_calls(receiver := Receiver())
    receiver.close()
    for key in keys:
        body = json.dumps({"remediation": "p1", "sequence": 3, "commit": commit}).encode()
        receiver.noted(Told("POST", "/", {"idempotency-key": key}, body), 200)


def call_twice(scene: Scene) -> None:
    call(scene, tip(scene), "k", "k")


def call_with_two_keys(scene: Scene) -> None:
    scene.calls_again = True
    call(scene, tip(scene), "k", "l")


def call_unfounded(scene: Scene) -> None:
    call(scene, "a" * 40, "k")


def stop_another_service(scene: Scene) -> None:
    """Let a service be refused, and the problem of another one lie there since."""
    scene.ends = True
    scene.person({"orders/remediation.yaml": "oops"})
    scene.problem("bad", service="orders")
    with scene.site.loop() as loop:
        loop.tick()
        scene.check("")
        scene.person(
            {"stage.yaml": "mode: shadow\n", "users/remediation.yaml": scene.site.file("carts/remediation.yaml")}
        )
        scene.problem("good", service="users")
        loop.tick()


def refuse_another_service(scene: Scene) -> None:
    scene.person({"orders/remediation.yaml": "oops"})
    scene.problem("good", service="orders")
    scene.bad.add("carts")
    with scene.site.loop() as loop:
        loop.tick()


def tell_another_story(scene: Scene) -> None:
    """Put a step on the branch that does not follow from what is there."""
    remote = scene.site.remote
    message = git(remote, "log", "-1", "--format=%B", "production").replace("Sequence: 3", "Sequence: 4")
    us = ("-c", "user.name=reconciler", "-c", f"user.email={git(remote, 'log', '-1', '--format=%ae', 'production')}")
    made = git(remote, *us, "commit-tree", "production^{tree}", "-p", "production", "-m", message)
    git(remote, "update-ref", "refs/heads/production", made)


def seen(scene: Scene, **otherwise: Any) -> None:
    """Let all that was read have been read in another moment."""
    scene.sights._seen[:] = [replace(each, **otherwise) for each in scene.sights._seen]


def look_never(scene: Scene) -> None:
    scene.sights._seen.clear()


def look_long_before(scene: Scene) -> None:
    seen(scene, when=scene.site.clock.wall() - 3600)


def look_only_afterwards(scene: Scene) -> None:
    seen(scene, tips=(tip(scene),))


def look_at_something_else(scene: Scene) -> None:
    seen(scene, path="/apis/apps/v1/namespaces/sockshop-production/deployments/orders")


def decide_without_a_result(scene: Scene) -> None:
    """Let the decision follow an evaluation that had no values."""
    [decided] = [step for step in scene.sights._steps() if step.event == "decided"]
    steps = [replace(decided, event="evaluated", data={"result": "no data"}), decided]
    setattr(scene.sights, "_steps", lambda: iter(steps))  # noqa: B010 - of this scene only


SECRET = "tok-4711-that-is-known"


def heard(asked: Known, *, own: bool = False) -> Callable[[Scene], None]:
    """Let a server hear something, which the secret may be for."""

    def harm(scene: Scene) -> None:
        scene.plant(SECRET, "it" if own else "")
        scene.servers.know("it", lambda: [asked])

    return harm


CODED = base64.b64encode(f"robot:{SECRET}".encode()).decode()
BEARER = {"authorization": f"Bearer {SECRET}"}
BASIC = {"authorization": f"Basic {CODED}"}
HEARD = (
    heard(Entry("GET", "/", {}, BEARER, "", None, 200)),
    heard(Entry("GET", "/", {"q": SECRET}, {}, "", None, 200)),
    heard(Entry("PATCH", f"/{SECRET}", {}, {}, "", None, 200)),
    heard(Entry("PATCH", "/", {}, {}, "", {"metadata": {"annotations": {"a": SECRET}}}, 200)),
    heard(Exchange("GET", "/", 200, {"authorization": SECRET})),
    heard(Exchange("POST", "/", 200, {}, json.dumps({"value": SECRET[::-1]}).encode())),
    heard(GitRequest("GET", "/", "", 200, BASIC)),
    heard(GitRequest("GET", "/", "", 200, {"user-agent": CODED})),
    heard(GitRequest("GET", f"/{SECRET}/info/refs", "", 200)),
    heard(Request("GET", "/", {"query": SECRET.encode().hex()}, {}, b"")),
    heard(Told("POST", "/", {"x-token": SECRET}, b"{}")),
    heard(Told("POST", "/", {}, CODED.encode())),
    heard(Told("POST", "/", BEARER, SECRET.encode()), own=True),
    heard(Exchange("GET", "/", 200, {"authorization": f"{SECRET} {SECRET}"}), own=True),
)


def test_a_servers_own_credentials_are_for_it_in_the_one_header(tmp_path: Path) -> None:
    with EmbeddedCluster() as cluster:
        scene = Scene(Site(tmp_path, cluster))
        asked: list[Known] = [
            GitRequest("GET", "/", "", 200, BASIC), Exchange("GET", "/", 200, {"authorization": SECRET}),
            Request("GET", "/", {}, BEARER, b""),
        ]  # fmt: skip
        scene.plant(SECRET, "it")
        scene.servers.know("it", lambda: asked)
        scene.check("")


@pytest.mark.parametrize(
    ("harm", "which"),
    [
        (lose_a_problem, "I1"),
        (ignore_a_problem, "I1"),
        (ignore_a_problem_with_a_part_of_anothers_name, "I1"),
        (decide_again_in_another_row, "I2"),
        (write_twice, "I2"),
        (write_unfounded, "I3"),
        (switch_twice, "I2"),
        (switch_unfounded, "I3"),
        (drop_a_commit, "I4"),
        (write_file_twice, "I2"),
        (write_file_unfounded, "I3"),
        (write_file_for_nothing, "I3"),
        (write_file_in_another_process, "I3"),
        (call_twice, "I2"),
        (call_with_two_keys, "I2"),
        (call_unfounded, "I3"),
        (stop_another_service, "I5"),
        (refuse_another_service, "I5"),
        (tell_another_story, "I6"),
        (tell_a_secret, "I7"),
        (look_never, "I8"),
        (look_long_before, "I8"),
        (look_only_afterwards, "I8"),
        (look_at_something_else, "I8"),
        (decide_without_a_result, "I8"),
        *((each, "I7") for each in HEARD),
    ],
)
def test_what_is_broken_is_noticed(tmp_path: Path, harm: Callable[[Scene], None], which: str) -> None:
    with EmbeddedCluster() as cluster, ExitStack() as stack:
        scene = Scene(Site(tmp_path, cluster))
        scene.watch()
        stack.enter_context(scene.effects.watching_files(tmp_path))
        scene.problem()
        with scene.site.loop() as loop:
            scene.applied(loop)
            with pytest.raises(AssertionError, match="I8"), scene.blind(loop, "never said"):
                loop.tick()
        scene.check("")
        harm(scene)
        with pytest.raises(AssertionError, match=f"^{which}: "):
            scene.check("")
