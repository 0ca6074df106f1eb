"""A rolling upgrade: two builds of the product look after one stage, one by one and side by side."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import reconciler
from reconciler.decide.draft import RULES
from reconciler.embedded.cluster import EmbeddedCluster
from tests.daemon.leases.processes import daemon, has_followed, holder, is_linear, scaled
from tests.daemon.site import Site, eventually, git
from tests.daemon.test_process import Running

pytestmark = pytest.mark.no_cover

TITLE = "Response time degradation"
PACKAGE = Path(reconciler.__file__).parent


def build(folder: Path, *, rules: int = RULES) -> dict[str, str]:
    """Copy the product as another version, and return the environment that runs the copy."""
    own = folder / f"build-{rules}"
    shutil.copytree(PACKAGE, own / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGE.parent / "schemas", own / "schemas")
    for file, pattern, text in (
        ("decide/draft.py", r"(?m)^RULES = \d+$", f"RULES = {rules}"),
        ("__init__.py", r"(?m)^__version__.*$", '__version__ = "99.0"'),
    ):
        path = own / "reconciler" / file
        changed, count = re.subn(pattern, text, path.read_text("utf-8"))
        assert count == 1
        path.write_text(changed, "utf-8")
    # Without the folder that it is started in, where the other build lies.
    return {"PYTHONPATH": str(own), "PYTHONSAFEPATH": "1"}


def rules_of(site: Site) -> list[int]:
    """Return the rules of all steps, oldest first."""
    found = git(site.remote, "log", "--reverse", "--format=%(trailers:key=Rules,valueonly)", "production")
    return [int(line) for line in found.splitlines() if line]


def said(daemon: Running, words: str) -> bool:
    return any(words in line for line in list(daemon.lines))


def took_up(site: Site, number: int) -> None:
    """Push one more problem, and wait until it is attached to the first one's remediation."""
    site.problem(f"p{number}", TITLE)
    eventually(lambda: site.events().count("attached") == number - 1, f"p{number} is taken up")


def began(site: Site) -> None:
    site.problem("p1", TITLE)
    eventually(lambda: site.events()[-1:] == ["applied"], "applied")


@pytest.fixture
def upgraded(site: Site) -> Iterator[Site]:
    site.cluster.namespace("reconciler")
    yield site
    check(site)


@pytest.fixture
def of_newer_rules(tmp_path: Path) -> Iterator[Site]:
    """A site whose steps are not for readers of these rules to judge."""
    with EmbeddedCluster() as cluster:
        made = Site(tmp_path, cluster)
        cluster.namespace("reconciler")
        yield made
        check(made)


def check(site: Site) -> None:
    """Check that the history is one line, and that nothing else was written than what it says."""
    assert is_linear(site)
    assert site.events()[:3] == ["opened", "decided", "applied"]
    assert site.replicas() == 2
    assert {*scaled(site)} == {2}


def test_versions_of_the_same_rules_go_on_where_the_other_stands_and_back(upgraded: Site) -> None:
    other = build(upgraded.folder)
    with ExitStack() as stack:
        old = stack.enter_context(daemon(upgraded, "old"))
        eventually(lambda: holder(upgraded) == "old", "the old one has the lease")
        began(upgraded)
        new = stack.enter_context(daemon(upgraded, "new", environment=other))
        assert old.stop() == 0
        eventually(lambda: holder(upgraded) == "new", "upgraded")
        took_up(upgraded, 2)
        stack.enter_context(daemon(upgraded, "back"))
        assert new.stop() == 0
        eventually(lambda: holder(upgraded) == "back", "and taken back")
        took_up(upgraded, 3)
    assert {*rules_of(upgraded)} == {RULES}


def test_a_stage_of_newer_rules_is_left_alone_by_the_older_also_when_nobody_else_is_there(of_newer_rules: Site) -> None:
    newer = build(of_newer_rules.folder, rules=RULES + 1)
    with ExitStack() as stack:
        new = stack.enter_context(daemon(of_newer_rules, "new", environment=newer))
        eventually(lambda: holder(of_newer_rules) == "new", "the newer one has the lease")
        old = stack.enter_context(daemon(of_newer_rules, "old"))
        began(of_newer_rules)
        eventually(lambda: has_followed(of_newer_rules, old), "the older one has seen it")
        new.process.kill()
        new.process.wait(30)
        stack.enter_context(daemon(of_newer_rules, "newest", environment=newer))
        eventually(lambda: holder(of_newer_rules) == "newest", "taken over")
        took_up(of_newer_rules, 2)
    assert {*rules_of(of_newer_rules)} == {RULES + 1}
    command = [sys.executable, "-m", "reconciler", "replay", "--repo", str(of_newer_rules.remote)]
    for environment, status in ((newer, 0), ({}, 1)):
        done = subprocess.run(
            [*command, "--stage", "production"], env={**os.environ, **environment}, capture_output=True, check=False
        )
        assert done.returncode == status, done.stdout


def test_a_stage_of_older_rules_is_left_by_the_newer_to_an_older_as_long_as_there_is_one(upgraded: Site) -> None:
    newer = build(upgraded.folder, rules=RULES + 1)
    with ExitStack() as stack:
        old = stack.enter_context(daemon(upgraded, "old"))
        eventually(lambda: holder(upgraded) == "old", "the old one has the lease")
        began(upgraded)
        new = stack.enter_context(daemon(upgraded, "new", environment=newer))
        eventually(lambda: said(new, "which this reconciler does not know"), "it says why, and what to do")
        assert old.stop() == 0
        stack.enter_context(daemon(upgraded, "late"))
        eventually(lambda: holder(upgraded) == "late", "taken over by one that knows the steps")
        took_up(upgraded, 2)
        assert new.process.poll() is None
    assert {*rules_of(upgraded)} == {RULES}


def test_without_leases_too_each_keeps_from_what_it_does_not_know(upgraded: Site) -> None:
    newer = build(upgraded.folder, rules=RULES + 1)
    with daemon(upgraded, "old", leases=False):
        began(upgraded)
        with daemon(upgraded, "new", leases=False, environment=newer) as new:
            eventually(lambda: said(new, "which this reconciler does not know"), "the newer one says so")
            took_up(upgraded, 2)
            assert new.process.poll() is None
    assert {*rules_of(upgraded)} == {RULES}


def test_without_leases_two_versions_of_the_same_rules_are_one(upgraded: Site) -> None:
    with (
        daemon(upgraded, "old", leases=False),
        daemon(upgraded, "new", leases=False, environment=build(upgraded.folder)),
    ):
        began(upgraded)
        for number in range(2, 6):
            took_up(upgraded, number)
    assert {*rules_of(upgraded)} == {RULES}
