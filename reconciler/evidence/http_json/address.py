"""An endpoint's address with its placeholders filled in, every value percent-encoded so that it stays one value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from reconciler.model.errors import UserError
from reconciler.model.instant import format_instant
from reconciler.model.measures import WantMeasures
from reconciler.model.placeholders import DEPLOYMENT
from reconciler.model.suggest import did_you_mean

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_LONGEST: Final = 8000
"""Characters of an address; servers refuse longer ones."""


def given(want: WantMeasures) -> dict[str, str]:
    """Return what may stand in every address: names, and the window in the forms that APIs want it in."""
    return {
        "project": want.project,
        "stage": want.stage,
        "service": want.service,
        "deployment": DEPLOYMENT,
        "from": str(want.start),
        "to": str(want.end),
        "fromMillis": str(want.start * 1000),
        "toMillis": str(want.end * 1000),
        "fromTime": format_instant(want.start),
        "toTime": format_instant(want.end),
        "seconds": str(want.end - want.start),
    }


def parameters(declared: Mapping[str, str | None], asked: Mapping[str, str]) -> dict[str, str]:
    """Return the values of an endpoint's parameters.

    Raises:
        UserError: for one that the endpoint does not have, and for one that nothing sets.
    """
    for name in asked:
        if name not in declared:
            known = ", ".join(f"`{each}`" for each in declared) or "none"
            raise UserError(
                f"the endpoint has no parameter `{name[:60]}`",
                expected=known,
                hint=did_you_mean(name, declared) or "declare it under `params` in the daemon's configuration",
            )
    values = {name: asked.get(name, default) for name, default in declared.items()}
    for name, value in values.items():
        if value is None:
            raise UserError(f"the endpoint's parameter `{name}` is not set", hint=f"write `{name}=...` in the query")
    return {name: value for name, value in values.items() if value is not None}


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return a path and query with its placeholders replaced.

    Raises:
        UserError: a value would change where the address leads, or makes it too long.
    """

    def put(found: re.Match[str]) -> str:
        value = values[found[1]]
        if value in (".", ".."):
            raise UserError(f"`{found[1]}` cannot be `{value}`, which has a meaning of its own in addresses")
        # What is no Unicode has no percent-encoding.
        return quote(value.encode("utf-8", "replace"), safe="")

    address = _PLACEHOLDER.sub(put, template)
    if len(address) > _LONGEST:
        raise UserError(f"the address has {len(address)} characters", expected=f"at most {_LONGEST}")
    return address
