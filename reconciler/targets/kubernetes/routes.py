"""The faults of a VirtualService's HTTP routes: read, added and taken out again, without touching anything else.

A fault for everybody is put on the routes that there are, so that whoever edits them meanwhile (weights of a canary,
another destination) goes on being obeyed. A fault for one client needs a match of its own, so copies of all routes with
that match stand in front, named `reconciler-<address>-<number>`; they are derived, and made anew whenever they are not
what the routes behind them would give. Which faults are ours stands in the annotation `reconciler.dev/faults`; a fault
on a route is taken out only while it is exactly what the annotation says. Source: Istio's reference of VirtualService.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from reconciler.model.errors import TerminalError
from reconciler.model.faults import Fault, Kind, delay, field_parts, percentage
from reconciler.model.targets import Field
from reconciler.targets.kubernetes.documents import dig, items, text

FAULTS: Final = "reconciler.dev/faults"
Faults: TypeAlias = Mapping[Field, str]
Http: TypeAlias = list[dict[str, Any]]
_OURS: Final = re.compile(r"reconciler-([0-9a-f.:]+)-[0-9]+\Z")
_HEADER: Final = "x-forwarded-for"
_KINDS: Final[tuple[Kind, ...]] = ("delay", "abort")


def recorded(item: dict[str, Any]) -> dict[Field, str]:
    """Return the faults that are ours by the annotation; none where it is not as we write it."""
    known: dict[Field, str] = {}
    try:
        found = json.loads(text(item, "metadata", "annotations", FAULTS) or "{}")
        for field, value in found.items():
            parts = field_parts(field)
            if parts is not None:
                known[field] = str(Fault.parse(parts[0], str(value)))
    except (ValueError, AttributeError):
        return {}
    return known


def record(faults: Faults) -> str | None:
    """Return the annotation for faults, None where there are none."""
    return json.dumps(dict(sorted(faults.items())), separators=(",", ":")) if faults else None


def standing(item: dict[str, Any]) -> dict[Field, str]:
    """Return which of our fields have which fault now.

    One that is not on every route, or whose copies are not what the routes behind them give, does not stand. Where all
    routes have the same other fault instead, that is the value: somebody changed it.
    """
    known, http = recorded(item), _http(item)
    theirs = [route for route in http if not _client_of(route)]
    found: dict[Field, str] = {}
    for field, value in known.items():
        kind, client = field_parts(field) or ("delay", "")
        if client:
            expected = _copies(theirs, client, known)
            if (
                expected is not None
                and [route for route in http if _client_of(route) == client] == expected
                and _in_front(http)
            ):
                found[field] = value
            continue
        values = {_told(kind, route) for route in theirs if _carries(route)}
        if len(values) == 1 and values != {""}:
            found[field] = values.pop()
    return found


def foreign(item: dict[str, Any]) -> str:
    """Return in words what faults are injected by somebody else's doing; empty where none is."""
    told = []
    for number, route in enumerate(_stripped(item)):
        name = text(route, "name") or str(number + 1)
        told += [f"{kind} {_told(kind, route)} on route {name}" for kind in _KINDS if dig(route, "fault", kind)]
    return ", ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


def changed(item: dict[str, Any], field: Field, value: str) -> tuple[Http, Faults]:
    """Return the HTTP routes with one fault set (empty: taken out) and the faults that are ours then.

    Raises:
        TerminalError: there is no route that takes a fault, it has one that is not ours, or a route chooses by the very
            header that tells one client from others.
    """
    known, label = recorded(item), f"VirtualService {text(item, 'metadata', 'name')}"
    wanted = {key: old for key, old in known.items() if key != field} | ({field: value} if value else {})
    theirs = _stripped(item)
    if value and not any(_carries(route) for route in theirs):
        hint = "faults go on HTTP routes with a destination; name another VirtualService"
        raise TerminalError(f"{label} has no HTTP route to a destination", hint=hint)
    if value and field not in known and (others := foreign(item)):
        hint = "take that fault out, or leave the action out of the playbook"
        raise TerminalError(f"{label} injects a fault that is not ours: {others}", hint=hint)
    everybody = {kind: wanted[kind] for kind in _KINDS if kind in wanted}
    behind = [_faulted(route, everybody) for route in theirs]
    front: Http = []
    for client in _clients(wanted):
        copies = _copies(behind, client, wanted)
        if copies is None:
            hint = "leave `client` out, or take that match out of the VirtualService"
            raise TerminalError(f"a route of {label} chooses by {_HEADER} already", hint=hint)
        front += copies
    return [*front, *behind], wanted


def _http(item: dict[str, Any]) -> Http:
    return items(item, "spec", "http")


def _clients(faults: Iterable[Field]) -> list[str]:
    return sorted({client for _, client in filter(None, map(field_parts, faults)) if client})


def _client_of(route: dict[str, Any]) -> str:
    match = _OURS.match(text(route, "name"))
    return match[1] if match else ""


def _in_front(http: Http) -> bool:
    """Say whether no route of somebody else comes before one of ours, which would then not be reached."""
    ours = [bool(_client_of(route)) for route in http]
    return ours == sorted(ours, reverse=True)


def _carries(route: dict[str, Any]) -> bool:
    """Say whether a route takes a fault: Istio allows none on redirects, direct responses and delegates."""
    return bool(route.get("route")) and not any(route.get(key) for key in ("redirect", "directResponse", "delegate"))


def _stripped(item: dict[str, Any]) -> Http:
    """Return the routes without anything of ours."""
    known = recorded(item)
    bare: Http = []
    for route in _http(item):
        if _client_of(route):
            continue
        ours = [kind for kind in _KINDS if kind in known and _told(kind, route) == known[kind]]
        left = {kind: fault for kind, fault in (route.get("fault") or {}).items() if kind not in ours}
        rest = {key: value for key, value in route.items() if key != "fault"}
        bare.append({**rest, "fault": left} if left else rest)
    return bare


def _faulted(route: dict[str, Any], faults: Mapping[Kind, str]) -> dict[str, Any]:
    if not faults or not _carries(route):
        return route
    written = {kind: _written(kind, value) for kind, value in faults.items()}
    return {**route, "fault": {**(route.get("fault") or {}), **written}}


def _copies(theirs: Http, client: str, faults: Faults) -> Http | None:
    """Return copies of all routes, in their order, that serve one client alone, with its faults.

    None where a route chooses by that header already: both cannot be asked for.
    """
    own: dict[Kind, str] = {kind: faults[f"{kind}@{client}"] for kind in _KINDS if f"{kind}@{client}" in faults}
    # Proxies on the way append their own addresses.
    pattern = f"{re.escape(client)}(\\s*,.*)?"
    copies: Http = []
    for number, route in enumerate(theirs):
        matches = copy.deepcopy(route.get("match") or [{}])
        for match in matches:
            headers = match.get("headers") or {}
            if any(str(key).lower() == _HEADER for key in headers):
                return None
            match["headers"] = {**headers, _HEADER: {"regex": pattern}}
        made = {**copy.deepcopy(route), "name": f"reconciler-{client}-{number}", "match": matches}
        copies.append(_faulted(made, own))
    return copies


def _written(kind: Kind, value: str) -> dict[str, Any]:
    fault = Fault.parse(kind, value)
    share = {"percentage": {"value": float(fault.percent) if "." in fault.percent else int(fault.percent)}}
    return {"fixedDelay": fault.amount, **share} if kind == "delay" else {"httpStatus": int(fault.amount), **share}


def _told(kind: Kind, route: dict[str, Any]) -> str:
    """Return a route's fault in our spelling, whoever wrote it; empty where it has none of that kind."""
    fault = dig(route, "fault", kind)
    if not fault:
        return ""
    amount = fault.get("fixedDelay") if kind == "delay" else fault.get("httpStatus")
    percent = dig(fault, "percentage", "value")
    share = percentage(str(percent)) if percent is not None else None
    spelled = (delay(str(amount)) if kind == "delay" else None) or str(amount)
    return f"{spelled} {share or percent or 0}%"
