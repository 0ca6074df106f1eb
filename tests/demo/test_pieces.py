"""Waiting, telling, looking, and the files that the demo starts from."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from reconciler.demo import settings, sight
from reconciler.demo.acts import ACTS
from reconciler.demo.carts import CACHE, PROMOTION
from reconciler.demo.daemon_process import last_lines
from reconciler.demo.sight import FlagState
from reconciler.demo.telling import Teller
from reconciler.demo.waiting import NotYetError, Patience, UnmetError
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.evidence_config import ScrapeConnection
from reconciler.model.names import ProjectName, StageName
from tests.demo.site import Hands


def test_what_happens_in_time_is_returned() -> None:
    hands, looks = Hands(), iter(["nothing", "little", "it"])

    def look() -> str:
        seen = next(looks)
        if seen != "it":
            raise NotYetError(seen)
        return seen

    assert Patience(5.0, hands.monotonic, hands.sleep).until("it", look) == "it"
    assert hands.slept == [0.1, 0.1]


def test_what_does_not_happen_names_what_was_seen() -> None:
    hands = Hands()

    def look() -> None:
        raise NotYetError("1 of 2 replicas")

    with pytest.raises(UnmetError, match=r"^waited 5 s for a second replica; last seen: 1 of 2 replicas$"):
        Patience(5.0, hands.monotonic, hands.sleep).until("a second replica", look)
    assert sum(hands.slept) == pytest.approx(5.0, abs=0.1)


def test_no_waiting_for_the_dead() -> None:
    hands = Hands()

    def alive() -> None:
        raise UnmetError("the daemon is gone")

    with pytest.raises(UnmetError, match="the daemon is gone"):
        Patience(5.0, hands.monotonic, hands.sleep).until("it", lambda: None, alive=alive)
    assert hands.slept == []


def test_without_a_terminal_the_telling_is_plain() -> None:
    out, hands = io.StringIO(), Hands()
    teller = Teller(Console(file=out, width=40), pace=1.5, sleep=hands.sleep)
    teller.part("Set up", "where")
    teller.done("a [bold]thing[/bold]", how="by hand")
    teller.seen("git", "decided " + 60 * "x", after=0.5)
    with teller.waiting("something") as show:
        show("more")
        teller.failed("nothing")
    teller.more("of it")
    teller.pause()
    lines = out.getvalue().splitlines()
    assert lines == [
        "", "Set up", "where", "  > a [bold]thing[/bold]   by hand",
        f"  ✓ git      decided {60 * 'x'}   0.5 s", "  ✗ nothing", "             of it",
    ]  # fmt: skip
    assert hands.slept == [1.5]


def test_on_a_terminal_what_is_waited_for_takes_one_line() -> None:
    out = io.StringIO()
    console = Console(file=out, width=40, force_terminal=True, color_system=None)
    with Teller(console, pace=0.0).waiting("a very long time, " * 9) as show:
        show("24 answers a second, p90 300 ms")
    assert "waiting for a very long time" in out.getvalue()
    assert all(len(line) < 60 for line in out.getvalue().splitlines())


def test_a_table_fits_into_eighty_columns() -> None:
    out = io.StringIO()
    headings = ("", "before", *(heading for act in ACTS for heading in (act.heading, "after")))
    Teller(Console(file=out, width=80), pace=0.0).table(headings, [["EnableItemsCache", *["1,000"] * 7]])
    lines = [line for line in out.getvalue().splitlines() if line.strip()]
    assert len(lines) == 3
    assert lines[2].split() == ["EnableItemsCache", *["1,000"] * 7]


def test_fast_leaves_no_pause() -> None:
    hands = Hands()
    Teller(Console(file=io.StringIO()), pace=0.0, sleep=hands.sleep).pause()
    assert hands.slept == []


def test_the_daemons_last_lines_are_readable(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log, 3) == []
    log.write_text('{"event": "old"}\nTraceback\n{"stage": "dev", "event": "held", "level": "warning"}\n', "utf-8")
    assert last_lines(log, 2) == ["Traceback", "warning held  stage=dev"]


def test_the_daemons_configuration_reaches_cluster_flags_and_metrics() -> None:
    written = settings.daemon("http://127.0.0.1:1/metrics")
    config = load_daemon_config(written.encode(), "/demo/reconciler.yaml")
    project = config.projects[ProjectName(settings.PROJECT)]
    reach = project.reach(StageName(settings.STAGE))
    assert project.repository.url == "/demo/sockshop.git"
    assert reach.namespaces == {settings.NAMESPACE}
    assert reach.flags is not None
    assert reach.flags.file == Path("/demo/flags.json")
    assert reach.kubernetes is not None
    assert reach.kubernetes.kubeconfig == Path("/demo/kubeconfig")
    assert reach.evidence is not None
    scrape = reach.evidence.providers["scrape"]
    assert isinstance(scrape, ScrapeConnection)
    assert (scrape.url, scrape.every) == ("http://127.0.0.1:1/metrics", 0.5)


def test_the_cluster_is_asked_over_its_api() -> None:
    with EmbeddedCluster() as cluster:
        with pytest.raises(NotYetError, match="no carts-primary"):
            sight.pods(cluster.url)
        item = settings.deployment()
        item["metadata"]["annotations"] = {"reconciler.dev/owner": "a/b/c", "reconciler.dev/step": "7:abc"}
        cluster.create(item)
        cluster.idle()
        found = sight.pods(cluster.url)
        assert (found.wanted, found.ready, found.commit) == (1, 1, "abc")
        gone = cluster.url
    with pytest.raises(NotYetError, match="does not answer"):
        sight.pods(gone)


def test_flags_are_read_with_who_set_them(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    content = json.loads(settings.flags())
    content["flags"][CACHE] |= {"defaultVariant": "on", "metadata": {"reconciler.step": "9:abc"}}
    path.write_text(json.dumps(content), "utf-8")
    assert sight.flag(path, CACHE) == FlagState(CACHE, enabled=True, commit="abc")
    assert sight.flag(path, PROMOTION) == FlagState(PROMOTION, enabled=False, commit="")
    with pytest.raises(NotYetError, match="no usable Other"):
        sight.flag(path, "Other")


def test_a_person_switches_a_flag_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    path.write_text(settings.flags(), "utf-8")
    before, since = json.loads(path.read_text("utf-8")), path.stat().st_mtime_ns
    sight.switch(path, PROMOTION, enabled=True)
    assert sight.flag(path, PROMOTION).enabled
    assert path.stat().st_mtime_ns > since
    sight.switch(path, PROMOTION, enabled=False)
    assert json.loads(path.read_text("utf-8")) == before
    with pytest.raises(NotYetError, match="no usable Other"):
        sight.switch(path, "Other", enabled=True)
