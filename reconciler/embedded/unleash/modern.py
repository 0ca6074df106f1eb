"""The admin API of Unleash 7.5.1, as far as a client that observes, switches and tags flags can see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.embedded.unleash import changes, lookups
from reconciler.embedded.unleash.refusal import Refusal, error, no_such_path
from reconciler.embedded.unleash.request import Reply, Request, Table

if TYPE_CHECKING:
    from reconciler.embedded.unleash.world import Account, World

_LOGIN = "You must log in to use Unleash."


class Modern:
    """Answers requests from a `World`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._table = Table()
        lookups.add(self._table, world)
        changes.add(self._table, world)

    def answer(self, request: Request) -> Reply:
        """Answer one request; never raises for what a client did wrong."""
        if request.method == "GET" and request.path in {"/health", "/ready"}:
            return Reply(200, {"health": "GOOD"})
        with self._world.lock:
            try:
                who = self._account(request)
                found = self._table.find(request)
                if found is None:
                    raise no_such_path(request.target)
                if who.kind == "viewer" and request.method != "GET":
                    raise _forbidden()
                route, arguments = found
                return route(request, who, **arguments)
            except Refusal as refusal:
                return Reply(refusal.status, refusal.body, refusal.headers)

    def _account(self, request: Request) -> Account:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            path = "/auth/simple/login"
            message = (
                f"{_LOGIN} Your request had no authorization header, so we could not authorize you. "
                f"Try logging in at {path}"
            )
            raise error(
                401, "AuthenticationRequired", message, numbered=True, path=path, type="password", defaultHidden=False
            )
        account = self._world.accounts.get(token)
        if account is None:
            raise error(401, "UnauthorizedError", _LOGIN, numbered=True)
        if account.kind == "client":
            raise Refusal(403, {"message": "invalid token: expected a different token type for this endpoint"})
        return account


def _forbidden() -> Refusal:
    permission = "UPDATE_FEATURE_ENVIRONMENT"
    message = (
        "You don't have the required permissions to perform this operation. "
        f'To perform this action, you need the "{permission}" permission.'
    )
    return error(403, "PermissionError", message, numbered=True, permissions=[permission])
