"""What the cluster does not grant is not done, told by name, and nothing is asked for that is no business of ours."""

from __future__ import annotations

import pytest

from reconciler.embedded.cluster.users import Rule, User
from tests.daemon.site import Site, git, until

TITLE = "Response time degradation"
SPACE = ("sockshop-production",)
READ = Rule(("get", "list"), ("*",), SPACE)
NEEDED = (
    READ,
    Rule(
        ("patch",),
        ("deployments.apps", "deployments.apps/scale", "statefulsets.apps", "statefulsets.apps/scale"),
        SPACE,
    ),
)
TOKEN = "token-of-the-pod"


def restricted(site: Site, *rules: Rule) -> None:
    """Let the daemon be somebody who may do just this."""
    site.cluster.users[TOKEN] = User("reconciler", rules)
    (site.folder / "pod").write_text(TOKEN)
    cluster = f"{{server: '{site.cluster.url}', tokenFile: pod}}"
    site.config.write_text(site.config.read_text().replace("{kubeconfig: kubeconfig}", cluster))


def test_the_rights_that_are_documented_are_enough(site: Site) -> None:
    restricted(site, *NEEDED)
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "it took effect")
    assert site.replicas() == 2
    entries = site.cluster.journal.entries()
    assert {entry.status for entry in entries if entry.status in (401, 403)} == set()
    assert not [entry for entry in entries if "secrets" in entry.path or "configmaps" in entry.path]
    assert not [entry for entry in entries if entry.method in ("DELETE", "POST", "PUT")]


@pytest.mark.parametrize(
    "rules", [(), (READ,), (Rule(("*",), ("*",), ("elsewhere",)),)], ids=["none", "reading", "elsewhere"]
)
def test_a_right_that_is_missing_is_named_and_nothing_is_written(site: Site, rules: tuple[Rule, ...]) -> None:
    restricted(site, *rules)
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "escalated" in site.events() or loop.conditions or "held" in site.events(), "it is told")
        for _ in range(5):
            loop.tick()
        said = " ".join(loop.conditions.values()) + git(site.remote, "log", "-p", "--author=reconciler", "production")
    assert "forbidden" in said or "may not" in said or "403" in said, said
    assert site.replicas() == 1
    assert not [entry for entry in site.cluster.journal.writes() if 200 <= entry.status < 300]
    assert TOKEN not in said
