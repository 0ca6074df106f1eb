"""A commit that changes configuration is told what `validate` says of it, whatever is in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.daemon import commit_checks
from reconciler.daemon.commit_checks import Commit, Verdict, checked
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.verdicts_config import FINDINGS, _Once, said_of
from reconciler.model.errors import Place, TransientError, UserError
from reconciler.model.names import CommitId, StageName
from tests.daemon.forge_site import once_checked
from tests.daemon.site import SCALING, Site, git
from tests.forge.double import REPOSITORY, TOKEN, Double, serving
from tests.repo.bombs import bomb

STAGE = StageName("production")
UNMEASURED = """\
spec_version: "1.0"
objectives:
- sli: response_time
  pass:
  - criteria: ["<=100"]
total_score: {pass: "90%"}
"""


@pytest.fixture
def forge(site: Site) -> Iterator[Double]:
    with serving("github", site.remote) as double:
        (site.folder / "forge.token").write_text(TOKEN)
        site.config.write_text(
            site.config.read_text() + f"    forge: {{kind: github, api: '{double.api}', "
            f"repository: {REPOSITORY}, tokenFile: forge.token, approvals: false}}\n"
        )
        yield double


def told(loop: ProjectLoop, forge: Double, commit: str) -> tuple[str, str]:
    """Return state and words of a commit's status, once it has one."""

    def found() -> list[tuple[str, str]]:
        with forge.lock:
            return [(each["state"], each["description"]) for at, each in forge.statuses if at == commit]

    once_checked(loop, found)
    return found()[-1]


def remarks(forge: Double, commit: str) -> list[str]:
    with forge.lock:
        return [each["body"] for at, each in forge.remarks if at == commit]


def test_what_validate_says_is_said(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        wrong = site.push({"carts/remediation.yaml": SCALING.replace("scaling", "scalling")}, "an unknown action")
        state, text = told(loop, forge, wrong)
        assert state == "failure"
        assert text.startswith("1 error, the first at carts/remediation.yaml:4:")
        assert text.endswith("; 1 file changed")
        once_checked(loop, lambda: remarks(forge, wrong))
        assert "scalling" in remarks(forge, wrong)[0]
        doubtful = site.push({"carts/remediation.yaml": SCALING, "carts/slo.yaml": UNMEASURED}, "measured by nothing")
        state, text = told(loop, forge, doubtful)
        assert state == "success", text
        assert text.startswith("2 files changed; 1 warning, the first at carts/slo.yaml:")
        mended = site.push({"carts/slo.yaml": None}, "as it was")
        assert told(loop, forge, mended) == ("success", "1 file deleted, and nothing is wrong")
        gone = site.push({"carts/remediation.yaml": None, "carts/service.yaml": "labels: {}\n"}, "moved")
        assert told(loop, forge, gone)[1].startswith("1 file changed and 1 file deleted")
        assert remarks(forge, doubtful) == []


def test_the_first_commit_of_a_stage_is_checked_whole(site: Site, forge: Double) -> None:
    first = git(site.remote, "rev-list", "--max-parents=0", "production")
    with site.loop() as loop:
        state, text = told(loop, forge, first)
    assert state == "success", text
    assert text.startswith("1 file changed")


def test_a_merged_one_is_told_what_the_merge_brought(site: Site, forge: Double) -> None:
    git(site.clone, "checkout", "-q", "-b", "pr")
    site.write("carts/slo.yaml", "objectives: [\n")
    git(site.clone, "add", "-A")
    git(site.clone, "commit", "-qm", "broken")
    git(site.clone, "checkout", "-q", "production")
    site.push({"carts/service.yaml": "labels: {}\n"})
    git(site.clone, "merge", "-q", "--no-ff", "-m", "Merge pr", "pr")
    git(site.clone, "push", "-q", "origin", "production")
    with site.loop() as loop:
        state, text = told(loop, forge, git(site.clone, "rev-parse", "HEAD"))
    assert state == "failure"
    assert "carts/slo.yaml:" in text


# The check by itself


def asked(site: Site, commit: str, parent: str | None) -> Commit:
    main = CommitId(git(site.remote, "rev-parse", "main"))
    base = None if parent is None else CommitId(parent)
    return Commit(site.remote / "objects", main, "refs/heads/production", base, CommitId(commit))


def head(site: Site) -> str:
    return git(site.remote, "rev-parse", "production")


def test_a_tree_without_end_is_refused_in_time(site: Site) -> None:
    bad = bomb(site.remote, head(site))
    with pytest.raises(UserError, match="differ between the two commits"):
        checked(asked(site, bad, head(site)), site.folder / "checks")


@pytest.mark.parametrize(
    ("program", "error", "words"),
    [
        ("import time; time.sleep(60)", UserError, "took longer than 1 s"),
        ("print('x' * 20_000_000)", UserError, "more is wrong"),
        ("x = bytearray(2 << 30)", UserError, "more memory"),
        ("import sys; sys.stderr.write('no such thing'); sys.exit(2)", TransientError, "no such thing"),
        ("print('[]')", TransientError, "not known"),
        ("import os; os.kill(os.getpid(), 9)", UserError, "more memory or time"),
    ],
)
def test_whatever_becomes_of_it_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, program: str, error: type[Exception], words: str
) -> None:
    real = commit_checks._run

    def run(_: object, seconds: float, clock: Callable[[], float]) -> tuple[int, bytes, str]:
        seconds = 1.0 if "sleep" in program else seconds
        exits = (
            program if "exit('" not in program else "import sys; print('no such thing', file=sys.stderr); sys.exit(2)"
        )
        return real([sys.executable, "-c", exits], seconds, clock)

    monkeypatch.setattr(commit_checks, "_run", run)
    with pytest.raises(error, match=words):
        checked(asked(site, head(site), head(site)), site.folder / "checks")
    assert list((site.folder / "checks").iterdir()) == [], "nothing is left"


def test_it_knows_nothing_of_the_daemons_secrets(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORGE_TOKEN", "s3cret")
    out = tmp_path / "environment"
    program = f"import os; open({str(out)!r}, 'w').write(repr(dict(os.environ))); print('{{}}')"
    commit_checks._run([sys.executable, "-c", program], 60.0, lambda: 0.0)
    assert "s3cret" not in out.read_text()
    assert "PATH" in out.read_text()


# What is said of it


def once(check: Callable[[Commit], Verdict]) -> _Once:
    nobody = CommitId("a" * 40)
    return _Once(STAGE, "1 file changed", Commit(Path("/"), nobody, "refs/heads/x", None, nobody), check)


def test_it_is_checked_once_however_often_it_is_told() -> None:
    made: list[Commit] = []

    def check(what: Commit) -> Verdict:
        made.append(what)
        return Verdict()

    say = once(check)
    assert say() == say()
    assert len(made) == 1


def test_what_cannot_be_checked_now_is_tried_again_and_then_told() -> None:
    def check(_: Commit) -> Verdict:
        raise TransientError("no room")

    say = once(check)
    for _ in range(2):
        with pytest.raises(TransientError):
            say()
    said = say()
    assert (said.status.verdict, said.status.text) == ("failure", "not checked: no room; 1 file changed")


def test_of_many_findings_the_first_are_listed() -> None:
    found = [UserError(f"e{number}", place=Place("a.yaml", number + 1)) for number in range(FINDINGS + 5)]
    said = said_of(STAGE, "1 file changed", found, found)
    assert said.status.text == "25 errors, the first at a.yaml:1; 1 file changed"
    assert said.remark.count("* and 5 more") == 2
    assert said.remark.startswith(said.mark)
