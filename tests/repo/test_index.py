"""The files of a stage by service: however changes come, the same follows, and many at once cost no more than each."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.names import BlobId, ServicePath, StageName
from reconciler.repo.index import Files, Moved, StageIndex, Stored

STORED = Stored("100644", BlobId("f" * 40))
FOLDERS = st.sampled_from(["carts", "shop", "shop/carts", "shop/carts/deep", "other/carts", "other"])
FILES = st.sampled_from(["service.yaml", "slo.yaml", "prometheus/sli.yaml"])
MOVES = st.lists(
    st.builds(
        lambda folder, name, there: Moved(f"{folder}/{name}", STORED if there else None), FOLDERS, FILES, st.booleans()
    ),
    max_size=12,
    unique_by=lambda move: move.path,
)


def said(index: StageIndex) -> tuple[object, ...]:
    names = {name: paths for name, paths in index.names.items() if paths}
    return dict(index.config), names, index.services()


@given(MOVES, MOVES)
def test_one_by_one_at_once_and_listed_are_the_same(first: list[Moved], then: list[Moved]) -> None:
    each, batch, listed = (StageIndex(StageName("production")) for _ in range(3))
    for move in (*first, *then):
        each.change_config([move])
    batch.change_config(first)
    before = {path: batch.clash(path) for path in batch.config if batch.is_service(path)}
    batch.take_touched()
    batch.change_config(then)
    after = dict((*first, *then))
    listed.load_config(Moved(path, stored) for path, stored in after.items() if stored is not None)
    assert said(each) == said(batch) == said(listed)
    now = {path: batch.clash(path) for path in batch.config if batch.is_service(path)}
    changed = {path for path in {*before, *now} if before.get(path, "none") != now.get(path, "none")}
    assert changed <= batch.touched


class Counted(dict[ServicePath, Files]):
    """A table that counts how often all of it is looked through."""

    times = 0

    def __iter__(self) -> Iterator[ServicePath]:
        self.times += 1
        return super().__iter__()


def test_a_first_import_is_looked_through_once() -> None:
    index = StageIndex(StageName("production"))
    index.config = counted = Counted()
    index.change_config([Moved(f"s{number}/service.yaml", STORED) for number in range(100)])
    assert counted.times <= 2
    assert len(index.services()) == 100
