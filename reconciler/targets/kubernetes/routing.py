"""Routes: how an Istio VirtualService stands, and its faults set and taken out, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from reconciler.model.errors import BugError
from reconciler.model.faults import Fault, field_parts
from reconciler.model.targets import ROUTE, Effect, NoFact, RouteFact, Target, WantRoute
from reconciler.targets.kubernetes.documents import deleting, items, manager, mark, name, text
from reconciler.targets.kubernetes.marks import carries, may_write, missing, notes
from reconciler.targets.kubernetes.observing import missing as none_of
from reconciler.targets.kubernetes.patience import Budget
from reconciler.targets.kubernetes.reading import Reader
from reconciler.targets.kubernetes.refusals import Unusable
from reconciler.targets.kubernetes.resources import Resolver, Resource, check_names
from reconciler.targets.kubernetes.routes import FAULTS, changed, foreign, record, standing
from reconciler.targets.kubernetes.writing import MANAGER, until_written


class Routes:
    """Makes facts and changes of routes. Safe to use from several threads."""

    def __init__(self, reader: Reader, resolver: Resolver) -> None:
        self._reader = reader
        self._resolver = resolver

    def observe(self, want: WantRoute, budget: Budget) -> RouteFact:
        """Return the fact of the first of the names that exists.

        Raises:
            Unusable: there is none, or no Istio, or it is being deleted.
            Refusal, Unreachable: it could not be looked at.
        """
        check_names(want.namespace, *want.names)
        resource = self._resource(budget)
        calls = [resource.call("get", want.namespace, one) for one in want.names]
        found = self._reader.together([partial(self._reader.find, call, budget) for call in calls])
        item = next((one for one in found if one is not None), None)
        if item is None:
            self._resolver.forget(ROUTE)
            hint = "name an existing one in the action's value, `virtualService: <name>`"
            raise Unusable(none_of(self._reader, resource, want.namespace, want.names, hint, budget))
        _check_there(item)
        return _fact(want.server, item)

    def apply(self, effect: Effect, budget: Budget) -> RouteFact:
        """Make a fault have its value (empty: take it out) and return the fact afterwards.

        Raises:
            Unusable: the target cannot be used.
            Refusal, Unreachable: it was refused, or could not be done in the tries and the time there were.
            TerminalError: no route takes the fault, or one has a fault that is not ours.
        """
        target = effect.target
        value = _value(effect)
        check_names(target.scope, target.name)
        resource = self._resource(budget)
        call = resource.call("get", target.scope, target.name)

        def look() -> dict[str, Any]:
            item = self._reader.get(call, budget)
            _check_there(item)
            return item

        def due(item: dict[str, Any]) -> Callable[[], dict[str, Any]] | None:
            if not may_write(item, effect):
                return None
            http, faults = changed(item, effect.field, value)
            wanted = {**notes(item, effect, held=bool(faults)), FAULTS: record(faults)}
            same = http == items(item, "spec", "http")
            if same and carries(item, wanted):
                return None
            patch: dict[str, Any] = {
                "metadata": {
                    "resourceVersion": text(item, "metadata", "resourceVersion"),
                    "annotations": missing(item, wanted),
                }
            }
            if not same:
                patch["spec"] = {"http": http}
            write = resource.call("patch", target.scope, target.name)
            return partial(self._reader.patch, write, patch, budget, MANAGER)

        return _fact(target.server, until_written(budget, look, due))

    def _resource(self, budget: Budget) -> Resource:
        return self._resolver.find(ROUTE, lambda call: self._reader.get(call, budget))


def _value(effect: Effect) -> str:
    parts, value = field_parts(effect.field), effect.value
    if parts is None or effect.target.kind != ROUTE or not isinstance(value, str):
        raise BugError(f"{effect.field} of {effect.target.kind} cannot be {value!r}")
    try:
        return str(Fault.parse(parts[0], value)) if value else ""
    except ValueError as error:
        raise BugError(f"{effect.field} cannot be {value!r}") from error


def _check_there(item: dict[str, Any]) -> None:
    if deleting(item):
        raise Unusable(NoFact("invalid", f"VirtualService {name(item)} is being deleted", hint="wait until it is gone"))


def _fact(server: str, item: dict[str, Any]) -> RouteFact:
    return RouteFact(
        target=Target(server, text(item, "metadata", "namespace"), ROUTE, name(item)),
        faults=tuple(sorted(standing(item).items())),
        mark=mark(item),
        manager=manager(item, "http"),
        foreign=foreign(item),
    )
