"""Feature flags in a flagd flag file: no server, no database, read in process by OpenFeature's flagd provider."""

from reconciler.targets.flagd.server import FlagdFile

__all__ = ["FlagdFile"]
