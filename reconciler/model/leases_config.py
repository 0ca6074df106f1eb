"""The part `leases` of `reconciler.yaml`: where several daemons agree who looks after which stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.model.connections import KubernetesConnection, kubernetes_from
from reconciler.model.document import Checks, Fields

DURATION: Final = 15.0
RENEW: Final = 5.0
"""Seconds; the duration is client-go's."""
_SHORTEST: Final = 1.0


@dataclass(frozen=True)
class LeasesConfig:
    """Where the Leases lie, and for how many seconds one is held, and after how many it is renewed.

    ``identity`` is how this daemon is called in them; empty: the name of its machine or pod.
    """

    namespace: str
    kubernetes: KubernetesConnection = KubernetesConnection()
    duration: float = DURATION
    renew: float = RENEW
    identity: str = ""


def leases_from(fields: Fields, folder: Path, checks: Checks) -> LeasesConfig:
    """Return the part `leases`; files are named from ``folder``."""
    duration = fields.go_seconds("duration")
    if duration is not None and duration < _SHORTEST:
        checks.add("`duration` is too short for a lease", fields.place_of("duration"), expected="1s or more")
        duration = None
    kept = duration or DURATION
    renew = fields.go_seconds("renew")
    if renew is not None and not 0 < renew <= kept / 3:
        checks.add(
            f"`renew` does not fit a `duration` of {kept:g}s", fields.place_of("renew"),
            expected=f"more than none, and at most {kept / 3:g}s: a third, so that one that fails can be done again",
        )  # fmt: skip
        renew = None
    return LeasesConfig(
        namespace=fields.text("namespace"),
        kubernetes=kubernetes_from(fields.section("kubernetes"), folder, checks),
        duration=kept,
        renew=renew or min(RENEW, kept / 3),
        identity=fields.text("identity"),
    )
