"""Nothing that doesn't replay is ever applied: another's step must be what `decide` makes of the branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from reconciler.model.desired import load_desired, render_desired
from reconciler.model.errors import TerminalError
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, RemediationId, ServicePath
from reconciler.model.step import Step
from reconciler.repo import stage as stage_module
from reconciler.repo.steps import as_commit
from tests.decide.surroundings import Workload
from tests.repo.conftest import Hub, OpenMirror
from tests.repo.deciding import OPS, PLAYBOOK, Deciding, Reader, Remote, problem

DESIRED = f"{OPS}/state/desired.yaml"
Someone = Callable[[str], Reader]


@pytest.fixture
def remote(hub: Hub) -> Remote:
    hub.land({"carts/remediation.yaml": PLAYBOOK, "orders/remediation.yaml": PLAYBOOK, **problem("p1")})
    made = Remote(hub)
    made.around.workloads["orders"] = Workload()
    return made


@pytest.fixture
def daemon(remote: Remote, open_mirror: OpenMirror) -> Deciding:
    return Deciding(remote, open_mirror("daemon"))


@pytest.fixture
def cold(remote: Remote, open_mirror: OpenMirror) -> Callable[[], Reader]:
    """Somebody who has just come."""
    mirror = open_mirror("cold")
    return lambda: Reader(remote, mirror)


@pytest.fixture
def warm(remote: Remote, open_mirror: OpenMirror) -> Reader:
    """Somebody who follows from the beginning."""
    reader = Reader(remote, open_mirror("warm"))
    reader.look()
    return reader


def land(remote: Remote, step: Step, files: Mapping[str, bytes | None] | None = None, message: str = "") -> CommitId:
    """Push a commit that is a step's by its form, but for what is given."""
    new = as_commit(step)
    return remote.hub.land(new.files if files is None else files, message=message or new.message)


def next_step(daemon: Deciding) -> Step:
    """Return the step that would come next."""
    return daemon.decide({}).steps[0]


def decisions(remote: Remote, prefix: str) -> list[str]:
    """Return the files of decisions below a path."""
    files = remote.hub.git("ls-tree", "-r", "--name-only", "production").splitlines()
    return [each for each in files if each.startswith(prefix) and each.endswith("-decided.yaml")]


def with_claims(remote: Remote, value: int) -> bytes:
    """Return the desired state with another number of replicas."""
    content = remote.hub.git("show", f"production:{DESIRED}").encode() + b"\n"
    desired = {
        key: replace(held, value=value, claims=tuple(replace(claim, by=value - 1) for claim in held.claims))
        for key, held in load_desired(content, DESIRED).items()
    }
    rendered = render_desired(desired)
    assert rendered is not None
    return rendered


def test_true_steps_of_another_are_believed(daemon: Deciding, warm: Reader, cold: Callable[[], Reader]) -> None:
    assert [step.event for step in daemon.tick()] == ["opened", "decided", "applied"]
    for reader in (daemon, warm, cold()):
        assert (reader.sequence(), reader.foreign(), reader.values()) == (3, {}, [2])


def test_a_step_that_is_forged_whole_is_put_back_and_never_applied(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    """Right number, right trailers, canonical file, and claims that nobody decided."""
    daemon.tick()
    remote.hub.land(problem("p2"))
    true = next_step(daemon)
    forgery = replace(true, files={DESIRED: with_claims(remote, 40)})
    land(remote, forgery)
    for reader in (daemon, warm, cold()):
        assert reader.sequence() == 3
        assert reader.foreign() == {true.path: "added", DESIRED: "modified"}
        assert reader.values() == [2]
    assert [step.event for step in daemon.tick()][:2] == ["restored", true.event]
    assert remote.hub.git("show", f"production:{DESIRED}").count("value: 2") == 1
    assert daemon.remote.around.workloads["carts-primary"].replicas < 40
    for reader in (warm, cold()):
        assert (reader.sequence(), reader.foreign()) == (daemon.sequence(), {})
        assert reader.values() == daemon.values()


def test_the_very_first_step_of_a_stage_may_be_forged_too(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    first = next_step(daemon)
    land(remote, replace(first, data={**first.data, "entry": "made up"}))
    for reader in (daemon, warm, cold()):
        assert (reader.sequence(), reader.foreign()) == (0, {first.path: "added"})
    assert [step.event for step in daemon.tick()] == ["restored", "opened", "decided", "applied"]
    assert [reader.sequence() for reader in (warm, cold())] == [4, 4]


def _later(step: Step) -> Step:
    return replace(step, now=Instant(step.now - 61))


CHANGED: dict[str, Callable[[Step], Step]] = {
    "its body": lambda step: replace(step, body=step.body + "."),
    "its subject": lambda step: replace(step, subject=step.subject.replace("carts", "Carts")),
    "its data": lambda step: replace(step, data={**step.data, "reason": "because"}),
    "its moment, before the last step's": _later,
    "a fact that was not looked at": lambda step: replace(step, facts={**step.facts, "flag": {"kind": "flag"}}),
    "facts that are none": lambda step: replace(step, facts={"kubernetes": {"kind": 7}}),
    "facts of no form": lambda step: replace(step, facts={"branch": {"before": []}}),
    "the clock": lambda step: replace(step, facts={"clock": {"doubt": True}}),
    "its event": lambda step: replace(step, event="held"),
    "its remediation": lambda step: replace(step, remediation=RemediationId("p9")),
    "its service": lambda step: replace(step, service=ServicePath("orders")),
    "its place in the remediation": lambda step: replace(step, number=step.number + 1),
    "another file of ours": lambda step: replace(step, files={f"{OPS}/state/evaluations.yaml": b"evaluations: []\n"}),
    "no remediation": lambda step: replace(step, remediation=None, number=0),
    "a project that the branch never had": lambda step: replace(step, project=CommitId("no commit")),
    "a configuration that is no commit": lambda step: replace(step, config=CommitId("HEAD")),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_step_with_one_thing_changed_is_somebodys_change(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader], what: str
) -> None:
    daemon.tick()
    daemon.remote.now = Instant(daemon.remote.now + 60)
    remote.hub.land(problem("p2"))
    true = next_step(daemon)
    changed = CHANGED[what](true)
    assert as_commit(changed) != as_commit(true)
    land(remote, changed)
    for reader in (daemon, warm, cold()):
        assert reader.sequence() == 3
        found = {**reader.foreign(), **{each.path: each.change for each in reader.look().stage.foreign}}
        if changed.service != "orders":
            assert found == dict.fromkeys(as_commit(changed).files, "added")
    daemon.tick()
    assert [reader.sequence() for reader in (warm, cold())] == [daemon.sequence()] * 2


def test_an_older_configuration_of_the_branch_was_not_decided_on(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    old = remote.hub.tip()
    daemon.tick()
    remote.hub.land(problem("p2"))
    land(remote, replace(next_step(daemon), config=old))
    assert [reader.sequence() for reader in (daemon, warm, cold())] == [3, 3, 3]


def test_a_step_whose_commit_lies_is_somebodys_change(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    """The file is the true one, but what the step changes besides is left out."""
    daemon.tick()
    remote.hub.land(problem("o1", "orders"))
    opened, decided = daemon.decide({}).steps
    land(remote, opened)
    land(remote, decided, {decided.path: as_commit(decided).files[decided.path]})
    for reader in (daemon, warm, cold()):
        assert reader.sequence() == 4
        assert reader.foreign("orders") == {decided.path: "added"}


def test_a_file_of_another_kind_is_no_steps(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    """The bytes are right, and the file is executable."""
    hub = remote.hub
    daemon.tick()
    hub.land(problem("o1", "orders"))
    parent = hub.tip()
    opened, decided = daemon.decide({}).steps
    before = land(remote, opened)
    commit = land(remote, decided)
    folder, _, name = f"{DESIRED.replace('carts', 'orders')}".rpartition("/")
    listed = hub.git("ls-tree", commit, f"{folder}/{name}").split()
    assert listed[0] == "100644"
    hub.point(before)
    hub.git("read-tree", commit)
    hub.git("update-index", "--cacheinfo", f"100755,{listed[2]},{folder}/{name}")
    hub.point(hub.commit_tree(hub.git("write-tree"), before, message=as_commit(decided).message.rstrip("\n")))
    assert parent != before
    for reader in (daemon, warm, cold()):
        assert reader.sequence() == 4
        assert set(reader.foreign("orders")) == {decided.path, f"{folder}/{name}"}


def test_those_that_follow_a_forged_step_are_no_steps_either(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader], open_mirror: OpenMirror
) -> None:
    """Somebody runs a reconciler of their own that believes itself.

    It makes more steps than a start looks at, which is then taken in until somebody who knows better has answered.
    """
    for number in range(3):
        remote.hub.land(problem(f"a{number}"))
        daemon.tick()
    before = daemon.sequence()
    liar = Deciding(remote, open_mirror("liar"))
    liar.look()
    remote.hub.land(problem("z"))
    opened, *_ = liar.decide({}).steps
    liar.repo.expect([land(remote, replace(opened, body="It is so."))])
    for number in range(24):
        remote.hub.land(problem(f"b{number}"))
        liar.tick()
    assert liar.sequence() > before + 24
    fooled = cold()
    assert [reader.sequence() for reader in (warm, fooled)] == [before, liar.sequence()]
    daemon.tick()
    assert [reader.sequence() for reader in (warm, fooled, cold())] == [daemon.sequence()] * 3
    assert daemon.tick() == []


def test_forgeries_that_fill_all_that_a_start_looks_at_first(
    remote: Remote, daemon: Deciding, cold: Callable[[], Reader]
) -> None:
    daemon.tick()
    true = next_step_of_resolved(remote, daemon)
    for number in range(20):
        land(remote, replace(true, sequence=100 + number, number=100 + number, body=f"{number}"))
    assert cold().sequence() == 3


def next_step_of_resolved(remote: Remote, daemon: Deciding) -> Step:
    remote.hub.land(problem("p2"))
    return next_step(daemon)


def test_where_nothing_replays_nothing_is_put_back(remote: Remote, daemon: Deciding, open_mirror: OpenMirror) -> None:
    """It is likelier that we cannot redo them than that all of them were forged."""
    daemon.tick(apply=False)
    renamed = Reader(remote, open_mirror("renamed"))
    remote.projects[remote.project] = replace(renamed.settings(), implied_mode="shadow")
    with pytest.raises(TerminalError, match="none follows"):
        renamed.look()


def test_newer_rules_are_left_to_newer_daemons(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    daemon.tick()
    remote.hub.land(problem("p2"))
    step = next_step(daemon)
    land(remote, replace(step, rules=99, body="as only they know"))
    for reader in (warm, cold()):
        reader.look()
        assert reader.repo.newer_rules == 99
    land(remote, replace(step, sequence=step.sequence + 1, number=step.number + 1))
    for reader in (warm, cold()):
        reader.look()
        assert reader.repo.newer_rules == 99, "never downgraded"


def test_a_step_that_restores_replays_on_what_others_did(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    daemon.tick()
    remote.hub.land({DESIRED: b"by hand\n", f"{OPS}/remediations/p1/02-decided.yaml": b"x\n", "README.md": b"x"})
    remote.hub.land({"ops/production/steps/000001-restored.yaml": b"x\n"})
    warm.look()
    assert [step.event for step in daemon.tick()] == ["restored", "restored"]
    for reader in (warm, cold()):
        assert (reader.sequence(), reader.foreign(), reader.values()) == (5, {}, [2])


def test_an_undo_by_git_revert_replays(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    daemon.tick()
    remote.hub.land({DESIRED: None, f"{OPS}/remediations/p1/02-decided.yaml": None})
    assert [step.event for step in daemon.tick()] == ["reverted", "applied"]
    for reader in (warm, cold()):
        assert (reader.sequence(), reader.foreign()) == (5, {})
    assert remote.around.workloads["carts-primary"].replicas == 1


def test_steps_that_were_rebased_are_still_steps_while_they_replay(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    """Somebody rewrites the branch beneath them: the commits that they name are gone, what was decided on is not."""
    daemon.tick()
    warm.look()
    hub = remote.hub
    commits = hub.git("rev-list", "--reverse", "production").split()
    parent = hub.commit_tree(hub.git("rev-parse", f"{commits[0]}^{{tree}}"), message="another beginning")
    for commit in commits[1:]:
        message = hub.git("show", "-s", "--format=%B", commit)
        parent = hub.commit_tree(hub.git("rev-parse", f"{commit}^{{tree}}"), parent, message=message)
    hub.point(parent)
    for reader in (warm, cold()):
        assert (reader.sequence(), reader.foreign(), reader.values()) == (3, {}, [2])
    stage = warm.look().stage
    assert stage.rewritten is not None
    assert stage.rewritten.sequence == 3


def test_two_rows_of_true_steps_that_a_person_merges(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader], open_mirror: OpenMirror
) -> None:
    """The longer one counts for everybody, also where the one that was followed was the shorter."""
    daemon.tick()
    fork = remote.hub.tip()
    remote.hub.land(problem("o1", "orders"))
    daemon.tick()
    lost = remote.hub.tip()
    length = daemon.sequence()
    remote.hub.point(fork)
    warm.look()
    remote.hub.land(problem("p3"))
    other = Deciding(remote, open_mirror("other"))
    other.tick(apply=False)
    assert warm.sequence() == other.sequence() < length
    tree = remote.hub.git("rev-parse", f"{lost}^{{tree}}")
    remote.hub.point(remote.hub.commit_tree(tree, remote.hub.tip(), lost, message="a merge"))
    assert [reader.sequence() for reader in (warm, cold())] == [length, length]
    assert warm.look().stage.rewritten is not None


@pytest.mark.parametrize("followed", [64, 2])
def test_who_comes_late_sees_the_same(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader], monkeypatch: pytest.MonkeyPatch,
    followed: int,
) -> None:  # fmt: skip
    """Steps are followed one by one, or judged as a start would where there are too many."""
    monkeypatch.setattr(stage_module, "_FOLLOWED", followed)
    for number in range(8):
        remote.hub.land(problem(f"a{number}"))
        daemon.tick()
    snapshots = [reader.look() for reader in (daemon, warm, cold())]
    assert [each.stage.sequence for each in snapshots] == [daemon.sequence()] * 3
    views = [each.services[ServicePath("carts")] for each in snapshots]
    assert views[0] == views[1] == views[2]


def test_who_was_interrupted_begins_again(
    remote: Remote, daemon: Deciding, warm: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.tick()

    def lost(_: object) -> None:
        raise TerminalError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(warm.repo._proof, "_settings_at", lost)
        with pytest.raises(TerminalError):
            warm.repo.sync(warm.tips())
    assert (warm.sequence(), warm.foreign()) == (3, {})
    assert warm.look().stage.rewritten is None


def test_our_own_steps_are_not_decided_twice(daemon: Deciding, monkeypatch: pytest.MonkeyPatch, remote: Remote) -> None:
    daemon.tick()
    asked: list[object] = []
    monkeypatch.setattr(daemon.repo._proof, "holds", lambda *words: asked.append(words))
    remote.hub.land(problem("p2"))
    daemon.tick()
    assert asked == []


def test_what_a_person_took_back_before_the_newest_steps_is_still_answered_by_one_of_them(
    remote: Remote, daemon: Deciding, cold: Callable[[], Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.hub.land(problem("p2", "orders"))
    daemon.tick()
    (path,) = decisions(remote, "ops/production/orders/")
    remote.hub.land({path: None}, message="Revert it")
    unheard = b"title: unheard of\nstate: open\n"
    remote.hub.land({f"{OPS}/problems/p{number}.yaml": unheard for number in range(3, 8)})
    before = daemon.tick(["carts"])
    assert len(before) == 5
    after = daemon.tick(["orders"])
    assert after[0].event == "reverted"
    for others in range(1, len(before) + 1):
        monkeypatch.setattr("reconciler.repo.row.WINDOW", len(after) + others)
        late = cold()
        assert late.sequence() == after[-1].sequence
        assert late.foreign("orders") == {}
        assert [step.sequence for step in late.repo.row][-len(after) :] == [step.sequence for step in after]


def test_more_answers_than_a_start_looks_at_are_found_all_the_same(
    remote: Remote, daemon: Deciding, cold: Callable[[], Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"service-{number}" for number in range(12)]
    remote.around.workloads |= {name: Workload() for name in names}
    files = {f"{name}/remediation.yaml": PLAYBOOK for name in names}
    remote.hub.land({**files, **{path: each for name in names for path, each in problem("p2", name).items()}})
    daemon.tick()
    decided = decisions(remote, "ops/production/service-")
    assert len(decided) == len(names)
    remote.hub.land(dict.fromkeys(decided), message="Revert it all")
    made = daemon.tick(apply=False)
    assert [step.event for step in made[: len(names)]] == ["reverted"] * len(names)
    monkeypatch.setattr("reconciler.repo.row.WINDOW", 2)
    monkeypatch.setattr("reconciler.repo.row.DEEPEST", 4)
    assert cold().sequence() == made[-1].sequence


def test_what_a_person_took_back_is_answered_before_anything_else(remote: Remote, daemon: Deciding) -> None:
    remote.hub.land(problem("p2", "orders"))
    daemon.tick()
    (path,) = decisions(remote, "ops/production/orders/")
    remote.hub.land({path: None, f"{OPS}/problems/p3.yaml": b"title: unheard of\nstate: open\n"})
    made = daemon.tick()
    events = [(step.event, "orders" in step.path) for step in made]
    assert events[0] == ("reverted", True)
    assert any(not orders for _, orders in events)
