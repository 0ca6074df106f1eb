"""The official client, used raw: JSON in, JSON out, one deadline a call, credentials that may change at any time.

The typed models of `kubernetes` cost more than the call itself, so its `ApiClient` is driven directly. This module is
the only one that imports it, and is itself imported late: that takes a third of a second.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client as official
from kubernetes import config as official_config

from reconciler import __version__
from reconciler.model.credentials import basic
from reconciler.model.errors import ReconcilerError
from reconciler.model.hidden import hide
from reconciler.net.deadlines import until
from reconciler.targets.kubernetes.access import Access, InCluster, Kubeconfig, TokenFile
from reconciler.targets.kubernetes.connections import keep_deadlines
from reconciler.targets.kubernetes.refusals import Call, Refusal, Unreachable

_METHODS = {"get": "GET", "list": "GET", "patch": "PATCH", "create": "POST", "update": "PUT"}
_LARGEST = 64 << 20
_CHUNK = 1 << 16
_READ = 1 << 12
"""Bytes of a text of the server that are looked at; a secret that begins in it is in it."""
_SAID = 2000
"""Characters of a server's own words; its reasons for refusing an object are a few hundred."""
_CONNECTIONS = 32
_COMPARED_EVERY = 1.0
"""Seconds between looks at the files with credentials; one that is refused before is a reason to look at once."""
# The official loader lets the errors of its YAML parser through, which ships no type information.
_YAMLError: type[Exception] = importlib.import_module("yaml").YAMLError
_Stamp = tuple[tuple[str, int, int, int], ...]


class Client:
    """Calls to one API server. Safe to use from several threads. ``clock`` is monotonic seconds."""

    def __init__(
        self,
        access: Access,
        environ: Mapping[str, str],
        clock: Callable[[], float],
        heard_date: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._access = access
        self._environ = environ
        self._clock = clock
        self._heard_date = heard_date
        self._lock = threading.Lock()
        self._api: official.ApiClient | None = None
        self._closed = False
        self._files: tuple[str, ...] = ()
        self._stamp: _Stamp = ()
        self._compared = clock()

    def call(
        self,
        call: Call,
        timeout: float,
        *,
        query: tuple[tuple[str, str], ...] = (),
        patch: dict[str, Any] | None = None,
        accept: str = "application/json",
    ) -> dict[str, Any]:
        """Make a call and return the object that it answers with.

        ``patch`` is a JSON merge patch, and for `create` and `update` the whole object.

        Raises:
            Refusal: the server answered with something else.
            Unreachable: no answer within ``timeout`` seconds, or none that is an object.
        """
        api = self._current(call)
        try:
            return self._once(api, call, timeout, query, patch, accept)
        except Refusal as refusal:
            renewed = self._renewed(api, call) if refusal.status == 401 else None
            if renewed is None:
                raise
        return self._once(renewed, call, timeout, query, patch, accept)

    def close(self) -> None:
        """Close the connections; no call is begun after that."""
        with self._lock:
            self._closed = True
            if self._api is not None:
                _close(self._api)
                self._api = None

    def _once(
        self,
        api: official.ApiClient,
        call: Call,
        timeout: float,
        query: tuple[tuple[str, str], ...],
        patch: dict[str, Any] | None,
        accept: str,
    ) -> dict[str, Any]:
        if timeout <= 0:
            raise Unreachable(call, "the time for it was used up")
        headers = {"Accept": accept}
        if patch is not None:
            headers["Content-Type"] = f"application/{'merge-patch+' if call.verb == 'patch' else ''}json"
        request = api.param_serialize(
            _METHODS[call.verb],
            call.path,
            query_params=list(query),
            header_params=headers,
            body=patch,
            auth_settings=["BearerToken"],
        )
        sent = _secrets(request[2])
        try:
            with until(self._clock() + timeout, self._clock):
                response = api.call_api(*request, _request_timeout=timeout).response
                self._heard_date(response.headers.get("Date", ""))
                status, content = response.status, self._read(response, call)
        except official.ApiException as error:
            self._compared = -math.inf  # the certificates may have been exchanged by now
            reason = str(error.reason).partition("\n")[2] or str(error.reason)
            raise Unreachable(call, f"TLS: {_plain(hide(reason, sent))}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(call, _words(error, sent)) from error
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            if status >= 400:
                raise Refusal(call, status, _text(content, sent), _retry_after(response.headers)) from error
            raise Unreachable(call, "the answer is not JSON") from error
        if status >= 300:
            message = document.get("message") if isinstance(document, dict) else None
            told = hide(str(message), sent) if message else _text(content, sent)
            raise Refusal(call, status, told[:_SAID], _retry_after(response.headers))
        if not isinstance(document, dict):
            raise Unreachable(call, "the answer is not an object")
        return document

    @staticmethod
    def _read(response: Any, call: Call) -> bytes:
        """Read a body of a size that we are ready to take."""
        parts: list[bytes] = []
        size = 0
        while part := response.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > _LARGEST:
                response.close()
                raise Unreachable(call, f"the answer is larger than {_LARGEST >> 20} MiB")
        response.release_conn()
        return b"".join(parts)

    def _current(self, call: Call) -> official.ApiClient:
        """Return the client for the credentials as they are now."""
        with self._lock:
            now = self._clock()
            if not self._closed and (self._api is None or now >= self._compared + _COMPARED_EVERY):
                if self._api is None or _stamp(self._files) != self._stamp:
                    self._load(call)
                self._compared = now
            if self._api is None:
                raise Unreachable(call, "the connection was closed")
            return self._api

    def _renewed(self, refused: official.ApiClient, call: Call) -> official.ApiClient | None:
        """Return another client after its credentials were refused, None where there can be none that differ."""
        with self._lock:
            if self._api is refused and not isinstance(self._access, Kubeconfig) and _stamp(self._files) == self._stamp:
                return None
            if self._api is refused:
                self._load(call)
            return self._api

    def _load(self, call: Call) -> None:
        """Read the credentials; what cannot be read leaves the earlier ones in force."""
        try:
            settings, files = _settings(self._access, self._environ)
            stamp = _stamp(files)
        except (official_config.ConfigException, _YAMLError, OSError, ValueError, TypeError, KeyError) as error:
            if self._api is None:
                raise Unreachable(call, f"credentials: {_plain(str(error))}") from error
            return
        except ReconcilerError as error:
            raise Unreachable(call, f"credentials: {error.message}") from error
        # Errors are retried by us, with backoff and a deadline; urllib3 would do so at once and unasked.
        settings.retries = False
        settings.connection_pool_maxsize = _CONNECTIONS
        before = self._api
        self._api = official.ApiClient(settings)
        self._api.user_agent = f"reconciler/{__version__}"
        keep_deadlines(self._api.rest_client.pool_manager)
        self._files, self._stamp = files, stamp
        if before is not None:
            _close(before)


def _settings(access: Access, environ: Mapping[str, str]) -> tuple[official.Configuration, tuple[str, ...]]:
    """Return the official configuration and the files that it was made of."""
    settings = official.Configuration()
    if isinstance(access, Kubeconfig):
        parts = _kubeconfigs(access.path, environ)
        load: Any = official_config.load_kube_config  # it has no types
        for part in parts:
            _expect_open(part)
        try:
            load(
                config_file=os.pathsep.join(parts),
                context=access.context or None,
                client_configuration=settings,
                persist_config=False,
            )
        except (TypeError, AttributeError, KeyError) as error:  # its loader takes for granted that a file is one
            raise ValueError(f"{os.pathsep.join(parts)} is no kubeconfig") from error
        named = (settings.ssl_ca_cert, settings.cert_file, settings.key_file)
        return settings, (*parts, *(file for file in named if file))
    if isinstance(access, InCluster):
        host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
        if not host or not port:
            raise ValueError("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: not in a pod")
        url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        token, certificate = f"{access.folder}/token", f"{access.folder}/ca.crt"
    else:
        url, token, certificate = access.url.rstrip("/"), access.token, access.certificate
    settings.host = url
    secret = access.secret() if isinstance(access, TokenFile) and access.secret is not None else ""
    if token:
        secret = Path(token).read_text(encoding="ascii").strip()
        if not secret:
            raise ValueError(f"{token} is empty")
    if secret:
        settings.api_key["BearerToken"] = f"Bearer {secret}"
    if certificate:
        settings.ssl_ca_cert = certificate
        Path(certificate).stat()
    return settings, tuple(filter(None, (token, certificate)))


def _expect_open(file: str) -> None:
    """Make sure that we may read a file, if there is one: to the official loader one that is closed is not there."""
    try:
        with Path(file).open("rb"):
            return
    except FileNotFoundError:
        return
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {(error.strerror or type(error).__name__).lower()}") from error


def _kubeconfigs(path: str, environ: Mapping[str, str]) -> list[str]:
    """Return the files of a kubeconfig; an empty path stands for those that kubectl would take."""
    path = path or environ.get("KUBECONFIG") or f"{environ.get('HOME', '~')}/.kube/config"
    return [str(Path(part).expanduser()) for part in path.split(os.pathsep) if part]


def contexts(kubeconfig: str, environ: Mapping[str, str]) -> list[str]:
    """Return the names of a kubeconfig's contexts, for people; none where they cannot be made out.

    An empty path stands for the files that kubectl would take.
    """
    listed: Any = official_config.list_kube_config_contexts  # it has no types
    try:
        return [str(each["name"]) for each in listed(os.pathsep.join(_kubeconfigs(kubeconfig, environ)))[0]]
    except (official_config.ConfigException, _YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError):
        return []


def _stamp(files: tuple[str, ...]) -> _Stamp:
    """Return what tells a changed file: projected volumes exchange a symbolic link, so the inode counts."""
    marks = []
    for file in files:
        try:
            found = Path(file).stat()
        except OSError:
            marks.append((file, 0, 0, 0))
        else:
            marks.append((file, found.st_ino, found.st_mtime_ns, found.st_size))
    return tuple(marks)


def _close(api: official.ApiClient) -> None:
    api.rest_client.close()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "").strip()
    return float(text) if text.isdigit() and len(text) < 9 else None


def _secrets(headers: Mapping[str, str]) -> list[str]:
    """Return what a request shows of who we are: a server may repeat it, and its words go to Git."""
    shown = [value for name, value in headers.items() if name.lower() == "authorization"]
    return [text for value in shown for text in (value.rpartition(" ")[2], basic(value)[1])]


def _text(content: bytes, secrets: Iterable[str]) -> str:
    return _plain(hide(content[:_READ].decode(errors="replace"), secrets)[:200]) or "no message"


def _plain(text: str) -> str:
    """Return one line without what differs from one run to the next, such as object addresses."""
    return " ".join(text.partition(" at 0x")[0].split())[:300]


def _words(error: Exception, secrets: Iterable[str]) -> str:
    match error:
        # From the special to the general: the first two are time-outs too, in urllib3's eyes.
        case urllib3.exceptions.NameResolutionError():
            return "the host name is not known"
        case urllib3.exceptions.NewConnectionError():
            return "the connection was refused or there is no route"
        case urllib3.exceptions.ConnectTimeoutError():
            return "the connection could not be made in time"
        case urllib3.exceptions.TimeoutError():
            return "no answer in time"
        case urllib3.exceptions.ProtocolError() | OSError():
            return "the connection broke before the answer was complete"
        case _:
            return _plain(hide(f"{type(error).__name__}: {error}", secrets))
