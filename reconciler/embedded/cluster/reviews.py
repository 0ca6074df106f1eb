"""`selfsubjectaccessreviews`: whoever has logged in may ask what they may do (`system:basic-user`).

A review is answered and not kept. What nobody's rules allow is not allowed; nothing is denied beyond that.
"""

from __future__ import annotations

from typing import Any, Final

from reconciler.embedded.cluster.answers import ApiError, bad_request
from reconciler.embedded.cluster.requests import Request, Route
from reconciler.embedded.cluster.users import User

GROUP: Final = "authorization.k8s.io"
_RESOURCE: Final = Route(GROUP, "v1", "selfsubjectaccessreviews")


def is_review(where: Route) -> bool:
    """Say whether a path is that of reviews of oneself."""
    return where == _RESOURCE


def review(user: User | None, request: Request) -> dict[str, Any]:
    """Return the review with its status, as the API server answers a `create`.

    Raises:
        ApiError: 405 for other methods, 400 and 422 for what is no review.
    """
    if request.method != "POST":
        raise ApiError(405, "the server does not allow this method on the requested resource")
    body = request.json()
    spec = body.get("spec") if isinstance(body, dict) else None
    if not isinstance(spec, dict):
        raise bad_request("the body of the request is not an object")
    asked = spec.get("resourceAttributes")
    if not isinstance(asked, dict):
        raise ApiError(
            422,
            "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes "
            "must be specified",
        )
    words = {name: str(asked.get(name, "")) for name in ("group", "resource", "subresource", "namespace", "name")}
    where = Route(words["group"], "", words["resource"], words["namespace"], words["name"], words["subresource"])
    allowed = user is None or any(rule.allows(str(asked.get("verb", "")), where) for rule in user.rules)
    status: dict[str, Any] = {"allowed": allowed}
    if allowed and user is not None:
        status["reason"] = f'RBAC: allowed by the rules of "{user.name}"'
    return {"kind": "SelfSubjectAccessReview", "apiVersion": f"{GROUP}/v1", "spec": spec, "status": status}
