"""Named moments at which tests kill the daemon, to see that nothing is lost and nothing happens twice.

`RECONCILER_FAILPOINT=<name>` makes the process end itself with SIGKILL when it gets there; without it nothing happens.
"""

from __future__ import annotations

import os
import signal
from typing import Literal, TypeAlias

Failpoint: TypeAlias = Literal[
    "before-write",
    "before-push",
    "after-push",
    "before-apply",
    "after-apply",
    "before-applied-push",
    "before-report-push",
    "after-report-push",
    "before-notify",
    "after-notify",
    "after-proposal-push",
    "after-proposal-opened",
    "before-decline-push",
    "after-decline-push",
]
VARIABLE = "RECONCILER_FAILPOINT"


def reach(name: Failpoint) -> None:
    """Die here, if this is where the environment says so."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
