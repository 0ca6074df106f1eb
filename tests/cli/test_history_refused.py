"""What `history`, `report` and `explain` are asked for and there is not: it is said, with what was meant perhaps."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Reconciler, Site, git


@pytest.fixture
def shop(reconciler: Reconciler, site: Site) -> Site:
    """A site where carts was scaled once."""
    arguments = ("--service", "carts", "--title", "slow", "--id", "p1")
    assert reconciler("problem", "open", *arguments).code == 0
    return site


@pytest.mark.parametrize("verb", ["history", "report"])
def test_a_service_that_never_was_is_no_quiet_one(verb: str, reconciler: Reconciler, shop: Site) -> None:
    result = reconciler(verb, "--service", "cart")
    assert (result.code, result.out) == (2, "")
    assert "there is no service `cart`" in result.err
    assert "did you mean carts?" in result.err
    assert reconciler(verb, "--service", "carts").code == 0


@pytest.mark.parametrize(
    "asked",
    [
        ("history",), ("report",), ("explain", "problem/p1"), ("bisect", "--service", "carts", "--problem", "slow"),
        ("verify",), ("replay",), ("status",),
    ],
    ids=lambda asked: asked[0],
)  # fmt: skip
def test_a_stage_to_look_in_that_there_is_not_is_no_answer(
    asked: tuple[str, ...], reconciler: Reconciler, shop: Site
) -> None:
    """Nobody looked anywhere: not the answer no."""
    result = reconciler(*asked, "--stage", "nope")
    assert (result.code, result.out) == (2, "")
    assert "`nope`" in result.err


def test_numbers_and_periods_that_cannot_be(reconciler: Reconciler, shop: Site) -> None:
    result = reconciler("history", "--limit", str(2**63 - 1))
    assert result.code == 2
    assert "1<=x<=1000000" in result.err
    result = reconciler("history", "--since", "2026-11-23", "--until", "2026-11-20")
    assert result.code == 2
    assert "--since is after --until" in result.err


@pytest.mark.parametrize(
    ("what", "code", "told"),
    [
        ("deployment/carts", 0, ""),
        ("deployment/carts-primary", 0, ""),
        ("Deployment.apps/carts", 0, ""),
        ("deployment/cart", 1, "no service is called so, and no step ever changed it; did you mean deployment/carts?"),
        ("flag/EnablePromoton", 1, "no playbook names such a flag"),
        ("deployement/carts", 2, "`deployement` is no kind that can be explained"),
        ("pod/carts", 2, "`pod` is no kind that can be explained"),
        ("rollouts.argoproj.io/carts", 0, ""),
    ],
)
def test_a_slip_is_no_value_that_is_nobodys(
    what: str, code: int, told: str, reconciler: Reconciler, shop: Site
) -> None:  # fmt: skip
    result = reconciler("explain", what, "-o", "json")
    assert result.code == code, result.err
    assert told in result.err
    if code < 2:
        assert json.loads(result.out)["values"] == []


def test_a_flag_of_a_playbook_is_known_before_it_was_ever_switched(reconciler: Reconciler, shop: Site) -> None:
    playbook = "remediations:\n- name: slow\n  actions:\n  - action: featuretoggle\n    value: {Blue: off}\n"
    (shop.clone / "carts/remediation.yaml").write_text(playbook, "utf-8")
    git(shop.clone, "commit", "-qam", "A flag")
    git(shop.clone, "pull", "-q", "--rebase")
    git(shop.clone, "push", "-q")
    assert reconciler("explain", "flag/Blue").code == 0
