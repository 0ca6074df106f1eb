"""The embedded cluster as a whole: start it, put objects in, point clients at it, ask it what happened."""

from __future__ import annotations

import copy
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconciler.embedded.cluster import patches
from reconciler.embedded.cluster.api import Api, Options
from reconciler.embedded.cluster.controllers import Controllers
from reconciler.embedded.cluster.dispatch import Dispatch
from reconciler.embedded.cluster.faults import Faults
from reconciler.embedded.cluster.journal import Journal
from reconciler.embedded.cluster.kinds import NAMESPACES, Kind
from reconciler.embedded.cluster.kubeconfig import kubeconfig
from reconciler.embedded.cluster.rollout import Immediate, Rollout
from reconciler.embedded.cluster.store import Store
from reconciler.embedded.cluster.users import User
from reconciler.embedded.cluster.wire import Server

_SPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class EmbeddedCluster:
    """A loopback API server with simulated controllers; a context manager.

    ``tls`` is a server context with its certificate loaded; without one it is plain HTTP. ``users`` by bearer token may
    be changed at any time; while it is empty nobody needs a token. ``now`` is the clock for time stamps (UTC).
    """

    def __init__(
        self,
        *,
        rollout: Rollout | None = None,
        kinds: tuple[Kind, ...] = (),
        tls: ssl.SSLContext | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = Store()
        self.faults = Faults()
        self.journal = Journal()
        self.users: dict[str, User] = {}
        self.now = now
        self._api = Api(self.store, now)
        for kind in kinds:
            self.declare(kind)
        self._controllers = Controllers(self._api, rollout or Immediate())
        self._stopped = threading.Event()
        dispatch = Dispatch(self._api, self.users, monotonic, self._stopped.is_set)
        self._server = Server(dispatch, self.faults, self.journal, tls, self._date)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        for name in _SPACES:
            self.namespace(name)

    def start(self) -> Self:
        """Begin to serve."""
        self._controllers.start()
        self._server.start()
        return self

    def stop(self) -> None:
        """End all connections and threads."""
        self._stopped.set()
        self.faults.clear()
        with self.store.lock:
            self.store.changed.notify_all()
        self._server.stop()
        self._controllers.stop()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def rollout(self) -> Rollout:
        """What runs the pods; may be exchanged, which concerns changes from then on."""
        return self._controllers.rollout

    @rollout.setter
    def rollout(self, rollout: Rollout) -> None:
        self._controllers.rollout = rollout

    def _date(self) -> datetime:
        return self.now()

    def idle(self, timeout: float = 10.0) -> None:
        """Wait until the controllers have nothing left to do.

        Raises:
            TimeoutError: after ``timeout`` seconds.
        """
        self._controllers.idle(timeout)

    def declare(self, kind: Kind) -> None:
        """Serve one more kind, as if its CustomResourceDefinition had been created."""
        self._api.kinds[kind.qualified] = kind

    def write_kubeconfig(self, path: Path, *, token: str = "", certificate: str = "") -> Path:
        """Write a kubeconfig (JSON, which is YAML) for this cluster and return its path.

        ``certificate`` is the path of the authority that signed the server's certificate.
        """
        path.write_text(kubeconfig(self.url, token=token, certificate=certificate))
        path.chmod(0o600)
        return path

    def namespace(self, name: str) -> None:
        """Make a namespace unless it is there."""
        with self.store.lock:
            if self.store.get(NAMESPACES, "", name) is None:
                self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def create(self, item: dict[str, Any], manager: str = "kubectl-create") -> dict[str, Any]:
        """Create an object, its namespace too, without a request; a kind that is not declared raises KeyError."""
        kind = self._kind(item["kind"], item["apiVersion"])
        space = item["metadata"].get("namespace", "default") if kind.namespaced else ""
        if space:
            self.namespace(space)
        return copy.deepcopy(self._api.create(kind, space, copy.deepcopy(item), Options(manager)))

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """Return a copy of an object; ApiError 404 where it is not there."""
        return copy.deepcopy(self._api.get(self._kind(kind), namespace, name))

    def items(self, kind: str, namespace: str = "") -> list[dict[str, Any]]:
        """Return copies of the objects of a namespace, or of all."""
        return copy.deepcopy(self.store.items(self._kind(kind), namespace))

    def patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        patch: dict[str, Any],
        *,
        manager: str = "kubectl-edit",
        subresource: str = "",
    ) -> dict[str, Any]:
        """Apply a JSON merge patch without a request, as somebody else would; returns a copy."""
        change = copy.deepcopy(patch)
        found = self._api.update(
            self._kind(kind),
            namespace,
            name,
            lambda item: patches.json_merge(item, change),
            Options(manager),
            subresource,
        )
        return copy.deepcopy(found)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object and what it owns, without a request."""
        self._api.delete(self._kind(kind), namespace, name, {}, dry_run=False)

    def _kind(self, name: str, api_version: str = "") -> Kind:
        for kind in self._api.kinds.values():
            if kind.kind == name and api_version in ("", kind.api_version):
                return kind
        raise KeyError(f"{name} {api_version}".strip())
