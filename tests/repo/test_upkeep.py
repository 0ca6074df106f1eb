"""Maintenance in the mirror and in the remote whose objects it shares, also while it works."""

from __future__ import annotations

import threading

from reconciler.model.errors import TransientError
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from tests.repo.conftest import PRODUCTION, Hub, OpenMirror, fetched, new


def test_packs_are_combined_and_history_stays_readable(mirror: Mirror, hub: Hub) -> None:
    first = tip = hub.land({"a": b"0"})
    fetched(mirror)
    for number in range(12):
        [made] = mirror.write(tip, [new({"a": b"%d" % number, f"d{number}/x": b"x"})])
        assert mirror.push([RefUpdate(PRODUCTION, tip, made)]).landed
        tip = made
    packs = mirror.path / "objects" / "pack"
    assert len(list(packs.glob("*.pack"))) >= 12
    diffs = mirror.diff(first, tip)
    mirror.maintain([tip])
    assert len(list(packs.glob("*.pack"))) <= 2
    assert list((mirror.path / "objects" / "info" / "commit-graphs").glob("*.graph"))
    assert mirror.diff(first, tip) == diffs
    assert len(list(mirror.commits(tip))) == 13
    [made] = mirror.write(tip, [new({"z": b"1"})])
    assert mirror.push([RefUpdate(PRODUCTION, tip, made)]).landed
    mirror.maintain([made])
    assert hub.git("fsck", "--strict", "--no-dangling") == ""


def test_what_is_not_pushed_yet_is_kept_when_named(hub: Hub, open_mirror: OpenMirror) -> None:
    base = hub.land({"a": b"0"})
    mirror = open_mirror()
    [kept] = mirror.write(base, [new({"a": b"kept"})])
    [dropped] = mirror.write(base, [new({"a": b"dropped"})])
    mirror.maintain([base], keep=[kept])
    mirror.close()
    with open_mirror() as mirror:
        assert mirror.has(kept)
        assert not mirror.has(dropped)
        assert mirror.push([RefUpdate(PRODUCTION, base, kept)]).landed
        mirror.maintain([kept])
    with open_mirror() as mirror:
        assert fetched(mirror) == kept
        assert not list((mirror.path / "objects" / "pack").glob("*.pack"))


def test_clutter_is_counted(hub: Hub, open_mirror: OpenMirror) -> None:
    mirror = open_mirror()
    tip = mirror.write(None, [new({"a": b"0"})])[0]
    assert not mirror.cluttered
    for number in range(1, 51):
        [tip] = mirror.write(tip, [new({"a": b"%d" % number})])
    assert mirror.cluttered


def test_g16_g19_the_remote_is_repacked_and_pruned_all_the_time(hub: Hub, open_mirror: OpenMirror) -> None:
    tip = hub.land({f"s{n}/service.yaml": b"%d" % n for n in range(50)})
    mirror = open_mirror()
    done = threading.Event()
    rounds = 0

    def look_after() -> None:
        nonlocal rounds
        while not done.is_set():
            hub.git("repack", "-a", "-d", "-q")
            hub.git("pack-refs", "--all", "--prune")
            hub.git("gc", "-q", "--prune=2.weeks.ago")
            hub.git("commit-graph", "write", "--reachable")
            rounds += 1

    caretaker = threading.Thread(target=look_after)
    caretaker.start()
    acknowledged: list[CommitId] = []
    faults = 0
    try:
        number = 0
        while (rounds < 3 or number < 12) and number < 400:
            before = fetched(mirror)
            [made] = mirror.write(before, [new({f"s{number % 50}/service.yaml": b"new %d" % number})])
            assert len(mirror.diff(before, made)) == 1
            try:
                result = mirror.push([RefUpdate(PRODUCTION, before, made)])
            except TransientError:
                faults += 1  # gc may take away a folder that the push is about to use
            else:
                acknowledged += [made] if result.landed else []
                assert result.landed or result.lost == (PRODUCTION,), result
            if number % 8 == 7:
                mirror.maintain([made])
            assert mirror.blob_at(fetched(mirror), "s1/service.yaml") is not None
            number += 1
    finally:
        done.set()
        caretaker.join()
    assert rounds >= 3
    history = {info.id for info in mirror.commits(fetched(mirror))}
    assert len(acknowledged) > faults
    assert set(acknowledged) <= history
    assert tip in history
    assert hub.git("fsck", "--strict", "--no-dangling") == ""


def test_g19_a_pruned_rewrite_does_not_confuse(hub: Hub, open_mirror: OpenMirror) -> None:
    base, old = hub.land({"a": b"1"}), hub.land({"a": b"2"})
    mirror = open_mirror()
    assert fetched(mirror) == old
    mirror.blob_at(old, "a")
    hub.git("update-ref", PRODUCTION, base)
    hub.git("gc", "-q", "--prune=now")
    new_tip = hub.land({"a": b"3"})
    assert fetched(mirror) == new_tip
    assert mirror.blob_at(new_tip, "a") is not None
    assert [info.id for info in mirror.commits(new_tip)] == [new_tip, base]
