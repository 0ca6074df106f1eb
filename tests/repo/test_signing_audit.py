"""Every kind of tampering with a chain of signed steps is found at its commit; a sound chain has no finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.model.names import CommitId
from reconciler.model.step import Step
from reconciler.repo import signatures_audit, signatures_walk
from reconciler.repo.local import LocalRepository
from reconciler.repo.mirror import Mirror
from reconciler.repo.offline import whole
from reconciler.repo.push import RefUpdate
from reconciler.repo.signatures import Judge
from reconciler.repo.signatures_allowed import read_allowed_signers
from reconciler.repo.signatures_audit import Audit, Wish, audit
from reconciler.repo.signing import SshKeyFile
from reconciler.repo.steps import as_commit
from reconciler.repo.stream import NewCommit
from tests.repo.branch import NEWER, NOW, STAGE, a_step
from tests.repo.conftest import PRODUCTION, Hub
from tests.repo.signing_keys import OURS, Key, allow, make_key

Changed = Callable[[Step], Step]
FIVE = 5


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("keys"))


@dataclass
class Story:
    """A stage's branch that is written by whoever has our key, step by step."""

    hub: Hub
    mirror: Mirror
    allowed: Path
    project: CommitId
    tip: CommitId

    def step(self, sequence: int, **changed: object) -> Step:
        made = a_step(sequence, now=NOW + sequence)
        return replace(made, config=self.tip, project=self.project, **changed)  # type: ignore[arg-type]  # any field

    def write(self, *commits: NewCommit | Step) -> CommitId:
        whole = [as_commit(each) if isinstance(each, Step) else each for each in commits]
        ids = self.mirror.write(self.tip, whole)
        self.mirror.push([RefUpdate(PRODUCTION, self.tip, ids[-1])])
        self.tip = ids[-1]
        return self.tip

    def five(self) -> list[CommitId]:
        return [self.write(self.step(number)) for number in range(1, FIVE + 1)]

    def audit(self, since: CommitId | None = None, *, signatures: bool = True, config: CommitId | None = None) -> Audit:
        judge = Judge(read_allowed_signers(self.allowed)) if signatures else None
        with LocalRepository.open(self.hub.path) as repository, whole(repository) as offline:
            return audit(offline, Wish(STAGE, self.hub.tip(), self.project, since, config), judge)

    def told(self, **options: bool) -> list[str]:
        return [each.what for each in self.audit(**options).findings]  # type: ignore[arg-type]  # flags only


@pytest.fixture
def story(hub: Hub, tmp_path: Path, key: Key) -> object:
    project = hub.land({"project.yaml": b"name: sockshop\nstages: [production]\n"}, "main")
    tip = hub.land({"carts/remediation.yaml": b"remediations: []\n"})
    allowed = allow(tmp_path / "allowed", (OURS, key))
    with Mirror.open(tmp_path / "m", str(hub.path), signer=SshKeyFile(key.private)) as mirror:
        yield Story(hub, mirror, allowed, project, tip)


def test_a_sound_chain_has_no_finding_whatever_lies_between(story: Story) -> None:
    base = story.tip
    one, two = story.step(1), story.step(2)
    assert one.config == two.config == base
    story.write(one, two)
    story.write(NewCommit({"ops/production/carts/problems/p9.yaml": b"title: x\n"}, "reported\n", _when(3)))
    story.tip = story.hub.land({"carts/slo.yaml": b"spec_version: '1.0'\n"})
    story.write(story.step(3))
    story.project = story.hub.land({"README.md": b"x"}, "main")
    story.write(story.step(4))
    found = story.audit()
    assert found.findings == []
    assert (found.steps, found.first, found.last, found.signed) == (4, 1, 4, 5)


def test_a_rewritten_branch_goes_on_above_what_was_seen(story: Story) -> None:
    story.five()
    story.write(replace(a_step(12, "rewritten", remediation="", now=NOW + 12), config=story.tip, project=story.project))
    story.write(story.step(13))
    assert story.told() == []


def _when(second: int) -> datetime:
    return datetime.fromtimestamp(NOW + second, UTC)


def test_a_missing_step_is_named(story: Story) -> None:
    story.write(story.step(1))
    story.write(story.step(3))
    story.write(story.step(7))
    found = story.audit().findings
    assert [each.what for each in found] == ["step 2 is missing before it", "steps 4 to 6 are missing before it"]
    assert [each.sequence for each in found] == [3, 7]
    assert found[1].commit == story.tip


def test_missing_first_steps_are_named(story: Story) -> None:
    story.write(story.step(4))
    assert story.told() == ["steps 1 to 3 are missing before it"]


def test_a_step_that_was_made_twice_is_named(story: Story) -> None:
    first = story.write(story.step(1))
    story.write(story.step(2))
    story.write(replace(story.step(1), number=9))
    assert f"there is another step 1: {first[:12]}" in story.told()


def test_steps_in_another_order_are_named(story: Story) -> None:
    story.write(story.step(1))
    story.write(story.step(3))
    story.write(story.step(2))
    assert story.told()[:2] == ["step 2 is missing before it", "step 2 comes after step 3"]


def _changed_in_history(story: Story, ids: list[CommitId], files: dict[str, bytes | None]) -> None:
    """Make the branch anew from its third commit on with other content, as `git rebase` would: by another person."""
    hub = story.hub
    hub.point(ids[1])
    for number, commit in enumerate(ids[2:]):
        text = hub.git("show", "-s", "--format=%B", commit)
        changed = hub.git("diff-tree", "-r", "--no-commit-id", "--name-only", commit).splitlines()
        content = {path: hub.git("show", f"{commit}:{path}").encode() + b"\n" for path in changed}
        hub.land({**content, **(files if number == 0 else {})}, message=text)


def test_history_that_was_made_again_is_unsigned_and_stands_on_nothing(story: Story) -> None:
    ids = story.five()
    step = story.step(3)
    _changed_in_history(story, ids, {step.path: b'event: "opened"\nsequence: 3\n'})
    found = story.audit().findings
    unsigned = [each for each in found if "not signed by us" in each.what]
    assert len(unsigned) == 3
    assert any("neither its parent nor where its push began" in each.what for each in found)
    assert any("is not dated as it says" in each.what for each in found)
    assert all(each.todo for each in found)
    assert story.audit(signatures=False).findings != []


def test_a_message_that_only_claims_to_be_a_step_is_named(story: Story) -> None:
    story.five()
    claim = as_commit(story.step(6)).message
    story.tip = story.hub.land({"README.md": b"x"}, message=claim)
    assert story.told() == [
        "it says that it is step 6, and is none: its files are not those of that step alone",
        "this step is not signed by us: it is not signed",
    ]


def test_a_step_that_changes_peoples_files_is_none(story: Story) -> None:
    made = story.step(1)
    commit = as_commit(made)
    story.write(NewCommit({**commit.files, "carts/remediation.yaml": b""}, commit.message, commit.when))
    assert "and is none" in story.told()[0]


def test_a_merge_that_claims_to_be_a_step_is_named(story: Story) -> None:
    tip = story.write(story.step(1))
    message = as_commit(story.step(2)).message
    tree = story.hub.git("rev-parse", f"{tip}^{{tree}}")
    story.hub.point(story.hub.commit_tree(tree, tip, story.project, message=message))
    assert "it is a merge" in story.told(signatures=False)[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda step: replace(step, config=CommitId("0" * 40)), "neither its parent nor where its push began"),
        (lambda step: replace(step, project=CommitId("0" * 40)), "`Project: 000000000000` is not on the project's"),
        (lambda step: replace(step, now=NOW), "it is older than the step before it"),
        (lambda step: replace(step, rules=NEWER - 1), f"it follows rules {NEWER - 1} after those of {NEWER}"),
    ],
)
def test_trailers_that_do_not_fit_are_named(story: Story, change: Changed, why: str) -> None:
    story.write(story.step(1))
    story.write(change(story.step(2)))
    assert any(why in what for what in story.told())


def test_a_project_commit_that_goes_back_is_named(story: Story) -> None:
    before = story.project
    story.project = story.hub.land({"README.md": b"x"}, "main")
    story.write(story.step(1))
    story.write(replace(story.step(2), project=before))
    assert story.told() == [f"its `Project: {before[:12]}` is older than that of the step before it"]


def test_steps_on_a_branch_of_their_own_name_commits_of_the_stages(story: Story) -> None:
    config = story.hub.land({"carts/remediation.yaml": b"remediations: []\n"}, "people")
    later = story.hub.land({"carts/slo.yaml": b"x"}, "people")
    story.write(replace(story.step(1), config=config))
    story.write(replace(story.step(2), config=later))
    assert story.audit(config=later).findings == []
    story.write(replace(story.step(3), config=config))
    assert [each.what for each in story.audit(config=later).findings] == [
        f"its `Config: {config[:12]}` is older than that of the step before it"
    ]


def test_a_range_goes_on_from_the_step_before_it(story: Story) -> None:
    ids = story.five()
    found = story.audit(since=ids[2])
    assert (found.findings, found.steps, found.first) == ([], 2, 4)


def test_a_commit_in_our_name_without_our_signature_is_named(story: Story, tmp_path: Path) -> None:
    story.five()
    with Mirror.open(tmp_path / "else", str(story.hub.path)) as other:
        [forged] = other.write(story.tip, [NewCommit({"x": b"x"}, "in our name\n", _when(9))])
        other.push([RefUpdate(PRODUCTION, story.tip, forged)])
    [finding] = story.audit().findings
    assert (finding.commit, finding.what) == (forged, "this commit is not signed by us: it is not signed")
    assert story.audit(signatures=False).findings == []


def test_many_more_commits_than_a_batch_are_told_alike(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((signatures_audit, "_BATCH"), (signatures_walk, "_BATCH"), (signatures_walk, "_DIFFS")):
        monkeypatch.setattr(module, name, 7)
    story.write(*(story.step(number) for number in range(1, 30)))
    story.write(story.step(31))
    found = story.audit()
    assert [each.what for each in found.findings] == ["step 30 is missing before it"]
    assert (found.steps, found.signed) == (30, 30)
