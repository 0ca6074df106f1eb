"""Steps of older rules cannot be decided again, and anybody can write their form: they are never believed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from reconciler.decide.draft import RULES
from reconciler.model.errors import TerminalError
from reconciler.model.step import Step, render_file
from reconciler.repo.steps import as_commit
from tests.decide.surroundings import Workload
from tests.repo.branch import desired
from tests.repo.conftest import Hub, OpenMirror
from tests.repo.deciding import OPS, PLAYBOOK, Deciding, Reader, Remote, problem

DESIRED = f"{OPS}/state/desired.yaml"


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


def by_older(steps: Iterable[Step], rules: int) -> list[Step]:
    """Return steps as older rules would have made them, with a value of somebody's choice."""
    return [replace(step, rules=rules, files={DESIRED: desired(value=6)} if step.files else {}) for step in steps]


@pytest.mark.parametrize("rules", [RULES - 1, 0, -7])
def test_on_a_stage_without_steps_they_hold_it(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader], rules: int
) -> None:
    """Whether somebody forged them or an older reconciler made them cannot be told apart."""
    steps = by_older(daemon.decide({}).steps, rules)
    more = replace(steps[0], sequence=2, number=2, event="decided", files={DESIRED: desired(value=6, sequence=2)})
    remote.land([steps[0], more])
    for reader in (daemon, warm, cold()):
        with pytest.raises(TerminalError, match=f"all steps of production are of rules {rules}") as caught:
            reader.look()
        assert "git rm -r --ignore-unmatch 'ops/production/*/remediations/*'" in caught.value.hint


def test_one_alone_holds_a_stage_too(remote: Remote, daemon: Deciding, cold: Callable[[], Reader]) -> None:
    remote.land(by_older(daemon.decide({}).steps[:1], RULES - 1))
    with pytest.raises(TerminalError, match=f"rules {RULES - 1}"):
        cold().look()


def test_once_their_files_are_gone_the_stage_begins_anew(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    first = by_older(daemon.decide({}).steps[:1], RULES - 1)[0]
    second = replace(first, sequence=2, number=2, event="decided", files={DESIRED: desired(value=6, sequence=2)})
    remote.land([first, second])
    remote.hub.land(dict.fromkeys([first.path, second.path, DESIRED]))
    assert [reader.sequence() for reader in (daemon, warm, cold())] == [0, 0, 0]
    daemon.tick()
    for reader in (daemon, warm, cold()):
        assert (reader.sequence(), reader.values(), reader.foreign()) == (3, [2], {})


def test_beside_steps_of_ours_they_are_somebodys_change(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    daemon.tick()
    remote.hub.land(problem("p2"))
    step = daemon.decide({}).steps[0]
    remote.land([replace(step, rules=RULES - 1, files={DESIRED: desired(value=6, sequence=step.sequence)})])
    for reader in (daemon, warm, cold()):
        assert (reader.sequence(), reader.values()) == (3, [2])
        assert DESIRED in reader.foreign()
    assert daemon.tick()[0].event == "restored"
    for reader in (daemon, warm, cold()):
        assert (reader.values(), reader.foreign()) == ([2], {})


def test_in_a_merge_they_are_somebodys_change(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    hub = remote.hub
    daemon.tick()
    base = hub.tip()
    hub.git("update-ref", "refs/heads/side", base)
    last = daemon.look().stage.sequence
    forged = replace(
        _opened(remote, daemon), sequence=last + 1, rules=RULES - 1, files={DESIRED: desired(value=6, sequence=last)}
    )
    side = hub.land(as_commit(forged).files, "side", as_commit(forged).message)
    tree = hub.git("rev-parse", f"{side}^{{tree}}")
    hub.point(hub.commit_tree(tree, base, side, message="Merge pull request #7"))
    for reader in (daemon, warm, cold()):
        assert (reader.sequence(), reader.values()) == (last, [2])
        assert DESIRED in reader.foreign()


def _opened(remote: Remote, daemon: Deciding) -> Step:
    remote.hub.land(problem("p2"))
    step = daemon.decide({}).steps[0]
    remote.hub.land(dict.fromkeys(problem("p2")))
    return step


def test_newer_rules_bring_no_trust_in_what_lies_beneath(remote: Remote, daemon: Deciding, warm: Reader) -> None:
    daemon.tick()
    remote.hub.land(problem("p2"))
    step = replace(daemon.decide({}).steps[0], rules=99, files={})
    remote.hub.land({DESIRED: desired(value=6)})
    remote.hub.land({step.path: render_file(step)}, message=as_commit(step).message)
    warm.look()
    assert warm.repo.newer_rules == 99
    assert (warm.values(), warm.foreign()) == ([2], {DESIRED: "modified"})


def test_where_the_whole_history_is_seen_a_row_begins_with_what_replays(
    remote: Remote, daemon: Deciding, cold: Callable[[], Reader], open_mirror: OpenMirror
) -> None:
    """A false first step is not made true by a second one that replays on it."""
    first = replace(daemon.decide({}).steps[0], files={DESIRED: desired(value=6)})
    forger = Deciding(remote, open_mirror("forger"))
    forger.look()
    forger.repo.expect(remote.land([first]))
    assert "restored" not in {step.event for step in forger.tick(apply=False)}, "what follows replays on the false one"
    with pytest.raises(TerminalError, match="none follows"):
        cold().look()
