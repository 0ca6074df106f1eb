"""`reconciler loadgen`: what it asks for, what it tells and how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.commands.loadgen import progress
from reconciler.demo.load import Tally
from reconciler.demo.serving import Answer, Server
from tests.cli.conftest import Reconciler


class Site(Server):
    """A server that remembers which paths were asked for."""

    def __init__(self) -> None:
        self.paths: Counter[str] = Counter()
        super().__init__(self._answer)

    def _answer(self, path: str) -> Answer:
        self.paths[path] += 1
        return Answer(500 if path == "/promotion" else 200, b"{}")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


SHORT = ("--for", "200ms", "--rate", "100")


@pytest.mark.parametrize(
    ("path", "mode", "asked"),
    [
        ("", (), "/carts"),
        ("/", (), "/carts"),
        ("", ("--mode", "cpu"), "/carts"),
        ("", ("--mode", "promotion"), "/promotion"),
        ("/shop/", ("--mode", "cpu"), "/shop/carts"),
        ("/anything?at=all", (), "/anything?at=all"),
    ],
)
def test_what_is_asked_for(site: Site, reconciler: Reconciler, path: str, mode: tuple[str, ...], asked: str) -> None:
    done = reconciler("loadgen", site.url + path, *mode, *SHORT, "-o", "json")
    told = json.loads(done.out)
    assert done.code == 0
    assert told["url"] == site.url + asked
    assert site.paths == {asked: told["requests"]}
    assert told["codes"] == {"500" if asked == "/promotion" else "200": told["requests"]}
    assert told["failureRatio"] == (1.0 if asked == "/promotion" else 0.0)
    assert set(told["milliseconds"]) == {"p50", "p90", "p95", "max"}
    assert f"100 requests a second to {site.url}{asked} for 0.2 s, seed 1, at most 60 at one time" in done.err


def test_the_table_is_for_people(site: Site, reconciler: Reconciler) -> None:
    done = reconciler("loadgen", site.url, *SHORT, "--seed", 7)
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines() if not line.startswith("not sent"))
    assert list(lines) == ["requests", "answers", "failed", "time"]
    assert lines["answers"].startswith("200: ")
    assert lines["failed"] == "0 (0.0%)"
    assert "p90" in lines["time"]


def test_yaml(site: Site, reconciler: Reconciler) -> None:
    assert "milliseconds:\n" in reconciler("loadgen", site.url, *SHORT, "-o", "yaml").out


def test_the_same_seed_makes_as_many_requests(site: Site, reconciler: Reconciler) -> None:
    first, second = (json.loads(reconciler("loadgen", site.url, *SHORT, "-o", "json").out) for _ in range(2))
    assert first["requests"] + first["notSent"] == second["requests"] + second["notSent"]


def test_where_nobody_answers_it_could_not_be_done(reconciler: Reconciler) -> None:
    with Site() as gone:
        url = gone.url
    done = reconciler("loadgen", url, *SHORT)
    assert done.code == 2
    assert "refused: " in done.out
    assert done.err.splitlines()[-2:] == ["error: no request was answered (refused)", "    hint: check the address"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ftp://host/x",), "an address begins with http:// or https:// and a host"),
        (("http://you:secret@host",), "who you are does not belong into an address"),
        (("http://[::1",), "Invalid IPv6 URL"),
        (("http://host", "--for", "2h"), "no duration"),
        (("http://host", "--for", "0s"), "no duration"),
        (("http://host", "--rate", "0"), "0.0 is not in the range 0<x<=1000"),
        (("http://host", "--in-flight", "5000"), "5000 is not in the range 1<=x<=1000"),
        (("http://host", "--mode", "gpu"), "'gpu' is not one of 'cpu', 'promotion'"),
    ],
)
def test_what_it_does_not_do(reconciler: Reconciler, arguments: tuple[str, ...], said: str) -> None:
    done = reconciler("loadgen", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "secret" not in done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_tells_what_there_is(site: Site, tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "reconciler", "loadgen", site.url, "--rate", "200", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as loadgen:
        while not site.paths:
            assert loadgen.poll() is None
        loadgen.send_signal(number)
        out, err = loadgen.communicate(timeout=60)
    assert loadgen.returncode == 130
    assert err.splitlines()[-1] == "stopped"
    assert 0 <= json.loads(out)["requests"] <= site.paths["/carts"]
    assert json.loads(out)["seconds"] < 60


def test_it_tells_how_it_goes() -> None:
    tally, told = Tally(in_flight=3), list[str]()
    rounds = iter([[("200", 0.1)] * 9 + [("200", 0.5)], [], [("500", 0.25), ("timeout", 10.0)]])

    async def sleep(seconds: float) -> None:
        assert seconds == 5.0
        found = next(rounds, None)
        if found is None:
            raise asyncio.CancelledError
        for code, took in found:
            tally.add(code, took)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(progress(tally, sleep, told.append))
    assert told == [
        "    5 s  10 requests, p90 100 ms, 0 failed, 3 under way",
        "   10 s  0 requests, no answer, 0 failed, 3 under way",
        "   15 s  2 requests, p90 250 ms, 2 failed, 3 under way",
    ]
