"""A daemon, and people's verbs, work with a remote that has the template's `pre-receive`."""

from __future__ import annotations

from tests.cli.conftest import Reconciler, Site, git
from tests.cli.template_clone import BIN, Clone, with_hook


def test_the_daemon_and_its_verbs_work_through_it(site: Site, reconciler: Reconciler) -> None:
    with_hook(Clone(site.remote, site.clone))
    git(site.remote, "config", "reconciler.command", str(BIN / "reconciler"))
    title = ("--title", "Response time degradation", "--id", "p1")
    opened = reconciler("problem", "open", "--service", "carts", *title)
    assert opened.code == 0, opened.err
    git(site.remote, "config", "reconciler.command", "/nowhere/reconciler")
    done = reconciler("reconcile", "-c", site.config)
    assert done.code == 0, done.err
    assert site.replicas() == 2
    assert git(site.remote, "log", "-1", "--format=%(trailers:key=Event,valueonly)", "production") == "decided"
