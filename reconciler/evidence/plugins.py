"""Providers of third parties, by Python's entry points.

A package that offers one says so in its `pyproject.toml`::

    [project.entry-points."reconciler.evidence"]
    influx = "reconciler_influx:provider"

and the daemon's configuration turns it on by `evidence: {plugins: {influx: {...}}}`. `provider` is a `Factory`: it
takes its own settings as plain data, and the folder that files in them are named from, and returns a `Provider` whose
``name`` is the entry point's. Wrong settings are a `ConfigError`. It connects to nothing before it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, TypeAlias

from reconciler.evidence.protocol import Provider
from reconciler.model.errors import ConfigError, ReconcilerError

GROUP: Final = "reconciler.evidence"
Factory: TypeAlias = Callable[[Mapping[str, Any], Path], Provider]


def load_plugin(name: str, settings: Mapping[str, Any], folder: Path) -> Provider:
    """Return the provider of an entry point.

    Raises:
        ConfigError: none of that name is installed, it cannot be loaded, or it does not take the settings.
    """
    found = entry_points(group=GROUP)
    if name not in found.names:
        known = ", ".join(sorted(found.names))
        raise ConfigError(
            f"no SLI provider `{name}` is installed",
            hint=f"installed are: {known}" if known else f"install a package with an entry point in `{GROUP}`",
        )
    try:
        factory: Factory = found[name].load()
        provider = factory(settings, folder)
    except ReconcilerError:
        raise
    except Exception as error:  # somebody else's code: whatever it raises, it is told
        message = f"the SLI provider `{name}` cannot be made: {type(error).__name__}: {error}"
        raise ConfigError(message, hint="correct its settings, or install it again") from error
    if provider.name != name:
        raise ConfigError(
            f"the SLI provider `{name}` calls itself `{provider.name}`", hint="tell its makers; the two must agree"
        )
    return provider
