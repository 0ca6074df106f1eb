"""The balancer as a process: told of replicas on stdin, and gone when it should be."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.demo.balancer_process import BalancerProcess
from reconciler.demo.children import Child
from reconciler.demo.readings import Reading
from reconciler.demo.serving import Answer, Server, ask
from reconciler.demo.waiting import UnmetError
from tests.demo.site import until


def get(balancer: BalancerProcess) -> int:
    return ask(urlsplit(balancer.url).port or 0, "/carts", timeout=10.0).status


def test_it_passes_on_to_whom_it_was_told_last(tmp_path: Path) -> None:
    with (
        Server(lambda _: Answer(200, b"a")) as a,
        Server(lambda _: Answer(404, b"b")) as b,
        BalancerProcess(tmp_path / "log", os.environ) as balancer,
    ):
        assert get(balancer) == 503
        balancer.route_to({"a": a.port})
        assert [get(balancer) for _ in range(2)] == [200, 200]
        balancer.route_to({"b": b.port})
        assert [get(balancer) for _ in range(2)] == [404, 404]
        balancer.route_to({})
        assert get(balancer) == 503
        assert Reading.take(balancer.metrics_url, 1.0).codes == {200: 2, 404: 2, 500: 0, 502: 0, 503: 2}
        balancer.check_alive()
        url = balancer.url
    with pytest.raises(OSError, match="refused"):
        ask(urlsplit(url).port or 0, "/carts", timeout=10.0)
    assert (tmp_path / "log").read_text("utf-8") == ""


def test_that_it_has_ended_is_told_by_one_place(tmp_path: Path) -> None:
    with BalancerProcess(tmp_path / "log", os.environ) as balancer:
        child = balancer._child
        assert child is not None
        os.kill(child.pid, signal.SIGKILL)
        until(lambda: child.status() is not None, "it is gone")
        balancer.route_to({"a": 1})
        with pytest.raises(UnmetError, match="the balancer ended with -9"):
            balancer.check_alive()


def test_it_outlives_nobody(tmp_path: Path) -> None:
    child = Child([sys.executable, "-m", "reconciler.demo.balancer"], tmp_path / "log", announces=True)
    try:
        until(child.line, "its address")
        child.tell(b'{"a": 1}')
        until(lambda: child.line(1) == b'{"a": 1}', "its answer")
        assert child.line(2) is None
        stdin = child._process.stdin
        assert stdin is not None
        stdin.close()  # as the system does when the parent dies
        until(lambda: child.status() is not None, "it ends by itself")
        assert child.status() == 0
        with pytest.raises(BrokenPipeError):
            child.tell(b"{}")
    finally:
        child.stop()


def test_one_that_cannot_start_is_told(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONHOME": str(tmp_path)}
    with pytest.raises(UnmetError, match="the balancer ended with 1"), BalancerProcess(tmp_path / "log", environment):
        pytest.fail("it cannot be up")
    assert (tmp_path / "log").stat().st_size > 0
