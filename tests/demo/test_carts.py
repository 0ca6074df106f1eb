"""A replica of carts: its two flags, one request at a time, and its life as a process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo import settings
from reconciler.demo.carts import CACHE, CACHED_SECONDS, PROMOTION, SERVICE_SECONDS, Carts
from reconciler.demo.children import Child
from reconciler.demo.flagfile import FlagFile
from reconciler.demo.serving import Answer, ask
from tests.demo.site import Hands, until


def write_flags(path: Path, *, cache: bool, promotion: bool) -> None:
    content = json.loads(settings.flags())
    for name, enabled in ((CACHE, cache), (PROMOTION, promotion)):
        content["flags"][name]["defaultVariant"] = "on" if enabled else "off"
    path.write_text(json.dumps(content), "utf-8")


def body(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.body)
    return found


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    write_flags(path, cache=False, promotion=False)
    return path


def test_the_cache_makes_it_faster(flags: Path) -> None:
    hands = Hands()
    carts = Carts("one", FlagFile(flags), monotonic=hands.monotonic, sleep=hands.sleep)
    slow = carts.respond("/carts")
    write_flags(flags, cache=True, promotion=False)
    fast = carts.respond("/carts")
    assert (slow.status, body(slow)["cached"]) == (200, False)
    assert (fast.status, body(fast)["cached"]) == (200, True)
    assert hands.slept == pytest.approx([SERVICE_SECONDS, CACHED_SECONDS])


def test_each_waits_for_those_before(flags: Path) -> None:
    hands, slept = Hands(), list[float]()
    carts = Carts("one", FlagFile(flags), monotonic=hands.monotonic, sleep=slept.append)
    for _ in range(3):
        carts.respond("/carts")
    hands.now += 0.1
    carts.respond("/carts")
    hands.now += 1.0
    carts.respond("/promotion")
    assert slept == pytest.approx([0.04, 0.08, 0.12, 0.06, 0.04])


def test_the_promotion_fails_three_times_in_ten(flags: Path) -> None:
    carts = Carts("one", FlagFile(flags), sleep=lambda _: None)
    assert {carts.respond("/promotion").status for _ in range(10)} == {200}
    write_flags(flags, cache=False, promotion=True)
    statuses = [carts.respond("/promotion").status for _ in range(20)]
    assert [statuses[:10].count(500), statuses[10:].count(500)] == [3, 3]
    assert {carts.respond("/carts").status for _ in range(10)} == {200}, "who does not ask for it does not meet it"


def test_the_promotion_costs_the_same_time(flags: Path) -> None:
    hands = Hands()
    Carts("one", FlagFile(flags), monotonic=hands.monotonic, sleep=hands.sleep).respond("/promotion")
    assert hands.slept == pytest.approx([SERVICE_SECONDS])


def test_answers_name_the_replica(flags: Path) -> None:
    carts = Carts("carts-primary-7", FlagFile(flags), sleep=lambda _: None)
    for path, status in (("/carts", 200), ("/promotion", 200), ("/health", 200), ("/other", 404)):
        answer = carts.respond(path)
        assert (answer.status, body(answer)["replica"]) == (status, "carts-primary-7")
        assert answer.headers["X-Replica"] == "carts-primary-7"


@pytest.mark.parametrize("broken", ["", "{", '{"flags": 3}', "[]"])
def test_a_broken_flag_file_changes_nothing(flags: Path, broken: str) -> None:
    write_flags(flags, cache=True, promotion=False)
    read = FlagFile(flags)
    assert read.enabled(CACHE)
    flags.write_text(broken, "utf-8")
    assert read.enabled(CACHE)
    flags.unlink()
    assert read.enabled(CACHE)


@pytest.mark.parametrize(
    ("flag", "enabled"),
    [
        pytest.param({"state": "ENABLED", "variants": {"yes": True}, "defaultVariant": "yes"}, True, id="on"),
        pytest.param({"state": "DISABLED", "variants": {"yes": True}, "defaultVariant": "yes"}, False, id="disabled"),
        pytest.param({"state": "ENABLED", "variants": {"a": "x"}, "defaultVariant": "a"}, False, id="a text"),
        pytest.param({"state": "ENABLED", "variants": {"a": True}}, False, id="no default"),
        pytest.param("nonsense", False, id="no flag"),
    ],
)
def test_what_counts_as_on(tmp_path: Path, flag: object, enabled: bool) -> None:
    path = tmp_path / "flags.json"
    path.write_text(json.dumps({"flags": {"F": flag}}), "utf-8")
    assert FlagFile(path).enabled("F") is enabled
    assert FlagFile(path).enabled("unknown", default=True)


def test_as_a_process_it_serves_and_ends_when_asked(flags: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reconciler.demo.carts", "--name", "one", "--flags", str(flags), "--with-parent"]
    child = Child(command, tmp_path / "log", announces=True)
    try:
        until(child.line, "the port")
        port = json.loads(child.line() or b"")["port"]
        answer = ask(port, "/carts", timeout=10.0)
        assert body(answer)["pid"] == child.pid
    finally:
        status = child.stop()
    assert status == 0
    assert child.stop() == 0
    assert (tmp_path / "log").read_text("utf-8") == ""
    with pytest.raises(OSError, match="refused"):
        ask(port, "/carts", timeout=10.0)


def test_a_replica_outlives_nobody(flags: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reconciler.demo.carts", "--name", "one", "--flags", str(flags), "--with-parent"]
    child = Child(command, tmp_path / "log", announces=True)
    try:
        until(child.line, "the port")
        stdin = child._process.stdin
        assert stdin is not None
        stdin.close()  # as the system does when the parent dies
        until(lambda: child.status() is not None, "it ends by itself")
        assert child.status() == 0
    finally:
        child.stop()


def test_a_child_that_does_not_listen_is_made_to_end(tmp_path: Path) -> None:
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\n"
    child = Child([sys.executable, "-c", program + "time.sleep(600)"], tmp_path / "log", announces=True)
    until(lambda: child.line() == b"deaf", "it is deaf")
    assert child.stop(patience=0.05) == -9
