"""What the API server says no with: `Status` objects, worded as Kubernetes words them.

Source of reasons, codes and messages: the Kubernetes API conventions ("Response Status Kind") and apimachinery's
`api/errors`. Clients decide by `code` and `reason`, people read `message`, so all three have to be real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.embedded.cluster.kinds import Kind

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class ApiError(Exception):
    """An answer that is not a success; `body()` is the `Status` object. ``retry_after`` in whole seconds, or None."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str = "",
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or REASONS.get(code, "")
        self.details = details
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """Return the `Status` object."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        details = dict(self.details or {})
        if self.retry_after is not None:
            details["retryAfterSeconds"] = self.retry_after
        if details:
            status["details"] = details
        return status


def success(kind: Kind, name: str, uid: str) -> dict[str, Any]:
    """Return the `Status` that answers a deletion that is complete."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": name, **_where(kind), "uid": uid},
    }


def _where(kind: Kind) -> dict[str, Any]:
    return {**({"group": kind.group} if kind.group else {}), "kind": kind.plural}


def not_found(kind: Kind, name: str) -> ApiError:
    """404 for an object."""
    return ApiError(404, f'{kind.qualified} "{name}" not found', details={"name": name, **_where(kind)})


def no_such_path() -> ApiError:
    """404 for a path that no resource serves."""
    return ApiError(404, "the server could not find the requested resource", details={})


def already_exists(kind: Kind, name: str) -> ApiError:
    """409 for a creation."""
    details = {"name": name, **_where(kind)}
    return ApiError(409, f'{kind.qualified} "{name}" already exists', reason="AlreadyExists", details=details)


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    """409 for a write that rests on an older version of the object."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}'
    return ApiError(409, message, details={"name": name, **_where(kind)})


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    """403 for what nobody may do now, whatever their rights."""
    details = {"name": name, **_where(kind)}
    return ApiError(403, f'{kind.qualified} "{name}" is forbidden: {why}', details=details)


def invalid(kind: Kind, name: str, causes: list[tuple[str, str]]) -> ApiError:
    """422 with its causes, each (field, message)."""
    label = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    parts = [f"{field}: {message}" for field, message in causes]
    text = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    details = {
        "name": name,
        **({"group": kind.group} if kind.group else {}),
        "kind": kind.kind,
        "causes": [{"reason": "FieldValueInvalid", "message": message, "field": field} for field, message in causes],
    }
    return ApiError(422, f'{label} "{name}" is invalid: {text}', details=details)


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, message)


def expired(
    message: str = "The provided continue parameter is too old to display a consistent list result.",
) -> ApiError:
    """410: the version asked for is not kept any more; list again."""
    return ApiError(410, message)
