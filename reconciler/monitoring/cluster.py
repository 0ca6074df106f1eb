"""Objects in a cluster: made, brought up to date and pruned, as long as they carry our labels.

These are whole objects of ours, unlike the targets of remediations, of which we own single fields.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from reconciler.model import canonical
from reconciler.model.connections import KubernetesConnection
from reconciler.model.errors import BlindError, BugError, ReconcilerError, TerminalError, TransientError
from reconciler.monitoring.changes import Change
from reconciler.monitoring.objects import GROUP

MANAGER: Final = "reconciler"
"""Our field manager."""
_APPLIED: Final = "reconciler.dev/applied"
"""An annotation: the digest of what we wrote, so that what we no longer want is noticed beside a server's defaults."""
_TRIES: Final = 3
_Answer = TypeVar("_Answer")


class _ConflictError(TransientError):
    """Somebody else wrote between our look and our write."""


class Cluster:
    """One namespace of one API server. Nothing is connected to before the first call."""

    def __init__(self, connection: KubernetesConnection, namespace: str) -> None:
        self._connection = connection
        self._namespace = namespace
        self._limit = {"_request_timeout": connection.deadline}
        self._made: Any = None

    def apply(
        self, resource: tuple[str, str, str], objects: Sequence[Mapping[str, Any]], ours: Mapping[str, str], *,
        keep: Collection[str] | None,
    ) -> tuple[Change, ...]:  # fmt: skip
        """Make the objects of a kind that have the labels ``ours`` be these, and return what was done to each.

        Those that are not among them are deleted, unless ``keep`` names them; None keeps all.

        Raises:
            TerminalError: refused, or an object of that name is somebody else's; those before it are done.
            BlindError: the API server could not be reached. TransientError: it cannot do it now.
        """
        changes = [self._one(resource, each, ours) for each in objects]
        if keep is not None:
            wanted = {each["metadata"]["name"] for each in objects}
            changes += [
                self._gone(resource, name) for name in self._listed(resource, ours) if name not in {*wanted, *keep}
            ]
        return tuple(changes)

    def live(self, resource: tuple[str, str, str], name: str, ours: Mapping[str, str]) -> dict[str, Any]:
        """Return the `spec` of an object with the labels ``ours``; empty where none is. Raises as `apply` does."""
        found = self._get(resource, name)
        spec = found.get("spec") if found is not None and _holds(found["metadata"].get("labels"), ours) else None
        return dict(spec) if isinstance(spec, Mapping) else {}

    def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            self._made.api_client.close()

    def _one(self, resource: tuple[str, str, str], wanted: Mapping[str, Any], ours: Mapping[str, str]) -> Change:
        name = wanted["metadata"]["name"]
        for left in reversed(range(_TRIES)):
            live = self._get(resource, name)
            if live is not None and not _holds(live["metadata"].get("labels"), ours):
                raise TerminalError(
                    f"{resource[2]} {name} in namespace {self._namespace} is not ours, so it is left alone",
                    hint="rename or delete it, or choose another --namespace",
                )
            body = _body(wanted, live)
            if body == live:
                return Change(name, "unchanged")
            try:
                self._written(resource, name, body, new=live is None)
            except _ConflictError:
                if not left:
                    raise
            else:
                return Change(name, "created" if live is None else "changed")
        raise BugError("the last try neither succeeded nor failed")

    def _get(self, resource: tuple[str, str, str], name: str) -> dict[str, Any] | None:
        found = self._call(
            resource, f"get {name}", lambda api, here: api.get_namespaced_custom_object(*here, name, **self._limit)
        )
        return dict(found) if found is not None else None

    def _written(self, resource: tuple[str, str, str], name: str, body: Mapping[str, Any], *, new: bool) -> None:
        def call(api: Any, here: tuple[str, ...]) -> Any:
            if new:
                return api.create_namespaced_custom_object(*here, body, field_manager=MANAGER, **self._limit)
            return api.replace_namespaced_custom_object(*here, name, body, field_manager=MANAGER, **self._limit)

        if self._call(resource, f"{'create' if new else 'update'} {name}", call) is None:
            raise _absent(resource)

    def _gone(self, resource: tuple[str, str, str], name: str) -> Change:
        self._call(
            resource,
            f"delete {name}",
            lambda api, here: api.delete_namespaced_custom_object(*here, name, **self._limit),
        )
        return Change(name, "removed")

    def _listed(self, resource: tuple[str, str, str], ours: Mapping[str, str]) -> Iterator[str]:
        labels = ",".join(f"{key}={value}" for key, value in sorted(ours.items()))
        found = self._call(
            resource,
            "list",
            lambda api, here: api.list_namespaced_custom_object(*here, label_selector=labels, **self._limit),
        )
        if found is None:
            raise _absent(resource)
        yield from sorted(each["metadata"]["name"] for each in found["items"])

    def _call(
        self, resource: tuple[str, str, str], what: str, call: Callable[[Any, tuple[str, ...]], _Answer]
    ) -> _Answer | None:
        """Make a call; None where the object, or the whole resource, is not there."""
        import urllib3  # noqa: PLC0415 - the official client loads slowly, and so does what it stands on
        from kubernetes import client as official  # noqa: PLC0415 - it loads slowly

        version, plural, kind = resource
        try:
            return call(self._api(), (GROUP, version, self._namespace, plural))
        except official.ApiException as error:
            if error.status == 404:
                if _lacks_namespace(error):
                    raise self._homeless() from error
                return None
            raise _error(error, f"{what}, {kind} in namespace {self._namespace}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise BlindError(
                f"the API server cannot be reached: {type(error).__name__}",
                hint="check its address, the network and the credentials' files",
            ) from error

    def _homeless(self) -> TerminalError:
        hint = "create it, or name another one with --namespace"
        return TerminalError(f"the cluster has no namespace {self._namespace}", hint=hint)

    def _api(self) -> Any:
        if self._made is None:
            from kubernetes import client as official  # noqa: PLC0415 - it loads slowly

            self._made = official.CustomObjectsApi(official.ApiClient(_settings(self._connection)))
        return self._made


def _settings(connection: KubernetesConnection) -> Any:
    """Return the official configuration. Raises BlindError where credentials cannot be read."""
    from kubernetes import client as official  # noqa: PLC0415 - it loads slowly
    from kubernetes import config  # noqa: PLC0415 - as above

    broken: type[Exception] = importlib.import_module("yaml").YAMLError
    settings = official.Configuration()
    try:
        if connection.in_cluster:
            load: Any = config.load_incluster_config  # these have no types
            load(client_configuration=settings)
        elif connection.server:
            settings.host = connection.server.rstrip("/")
            token = connection.token_file.read_text("ascii").strip() if connection.token_file else ""
            token = token or os.environ.get(connection.token_env, "")
            settings.api_key = {"BearerToken": f"Bearer {token}"} if token else {}
            settings.ssl_ca_cert = str(connection.ca_file) if connection.ca_file else None
        else:
            file = str(connection.kubeconfig) if connection.kubeconfig else None
            load = config.load_kube_config
            load(file, connection.context or None, settings, persist_config=False)
    except (config.ConfigException, broken, OSError, ValueError, TypeError, KeyError) as error:
        said = " ".join(str(error).split())[:300]
        raise BlindError(f"the cluster's credentials: {said}", hint="name a kubeconfig or a context") from error
    settings.retries = False
    return settings


def _body(wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the object as it is to be written: the live one where nothing of ours is to be changed."""
    digest = hashlib.sha256(canonical.text(wanted["spec"]).encode()).hexdigest()
    if live is None:
        return {**wanted, "metadata": {**wanted["metadata"], "annotations": {_APPLIED: digest}}}
    metadata = dict(live["metadata"])
    labels = {**(metadata.get("labels") or {}), **wanted["metadata"]["labels"]}
    notes = {**(metadata.get("annotations") or {}), _APPLIED: digest}
    same = labels == metadata.get("labels") and notes == metadata.get("annotations")
    if same and _holds(live.get("spec"), wanted["spec"]):
        return dict(live)
    return {**live, "metadata": {**metadata, "labels": labels, "annotations": notes}, "spec": wanted["spec"]}


def _holds(live: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; a server may have added defaults to it."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(key in live and _holds(live[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        pairs = isinstance(live, list) and len(live) == len(wanted)
        return pairs and all(_holds(one, other) for one, other in zip(live, wanted, strict=True))
    return bool(live == wanted)


def _absent(resource: tuple[str, str, str]) -> TerminalError:
    version, plural, kind = resource
    return TerminalError(
        f"the cluster has no {kind} ({plural}.{GROUP}/{version})",
        hint="install the Prometheus operator, or write files instead: --format rules --to FOLDER",
    )


def _lacks_namespace(error: Any) -> bool:
    """Whether a 404 is about the namespace, and not about the object or its kind (`details` of a Status)."""
    try:
        details = json.loads(error.body).get("details")
    except (TypeError, ValueError, AttributeError):
        # An API server that knows no such kind may answer in plain text.
        return False
    return isinstance(details, Mapping) and details.get("kind") == "namespaces"


def _error(error: Any, what: str) -> ReconcilerError:
    said = (
        f"the API server answered {error.status} to {what}: {' '.join(str(error.body or error.reason).split())[:300]}"
    )
    if error.status == 401:
        return BlindError(said, hint="renew the credentials")
    if error.status == 409:
        return _ConflictError(said, hint="something else keeps writing this object")
    if error.status == 429 or error.status >= 500:
        return TransientError(said)
    return TerminalError(said, hint="see the message; the operator's admission webhook refuses what it cannot use")
