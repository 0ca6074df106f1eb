"""Feature flags in Unleash: today's servers and those of Keptn's time, behind one protocol."""

from reconciler.targets.unleash.legacy import LegacyUnleashServer
from reconciler.targets.unleash.modern import UnleashServer

__all__ = ["LegacyUnleashServer", "UnleashServer"]
