"""What people take back is answered first, and however much it is no push grows beyond its bound for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from reconciler.daemon import portions as portions_module
from reconciler.daemon.branch import Branch
from reconciler.daemon.portions import Portions
from reconciler.daemon.publish import Landed
from reconciler.model.names import ServicePath
from reconciler.model.step import Step
from reconciler.repo.stage import Tips
from tests.daemon.site import Site, until
from tests.daemon.test_portions import SERVICES, everything_is_slow

MANY = frozenset(ServicePath(f"{number:05}") for number in range(10_000))
TAKEN_BACK: dict[str, str | None] = {
    f"ops/production/{name}/remediations/{name}/02-decided.yaml": None for name in SERVICES
}


def test_who_loses_with_however_many_goes_on_with_no_more_than_a_push_may_have() -> None:
    portions = Portions()
    portions.lost(len(MANY))
    assert len(portions.choose(set(MANY), (), _by_name)) <= 1024


def test_what_comes_before_others_stays_within_the_part() -> None:
    portions = Portions()
    assert portions.choose(set(MANY), MANY, _by_name) == set(sorted(MANY)[:256])
    portions.lost(256)
    portions.landed(len(MANY))
    assert len(portions.choose(set(MANY), MANY, _by_name)) <= 256, "it was not together that they landed"


def test_what_has_landed_together_leaves_the_room_of_the_part_to_what_comes_before_others() -> None:
    portions = Portions()
    landed = set(sorted(MANY)[-200:])
    chosen = portions.choose(set(MANY), MANY, _by_name, landed=landed)
    assert chosen == landed | set(sorted(MANY)[:56])


@pytest.mark.parametrize("first", [True, False], ids=["nobody else pushes", "others are first"])
def test_a_commit_that_takes_everything_back_is_answered_in_pushes_of_the_usual_size(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, first: bool
) -> None:
    monkeypatch.setattr(portions_module, "_FIRST", 2)
    monkeypatch.setattr(portions_module, "_SMALL", 2)
    monkeypatch.setattr(portions_module, "_MOST", 2)
    everything_is_slow(site)
    publish = Branch.publish
    pushes: list[set[ServicePath | None]] = []

    def noted(branch: Branch, tips: Tips, steps: Sequence[Step]) -> Landed | None:
        pushes.append({step.service for step in steps})
        if not first and len(pushes) % 2:
            site.push({"NOTES": f"{len(pushes)}\n"}, "a person was faster")
        return publish(branch, tips, steps)

    with site.loop() as loop:
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")
        site.push(TAKEN_BACK, "none of it was any good")
        monkeypatch.setattr(Branch, "publish", noted)
        until(loop, lambda: site.events().count("reverted") == len(SERVICES), "all are answered")
        until(loop, lambda: {site.replicas(f"{name}-primary") for name in SERVICES} == {1}, "all is given back")
    assert max(map(len, pushes)) <= 2


def _by_name(services: Iterable[ServicePath]) -> Sequence[ServicePath]:
    return sorted(services)
