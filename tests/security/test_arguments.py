"""No name of a stranger's becomes an option, a path or a ref: every git that is started is watched."""

from __future__ import annotations

import json

import pytest

from tests.daemon.argv_seen import SeenArguments
from tests.daemon.site import SCALING, Site, git, until

TITLE = "Response time degradation"
HOSTILE = ("--upload-pack=touch {pwned}", "-c", "--exec=touch {pwned}", "ext::sh -c touch% {pwned}", "../../../pwned",
           "refs/heads/x", "@{{u}}", "x;touch {pwned}", "$(touch {pwned})", "a\nb")  # fmt: skip
FILES = ("-x", "--upload-pack=touch pwned", "--exec=touch pwned", "ext::sh -c touch% pwned", "@{u}", "x;touch pwned",
         "$(touch pwned)", ":(glob)*", "HEAD~1")  # fmt: skip
_FAR_BACK = 40
"""Commits after which git itself is asked who brought a file, by its path."""


@pytest.fixture
def seen(site: Site, monkeypatch: pytest.MonkeyPatch) -> SeenArguments:
    return SeenArguments(site.folder, monkeypatch)


@pytest.mark.parametrize("which", range(len(HOSTILE)))
def test_no_name_becomes_an_argument(site: Site, seen: SeenArguments, which: int) -> None:
    pwned = site.folder / "pwned"
    name = HOSTILE[which].format(pwned=pwned)
    quoted = json.dumps(name)
    git(site.clone, "checkout", "-q", "main")
    site.write("project.yaml", f"name: sockshop\nstages: [production, {quoted}]\nopsBranch: {quoted}\n")
    git(site.clone, "commit", "-q", "-a", "-m", "hostile")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "checkout", "-q", "production")
    seen.forget()
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
    assert len(seen.calls()) > 3
    assert name in ("-c", "refs/heads/x") or not seen.with_name(name)
    assert not pwned.exists()
    assert not list(site.folder.parent.glob("pwned*"))
    refs = git(site.remote, "for-each-ref", "--format=%(refname)").splitlines()
    assert refs == ["refs/heads/main", "refs/heads/production"]


@pytest.mark.parametrize("name", FILES)
def test_no_name_of_a_file_becomes_more_than_a_path(site: Site, seen: SeenArguments, name: str) -> None:
    """A service's folder, a problem, a command and a folder of problems are called like something that git would do."""
    site.push({
        f"{name}/remediation.yaml": SCALING,
        f"ops/production/{name}/problems/p0.yaml": f"title: {TITLE}\nstate: open\n",
        f"ops/production/carts/problems/{name}.yaml": "title: Nobody knows\nstate: open\n",
        f"ops/production/carts/problems/{name}/p1.yaml": "title: Nobody knows either\nstate: open\n",
        f"ops/production/carts/commands/{name}.yaml": "verb: retry\nremediation: nobody\n",
    })  # fmt: skip
    for number in range(_FAR_BACK):
        git(site.clone, "commit", "-q", "--allow-empty", "-m", f"something else {number}")
    site.push_head()
    site.push({"ops/production/carts/problems/p2.yaml": f"title: {TITLE}\nstate: open\n"})
    refs = git(site.remote, "for-each-ref", "--format=%(refname)")
    seen.forget()
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "the other problem is looked after")
        until(loop, lambda: site.events().count("unmatched") == 2, "so are those of that name")
        until(loop, lambda: site.events().count("refused") == 2, "the service and the command are told")
        loop.tick()
        assert not loop.conditions
        assert seen.with_name(f"{name}.yaml"), "git was asked by path"
        assert not seen.as_more_than_a_name(name)
    assert "cannot be used in paths and refs" in (
        site.file(f"ops/production/{name}/remediations/p0/01-refused.yaml") or ""
    )
    assert not [*site.folder.parent.rglob("pwned*")]
    assert git(site.remote, "for-each-ref", "--format=%(refname)") == refs
