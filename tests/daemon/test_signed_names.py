"""Names of millions of letters, and everything else that a stranger chooses, do not stop a daemon that judges."""

from __future__ import annotations

import pytest

from tests.daemon.agreement import check_agreement
from tests.daemon.signing_site import TWO, sign_all
from tests.daemon.site import Site, git
from tests.repo.signed_history import Objects

LONG = "e" * (5 << 20)
SUSPEND = "ops/production/carts/commands/20261122T100000.000Z-suspend.yaml"


def push_raw(site: Site, files: dict[str, str], who: str) -> None:
    """Push a commit of somebody's with a name as long as he likes."""
    for path, text in files.items():
        site.write(path, text)
    git(site.clone, "add", "-A")
    tree, tip = git(site.clone, "write-tree"), git(site.clone, "rev-parse", "HEAD")
    person = f"{who} <eve@example.org> 1800000000 +0000"
    raw = f"tree {tree}\nparent {tip}\nauthor {person}\ncommitter {person}\n\nmine\n".encode()
    made = Objects(site.clone / ".git").write("commit", raw)
    git(site.clone, "push", "-q", "origin", f"{made}:refs/heads/production")
    git(site.clone, "reset", "-q", "--hard", made)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("path", ["carts/remediation.yaml", SUSPEND])
def test_a_name_of_millions_of_letters_stops_nothing(site: Site, path: str, signed: bool) -> None:
    if signed:
        sign_all(site)
    push_raw(site, {path: TWO if path.startswith("carts") else "verb: suspend\n"}, LONG)
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        loop.tick()
    assert site.events()
    assert check_agreement(site) == len(site.events())
    steps = git(site.remote, "log", "--format=%H", "--grep=^Sequence: ", "production").split()
    sizes = [git(site.remote, "show", "--format=", each) for each in steps]
    assert max(map(len, sizes)) < 1 << 20
