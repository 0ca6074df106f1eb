"""People's files of services, parsed once for each content: ten thousand services have many files that are the same.

Parsing is what validating costs (half a millisecond a file), so all checks take their files from here. What is found
has no path; whoever knows in which file it was found adds that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from reconciler.decide.actions.registry import check_playbook
from reconciler.decide.evaluation.objectives import understand
from reconciler.model.errors import UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.playbook import Playbook, load_playbook
from reconciler.model.policy import ServiceConfig, StageConfig, load_service, load_stage
from reconciler.model.sli import Sli, load_sli
from reconciler.model.slo import Slo, load_slo

Kind: TypeAlias = Literal["service", "stage", "slo", "sli", "remediation"]
Content: TypeAlias = bytes | UserError | None
"""A file: its bytes, why it could not be read, or None where there is none."""
_REMEMBERED: Final = 1024


@dataclass(frozen=True)
class Loaded:
    """A file's meaning, None where its form is wrong, and what is wrong with that; places have no path."""

    value: Any
    errors: tuple[UserError, ...] = ()


def errors_of(kind: Kind, data: bytes) -> tuple[UserError, ...]:
    """Return everything that is wrong with a file's form, or else with what the schema cannot know."""
    found = load(kind, data)
    return tuple(_MEANING[kind](found.value)) if found.value is not None and kind in _MEANING else found.errors


@functools.lru_cache(maxsize=_REMEMBERED)
def load(kind: Kind, data: bytes) -> Loaded:
    """Parse content. Which actions there are is another question: plug-ins may come."""
    try:
        return Loaded(_LOADERS[kind](data, ""))
    except InvalidFile as error:
        return Loaded(None, error.errors)
    except UserError as error:
        return Loaded(None, (error,))


def _criteria(slo: Slo) -> list[UserError]:
    try:
        understand(slo)
    except InvalidFile as error:
        return list(error.errors)
    return []


_LOADERS: Final[Mapping[Kind, Callable[[bytes, str], Any]]] = {
    "service": load_service,
    "stage": load_stage,
    "slo": load_slo,
    "sli": load_sli,
    "remediation": load_playbook,
}
_MEANING: Final[Mapping[Kind, Callable[[Any], list[UserError]]]] = {
    "slo": _criteria,
    "remediation": partial(check_playbook, at_names=True),
}


def playbook(data: Content) -> Playbook | None:
    """Return a playbook whose form is right; its actions may still be wrong."""
    return _value("remediation", data)  # type: ignore[no-any-return]  # by its loader


def objectives(data: Content) -> Slo | None:
    """Return objectives whose form is right; their criteria may still be wrong."""
    return _value("slo", data)  # type: ignore[no-any-return]  # by its loader


def indicators(data: Content) -> Sli | None:
    """Return an SLI file that is right."""
    return _value("sli", data)  # type: ignore[no-any-return]  # by its loader


def service(data: Content) -> ServiceConfig | None:
    """Return what `service.yaml` says: all defaults where there is none, None where it cannot be read."""
    return ServiceConfig() if data is None else _value("service", data)


def stage(data: Content) -> StageConfig | None:
    """Return what `stage.yaml` says: all defaults where there is none, None where it cannot be read."""
    return StageConfig() if data is None else _value("stage", data)


def _value(kind: Kind, data: Content) -> Any:
    return load(kind, data).value if isinstance(data, bytes) else None
