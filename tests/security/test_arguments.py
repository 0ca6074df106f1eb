"""No name of a stranger's becomes an option, a path or a ref: every git that is started is watched."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.daemon.site import Site, git, until

TITLE = "Response time degradation"
SPY = """\
#!/bin/sh
{{ printf '%s\\n' "$@"; echo; }} >> "{log}"
exec {real} "$@"
"""
HOSTILE = ("--upload-pack=touch {pwned}", "-c", "--exec=touch {pwned}", "ext::sh -c touch% {pwned}", "../../../pwned",
           "refs/heads/x", "@{{u}}", "x;touch {pwned}", "$(touch {pwned})", "a\nb")  # fmt: skip


@pytest.fixture
def spied(site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a git in front of git that writes down how it was called."""
    real, log = shutil.which("git"), site.folder / "argv"
    folder = site.folder / "bin"
    folder.mkdir()
    (folder / "git").write_text(SPY.format(log=log, real=real))
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return log


@pytest.mark.parametrize("which", range(len(HOSTILE)))
def test_no_name_becomes_an_argument(site: Site, spied: Path, which: int) -> None:
    pwned = site.folder / "pwned"
    name = HOSTILE[which].format(pwned=pwned)
    quoted = json.dumps(name)
    git(site.clone, "checkout", "-q", "main")
    site.write("project.yaml", f"name: sockshop\nstages: [production, {quoted}]\nopsBranch: {quoted}\n")
    git(site.clone, "commit", "-q", "-a", "-m", "hostile")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "checkout", "-q", "production")
    spied.unlink(missing_ok=True)
    with site.loop() as loop:
        until(loop, lambda: loop.conditions, "it is told")
        assert loop.tick() == ()
    git(site.clone, "checkout", "-q", "main")
    site.write("project.yaml", "name: sockshop\nstages: [production]\n")
    git(site.clone, "commit", "-q", "-a", "-m", "mended")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "checkout", "-q", "production")
    site.push({
        "carts/service.yaml": f"labels: {{team: {quoted}}}\n",
        "ops/production/carts/problems/p1.yaml": f"title: {quoted}\nstate: open\nsource: {quoted}\n",
        "ops/production/carts/commands/20261122T100000Z-abort-p1-00.yaml": f"verb: abort\nremediation: {quoted}\n",
        "ops/production/carts/problems/p2.yaml": f"title: {TITLE}\nstate: open\n",
    })  # fmt: skip
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "the other problem is looked after")
    calls = spied.read_text().split("\n\n")
    assert len(calls) > 3
    assert not [call for call in calls if name in call and name not in ("-c", "refs/heads/x")]
    assert not pwned.exists()
    assert not list(site.folder.parent.glob("pwned*"))
    refs = git(site.remote, "for-each-ref", "--format=%(refname)").splitlines()
    assert refs == ["refs/heads/main", "refs/heads/production"]
