"""A person asks for something by a clone while the repository cannot be reached."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Reconciler, Site, git


@pytest.mark.parametrize("words", [("suspend",), ("approve", "--service", "carts")], ids=" ".join)
def test_who_cannot_push_is_told_that_nothing_is_asked_for_and_who_takes_it(
    reconciler: Reconciler, site: Site, words: tuple[str, ...]
) -> None:
    before = git(site.remote, "rev-parse", "production")
    git(site.clone, "remote", "set-url", "origin", "http://127.0.0.1:1/config.git")
    result = reconciler(*words)
    assert result.code != 0
    assert "nothing is asked for" in result.err
    assert "takes it on its bridge" in " ".join(result.err.split())
    assert git(site.remote, "rev-parse", "production") == before
