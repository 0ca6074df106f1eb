"""Every step that a stage ever had is found: at the tip, archived, reverted, on merged sides; and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from reconciler.model.errors import ConfigError
from reconciler.model.step import Step
from reconciler.repo import past as past_module
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import Offline, whole
from reconciler.repo.past import read_steps, steps_ever
from reconciler.repo.steps import as_commit
from tests.repo.branch import STAGE, a_step, message
from tests.repo.conftest import Hub, git

FIRST = a_step(1, data={"problem": {"id": "p1", "occurrence": 1, "title": "slow"}, "entry": "slow"})
SECOND = a_step(2, "decided", data={"action": "scaling +1", "index": 1, "count": 1})


@pytest.fixture
def offline(hub: Hub) -> Iterator[Offline]:
    hub.land({"carts/service.yaml": b""})
    with LocalRepository.open(hub.path) as repository, whole(repository) as found:
        yield found


def land(hub: Hub, step: Step) -> None:
    hub.land(as_commit(step).files, message=message(step))


def archive(hub: Hub, *steps: Step) -> None:
    gone = a_step(90, "archived", remediation="", files=dict.fromkeys((step.path for step in steps), None))
    land(hub, replace(gone, number=0))


def found(offline: Offline, hub: Hub) -> list[tuple[int, str]]:
    return [(each.sequence, each.ref.event) for each in steps_ever(offline, hub.tip(), STAGE)]


def test_steps_come_in_the_order_in_which_they_were_made(offline: Offline, hub: Hub) -> None:
    land(hub, replace(FIRST, service="shop/carts"))  # type: ignore[arg-type]  # a path as text
    land(hub, SECOND)
    land(hub, a_step(3, "applied"))
    steps = steps_ever(offline, hub.tip(), STAGE)
    assert [(each.sequence, each.ref.service, each.ref.number) for each in steps] == [
        (1, "shop/carts", 1), (2, "carts", 2), (3, "carts", 3),
    ]  # fmt: skip
    told = [(ref.event, step.data if step else None) for ref, step in read_steps(offline, steps)]
    assert told[0][1] is not None
    assert told[0][1]["problem"]["title"] == "slow"
    assert told[1][1] is not None
    assert told[1][1]["action"] == "scaling +1"
    assert told[2] == ("applied", {})


def test_what_was_archived_is_there_and_what_was_deleted_by_a_person_too(offline: Offline, hub: Hub) -> None:
    land(hub, FIRST)
    land(hub, SECOND)
    archive(hub, FIRST)
    hub.land({SECOND.path: None}, message="Revert a decision")
    assert found(offline, hub) == [(1, "opened"), (2, "decided")]


def test_a_step_that_came_back_is_there_once(offline: Offline, hub: Hub) -> None:
    land(hub, FIRST)
    hub.land({FIRST.path: None})
    hub.land({FIRST.path: as_commit(FIRST).files[FIRST.path]})
    archive(hub, FIRST)
    assert found(offline, hub) == [(1, "opened")]


def test_what_was_archived_on_a_merged_side_is_there(offline: Offline, hub: Hub) -> None:
    land(hub, FIRST)
    start = hub.tip()
    archive(hub, FIRST)
    side = hub.tip()
    hub.point(start)
    person = hub.land({"README.md": b"x"})
    tree = hub.git("rev-parse", f"{side}^{{tree}}")
    hub.point(hub.commit_tree(tree, person, side, message="Merge"))
    assert found(offline, hub) == [(1, "opened")]


def test_what_has_not_the_form_of_a_step_is_left_out(offline: Offline, hub: Hub) -> None:
    land(hub, FIRST)
    here = "ops/production/carts/remediations/p1"
    hub.land({
        f"{here}/02-decided.yaml": b"nonsense", f"{here}/03-sung.yaml": b'event: "sung"\n',
        f"{here}/x-opened.yaml": b"",
        f"{here}/04-failed.yaml": b'event: "opened"\nsequence: 4\nnow: "2026-11-18T11:06:40Z"\n',
        "ops/staging/carts/remediations/p1/01-opened.yaml": as_commit(FIRST).files[FIRST.path],
    })  # fmt: skip
    assert found(offline, hub) == [(1, "opened")]


def test_a_file_that_cannot_be_read_back_is_told(offline: Offline, hub: Hub) -> None:
    head = b'event: "opened"\nsequence: 1\nnow: "2026-11-18T11:06:40Z"\nrules: 1\n'
    hub.land({FIRST.path: head + b"problem: [not: canonical\n"})
    ((_, step),) = read_steps(offline, steps_ever(offline, hub.tip(), STAGE))
    assert step is None


@pytest.mark.parametrize("facts", [{}, {"facts": {"Deployment/carts": {"replicas": 1}}}])
def test_an_evaluation_is_read_with_and_without_facts(offline: Offline, hub: Hub, facts: dict[str, object]) -> None:
    told = {"evaluation": {"result": "fail"}, "next": "escalated"}
    land(hub, a_step(3, "evaluated", data={**told, **facts}))
    ((_, step),) = read_steps(offline, steps_ever(offline, hub.tip(), STAGE))
    assert step is not None
    assert {key: step.data[key] for key in told} == told


def test_what_is_not_kept_is_read_again(offline: Offline, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    land(hub, FIRST)
    land(hub, SECOND)
    monkeypatch.setattr(past_module, "_KEPT", 0)
    steps = steps_ever(offline, hub.tip(), STAGE)
    assert all(each.content is None for each in steps)
    assert [step.data.get("entry") for _, step in read_steps(offline, steps) if step] == ["slow", None]


def test_a_shallow_and_a_partial_clone_are_refused(hub: Hub) -> None:
    hub.land({"a": b"1"})
    hub.land({"a": b"2"})
    hub.git("config", "uploadpack.allowFilter", "true")
    address = f"file://{hub.path}"
    for name, option, hint in (("s", "--depth=1", "fetch-depth: 0"), ("p", "--filter=blob:none", "--filter")):
        git(hub.path.parent, "clone", "-q", "--bare", option, "-b", "production", address, name)
        with (
            LocalRepository.open(hub.path.parent / name) as repository,
            pytest.raises(ConfigError) as refused,
            whole(repository),
        ):
            raise AssertionError("it was opened")
        assert hint in refused.value.hint
