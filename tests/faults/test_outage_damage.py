"""Rows G5 and G8 with `forgeOutage: proceed`: a mirror that is damaged while it keeps decisions."""

from __future__ import annotations

from pathlib import Path

from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.site import Site, until
from tests.faults.invariants import Scene
from tests.faults.outage import goes, gone_without, history, kept, mirror, out, over, reported, second_stage


def mirrors(site: Site) -> list[str]:
    return sorted(path.name for path in (site.folder / "state" / "mirrors").iterdir())


def damaged(site: Site) -> Path:
    """Let a power cut leave an empty object behind that nothing needs."""
    where = mirror(site)
    stray = where / "objects" / "ab"
    stray.mkdir(exist_ok=True)
    (stray / ("0" * 38)).write_bytes(b"")
    return where


def cut(folder: Path) -> dict[Path, bytes]:
    """Cut all packs short; returns what they were."""
    were = {pack: pack.read_bytes() for pack in folder.glob("objects/pack/*.pack")}
    for pack, content in were.items():
        pack.chmod(0o644)
        pack.write_bytes(content[: len(content) // 2])
    return were


def test_g5_proceed_salvages_what_a_damaged_mirror_keeps(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    made = gone_without(scene, server)
    where = damaged(site)
    with site.loop() as loop:
        loop.tick()
        assert set(made) <= set(history(site))
        assert not {name for name in loop.conditions if name.startswith("production")}
        over(scene, loop)
    assert mirrors(site) == [where.name, f"{where.name}.damaged"]
    damaged(site)
    with site.loop() as loop:
        loop.tick()
    assert mirrors(site) == [where.name, f"{where.name}.damaged"], "what was salvaged need not be kept twice"


def test_g5_proceed_salvages_before_the_remote_is_back(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    made = gone_without(scene, server)
    damaged(site)
    goes(server)
    with site.loop() as loop:
        for _ in range(3):
            loop.tick()
            site.later(90)
        assert kept(site) == made
        server.faults = []
        site.later(90)
        until(loop, lambda: set(made) <= set(history(site)), "it is home")
        over(scene, loop)


def test_g5_proceed_stands_still_over_what_cannot_be_salvaged_until_a_person_has_mended_it(
    proceeding: Scene, server: GitHttpServer
) -> None:
    scene, site = proceeding, proceeding.site
    made = gone_without(scene, server)
    where = mirror(site)
    aside = where.with_name(f"{where.name}.damaged")
    were = cut(where)
    scene.problem("p2", "Nobody knows this")
    with site.loop() as loop:
        for _ in range(3):
            loop.tick()
            site.later(90)
        assert str(aside) in loop.conditions["production"]
        assert "fsck" in loop.conditions["production"]
        assert site.events() == []
    damaged(site)
    with site.loop() as loop:
        loop.tick()
        assert str(aside) in loop.conditions["production"], "another damage takes nothing away"
        assert mirrors(site) == [where.name, aside.name, f"{aside.name}-2"]
        for pack, content in were.items():
            (aside / "objects" / "pack" / pack.name).write_bytes(content)
        site.later(90)
        until(loop, lambda: set(made) <= set(history(site)), "it is mended, and home")
        until(loop, lambda: "unmatched" in site.events(), "the other problem was looked at")
        over(scene, loop)


def test_g5_proceed_decides_nothing_beside_what_cannot_be_salvaged_while_another_stage_goes_on(
    proceeding: Scene, server: GitHttpServer
) -> None:
    scene, site = proceeding, proceeding.site
    scene.ends = False
    second_stage(site)
    gone_without(scene, server)
    cut(mirror(site))
    with site.loop() as loop:
        loop.tick()
        assert "fsck" in loop.conditions["production"]
        with scene.blind(loop, "fsck"):
            goes(server)
            out(scene, loop)
            assert "staging/unpushed" in loop.conditions, "that one goes on"
            assert reported(scene, loop, "r2") == "unavailable"
            out(scene, loop)
            assert kept(site) == []
        server.faults = []
    scene.accepted.clear()


def test_g5_proceed_goes_on_without_what_a_person_has_thrown_away(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    scene.ends = False
    gone_without(scene, server)
    where = mirror(site)
    cut(where)
    with site.loop() as loop:
        loop.tick()
        assert "production" in loop.conditions
        where.with_name(f"{where.name}.damaged").rename(site.folder / "thrown-away")
        site.later(90)
        loop.tick()
        loop.tick()
        assert "production" not in loop.conditions
    scene.accepted.clear()
