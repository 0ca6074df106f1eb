"""What a Lease says: who holds what, and for how long; the same fields with the same meaning as client-go's.

`holderIdentity` is empty once somebody has let go. The times are for people: nobody compares clocks of two machines.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from reconciler.model.names import ProjectName, StageName

LeaseName: TypeAlias = str
API: Final = "coordination.k8s.io/v1"
LABEL: Final = "app.kubernetes.io/managed-by"
OURS: Final = "reconciler"
PROJECT: Final = "reconciler.dev/project"
STAGE: Final = "reconciler.dev/stage"
MOST_DAEMONS: Final = 1000
_PLACE = re.compile(r"reconciler-daemon-([0-9]{1,3})\Z")
_SLUG = 40
_LONGEST: Final = 86_400


@dataclass(frozen=True)
class Record:
    """A Lease as it was read. ``version`` is its resourceVersion; ``seconds`` for how long its holder holds it."""

    name: LeaseName
    version: str
    holder: str = ""
    seconds: int = 0
    acquired: str = ""
    renewed: str = ""
    transitions: int = 0
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def said(self) -> tuple[str, int, str, str, int]:
        """What changes when its holder renews it, and not when somebody else writes a label."""
        return self.holder, self.seconds, self.acquired, self.renewed, self.transitions


def read(item: Any) -> Record | None:
    """Return what an object of the API says, None for what is none of ours; what has not its type is not there."""
    metadata = _map(_map(item).get("metadata"))
    spec = _map(_map(item).get("spec"))
    name, version = _text(metadata.get("name")), _text(metadata.get("resourceVersion"))
    if not name or not version:
        return None
    return Record(
        name,
        version,
        holder=_text(spec.get("holderIdentity")),
        seconds=min(max(_number(spec.get("leaseDurationSeconds")), 0), _LONGEST),
        acquired=_text(spec.get("acquireTime")),
        renewed=_text(spec.get("renewTime")),
        transitions=_number(spec.get("leaseTransitions")),
        labels=_pairs(metadata.get("labels")),
        annotations=_pairs(metadata.get("annotations")),
    )


def document(record: Record, namespace: str) -> dict[str, Any]:
    """Return the object to write; with a version it takes the place of that very one."""
    metadata: dict[str, Any] = {
        "name": record.name,
        "namespace": namespace,
        "labels": {**dict(record.labels), LABEL: OURS},
        **({"annotations": dict(record.annotations)} if record.annotations else {}),
        **({"resourceVersion": record.version} if record.version else {}),
    }
    spec = {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.seconds,
        "acquireTime": record.acquired,
        "renewTime": record.renewed,
        "leaseTransitions": record.transitions,
    }
    return {"apiVersion": API, "kind": "Lease", "metadata": metadata, "spec": spec}


def stage_lease(project: ProjectName, stage: StageName) -> LeaseName:
    """Return the name of a stage's Lease: readable, of bounded length, and never that of another stage."""
    digest = hashlib.sha256(f"{project}/{stage}".encode()).hexdigest()[:10]
    slug = re.sub("[^a-z0-9]+", "-", f"{project}-{stage}".lower())[:_SLUG].strip("-")
    return f"reconciler-stage-{slug}-{digest}"


def place(number: int) -> LeaseName:
    """Return the name of a Lease by which a daemon shows that it is there."""
    return f"reconciler-daemon-{number}"


def place_number(name: LeaseName) -> int | None:
    """Return the number of a daemon's place; None for another Lease."""
    found = _PLACE.match(name)
    return int(found[1]) if found else None


def moment(wall: float) -> str:
    """Return a time as the API writes a MicroTime; ``wall`` is seconds since 1970."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def whole(seconds: float) -> int:
    """Return a duration as a Lease can say it."""
    return max(math.ceil(seconds), 1)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, text) for key, text in _map(value).items() if isinstance(text, str)))
