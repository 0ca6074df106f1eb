"""What `$SERVICE` and the like in a query stand for, in Keptn's words (prometheus-service and dynatrace-service).

====================  ==========================================================================================
`$PROJECT` ...        `$STAGE`, `$SERVICE`, and the three in lower case
`$DEPLOYMENT`         `primary`: what serves users. Keptn asked for the canary even when it healed
`$LABEL.x`            the label `x` of the problem
`$DURATION_SECONDS`   the window's length, as `180s`
`$key`, `$KEY`        the value of `key` in the `filter` of slo.yaml; it goes before all of the above
====================  ==========================================================================================

Unlike in Keptn nothing is replaced in what a placeholder has put there, and of two that fit the longer one is meant.
Any other `$` stays, since languages of queries have uses of their own for it. How a value is written so that it stays
a value is for the provider to say: labels come from whoever reports problems.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from reconciler.model.errors import TerminalError
from reconciler.model.measures import WantMeasures

DEPLOYMENT: Final = "primary"
_NO_LABEL: Final = re.compile(r"LABEL\.[A-Za-z0-9_](?:[A-Za-z0-9_./-]*[A-Za-z0-9_])?")


@dataclass(frozen=True)
class Value:
    """What a placeholder stands for, and who said so: the stage's names, the window, slo.yaml, or the problem."""

    text: str
    origin: Literal["name", "window", "filter", "label"]


def values(want: WantMeasures) -> Mapping[str, Value]:
    """Return all placeholders by their names, without the `$`."""
    names = {"PROJECT": want.project, "STAGE": want.stage, "SERVICE": want.service}
    found = {f"LABEL.{key}": Value(text, "label") for key, text in want.labels if key}
    found |= {key: Value(text, "name") for key, text in names.items()}
    found |= {key.lower(): Value(text, "name") for key, text in names.items()}
    found["DEPLOYMENT"] = Value(DEPLOYMENT, "name")
    found["DURATION_SECONDS"] = Value(f"{want.end - want.start}s", "window")
    for key, text in want.filters:
        if key:
            found |= {name: Value(text, "filter") for name in (key, key.upper())}
    return found


def placed(query: str, known: Mapping[str, Value], put: Callable[[Value, int], str]) -> str:
    """Return the query with every placeholder replaced by what ``put`` makes of its value.

    ``put`` is also told where in the query as written the placeholder's `$` stands, from 0.

    Raises:
        TerminalError: a label is asked for that the problem does not have; and what ``put`` raises.
    """
    names = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    pattern = re.compile(rf"\$(?:({names})|({_NO_LABEL.pattern}))")

    def replaced(found: re.Match[str]) -> str:
        if found[2]:
            raise TerminalError(f"the problem has no label for `${found[2]}`", hint="report it, or change the query")
        return put(known[found[1]], found.start())

    return pattern.sub(replaced, query)
