"""Daemons as processes: stopped over a takeover and let go on, ended, killed; what is stale is never written."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.daemon.leases.processes import LEASE, daemon, decided_by, has_followed, holder, is_linear, scaled
from tests.daemon.site import Site, eventually, git
from tests.daemon.test_process import Running

pytestmark = pytest.mark.no_cover


@pytest.fixture
def two(site: Site) -> Iterator[tuple[Running, Running]]:
    """The first looks after the stage, the second is there."""
    site.cluster.namespace("reconciler")
    with ExitStack() as stack:
        first = stack.enter_context(daemon(site, "first"))
        eventually(lambda: holder(site) == "first", "the first has the lease")
        second = stack.enter_context(daemon(site, "second"))
        (site.folder / "pid").write_text(str(first.process.pid))
        yield first, second


def stop_at_the_first_push_of_steps(site: Site, then: str) -> None:
    """Let the first daemon be stopped while its push is on the way; then its push goes on as the shell says."""
    hook = site.remote / "hooks" / "pre-receive"
    hook.write_text(
        "#!/bin/sh\n"
        "read old new ref\n"
        f"[ -e {site.folder}/once ] && exit 0\n"
        'git log -1 --format=%an "$new" | grep -q reconciler || exit 0\n'
        f"touch {site.folder}/once\n"
        f"kill -STOP $(cat {site.folder}/pid)\n"
        f"{then}\n"
        "exit 0\n"
    )
    hook.chmod(0o755)


def test_who_was_stopped_between_push_and_write_writes_nothing_when_it_goes_on(
    site: Site, two: tuple[Running, Running]
) -> None:
    first, second = two
    stop_at_the_first_push_of_steps(site, "")
    site.problem("p1", "Response time degradation")
    eventually((site.folder / "once").exists, "the first has pushed, and stands still")
    eventually(lambda: holder(site) == "second", "taken over")
    eventually(lambda: site.events()[-1:] == ["applied"], "applied by the second")
    site.push({"ops/production/carts/commands/20261121T100001Z-undo-p1-00.yaml": "verb: undo\nremediation: p1\n"})
    eventually(lambda: site.replicas() == 1, "and undone by the second")
    eventually(lambda: site.events()[-1:] == ["reverted"], "and seen")
    steps, tip = site.events(), git(site.remote, "rev-parse", "production")
    first.process.send_signal(signal.SIGCONT)
    eventually(lambda: first.logged(event="a lease is not ours any more"), "the first knows")
    eventually(lambda: len(first.logged(event="not applied")) or has_followed(site, first), "and has come to its end")
    assert site.events() == steps
    assert git(site.remote, "rev-parse", "production") == tip
    assert scaled(site) == [2, 1]
    site.problem("p2", "Response time degradation")
    eventually(lambda: site.replicas() == 2, "the second goes on")
    assert is_linear(site)
    assert decided_by(first) <= 1
    assert decided_by(second) >= 1


def test_a_push_that_is_late_is_refused_by_the_remote(site: Site, two: tuple[Running, Running]) -> None:
    """Stopped while its push is under way: another has decided by the time that it would land."""
    first, second = two
    go = site.folder / "go"
    stop_at_the_first_push_of_steps(site, f"for i in $(seq 1200); do [ -e {go} ] && exit 0; sleep 0.05; done")
    site.problem("p1", "Response time degradation")
    eventually((site.folder / "once").exists, "the first is pushing, and stands still")
    eventually(lambda: site.events()[-1:] == ["applied"], "decided and applied by the second")
    tip = git(site.remote, "rev-parse", "production")
    go.touch()
    first.process.send_signal(signal.SIGCONT)
    eventually(lambda: first.logged(event="a lease is not ours any more"), "the first knows")
    site.problem("p2", "Response time degradation")
    eventually(lambda: "attached" in site.events(), "the second goes on")
    git(site.remote, "merge-base", "--is-ancestor", tip, "production")
    assert site.events()[:3] == ["opened", "decided", "applied"]
    assert is_linear(site)
    assert decided_by(first) == 0
    assert decided_by(second) == 1
    assert scaled(site) == [2]


def test_who_is_ended_or_killed_is_followed(site: Site, two: tuple[Running, Running]) -> None:
    first, second = two
    assert first.stop() == 0
    lease = site.cluster.get("Lease", "reconciler", LEASE)
    assert not str(lease["spec"]["holderIdentity"]).startswith("first"), "left at once"
    eventually(lambda: holder(site) == "second", "taken over")
    with daemon(site, "third"):
        second.process.kill()
        second.process.wait(30)
        site.problem("p1", "Response time degradation")
        eventually(lambda: holder(site) == "third", "taken over")
        eventually(lambda: site.events()[-1:] == ["applied"], "applied by the third")
    assert site.events() == ["opened", "decided", "applied"]
    assert scaled(site) == [2]
