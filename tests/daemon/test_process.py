"""The daemon as a process of its own: woken by pushes, stopped in order, configured anew while it runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reconciler.embedded.unleash import ADMIN_TOKEN, UnleashDouble
from tests.daemon.site import THREE_ENTRIES, Site, eventually, git


class Running:
    """A daemon process and the log lines that it wrote."""

    def __init__(self, site: Site, failpoint: str = "") -> None:
        environment = {**os.environ, "RECONCILER_LOG_FORMAT": "json", "RECONCILER_FAILPOINT": failpoint}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "run", "-c", str(site.config)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(iter(self.process.stderr.readline, ""))

    def logged(self, **fields: object) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [line for line in found if all(line.get(key) == value for key, value in fields.items())]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(30)
        self._reader.join(5)
        return status


@contextmanager
def running(site: Site, failpoint: str = "") -> Iterator[Running]:
    daemon = Running(site, failpoint)
    try:
        eventually(lambda: daemon.logged(event="ready"), "ready")
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
        daemon.process.wait(10)
        assert daemon.process.stdout is not None
        assert daemon.process.stderr is not None
        daemon.process.stdout.close()
        daemon.process.stderr.close()


def test_a_push_wakes_it_and_sigterm_stops_it_in_order(site: Site) -> None:
    with running(site) as daemon:
        site.problem("p1", "Response time degradation")
        eventually(lambda: site.events()[-1:] == ["applied"], "applied")
        assert site.replicas() == 2
        lines = daemon.logged(step="decided")
        assert [(line["stage"], line["service"], line["remediation"]) for line in lines] == [
            ("production", "carts", "p1")
        ]
        assert re.fullmatch("[0-9a-f]{40}", lines[0]["commit"])
        assert daemon.stop() == 0
        assert daemon.logged(event="stopped")


def test_killed_after_the_push_and_started_again_it_goes_on_by_itself(site: Site) -> None:
    site.problem("p1", "Response time degradation")
    assert site.pass_once("after-push") == -9
    assert site.replicas() == 1
    with running(site) as daemon:
        eventually(lambda: site.events()[-1:] == ["applied"], "applied")
        daemon.stop()
    assert site.events() == ["opened", "decided", "applied"]
    assert [body["spec"]["replicas"] for body in site.scalings()] == [2]


def test_a_configuration_that_cannot_be_read_leaves_the_old_one_in_force(site: Site) -> None:
    good = site.config.read_text()
    with running(site) as daemon:
        site.config.write_text("projects: [oops\n")
        eventually(lambda: daemon.logged(level="warning"), "the bad configuration is told")
        site.problem("p1", "Response time degradation")
        eventually(lambda: site.replicas() == 2, "goes on with the old one")
        site.config.write_text(good.replace("sockshop:\n", "sockshop:\n    poll: 5s\n", 1))
        eventually(lambda: daemon.logged(event="the configuration was read again"), "taken up")
        site.problem("p2", "Response time degradation")
        eventually(lambda: "attached" in site.events(), "goes on with the new one")
        assert daemon.stop() == 0


def test_a_token_that_was_changed_is_picked_up_without_a_restart(site: Site) -> None:
    token = site.folder / "token"
    token.write_text("*:*.not-yet-valid")
    with UnleashDouble("modern") as unleash:
        unleash.world.create(unleash.world.accounts[ADMIN_TOKEN], "default", "EnablePromotion", "release", None)
        site.config.write_text(
            site.config.read_text().replace(
                "{kind: flagd, file: flags.json}", f"{{kind: unleash, url: '{unleash.url}', tokenFile: token}}"
            )
        )
        site.push({"carts/remediation.yaml": THREE_ENTRIES})
        with running(site) as daemon:
            site.problem("p1", "Failure rate increase")
            eventually(lambda: site.events()[-1:] in (["held"], ["escalated"]), "the wrong token is told")
            token.write_text(ADMIN_TOKEN)
            if site.events()[-1:] == ["escalated"]:
                site.push({
                    "ops/production/carts/commands/20261122T100000Z-retry-p1-00.yaml": "verb: retry\nremediation: p1\n"
                })  # fmt: skip
            eventually(lambda: site.events()[-1:] == ["applied"], "goes on with the new token")
            assert ADMIN_TOKEN not in "".join(daemon.lines)
            daemon.stop()
        assert ADMIN_TOKEN not in git(site.remote, "log", "-p", "--all")


def test_a_second_clone_sees_the_decision_and_the_new_replicas(site: Site) -> None:
    second = site.folder / "second"
    git(site.folder, "clone", "-q", "-b", "production", str(site.remote), str(second))
    with running(site) as daemon:
        site.problem("p1", "Response time degradation")
        eventually(lambda: site.events()[-1:] == ["applied"], "applied")
        daemon.stop()
    git(second, "pull", "-q")
    assert "carts: scale 1 → 2 (Response time degradation)" in git(second, "log", "--format=%s")
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "status", "--repo", str(second), "-o", "json"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert '"value": 2' in done.stdout
