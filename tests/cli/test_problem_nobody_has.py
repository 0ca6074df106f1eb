"""`reconciler problem resolve ID --daemon URL` where no such problem was open: the person learns of the slip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, Result
from tests.cli.recorder import accepted, recorder

CARTS = ("--service", "carts")


def resolve(reconciler: Reconciler, name: str, *more: object, outcome: str = "accepted") -> Result:
    with recorder(accepted(outcome)) as daemon:
        result = reconciler("problem", "resolve", name, *CARTS, *more, "--daemon", daemon.url)
    assert len(daemon.sent) == 1, "the daemon may know of a problem that is not pushed yet"
    assert result.code == 0
    return result


def opened(reconciler: Reconciler, name: str) -> None:
    assert reconciler("problem", "open", *CARTS, "--title", "Slow", "--id", name).code == 0


@pytest.mark.usefixtures("clone")
def test_in_a_clone_it_is_looked_up(reconciler: Reconciler) -> None:
    opened(reconciler, "slow-1")
    result = resolve(reconciler, "slwo-1")
    assert result.err == (
        "note: no problem `slwo-1` of carts was open in production: a file that says it is over was made\n"
        "    hint: did you mean slow-1?\n"
    )
    assert resolve(reconciler, "slow-1").err == ""
    assert resolve(reconciler, "slow-1.yaml").err == ""


@pytest.mark.usefixtures("clone")
def test_without_anything_alike_the_list_is_named(reconciler: Reconciler) -> None:
    result = resolve(reconciler, "other", "-o", "json")
    assert "hint: see `reconciler problem list`" in result.err
    assert "no problem `other` of carts was open" in json.loads(result.out)["note"]


@pytest.mark.usefixtures("clone")
def test_what_was_there_already_is_no_slip(reconciler: Reconciler) -> None:
    assert resolve(reconciler, "other", outcome="unchanged").err == ""


def test_without_a_clone_it_is_not_known(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = resolve(reconciler, "slow-1", "--project", "shop", "--stage", "production")
    assert result.err == (
        "note: whether `slow-1` was open is not known here, without a clone;"
        " if not, a file that says it is over was made\n"
        "    hint: see `reconciler problem list --all` in a clone\n"
    )
