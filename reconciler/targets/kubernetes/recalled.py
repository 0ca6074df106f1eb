"""What was seen of workloads lately, so that a change which follows an observation need not begin with another read.

Every patch names the version that it is founded on, so the server itself refuses one that is founded on something old;
then, and where what was seen says that nothing is to be written, it is read as ever.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from reconciler.targets.kubernetes.documents import OWNER, STEP, dig, name, text
from reconciler.targets.kubernetes.marks import FIELDS
from reconciler.targets.kubernetes.resources import Resource

_REMEMBERED: Final = 4096
_METADATA: Final = ("name", "namespace", "resourceVersion", "ownerReferences", "deletionTimestamp")
_OURS: Final = (OWNER, STEP, FIELDS)


class Recalled:
    """The newest observation of each workload whose replicas can be written directly, each for one change.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str, str], dict[str, Any]] = {}

    def keep(self, resource: Resource, item: dict[str, Any]) -> None:
        """Remember of a workload what a change of its replicas looks at."""
        metadata = item["metadata"]
        notes = metadata.get("annotations") or {}
        kept: dict[str, Any] = {key: metadata[key] for key in _METADATA if key in metadata}
        kept["annotations"] = {key: notes[key] for key in _OURS if key in notes}
        replicas = dig(item, "spec", "replicas")
        spec = {} if replicas is None else {"replicas": replicas}
        with self._lock:
            self._seen[text(item, "metadata", "namespace"), resource.kind, name(item)] = {
                "metadata": kept,
                "spec": spec,
            }
            if len(self._seen) > _REMEMBERED:
                del self._seen[next(iter(self._seen))]

    def take(self, namespace: str, kind: str, workload: str) -> dict[str, Any] | None:
        """Return what was seen of a workload, once."""
        with self._lock:
            return self._seen.pop((namespace, kind, workload), None)
