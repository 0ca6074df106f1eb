"""What stands in the way, asked of the daemon itself: what it does without the forge is in no clone yet (ADR 0261)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

from reconciler.evidence.http_client import HttpClient
from reconciler.model.errors import BlindError, ConfigError

DEADLINE: Final = 10.0
_ADDRESS: Final = "name the address of `server.status` of the daemon's configuration, without a path"


def conditions(url: str, project: str) -> Mapping[str, str]:
    """Return a project's conditions as docs/operations.md lists them, asked at the daemon's status address.

    Raises:
        ConfigError: no such address, or the daemon there does not look after the project.
        BlindError: it does not answer, or somebody else does.
    """
    try:
        with closing(HttpClient(url, "the daemon", deadline=DEADLINE)) as client:
            answer = client.get("/readyz")
            found: Any = answer.json()
    except BlindError as error:
        raise BlindError(error.message, hint=error.hint or f"does it run? {_ADDRESS}") from error
    listed = found.get("projects") if isinstance(found, Mapping) else None
    known = {str(each["project"]): each.get("conditions") for each in listed or () if _is_ours(each)}
    if not known:
        raise BlindError(f"{client.server} answered {answer.status}, and not as a daemon does", hint=_ADDRESS)
    if project not in known:
        told = f"the daemon there looks after {', '.join(sorted(known))}, and not after {project}"
        raise ConfigError(told, hint="name the project as the daemon's configuration does (--project), or its daemon")
    return {str(name): str(told) for name, told in (known[project] or {}).items()}


def _is_ours(each: Any) -> bool:
    return isinstance(each, Mapping) and "project" in each and isinstance(each.get("conditions"), Mapping)
