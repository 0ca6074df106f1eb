"""A site whose repository is on a forge: a double of its API over the real remote, and people who merge with Git."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.daemon.project_loop import ProjectLoop
from tests.daemon.site import SCALING, Site, eventually, git
from tests.forge.double import REPOSITORY, TOKEN, Double, Pull, serving

TITLE = "Response time degradation"
BRANCH = "proposals/production/p1-02"
TWO_ACTIONS = SCALING + "  - action: scaling\n    value: +2\n"


@contextmanager
def on_a_forge(site: Site, kind: str = "github") -> Iterator[Double]:
    """Let the site's project have a forge; everything that is done in production needs approval from now on."""
    with serving(kind, site.remote) as double:
        (site.folder / "forge.token").write_text(TOKEN)
        site.config.write_text(
            site.config.read_text() + f"    forge:\n      kind: {kind}\n      api: {double.api}\n"
            f"      repository: {REPOSITORY}\n      tokenFile: forge.token\n      poll: 50ms\n      statuses: false\n"
        )
        site.push({"stage.yaml": "approval: required\n"}, "people approve")
        yield double


def once_checked(loop: ProjectLoop, met: Callable[[], object]) -> None:
    """Let the loop look until checks of commits are told: each is a process, and a busy machine takes its time."""

    def looked() -> object:
        loop.tick()
        return met()

    eventually(looked, "told", 300)


def branches(site: Site) -> list[str]:
    listed = git(site.remote, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/proposals/")
    return listed.splitlines()


def merge(site: Site, double: Double, pull: Pull, how: str, who: str = "Bea") -> None:
    """Merge as a forge does, with real Git."""
    clone = site.folder / f"merging-{pull.number}"
    git(site.folder, "clone", "-q", str(site.remote), str(clone))
    git(clone, "checkout", "-q", pull.base)
    me = ("-c", f"user.name={who}", "-c", f"user.email={who.lower()}@example.org")
    person = {"GIT_AUTHOR_NAME": who, "GIT_COMMITTER_NAME": who}
    head = f"origin/{pull.head}"
    match how:
        case "merge":
            _as(person, clone, *me, "merge", "-q", "--no-ff", "-m", pull.title, head)
        case "squash":
            git(clone, "merge", "-q", "--squash", head)
            author = git(clone, "log", "-1", "--format=%an <%ae>", head)
            _as(person, clone, *me, "commit", "-q", "--author", author, "-m", pull.title)
        case "rebase":
            git(clone, "checkout", "-q", "-b", "rebased", head)
            _as(person, clone, *me, "rebase", "-q", "--force-rebase", f"origin/{pull.base}")
            git(clone, "checkout", "-q", pull.base)
            git(clone, "merge", "-q", "--ff-only", "rebased")
        case _:
            git(clone, "merge", "-q", "--ff-only", head)
    with double.lock:  # nobody sees the one without the other
        git(clone, "push", "-q", "origin", pull.base)
        pull.state, pull.closed_at, pull.closed_by = "merged", "2026-11-21T10:00:00Z", who


def _as(person: dict[str, str], clone: object, *words: str) -> None:
    import os
    import subprocess

    keep = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    emails = {key.replace("NAME", "EMAIL"): f"{value.lower()}@example.org" for key, value in person.items()}
    if "--author" in words or "rebase" in words:
        person = {key: value for key, value in person.items() if "AUTHOR" not in key}
        emails = {key: value for key, value in emails.items() if "AUTHOR" not in key}
    done = subprocess.run(
        ["git", *words], cwd=str(clone), env={**keep, **person, **emails}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (words, done.stdout, done.stderr)
