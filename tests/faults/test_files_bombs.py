"""Files that are made to hurt whoever reads them: row F4, one by one and through the whole loop.

How long reading takes is counted in calls of Python functions, which is the same on every machine; a file of the
largest size that people write has some thousands of values.
"""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType

import pytest

from reconciler.model.errors import UserError
from reconciler.model.names import BlobId
from reconciler.model.playbook import load_playbook
from reconciler.model.problem import load_problem
from reconciler.model.slo import load_slo
from reconciler.repo.objects import Oversize
from tests.daemon.agreement import reading
from tests.daemon.site import SCALING, git, until
from tests.faults.crowd import HEALTHY, crowd, steps
from tests.faults.invariants import TITLE, Scene

CALLS = 400_000
"""Calls that one file may cost: a few for each of the ten thousand values that a file may have."""
MEMORY = 32 << 20
BOMBS: dict[str, bytes] = {
    "aliases": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(ord("b"), ord("j"))),
    "an alias of itself": b"&a [*a]\n",
    "depth": b"[" * 60_000,
    "depth in blocks": b"".join(b" " * n + b"a:\n" for n in range(340)),
    "depth of keys": b"? " * 30_000,
    "10 MB": SCALING.encode() + b"# \n" * 3_400_000,
    "a key twice": SCALING.encode() + b"remediations: []\n",
    "tabs": SCALING.replace("  ", "\t").encode(),
    "two documents": SCALING.encode() + b"---\n" + SCALING.encode(),
    "a tag": b"remediations: !!python/object/apply:os.system [id]\n",
    "a tag of its own": SCALING.replace("+1", "!up 1").encode(),
    "a merge key": SCALING.replace("value: +1", "<<: {value: +1}").encode(),
    "NaN": SCALING.replace("+1", "{replicas: .nan}").encode(),
    "60,000 digits": SCALING.replace("+1", "9" * 60_000).encode(),
    "200,000 digits": SCALING.replace("+1", "9" * 200_000).encode(),
    "60,000 digits of replicas": SCALING.replace("+1", "{replicas: %s}" % ("9" * 60_000)).encode(),
    "values": b"remediations: [" + b"1," * 32_000 + b"]\n",
    "a long key": b'"' + b"k" * 60_000 + b'": 1\n',
    "quotes": b"remediations: " + b"'" * 60_001,
    "braces and commas": b"{" + b"a: {b: " * 15 + b"1" + b"}," * 8_000,
    "NUL": SCALING.encode() + b"\0",
    "another encoding": SCALING.encode("utf-16"),
}
LOADERS: dict[str, Callable[[bytes, str], object]] = {
    "remediation.yaml": load_playbook, "slo.yaml": load_slo, "p.yaml": load_problem,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_f4_a_bomb_costs_no_more_than_a_file(name: str) -> None:
    for file, load in LOADERS.items():
        calls = _calls(load, BOMBS[name], file)
        assert calls < CALLS, f"{file}: {calls} calls"
        tracemalloc.start()
        try:
            said = _tried(load, BOMBS[name], file)
            assert tracemalloc.get_traced_memory()[1] < MEMORY, file
        finally:
            tracemalloc.stop()
        assert len(said) < 4_000, "what is said of it is no bomb either"
        assert not said or file in said
        assert name != "10 MB" or "at most" in said


def _calls(load: Callable[[bytes, str], object], content: bytes, path: str) -> int:
    """Return how many functions are called to read a file; gives up where they are far too many."""
    count = 0

    def note(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")
        assert count < 4 * CALLS, f"{path}: no end of it"

    sys.setprofile(note)
    try:
        _tried(load, content, path)
    finally:
        sys.setprofile(None)
    return count


def _tried(load: Callable[[bytes, str], object], content: bytes, path: str) -> str:
    """Read a file as the loop does. Returns what is said of it; what is no bomb for this reader is read."""
    try:
        load(content, path)
    except UserError as error:
        return str(error)
    return ""


def test_f4_each_is_refused_with_its_place_and_stops_nobody_else(scene: Scene) -> None:
    """What is read and means nothing, as a number of sixty thousand digits, fails as an action."""
    site = scene.site
    names = {f"s{number:02}": name for number, name in enumerate(BOMBS)}
    files: dict[str, str | bytes] = {f"{name}/remediation.yaml": BOMBS[text] for name, text in names.items()}
    crowd(scene, {**files, f"{HEALTHY}/remediation.yaml": SCALING})
    scene.bad |= names.keys()
    with site.loop() as loop:
        until(loop, lambda: site.replicas(HEALTHY) == 2, "the healthy service is acted upon")
        until(loop, lambda: all(steps(site, name) for name in names), "each of the others is told")
        loop.tick()
    for name, text in names.items():
        told = [(event, data) for event, data in steps(site, name) if event in ("refused", "failed")]
        assert told, (text, steps(site, name))
        assert f"{name}/remediation.yaml" in json.dumps(told[0][1]) or told[0][0] == "failed", (text, told)
        assert site.replicas(name) == 1
    assert "production" not in loop.conditions


@pytest.mark.parametrize("digits", [200_000, 300_000])
def test_f4_a_problem_with_a_number_that_no_machine_can_hold(scene: Scene, digits: int) -> None:
    """A problem may be larger than people's files: its details are data, and never counted with."""
    site = scene.site
    text = f"title: {TITLE}\nstate: open\ndetails: {{n: {'9' * digits}}}\n"
    scene.person({"ops/production/carts/problems/big.yaml": text})
    scene.accepted.add("big")
    scene.problem()
    with site.loop() as loop:
        until(loop, lambda: site.replicas() == 2, "the other problem is acted upon")
        scene.applied(loop)
    events = set(site.events())
    assert ("refused" in events) == (digits > 256 * 1024), events


def test_f4_a_huge_file_that_looks_like_what_git_says_is_no_answer_about_another(scene: Scene) -> None:
    """What is left unread of it would be taken for the next answer: anybody could say what another file says."""
    site = scene.site
    forged = f"{'0' * 40} blob {len(SCALING)}\n{SCALING}\n"
    huge = forged * ((9 << 20) // len(forged) + 1)
    scene.person({"orders/remediation.yaml": huge, "NOTES": "what it says"})
    with reading(site, "asked") as mirror:
        mirror.fetch(mirror.tips(["refs/heads/production"]))
        files = [
            BlobId(git(site.remote, "rev-parse", f"production:{name}")) for name in ("orders/remediation.yaml", "NOTES")
        ]
        assert mirror.blobs(files[:1], 100) == {files[0]: Oversize(files[0], len(huge))}
        assert mirror.blobs(files[1:], 4096) == {files[1]: b"what it says"}
