"""Looking: from a want to a fact, in about one round trip."""

from __future__ import annotations

import difflib
import logging
from functools import partial
from typing import Any, TypeAlias

from reconciler.model.targets import NoFact, WantWorkload, WorkloadFact
from reconciler.targets.kubernetes.autoscalers import Autoscalers, Found
from reconciler.targets.kubernetes.documents import items, name, selector, text
from reconciler.targets.kubernetes.facts import check_usable, workload_fact
from reconciler.targets.kubernetes.foreseen import Foreseen
from reconciler.targets.kubernetes.patience import Budget
from reconciler.targets.kubernetes.reading import Reader
from reconciler.targets.kubernetes.recalled import Recalled
from reconciler.targets.kubernetes.refusals import Refusal, Unreachable, Unusable
from reconciler.targets.kubernetes.resources import POD, Resolver, Resource, check_names
from reconciler.targets.kubernetes.rollouts import Progress, pods_trouble, progress, ready_pods, scaled_progress

_MOST_NAMES = 500
_MOST_PODS = 200
_log = logging.getLogger(__name__)
_Found: TypeAlias = tuple[dict[str, Any], dict[str, Any] | None, Found | None]
"""A workload, its Scale where it needs one, and its autoscaler."""


class Observer:
    """Makes facts. Safe to use from several threads."""

    def __init__(self, reader: Reader, autoscalers: Autoscalers, resolver: Resolver, foreseen: Foreseen) -> None:
        self._reader = reader
        self._foreseen = foreseen
        self._autoscalers = autoscalers
        self._resolver = resolver
        self._last: dict[WantWorkload, int] = {}
        self._usual: dict[tuple[str, str, int], int] = {}
        self._pods_refused: set[str] = set()
        self.recalled = Recalled()

    def resource(self, kind: str, budget: Budget) -> Resource:
        """Return the resource of a kind."""
        return self._resolver.scalable(kind, lambda call: self._reader.get(call, budget))

    def observe(self, want: WantWorkload, budget: Budget) -> WorkloadFact:
        """Return the fact of the first of the names that exists.

        Raises:
            Unusable: there is none, or it cannot be used.
            Refusal, Unreachable: it could not be looked at.
        """
        check_names(want.namespace, *want.names)
        resource = self.resource(want.kind, budget)
        listed = self._foreseen.take(resource, want, budget)
        if listed is not None:
            workload = name(listed)
            _, scalers = self._autoscalers.beside([_nothing], want.namespace, resource.kind, (workload,), budget)
            return self._seen(resource, want, (listed, None, scalers.get(workload)), budget)
        # What was found last time is most likely found again, and services of one namespace are named alike: names
        # after it are then of no interest.
        alike = (want.namespace, want.kind, len(want.names))
        likely = want.names[: self._last.get(want, self._usual.get(alike, len(want.names))) + 1]
        for names in (likely, want.names[len(likely) :]):
            found = self._first(resource, want, names, budget) if names else None
            if found is not None:
                self._last[want] = self._usual[alike] = want.names.index(name(found[0]))
                return self._seen(resource, want, found, budget)
        raise Unusable(self._missing(resource, want, budget))

    def _seen(self, resource: Resource, want: WantWorkload, found: _Found, budget: Budget) -> WorkloadFact:
        fact = self._fact(want.server, resource, *found, budget)
        if resource.plain and found[2] is None:
            self.recalled.keep(resource, found[0])
        return fact

    def _first(
        self, resource: Resource, want: WantWorkload, names: tuple[str, ...], budget: Budget
    ) -> _Found | None:  # fmt: skip
        """Return the first workload that exists, with its Scale where it needs one, and its autoscaler."""
        calls = [resource.call("get", want.namespace, one) for one in names]
        if not resource.plain:
            calls += [resource.call("get", want.namespace, one, "scale") for one in names]
        jobs = [partial(self._reader.find, call, budget) for call in calls]
        documents, autoscalers = self._autoscalers.beside(jobs, want.namespace, resource.kind, names, budget)
        for index, one in enumerate(names):
            item = documents[index]
            if item is not None:
                scale = None if resource.plain else documents[len(names) + index]
                return item, scale, autoscalers.get(one)
        return None

    def _fact(
        self,
        server: str,
        resource: Resource,
        item: dict[str, Any],
        scale: dict[str, Any] | None,
        found: Found | None,
        budget: Budget,
    ) -> WorkloadFact:
        check_usable(resource, item)
        if resource.plain:
            state = progress(resource, item)
            labels = selector(item)
        else:
            state = scaled_progress(item, scale or {}, None)
            labels = text(scale, "status", "selector")
        pods: list[dict[str, Any]] = []
        counted = not resource.plain and "readyReplicas" not in (item.get("status") or {})
        if labels and ((not state.settled and not state.trouble) or counted):
            pods = self.pods(text(item, "metadata", "namespace"), labels, budget)
        if counted and labels:
            state = scaled_progress(item, scale or {}, ready_pods(pods))
        if not state.settled and not state.trouble:
            state = Progress(state.replicas, state.ready, settled=False, trouble=pods_trouble(pods))
        return workload_fact(server, resource, item, state, found)

    def pods(self, namespace: str, labels: str, budget: Budget) -> list[dict[str, Any]]:
        """Return the pods that a label selector chooses; none where we may not list them.

        Raises:
            Refusal, Unreachable: they could not be listed.
        """
        call = POD.call("list", namespace)
        query = (("labelSelector", labels), ("limit", str(_MOST_PODS)))
        try:
            return items(self._reader.get(call, budget, query=query), "items")
        except Refusal as refusal:
            if refusal.status != 403:
                raise
            # Without this right everything works, only the reason of a failed rollout stays unknown.
            if namespace not in self._pods_refused:
                self._pods_refused.add(namespace)
                _log.warning("not allowed to list pods in %s: why a rollout fails cannot be told", namespace)
            return []

    def _missing(self, resource: Resource, want: WantWorkload, budget: Budget) -> NoFact:
        self._resolver.forget(want.kind)
        hint = f"name an existing {resource.kind} in service.yaml, under workload.name"
        return missing(self._reader, resource, want.namespace, want.names, hint, budget)


def _nothing() -> None:
    """Read nothing beside."""


def missing(
    reader: Reader, resource: Resource, namespace: str, names: tuple[str, ...], hint: str, budget: Budget
) -> NoFact:
    """Return that none of the names is there, with those alike that are."""
    near: tuple[str, ...] = ()
    try:
        known = reader.names(resource.call("list", namespace), budget, _MOST_NAMES)
    except (Refusal, Unreachable):
        known = []  # only a help for the reader, which the right to read one object does not include
    for one in names:
        near += tuple(match for match in difflib.get_close_matches(one, known) if match not in near)
    kind = resource.kind.partition(".")[0]
    return NoFact("missing", f"there is no {kind} {' or '.join(names)} in namespace {namespace}", hint, near)
