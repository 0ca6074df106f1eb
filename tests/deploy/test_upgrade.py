"""An upgrade over raised rules in the order of docs/operations.md: nothing changes by itself, and all goes on.

The newer build is a copy of the product with other rules, as in tests/daemon/leases.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.decide.draft import RULES
from reconciler.embedded.cluster import EmbeddedCluster
from tests.daemon.leases.processes import daemon, scaled
from tests.daemon.leases.test_processes_upgrade import TITLE, began, build, rules_of, said
from tests.daemon.site import Site, eventually, git
from tests.docs.guide import ROOT, Shell, section

pytestmark = pytest.mark.no_cover

SHOWN = section((ROOT / "docs" / "operations.md").read_text("utf-8"), "Upgrade").partition("### Over raised rules")[2]
HELD = f"all steps of production are of rules {RULES}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with EmbeddedCluster() as cluster:
        yield Site(tmp_path, cluster)


def say(site: Site, *words: str) -> None:
    """Use the command as a person does, in their clone."""
    git(site.clone, "pull", "-q", "--rebase", "origin", "production")
    person = {f"GIT_{who}_{what}": f"ada{'@example.org' if what == 'EMAIL' else ''}"
              for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *words, "--repo", str(site.clone), "--stage", "production"],
        env={**os.environ, **person}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def begin_anew(site: Site) -> None:
    """Do what is shown, as a person does, in their clone."""
    (block,) = re.findall(r"^   ```sh\n(.*?)^   ```$", SHOWN, re.MULTILINE | re.DOTALL)
    git(site.clone, "pull", "-q", "--rebase", "origin", "production")
    git(site.clone, "branch", "-q", "--set-upstream-to", "origin/production")
    shell = Shell(site.folder)
    shell.folder = site.clone
    shell.run(textwrap.dedent(block))


def newest(site: Site) -> tuple[str, int]:
    """Return event and rules of the newest step."""
    return site.events()[-1], rules_of(site)[-1]


def test_in_the_order_that_is_shown(site: Site) -> None:
    newer = build(site.folder, rules=RULES + 1)
    with daemon(site, "old", leases=False) as old:
        began(site)
        say(site, "suspend", "--reason", "upgrade")
        assert old.stop() == 0
    with daemon(site, "new", leases=False, environment=newer) as new:
        eventually(lambda: said(new, HELD), "the newer one holds the stage")
        assert new.logged(event="ready"), "so a rollout goes on"
        assert {*rules_of(site)} == {RULES}
        begin_anew(site)
        eventually(lambda: newest(site) == ("held", RULES + 1), "begun anew, and still suspended")
        assert (site.replicas(), scaled(site)) == (2, [2])
        say(site, "problem", "resolve", "p1", "--service", "carts")
        eventually(lambda: newest(site) == ("resolved", RULES + 1), "resolved")
        say(site, "resume")
        site.problem("p2", TITLE)
        eventually(lambda: newest(site) == ("applied", RULES + 1), "and it goes on, from what stands there")
        assert (site.replicas(), scaled(site)) == (3, [2, 3])


def test_before_the_stage_is_begun_anew_going_back_is_safe(site: Site) -> None:
    with daemon(site, "old", leases=False) as old:
        began(site)
        assert old.stop() == 0
    with daemon(site, "new", leases=False, environment=build(site.folder, rules=RULES + 1)) as new:
        eventually(lambda: said(new, HELD), "the newer one holds the stage")
    with daemon(site, "back", leases=False):
        site.problem("p2", TITLE)
        eventually(lambda: site.events()[-1] == "attached", "the older one goes on where it stood")
    assert (site.replicas(), scaled(site), {*rules_of(site)}) == (2, [2], {RULES})


def test_after_that_an_older_one_leaves_the_stage_to_newer_ones(site: Site) -> None:
    with daemon(site, "old", leases=False) as old:
        began(site)
        assert old.stop() == 0
    with daemon(site, "new", leases=False, environment=build(site.folder, rules=RULES + 1)) as new:
        eventually(lambda: said(new, HELD), "the newer one holds the stage")
        begin_anew(site)
        eventually(lambda: newest(site)[1] == RULES + 1, "begun anew")
        assert new.stop() == 0
    steps, scalings = rules_of(site), scaled(site)
    with daemon(site, "back", leases=False) as back:
        eventually(lambda: said(back, "left to a newer reconciler"), "the older one holds the stage")
    assert (rules_of(site), scaled(site)) == (steps, scalings)


def test_sooner_an_older_daemon_gives_back_what_is_held(site: Site) -> None:
    """Why the last one must be gone first."""
    with daemon(site, "old", leases=False):
        began(site)
        begin_anew(site)
        eventually(lambda: "reverted" in site.events() and site.events()[-1] == "applied", "undone, and given back")
    assert (site.replicas(), scaled(site)) == (1, [2, 1])
