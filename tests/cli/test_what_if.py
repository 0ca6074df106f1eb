"""`reconciler what-if`: the past of a stage asked what a pull request would have made of it, from the clone alone."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.cli.what_if_text import code
from reconciler.repo import differing, proposal
from reconciler.repo.steps import as_commit
from tests.cli.conftest import Reconciler, Result, git
from tests.decide.files import SLO, entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.world import World
from tests.repo.conftest import Hub

SLOW = "Response time degradation"
HOSTILE = "@ops [x](javascript:alert) | <img src=x> `rm` \u202e <!-- </details>"


class Stage:
    """A remote with the history that the engine made, and branches that propose something."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(folder / "shop.git")
        self.hub.land({"project.yaml": b"name: sockshop\nstages: [production]\n"}, "main")
        self.world = World(
            playbook(entry(SLOW, "scaling +1"), entry("Promotion", "featuretoggle {EnablePromotion: off}"))
        )
        self.world.around.flags["EnablePromotion"] = Flag(enabled=True)
        self.world.objectives()
        self.world.around.values["response_time_p90"] = 80.0
        self._landed = 0

    def problem(self, name: str, title: str = SLOW) -> None:
        """Let a problem come, be acted upon and end."""
        self.world.open(name, title)
        self.world.tick()
        self.world.over(name, title=title)
        self.world.later(8000)

    def land(self) -> Stage:
        """Push people's files and all steps made since."""
        self.hub.land({path: content for path, content in self.world.files.items() if not path.startswith("ops/")})
        for step in self.world.steps[self._landed :]:
            self.hub.land(as_commit(step).files, message=as_commit(step).message)
        self._landed = len(self.world.steps)
        return self

    def propose(
        self, files: Mapping[str, str | bytes | None], branch: str = "proposal", start: str = "production"
    ) -> None:
        self.hub.point(self.hub.tip(start), branch)
        self.hub.land({path: t.encode() if isinstance(t, str) else t for path, t in files.items()}, branch)


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    found = Stage(tmp_path_factory.mktemp("made"))
    for name, title in (("p1", SLOW), ("p2", "Promotion"), ("p3", SLOW)):
        found.problem(name, title)
    return found.land()


@pytest.fixture
def stage(_made: Stage, tmp_path: Path) -> Stage:
    """Three problems in the past of `carts`, one of them about a flag."""
    found = copy.copy(_made)
    found.hub = copy.copy(_made.hub)
    found.hub.path = tmp_path / "shop.git"
    shutil.copytree(_made.hub.path, found.hub.path)
    return found


Ask = Callable[..., Result]


@pytest.fixture
def ask(reconciler: Reconciler, stage: Stage) -> Ask:
    def call(*options: object, base: str = "production", head: str = "proposal") -> Result:
        words = ("--repo", stage.hub.path, "--stage", "production", "--base", base, "--head", head)
        return reconciler("what-if", *words, *options)

    return call


TWO = playbook(entry(SLOW, "scaling +2"), entry("Promotion", "scaling +1"))


def test_a_person_is_told_which_problems_differ_and_why(stage: Stage, ask: Ask) -> None:
    stage.propose({"carts/remediation.yaml": TWO})
    done = ask()
    assert done.code == 0
    assert f"{SLOW}: 2 problems would take another action: `scaling +1` → `scaling +2`" in done.out
    assert "problems: carts/p1, carts/p3" in done.out
    assert "base:     `scaling +1` (carts-primary 1 → 2)" in done.out
    assert "head:     `scaling +1` (unknown from here: what it would have found was not recorded)" in done.out
    summary = "3 of 3 problems would differ; at most +1 replica; EnablePromotion off once less; featuretoggle once less"
    assert summary in done.out
    assert str(stage.hub.path) not in done.out


def test_the_same_files_differ_in_nothing(stage: Stage, ask: Ask) -> None:
    stage.propose({"README.md": "about"})
    done = ask("-o", "json", "--fail-if", "differ > 0")
    assert done.code == 0
    data = json.loads(done.out)
    assert (data["totals"]["problems"], data["totals"]["differ"], data["differences"]) == (3, 0, [])
    assert data["rules"] == [{"rule": "differ > 0", "met": False}]


def test_archived_problems_count_as_they_did(stage: Stage, ask: Ask) -> None:
    stage.propose({"carts/remediation.yaml": TWO})
    before = json.loads(ask("-o", "json").out)
    gone = {path: None for path in stage.world.files if "/remediations/p1/" in path}
    message = "production: archived\n\nStage: production\nEvent: archived\nSequence: 99\nNow: 2026-11-19T11:06:40Z\n"
    stage.hub.land(gone, message=message)
    stage.propose({"carts/remediation.yaml": TWO})
    after = json.loads(ask("-o", "json").out)
    assert after["differences"] == before["differences"]
    assert after["totals"] == before["totals"]


def test_rules_decide_the_exit_code(stage: Stage, ask: Ask) -> None:
    stage.propose({"carts/slo.yaml": SLO.replace("<=100", "<=50").replace("<=200", "<=60")})
    for rule, code_ in (("unhealed > 0", 1), ("unhealed > 3", 0), ("differ > 99%", 1), ("replicas > +3", 0)):
        done = ask("--fail-if", rule)
        assert done.code == code_, rule
        assert ("that meets" in done.err) is bool(code_)
    wrong = ask("--fail-if", "unheald > 0")
    assert wrong.code == 2
    assert "did you mean `unhealed`" in wrong.err


def test_a_branch_that_is_behind_is_asked_about_its_own_changes_only(stage: Stage, ask: Ask) -> None:
    stage.propose({"carts/slo.yaml": SLO.replace("<=100", "<=50").replace("<=200", "<=60")})
    stage.hub.land({"carts/remediation.yaml": TWO.encode()})
    data = json.loads(ask("-o", "json").out)
    assert {each["kind"] for each in data["differences"]} == {"evaluation"}
    assert data["totals"]["strayed"] == 3


def test_the_newest_are_looked_at_first(stage: Stage, ask: Ask) -> None:
    stage.propose({"carts/remediation.yaml": TWO})
    near = json.loads(ask("--since", "1h", "-o", "json").out)
    assert (near["totals"]["problems"], near["differences"][0]["ids"]) == (1, ["carts/p3"])
    few = json.loads(ask("--limit", "2", "-o", "json").out)
    assert (few["totals"]["problems"], few["cut"]["problems"]) == (2, 1)
    assert "left out: 1 problem older" in ask("--limit", "2").out
    wrong = ask("--since", "soon")
    assert (wrong.code, "`90d`" in wrong.err) == (2, True)


def test_a_proposal_that_cannot_be_read_is_a_finding(stage: Stage, ask: Ask) -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nremediations: *b\n"
    stage.propose({"carts/remediation.yaml": bomb, "stage.yaml": b"x" * 300_000})
    done = ask("-o", "json", "--fail-if", "findings > 0")
    assert done.code == 1
    data = json.loads(done.out)
    assert {each["path"] for each in data["findings"]} == {"carts/remediation.yaml", "stage.yaml"}
    assert data["totals"]["refused"] == 3
    assert all(each["message"] for each in data["findings"])


@pytest.mark.parametrize(
    "slo",
    [
        SLO.replace("<=100", "<=" + "1" * 60_000), SLO.replace('"<=100"', "'" + "(" * 5_000 + "'"),
        "objectives: " + "[" * 4_000, "x" * 70_000, "\x00", "- &a [*a]\n", SLO.replace("<=100", "=" * 20_000),
    ],
)  # fmt: skip
def test_no_file_of_a_stranger_stops_it(stage: Stage, ask: Ask, slo: str) -> None:
    stage.propose({"carts/slo.yaml": slo})
    done = ask("-o", "json")
    assert done.code == 0
    assert [each["path"] for each in json.loads(done.out)["findings"]][:1] == ["carts/slo.yaml"]


def test_hostile_titles_are_told_and_nothing_more(tmp_path: Path, reconciler: Reconciler) -> None:
    stage = Stage(tmp_path)
    stage.world.playbook(playbook(entry("default", "scaling +1")))
    stage.problem("p1", HOSTILE)
    stage.world.playbook(playbook(entry("other", "scaling +1")))
    stage.problem("p2", HOSTILE)
    stage.land().propose({"carts/remediation.yaml": playbook(entry("default", "scaling +4"))})
    words = ("what-if", "--repo", stage.hub.path, "--stage", "production", "--base", "production", "--head", "proposal")
    page = reconciler(*words, "-o", "markdown").out
    for sign in ("@ops", "<img", "javascript:", "<!--", "`rm`", "\u202e"):
        assert sign not in page
    assert page.count("</details>") == 1
    assert all(line.count("|") in (0, 9, 12) for line in page.splitlines())
    assert "\u202e" not in reconciler(*words).out


@given(st.text(max_size=300))
def test_code_is_one_line_of_code_whatever_it_shows(text: str) -> None:
    written = code(text)
    inner = written.removeprefix("<code>").removesuffix("</code>")
    assert f"<code>{inner}</code>" == written
    assert not set(inner) & set("<>|`*_[]()!@#\\~\"'\n\r").difference("#")
    assert all(part.partition(";")[0].isdigit() for part in inner.split("&#")[1:])
    assert "\n" not in unescape(inner)


def test_every_form_says_the_same_and_twice_the_same(stage: Stage, ask: Ask) -> None:
    stage.propose({"carts/remediation.yaml": TWO, "stage.yaml": "bounds: {replicas: {max: 2}}\n"})
    for form in ("table", "json", "yaml", "markdown"):
        assert ask("-o", form).out == ask("-o", form).out
    assert YAML(typ="safe").load(ask("-o", "yaml").out) == json.loads(ask("-o", "json").out)


def test_it_runs_in_the_ci_of_a_fork(stage: Stage, tmp_path: Path) -> None:
    """A detached merge commit, no branch of its own, no network, no home, other hashes: the same bytes."""
    stage.propose({"carts/remediation.yaml": TWO})
    git(tmp_path, "clone", "-q", "--no-checkout", f"file://{stage.hub.path}", "ci")
    git(tmp_path / "ci", "checkout", "-q", "--detach", "origin/production")
    git(tmp_path / "ci", "merge", "-q", "--no-ff", "-m", "Merge", "origin/proposal")
    git(tmp_path / "ci", "remote", "set-url", "origin", "https://nowhere.invalid/shop.git")
    told = [
        subprocess.run(
            [
                sys.executable, "-m", "reconciler", "what-if", "--stage", "production",
                "--base", "origin/production", "--head", "HEAD", "-o", form,
            ],
            cwd=tmp_path / "ci", capture_output=True, check=True, timeout=60,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "none"), "PYTHONHASHSEED": seed,
                 "PYTHONPATH": str(Path(__file__).parents[2])},
        ).stdout
        for form, seed in (("json", "1"), ("json", "2"))
    ]  # fmt: skip
    assert told[0] == told[1]
    assert json.loads(told[0])["totals"]["differ"] == 3


def test_a_shallow_clone_is_refused_with_what_to_do(stage: Stage, reconciler: Reconciler, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", "-b", "production", f"file://{stage.hub.path}", "shallow")
    done = reconciler(
        "what-if", "--repo", tmp_path / "shallow", "--stage", "production", "--base", "HEAD", "--head", "HEAD"
    )
    assert done.code == 2
    assert "fetch-depth: 0" in done.err


def test_steps_on_a_branch_of_their_own_are_named(stage: Stage, ask: Ask) -> None:
    stage.hub.point(stage.hub.tip(), "ops/production")
    people = {path: content for path, content in stage.world.files.items() if not path.startswith("ops/")}
    stage.hub.git("update-ref", "-d", "refs/heads/production")
    stage.hub.land(people)
    stage.propose({"carts/remediation.yaml": TWO})
    assert json.loads(ask("-o", "json", "--history", "ops/production").out)["totals"]["differ"] == 3


def test_more_than_can_be_looked_at_is_refused(stage: Stage, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.propose({"carts/remediation.yaml": TWO, "carts/slo.yaml": SLO + "#" * 60_000})
    monkeypatch.setattr(proposal, "_BYTES", 10_000)
    done = ask()
    assert (done.code, "--since or --limit" in done.err) == (2, True)
    monkeypatch.setattr(differing, "FILES", 1)
    assert "more than 1 files" in ask().err


def test_what_is_not_there_is_told(stage: Stage, ask: Ask) -> None:
    assert "there is no commit `proposal`" in ask().err
    stage.propose({"README.md": "x"})
    done = ask(base="main", head="main")
    assert done.code == 0
    assert "name that branch with --history" in done.err
    assert "There is no past yet." in ask("-o", "markdown", base="main", head="main").out
