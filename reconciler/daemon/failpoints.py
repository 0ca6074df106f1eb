"""Named moments at which tests kill the daemon, to see that nothing is lost and nothing happens twice.

`RECONCILER_FAILPOINT=<name>` makes the process end itself with SIGKILL when it gets there, `<name>:<n>` when it does
for the nth time; without it nothing happens. Each thing that is asked of Git, of a server or of a receiver, and each
that a sender is heard or told, has a moment right before and one right after it.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Literal, TypeAlias

Failpoint: TypeAlias = Literal[
    "before-project-read",
    "after-project-read",
    "before-list",
    "after-list",
    "before-fetch",
    "after-fetch",
    "before-write",
    "after-write",
    "before-push",
    "after-push",
    "before-read-back",
    "after-read-back",
    "before-home",
    "after-home",
    "before-away",
    "after-away",
    "before-salvage",
    "after-salvage",
    "before-back",
    "after-back",
    "before-applied-push",
    "before-body",
    "after-body",
    "before-hand-in",
    "after-hand-in",
    "before-answer",
    "after-answer",
    "before-report-push",
    "after-report-push",
    "before-observe",
    "after-observe",
    "before-measure",
    "after-measure",
    "before-apply",
    "after-apply",
    "before-notify",
    "after-notify",
    "before-trace",
    "after-trace",
    "before-proposal-push",
    "after-proposal-push",
    "before-proposal-found",
    "after-proposal-found",
    "before-proposal-opened",
    "after-proposal-opened",
    "before-proposal-withdrawn",
    "after-proposal-withdrawn",
    "before-proposal-taken-away",
    "after-proposal-taken-away",
    "before-decline-push",
    "after-decline-push",
    "before-past",
    "after-past",
    "before-check",
    "after-check",
    "before-verdict",
    "after-verdict",
    "before-lease-look",
    "after-lease-look",
    "before-lease-write",
    "after-lease-write",
    "before-upkeep",
    "after-upkeep",
]
VARIABLE = "RECONCILER_FAILPOINT"
_reached = Counter[str]()


def reach(name: Failpoint) -> None:
    """Die here, if this is where the environment says so."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    point, _, nth = wanted.partition(":")
    if point == name:
        _reached[name] += 1
        if _reached[name] >= int(nth or 1):
            os.kill(os.getpid(), signal.SIGKILL)
