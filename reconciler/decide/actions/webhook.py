"""`webhook`: one call of a named endpoint, for what no other action does: a runbook, a pipeline, a restart elsewhere.

A playbook names an endpoint and never an address: where it is, and with which token, stands in the daemon's own
configuration, so whoever can open a pull request cannot send anything anywhere. The call is done once: its idempotency
key is the identity of this very action, the same at every try, and it counts as done when the endpoint has answered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from reconciler.decide.actions.protocol import Context, Failure, Once, Plan, Wait
from reconciler.decide.actions.scaling import unseen
from reconciler.decide.wording import NAMED, cut, listed, short
from reconciler.model.errors import Place, UserError
from reconciler.model.no_secrets import inline_secrets
from reconciler.model.nodes import MapNode, Node, Scalar
from reconciler.model.targets import ENDPOINTS, CallFact, NoFact, Target, WantCall

FIELDS: Final = 50
"""Entries of `data`; with the texts' limit, what an action says stays far below a megabyte."""
LONGEST: Final = 1000
"""Characters of one text of `data`; labels of the problem are cut to it."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}\Z")
_NOTHING = ("", "~", "null")
"""No data, by its text: what a step pins has forgotten whether it had quotes."""
_EXPECTED = "the name of an endpoint, or {endpoint: <name>, data: {<key>: <text>}}"
_HINT = "write `value: runbooks`, and the address under `allow.endpoints` in the daemon's configuration"


@dataclass(frozen=True)
class Webhook:
    """Call ``endpoint``. ``data`` is what the playbook adds to what is told: names and texts, as written."""

    endpoint: str
    data: tuple[tuple[str, str], ...] = ()

    @property
    def written(self) -> str:
        """`webhook runbooks`, or `webhook {endpoint: runbooks, data: {kind: flush}}`; long data is cut."""
        if not self.data:
            return f"webhook {self.endpoint}"
        told = listed(f"{key}: {text}" for key, text in self.data)
        return f"webhook {{endpoint: {self.endpoint}, data: {{{told}}}}}"

    def plan(self, context: Context) -> Plan | Failure | Wait:
        """Wish for the call; fails where the daemon's configuration allows no such endpoint."""
        (fact,) = context.see((WantCall(self.endpoint, context.identity),))
        if isinstance(fact, NoFact):
            return unseen(fact)
        if not isinstance(fact, CallFact):
            return Failure("the endpoint was answered for by something that is none")
        told = {
            "key": context.identity,
            "project": str(context.project),
            "stage": str(context.stage),
            "service": str(context.service),
            "title": context.title,
            "labels": {name: cut(str(text), LONGEST) for name, text in context.labels.items()},
            "data": dict(self.data),
        }
        call = Once(Target(ENDPOINTS, "", "Endpoint", self.endpoint), "call", context.identity, told)
        more = f" with {listed(f'{key}: {text}' for key, text in self.data)}" if self.data else ""
        every = " The step's file has all of it." if len(self.data) > NAMED else ""
        body = f"The endpoint is told about it{more}.{every} The idempotency key is {context.identity}."
        return Plan((), f"call {self.endpoint}", body, (call,))


class WebhookAction:
    """The action `webhook`."""

    names = ("webhook",)

    def parse(self, value: Node | None, place: Place) -> Webhook:
        """Read an endpoint's name, or a mapping of `endpoint` and `data`."""
        if isinstance(value, Scalar):
            return Webhook(_endpoint(value))
        if not isinstance(value, MapNode):
            where = value.place if value is not None else place
            raise UserError("webhook needs the name of an endpoint", place=where, expected=_EXPECTED, hint=_HINT)
        for key, _ in value.entries:
            if key.raw not in ("endpoint", "data"):
                hint = "what the endpoint shall be told goes under `data`"
                raise UserError(f"webhook knows no `{key.raw}`", place=key.place, expected=_EXPECTED, hint=hint)
        endpoint = value.get("endpoint")
        if not isinstance(endpoint, Scalar):
            raise UserError("webhook needs `endpoint`", place=value.place, expected=_EXPECTED, hint=_HINT)
        return Webhook(_endpoint(endpoint), _data(value.get("data")))


def _endpoint(node: Scalar) -> str:
    if not _NAME.match(node.raw):
        what = "an address" if "://" in node.raw else "no name of an endpoint"
        raise UserError(f"{short(node.raw)!r} is {what}", place=node.place, expected=_EXPECTED, hint=_HINT)
    return node.raw


def _data(node: Node | None) -> tuple[tuple[str, str], ...]:
    if node is None or (isinstance(node, Scalar) and node.raw in _NOTHING):
        return ()
    if not isinstance(node, MapNode):
        raise UserError(
            "`data` is no mapping", place=node.place, expected="names and texts", hint="data: {kind: flush}"
        )
    if len(node.entries) > FIELDS:
        raise UserError(f"`data` with {len(node.entries)} entries", place=node.place, expected=f"at most {FIELDS}")
    for finding in inline_secrets(node):
        raise UserError(
            "`data` holds a secret, and everybody who may read the repository could read it", place=finding.place,
            expected="no secrets", hint="give the endpoint a `tokenFile` or `tokenEnv` in the daemon's configuration",
        )  # fmt: skip
    return tuple((_key(key), _text(text)) for key, text in node.entries)


def _key(node: Scalar) -> str:
    if not _KEY.match(node.raw):
        expected = "letters, digits, `-`, `_` and `.`, at most 63"
        raise UserError(f"{short(node.raw)!r} is no name for data", place=node.place, expected=expected)
    return node.raw


def _text(node: Node) -> str:
    if not isinstance(node, Scalar):
        raise UserError("`data` holds more than texts", place=node.place, expected="one text under each name")
    if len(node.raw) > LONGEST:
        raise UserError(f"a text of {len(node.raw)} characters", place=node.place, expected=f"at most {LONGEST}")
    return node.raw
