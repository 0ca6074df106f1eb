"""The Leases of a namespace, read by one list and written one by one, each in the place of what was read."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from reconciler.daemon.leases.election import Write
from reconciler.daemon.leases.record import LABEL, OURS, Record, document, read
from reconciler.model.errors import TerminalError
from reconciler.targets.kubernetes import Access
from reconciler.targets.kubernetes.refusals import Call, Refusal, Unreachable, as_error

if TYPE_CHECKING:
    from reconciler.targets.kubernetes.client import Client

_GROUP: Final = "coordination.k8s.io"


class Shelf:
    """Calls one API server, each within ``timeout`` seconds. Used by one thread; ``clock`` is monotonic seconds."""

    def __init__(self, access: Access, namespace: str, timeout: float, clock: Callable[[], float]) -> None:
        self._access = access
        self._namespace = namespace
        self._timeout = timeout
        self._clock = clock
        self._client: Client | None = None
        self._root = f"/apis/{_GROUP}/v1/namespaces/{namespace}/leases"

    def list(self) -> list[Record]:
        """Return all of ours, as they are now.

        Raises:
            ReconcilerError: they cannot be read.
        """
        call = Call("list", _GROUP, "leases", self._root, self._namespace)
        try:
            found = self._calling().call(call, self._timeout, query=(("labelSelector", f"{LABEL}={OURS}"),))
        except (Refusal, Unreachable) as failure:
            raise as_error(failure) from failure
        items = found.get("items")
        return [record for item in (items if isinstance(items, list) else ()) if (record := read(item)) is not None]

    def write(self, write: Write) -> Record | None:
        """Write a lease and return it as it is then; None where somebody else was faster.

        Raises:
            ReconcilerError: it was refused, or there was no answer, so that nobody knows whether it was written.
        """
        record = write.record
        verb, path = ("update", f"{self._root}/{record.name}") if record.version else ("create", self._root)
        call = Call(verb, _GROUP, "leases", path, self._namespace, record.name)
        try:
            return read(self._calling().call(call, self._timeout, patch=document(record, self._namespace)))
        except Refusal as refusal:
            if refusal.status == 409 or (refusal.status == 404 and verb == "update"):
                return None
            if refusal.status == 404:
                hint = (
                    f"create the namespace (`kubectl create namespace {self._namespace}`), or correct"
                    " `leases.namespace` in reconciler.yaml"
                )
                raise TerminalError(as_error(refusal).message, hint=hint) from refusal
            raise as_error(refusal) from refusal
        except Unreachable as failure:
            raise as_error(failure) from failure

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()

    def _calling(self) -> Client:
        if self._client is None:
            from reconciler.targets.kubernetes.client import Client  # noqa: PLC0415  the official client loads slowly

            self._client = Client(self._access, os.environ, self._clock)
        return self._client
