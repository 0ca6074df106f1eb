"""Who may do what: bearer tokens and rules in the manner of RBAC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.embedded.cluster.answers import ApiError
from reconciler.embedded.cluster.requests import Request, Route

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Rule:
    """Verbs on resources (`deployments.apps`, `deployments.apps/scale`) in namespaces; `*` is any."""

    verbs: tuple[str, ...] = ("*",)
    resources: tuple[str, ...] = ("*",)
    namespaces: tuple[str, ...] = ("*",)

    def allows(self, verb: str, route: Route) -> bool:
        """Say whether the rule covers a request."""
        return (
            not {verb, "*"}.isdisjoint(self.verbs)
            and not {route.resource, "*"}.isdisjoint(self.resources)
            and not {route.namespace, "*"}.isdisjoint(self.namespaces)
        )


@dataclass(frozen=True)
class User:
    """A name, as error messages show it, and its rules; by default it may do everything."""

    name: str
    rules: tuple[Rule, ...] = (Rule(),)


def verb(request: Request, route: Route) -> str:
    """Return the verb of a request, as rules name it."""
    if request.method in ("GET", "HEAD"):
        if route.name:
            return "get"
        return "watch" if request.flag("watch") else "list"
    return VERBS.get(request.method, request.method.lower())


def authenticate(users: Mapping[str, User], request: Request) -> User | None:
    """Return whose token the request carries; None where nobody needs one.

    Raises:
        ApiError: 401.
    """
    if not users:
        return None
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    user = users.get(token.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        raise ApiError(401, "Unauthorized")
    return user


def authorize(user: User | None, request: Request, route: Route) -> None:
    """Let a request pass.

    Raises:
        ApiError: 403, worded as RBAC words it.
    """
    wanted = verb(request, route)
    if user is None or any(rule.allows(wanted, route) for rule in user.rules):
        return
    plural = f"{route.plural}/{route.subresource}" if route.subresource else route.plural
    scope = f'in the namespace "{route.namespace}"' if route.namespace else "at the cluster scope"
    qualified = f"{route.plural}.{route.group}" if route.group else route.plural
    subject = f'{qualified} "{route.name}"' if route.name else qualified
    message = (
        f'{subject} is forbidden: User "{user.name}" cannot {wanted} resource "{plural}" '
        f'in API group "{route.group}" {scope}'
    )
    details = {**({"name": route.name} if route.name else {}), "group": route.group, "kind": route.plural}
    raise ApiError(403, message, details=details)
