"""The contract of the flag servers, whose tests `make test` runs against doubles, here against real servers too."""

from __future__ import annotations

from tests.targets.unleash import test_contract, test_legacy, test_modern, test_owners
from tests.targets.unleash.test_contract import *  # noqa: F403  the contract is what stands there
from tests.targets.unleash.test_legacy import *  # noqa: F403
from tests.targets.unleash.test_modern import *  # noqa: F403
from tests.targets.unleash.test_owners import *  # noqa: F403


def test_nothing_of_the_contract_is_left_out() -> None:
    """Of two tests with one name only the later would run."""
    for suite in (test_contract, test_legacy, test_modern, test_owners):
        names = [name for name in vars(suite) if name.startswith("test_")]
        assert names
        assert [name for name in names if globals()[name] is not vars(suite)[name]] == []
