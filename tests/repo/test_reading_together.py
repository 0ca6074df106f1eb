"""A push may bring something for a thousand services: what git is asked must not grow with their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from reconciler.model.names import BlobId, ServicePath
from reconciler.repo.children import Child
from reconciler.repo.objects import Oversize
from reconciler.repo.reader import Reader
from tests.repo.branch import SETTINGS, Branch, a_step, stage_repo
from tests.repo.conftest import Hub, OpenMirror

PROBLEM = b"title: Slow\nstate: open\n"


def questions(branch: Branch, monkeypatch: pytest.MonkeyPatch, services: int) -> int:
    """Return how often a child is asked until all is known that `decide` asks about new problems."""
    names = [f"s{services}-{number}" for number in range(services)]
    branch.hub.land({f"{name}/service.yaml": f"# {name}\n".encode() for name in names})
    branch.hub.land({f"{name}/slo.yaml": _slo(name) for name in names})
    branch.follow().take_dirty()
    branch.hub.land({f"ops/production/{name}/problems/p.yaml": PROBLEM + f"url: {name}\n".encode() for name in names})
    asked = 0
    true_ask = Child.ask

    def counted(self: Child, exchange: object) -> object:
        nonlocal asked
        asked += 1
        return true_ask(self, exchange)  # type: ignore[arg-type]  # as it was given

    with monkeypatch.context() as patched:
        patched.setattr(Child, "ask", counted)
        repo = branch.follow()
        assert repo.take_dirty() == frozenset(names)
        snapshot = repo.snapshot(SETTINGS)
        for name in names:
            view = snapshot.services[ServicePath(name)]
            assert len(view.problems) == 1
            (slo,) = view.pinned
            assert snapshot.pins((f"{slo.path}@{slo.blob}",)).objectives is not None
            for problem in view.problems.values():
                assert snapshot.arrived(problem.file)
    return asked


def _slo(name: str) -> bytes:
    return f'spec_version: "1.0"\nobjectives:\n  - sli: {name}\n    pass:\n      - criteria: ["<600"]\n'.encode()


def test_a_push_for_many_services_is_read_in_few_questions(
    hub: Hub, open_mirror: OpenMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = open_mirror()
    branch = Branch(hub, mirror, stage_repo(mirror))
    hub.land({"carts/service.yaml": b""})
    branch.land(a_step(1))
    branch.follow()
    few, many = questions(branch, monkeypatch, 10), questions(branch, monkeypatch, 100)
    assert many <= few + 2


def test_what_is_read_together_is_not_read_again_in_whatever_order_it_is_asked_for(
    hub: Hub, open_mirror: OpenMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = open_mirror()
    repo = stage_repo(mirror)
    branch = Branch(hub, mirror, repo)
    names = [f"s-{number:03}" for number in range(300)]
    hub.land({f"{name}/slo.yaml": _slo(name) for name in names})
    hub.land({f"ops/production/{name}/problems/p.yaml": PROBLEM + f"url: {name}\n".encode() for name in names})
    branch.follow().take_dirty()
    snapshot = repo.snapshot(SETTINGS)
    repo.expect_pins([ServicePath(name) for name in names])
    read: list[int] = []
    known = Reader.known_blobs

    def counted(self: Reader, ids: Sequence[BlobId], limit: int) -> Mapping[BlobId, bytes | Oversize]:
        read.append(len(ids))
        return known(self, ids, limit)

    monkeypatch.setattr(Reader, "known_blobs", counted)
    for name in reversed(names):
        (slo,) = snapshot.services[ServicePath(name)].pinned
        assert snapshot.pins((f"{slo.path}@{slo.blob}",)).objectives is not None
    assert (sum(read), len(read)) == (len(names), 3)
