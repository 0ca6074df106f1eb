"""What `verify` tells of people's commits is what a daemon holds, whatever was merged, signed or not, and by whom."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.errors import VerdictError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.repo import signatures_walk
from reconciler.repo.mirror import Mirror
from reconciler.repo.signatures_held import Branches, Held, Told
from reconciler.repo.signatures_policy import Force, Policy
from reconciler.repo.signatures_signers import Signers
from reconciler.repo.stage import StageRepo, Tips
from reconciler.repo.standing import ProjectSettings
from tests.repo.signed_history import Objects, make_key

STAGE = StageName("production")
PLAYBOOK, SLO, PROJECT = "carts/remediation.yaml", "carts/slo.yaml", "project.yaml"
COMMANDS = ("ops/production/commands/a-suspend.yaml", "ops/production/carts/commands/b-suspend.yaml")
PEOPLE = ("ada", "ben", "eve")
"""Eve has a key that nobody allowed; Ben signs with Ada's as well, which counts for nobody but her."""
Files = dict[str, str]


@dataclass
class Bench:
    """A repository, a daemon's mirror of it, and the files of those who may sign."""

    objects: Objects
    mirror: Mirror
    allowed: Path
    project: CommitId

    def policy(self, since: CommitId) -> Policy:
        project = Policy(self.mirror, self.signers(), None, [self.project])
        project.in_force(self.project, lambda: None)
        return Policy(self.mirror, self.signers(), STAGE, [self.project, since], project=project)

    def signers(self) -> Signers:
        return Signers(self.allowed)

    def told(self, tip: CommitId, since: CommitId) -> Told:
        held = Held(self.mirror, self.signers(), self.project, [self.project, since], signs=False)
        return held.stage(Branches(STAGE, tip, tip))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("agree")
    hub = folder / "hub.git"
    subprocess.run(["git", "init", "-q", "--bare", str(hub)], check=True)
    keys = {name: make_key(folder, name) for name in PEOPLE}
    objects = Objects(hub, keys)
    allowed = folder / "allowed"
    allowed.write_text("".join(f"{name}@example.org {keys[name].public_line()}\n" for name in ("ada", "ben")))
    project = objects.commit({PROJECT: "name: shop\nstages: [production]\n"})
    with Mirror.open(folder / "m", str(hub)) as mirror:
        yield Bench(objects, mirror, allowed, project)


@dataclass
class Story:
    """A branch: where people begin from, and the commits that it was at since, the oldest first."""

    base: CommitId
    line: list[CommitId]


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[Files, list[int], str, str]]:
    """Draw commits: what they change, parents by number (the first is the tip mostly), committer, key."""
    found: list[tuple[Files, list[int], str, str]] = []
    for number in range(draw(st.integers(1, 8))):
        others = draw(st.lists(st.integers(0, number), max_size=3, unique=True))
        parents = list(dict.fromkeys([number, *others] if draw(st.integers(0, 3)) else [*others, number]))
        paths = draw(st.lists(st.sampled_from([PLAYBOOK, SLO, *COMMANDS]), max_size=2, unique=True))
        changes = {path: draw(st.sampled_from(["", "a: 1\n", "a: 2\n"])) for path in paths}
        who = draw(st.sampled_from(PEOPLE))
        key = draw(st.sampled_from(["", who, who, "ada"]))
        found.append((changes, parents, who, key))
    return found


def written(bench: Bench, drawn: list[tuple[Files, list[int], str, str]]) -> Story:
    """Write a story; each commit has the files of one of its parents, with its changes."""
    files: list[Files] = [{"stage.yaml": "", PLAYBOOK: "a: 0\n", SLO: "a: 0\n"}]
    ids = [bench.objects.commit(files[0])]
    line = [ids[0]]
    for changes, parents, who, key in drawn:
        mine = {path: text for path, text in {**files[parents[-1]], **changes}.items() if text or path == "stage.yaml"}
        files.append(mine)
        ids.append(
            bench.objects.commit(mine, *(ids[each] for each in parents), who=who, key=key, message=str(len(ids)))
        )
        line.append(ids[-1])
    return Story(ids[0], line)


def followed(bench: Bench, story: Story) -> tuple[Force | None, Policy]:
    """Let a daemon follow the branch from one commit to the next; returns what it has in force in the end."""
    policy = bench.policy(story.base)
    repo = StageRepo(bench.mirror, STAGE, lambda _: ProjectSettings(ProjectName("shop")), policy=policy)
    for tip in story.line:
        repo.sync(Tips(bench.project, tip, tip))
    return repo.force, policy


@settings(max_examples=40, deadline=None)
@given(drawn=stories())
def test_verify_and_a_daemon_that_followed_the_branch_hold_the_same(
    bench: Bench, drawn: list[tuple[Files, list[int], str, str]]
) -> None:  # fmt: skip
    story = written(bench, drawn)
    tip = story.line[-1]
    try:
        force, policy = followed(bench, story)
    except VerdictError:
        assert [each.what for each in bench.told(tip, story.base).findings if "the stage is held" in each.what]
        return
    told = bench.told(tip, story.base)
    assert force is not None
    assert (told.commit, list(told.waiting)) == (force.commit, list(force.refused))
    assert bool(told.paths) == (force.commit != tip)
    assert told.words == tuple(sorted(path for path in COMMANDS if policy.unsigned(tip, path)))


@settings(max_examples=40, deadline=None)
@given(drawn=stories())
def test_findings_are_what_a_daemon_would_not_have_let_count_at_some_time(
    bench: Bench, drawn: list[tuple[Files, list[int], str, str]]
) -> None:  # fmt: skip
    """A daemon that starts at each commit of the branch names the same ones, none more and none less."""
    story = written(bench, drawn)
    files, words = bench.policy(story.base).lines(story.line[-1], story.line[-1], None)
    named: set[CommitId] = set()
    for tip in [each for each, _ in files.along(story.line[-1])]:
        fresh = bench.policy(story.base).lines(tip, tip, None)
        named |= {
            refused.commit
            for line in fresh
            if line is not None and (node := line.at(tip)) is not None
            for _, refused in node.bad.items()
        }
    assert {each.commit for each in bench.told(story.line[-1], story.base).findings} == named
    assert words is not None


def test_a_name_of_millions_of_letters_is_told_in_short(bench: Bench) -> None:
    """It goes into conditions and into steps, which nobody could read again then."""
    base = bench.objects.commit({PLAYBOOK: "a: 0\n"})
    tip = bench.objects.commit({PLAYBOOK: "a: 1\n"}, base, who="e" * (5 << 20))
    told = bench.told(tip, base)
    assert told.commit == base
    assert len(told.waiting[0].who) < 200
    key = bench.objects.commit({PLAYBOOK: "a: 1\n"}, base, who="e" * (5 << 20), key="ada")
    assert len(bench.told(key, base).waiting[0].why) < 1000


@pytest.mark.parametrize("far", [3, 200])
def test_a_chosen_commit_far_behind_begins_where_the_branch_was_at_it(bench: Bench, far: int) -> None:
    """And not where it only came by a merge, however far behind that is."""
    files = {"stage.yaml": "", PLAYBOOK: "a: 0\n"}
    root = bench.objects.commit(files)
    chosen = bench.objects.commit({**files, PLAYBOOK: "a: 1\n"}, root)
    apart = bench.objects.commit(files, root, message="apart")
    for tip, counts in ((chosen, True), (bench.objects.commit({**files, PLAYBOOK: "a: 1\n"}, apart, chosen), False)):
        at = tip
        for number in range(far):
            at = bench.objects.commit({**files, PLAYBOOK: "a: 1\n", "README.md": str(number)}, at)
        policy = bench.policy(chosen)
        assert (policy.in_force(at, lambda: None).commit == at) == counts


@pytest.mark.parametrize("count", [3, 200])
def test_a_long_history_that_a_merge_brought_says_nothing(bench: Bench, count: int) -> None:
    """Read ahead or one by one: what does not descend from where people begin is passed over."""
    files = {"stage.yaml": "", PLAYBOOK: "a: 0\n"}
    base = bench.objects.commit(files)
    other = bench.objects.commit({SLO: "x: 1\n"}, message="elsewhere")
    for number in range(count):
        other = bench.objects.commit({SLO: f"x: {number}\n"}, other)
    tip = bench.objects.commit(files, base, other)
    told = bench.told(tip, base)
    assert (told.commit, told.findings) == (tip, [])


@pytest.mark.parametrize("key", ["", "ada"])
@pytest.mark.parametrize("many", [1, 2, 10_000])
def test_changes_that_are_read_ahead_count_as_those_that_are_not(
    bench: Bench, key: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Also where a commit changes too much to be read ahead, and where many children are asked."""
    monkeypatch.setattr(signatures_walk, "_MANY", many)
    monkeypatch.setattr(signatures_walk, "_DIFFS", 7)
    monkeypatch.setattr(signatures_walk, "_DIFFS_OF_NARROW", 20)
    files = {"stage.yaml": "", PLAYBOOK: "a: 0\n"}
    line = [bench.objects.commit(files)]
    for number in range(150):
        mine = {**files, PLAYBOOK: f"a: {number}\n", COMMANDS[0]: f"verb: suspend # {number}\n"}
        line.append(bench.objects.commit(mine, line[-1], key=key))
    fresh, followed = bench.policy(line[0]), bench.policy(line[0])
    for tip in line[::40]:
        followed.in_force(tip, lambda: None)
        followed.unsigned(tip, COMMANDS[0])
    tip = line[-1]
    assert fresh.in_force(tip, lambda: None) == followed.in_force(tip, lambda: None)
    assert fresh.doubted(tip) == followed.doubted(tip) == (() if key else (COMMANDS[0],))
