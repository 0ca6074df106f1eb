"""What was seen before a push that took long is no ground for a decision after it: the world goes on meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.repo.mirror import Mirror
from reconciler.repo.push import PushResult, RefUpdate
from tests.daemon.site import Site, until


def test_who_loses_a_push_that_took_long_looks_at_the_world_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    clock, push, slow = site.clock, Mirror.push, ["the first"]

    def slowly(self: Mirror, updates: Sequence[RefUpdate]) -> PushResult:
        if slow:
            slow.clear()
            site.cluster.patch(
                "Deployment", "sockshop-production", "carts-primary", {"spec": {"replicas": 3}}, manager="kubectl-edit"
            )
            site.push({"NOTES": "a person was faster\n"})
            clock.pass_by(60)
        return push(self, updates)

    monkeypatch.setattr(Mirror, "push", slowly)
    site.problem("p1", "Response time degradation")
    with site.loop(clock) as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
    assert "carts: scale 3 → 4 (Response time degradation)" in site.subjects()
    assert site.replicas() == 4
