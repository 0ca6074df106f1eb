"""A double of Unleash on loopback, for the demo and the tests: today's admin API and that of Keptn's time.

Built from exchanges captured from real servers (7.5.1 and 3.17.6) and held against them by the contract tests of the
Unleash target, which run against either.
"""

from reconciler.embedded.unleash.faults import Fault
from reconciler.embedded.unleash.server import (
    ADMIN_TOKEN,
    CLIENT_TOKEN,
    LEGACY_LOGIN,
    VIEWER_TOKEN,
    Exchange,
    UnleashDouble,
)
from reconciler.embedded.unleash.world import Account, World

__all__ = [
    "ADMIN_TOKEN",
    "CLIENT_TOKEN",
    "LEGACY_LOGIN",
    "VIEWER_TOKEN",
    "Account",
    "Exchange",
    "Fault",
    "UnleashDouble",
    "World",
]
