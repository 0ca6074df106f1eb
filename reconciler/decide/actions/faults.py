"""What `slowdown` and `abort` have in common: a fault on the routes of the service's VirtualService, a held value.

Keptn's two actions were for one client, whose address it took from the problem's details; here a mapping says for whom,
and the short form keeps to Keptn: for the client that the problem names by its label `ClientIP`, else for everybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.decide.actions.protocol import Context, Failure, Plan, Wait, Wish
from reconciler.decide.actions.scaling import unseen
from reconciler.decide.claims import standing
from reconciler.decide.wording import short
from reconciler.model.errors import UserError
from reconciler.model.faults import Fault, Kind, address, fault_field, percentage
from reconciler.model.nodes import MapNode, Scalar
from reconciler.model.targets import NoFact, RouteFact, WantRoute

NAME_OF_CLIENT: Final = "clientip"
"""The label by which a problem names a client, in any capitals, with or without `-` and `_`."""
_OBJECT: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")


@dataclass(frozen=True)
class Aim:
    """For whom a fault is, and where.

    ``client`` is an address, empty for everybody; ``named`` leaves it to the problem to name one, which it must where
    ``needed``. ``route`` is the VirtualService's name, empty for the service's own.
    """

    client: str = ""
    named: bool = False
    needed: bool = False
    route: str = ""


def see_route(context: Context, aim: Aim) -> RouteFact | Failure | Wait:
    """Return the service's VirtualService, or what follows from not seeing it, or from its having other faults."""
    names = (aim.route,) if aim.route else _names(context)
    want = WantRoute("kubernetes", context.namespace, names)
    (fact,) = context.see((want,))
    if isinstance(fact, NoFact):
        return unseen(fact)
    if not isinstance(fact, RouteFact):
        return Failure(f"{want} is no VirtualService")
    if fact.foreign:
        return Failure(
            f"VirtualService {fact.target.name} injects a fault that is not ours: {fact.foreign}",
            "take that fault out, or leave the action out of the playbook",
        )
    return fact


def _names(context: Context) -> tuple[str, ...]:
    """Return what the VirtualService may be called: after the service, as Keptn's, or after its workload."""
    service = str(context.service)
    return tuple(dict.fromkeys(name for name in (service, context.workload.name, f"{service}-primary") if name))


def client_of(context: Context, aim: Aim) -> str | Failure:
    """Return the address of the client that a fault is for, empty for everybody."""
    if not aim.named:
        return aim.client
    told = next((text for key, text in sorted(context.labels.items()) if _squeezed(key) == NAME_OF_CLIENT), "")
    if not told:
        hint = "let the problem say it, or write `{status: 503}` for everybody"
        return Failure("the problem names no client (label ClientIP)", hint) if aim.needed else ""
    client = address(told)
    if client is None:
        hint = "let monitoring send an address, or say in the action's value for whom it is"
        return Failure(f"the problem's ClientIP {short(told)!r} is no address", hint)
    return client


def _squeezed(label: str) -> str:
    return re.sub(r"[^a-z]", "", label.lower())


def plan_fault(context: Context, aim: Aim, kind: Kind, fault: Fault, subject: str) -> Plan | Failure | Wait:
    """Wish for a fault. ``subject`` says what happens to requests: `delay requests by 5s`."""
    client = client_of(context, aim)
    if isinstance(client, Failure):
        return client
    fact = see_route(context, aim)
    if not isinstance(fact, RouteFact):
        return fact
    field = fault_field(kind, client)
    live = dict(fact.faults).get(field, "")
    base, before = standing(context.held.get((fact.target, field)), live)
    wish = Wish(fact.target, field, base, before, set=str(fault), mark=fact.mark)
    whom = f" from {client}" if client else ""
    share = "" if fault.percent == "100" else f" ({fault.percent} %)"
    body = f"On the routes of VirtualService {fact.target.name} in {fact.target.scope}; before: {before or 'no fault'}."
    return Plan((wish,), f"{subject}{whom}{share}", body)


def check_keys(name: str, value: MapNode, keys: Mapping[str, str], expected: str, hint: str) -> None:
    """Refuse keys that an action does not know; ``keys`` are those that it does, the needed one first.

    Raises:
        UserError: with the key's place.
    """
    for key, _ in value.entries:
        if key.raw not in keys:
            raise UserError(f"{name} knows no `{short(key.raw)}`", place=key.place, expected=expected, hint=hint)
    needed = next(iter(keys))
    if value.get(needed) is None:
        raise UserError(f"{name} needs `{needed}`", place=value.place, expected=expected, hint=hint)


def read_share(value: MapNode) -> str:
    """Return the percentage of requests, 100 where none is written. Raises UserError."""
    node = value.get("percent")
    if node is None:
        return "100"
    found = percentage(node.raw) if isinstance(node, Scalar) else None
    if found is None:
        raise UserError(
            "no percentage of requests", place=node.place, expected="above 0 and up to 100", hint="percent: 50"
        )
    return found


def read_aim(value: MapNode) -> Aim:
    """Return for whom a mapping wants a fault, and where. Raises UserError."""
    client, route = value.get("client"), value.get("virtualService")
    found = ""
    if client is not None:
        known = address(client.raw) if isinstance(client, Scalar) else None
        if known is None:
            raise UserError(
                "no address of a client", place=client.place,
                expected="an IP address, as it stands in X-Forwarded-For", hint="client: 10.0.0.1",
            )  # fmt: skip
        found = known
    if route is None:
        return Aim(found)
    if not isinstance(route, Scalar) or not _OBJECT.match(route.raw):
        raise UserError(
            "no name of a VirtualService", place=route.place, expected="the name of one in the service's namespace",
            hint="virtualService: carts",
        )  # fmt: skip
    return Aim(found, route=route.raw)


def spelled(first: str, fault: Fault, aim: Aim) -> str:
    """Return an action's mapping in one line, `{delay: 5s, percent: 50, client: 10.0.0.1}`."""
    parts = [f"{first}: {fault.amount}", *([f"percent: {fault.percent}"] if fault.percent != "100" else [])]
    parts += [f"client: {aim.client}"] if aim.client else []
    parts += [f"virtualService: {aim.route}"] if aim.route else []
    return f"{{{', '.join(parts)}}}"
