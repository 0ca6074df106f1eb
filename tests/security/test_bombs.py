"""Small files that are large once they are read: each is refused by name, and holds up nobody else."""

from __future__ import annotations

import pytest

from tests.daemon.site import SCALING, Site, git, until

TITLE = "Response time degradation"
ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]\n" for before, one in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS = {
    "aliases": ALIASES,
    "a tower": "x: " + "[" * 20_000 + "]" * 20_000 + "\n",
    "a tower of blocks": "".join(" " * depth + "x:\n" for depth in range(1500)),
    "ten megabytes": "x: " + "y" * 10_000_000 + "\n",
    "many keys": "".join(f"k{number}: 1\n" for number in range(300_000)),
    "many documents": "---\nx: 1\n" * 20_000,
    "a long number": "x: " + "9" * 200_000 + "\n",
}
PLACES = ("remediation.yaml", "service.yaml", "slo.yaml", "prometheus/sli.yaml")


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_stops_its_own_service_alone(site: Site, what: str) -> None:
    """In each of a service's files, in a problem and in a command."""
    files: dict[str, str | None] = {}
    for number, place in enumerate(PLACES):
        files |= {
            f"bombed{number}/remediation.yaml": SCALING, f"bombed{number}/{place}": BOMBS[what],
            f"ops/production/bombed{number}/problems/b{number}.yaml": f"title: {TITLE}\nstate: open\n",
        }  # fmt: skip
    files |= {
        "carts/README.md": BOMBS[what],
        "ops/production/carts/problems/bomb.yaml": BOMBS[what],
        "ops/production/carts/commands/20261122T100000Z-abort-p1-00.yaml": BOMBS[what],
        "ops/production/carts/problems/p1.yaml": f"title: {TITLE}\nstate: open\n",
    }
    site.push(files)
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "the service beside them is looked after")
        until(loop, lambda: not loop.tick(), "the others are told")
        said = " ".join(loop.conditions.values())
    for number, place in enumerate(PLACES):
        said += git(
            site.remote, "log", "-p", "--format=", "production", "--", f"ops/production/bombed{number}/remediations"
        )
        assert f"bombed{number}/{place}" in said, "it is named"
    assert len(said) < 200_000, "what is told of it is no bomb either"
    assert site.replicas() == 2
    assert len(site.scalings()) == 1
