"""Changing how many replicas there are, or an autoscaler's minimum: one field and our mark, on what was just read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from reconciler.model.errors import BugError, TerminalError
from reconciler.model.targets import Effect, Fact, WorkloadFact
from reconciler.targets.kubernetes.autoscalers import FIELDS, Autoscalers, Found, maximum_of, minimum_of, target_of
from reconciler.targets.kubernetes.documents import controller, deleting, name, number, text
from reconciler.targets.kubernetes.facts import check_usable, workload_fact
from reconciler.targets.kubernetes.marks import carries, may_write, missing, notes
from reconciler.targets.kubernetes.observing import Observer
from reconciler.targets.kubernetes.patience import Budget
from reconciler.targets.kubernetes.reading import Reader
from reconciler.targets.kubernetes.resources import HPA, SCALED_OBJECT, Resource, check_names
from reconciler.targets.kubernetes.rollouts import Progress, progress, scaled_progress
from reconciler.targets.kubernetes.writing import MANAGER, until_written


@dataclass(frozen=True)
class _State:
    """What one read saw. ``scale`` only where the replicas can only be reached through it."""

    item: dict[str, Any]
    value: int
    scale: dict[str, Any] | None = None
    found: Found | None = None

    @property
    def version(self) -> str:
        return text(self.item, "metadata", "resourceVersion")


class Applier:
    """Makes effects happen. Safe to use from several threads."""

    def __init__(self, reader: Reader, autoscalers: Autoscalers, observer: Observer) -> None:
        self._reader = reader
        self._autoscalers = autoscalers
        self._observer = observer

    def apply(self, effect: Effect, budget: Budget) -> Fact:
        """Make the effect hold and return the fact afterwards, without looking at pods.

        Raises:
            Unusable: the target cannot be used.
            Refusal, Unreachable: it was refused, or could not be done in the tries and the time there were.
            TerminalError: the target must not be given the value.
        """
        target = effect.target
        value = _value(effect)
        recalled: _State | None = None
        check_names(target.scope, target.name)
        if effect.field == "replicas":
            resource = self._observer.resource(target.kind, budget)
            look = partial(self._workload, resource, effect, budget)
            recalled = self._recalled(resource, effect, budget)
        else:
            scaler = next((one for one in (HPA, SCALED_OBJECT) if FIELDS[one.kind] == effect.field), None)
            if scaler is None or scaler.kind != target.kind:
                raise BugError(f"{target.kind} has no field {effect.field} that can be claimed")
            resource, look = scaler, partial(self._autoscaler, scaler, effect, budget)

        def due(state: _State) -> Callable[[], _State] | None:
            held = state.value == value
            if not may_write(state.item, effect) or (held and carries(state.item, notes(state.item, effect))):
                return None
            if not held:
                _check(resource, state, value)
            return partial(self._write, resource, effect, value, state, budget)

        if recalled is not None and (recalled.value == value or not may_write(recalled.item, effect)):
            recalled = None  # whether nothing is to be done is told by what is there now
        return self._fact(resource, effect, until_written(budget, look, due, recalled), budget)

    def _recalled(self, resource: Resource, effect: Effect, budget: Budget) -> _State | None:
        """Return what was seen of a workload lately, where that is all that a change looks at."""
        namespace, workload = effect.target.scope, effect.target.name
        item = self._observer.recalled.take(namespace, resource.kind, workload)
        if item is None or not resource.plain:
            return None
        _, autoscalers = self._autoscalers.beside([_nothing], namespace, resource.kind, (workload,), budget)
        return None if autoscalers else _State(item, number(item, "spec", "replicas", default=1))

    def _workload(self, resource: Resource, effect: Effect, budget: Budget) -> _State:
        """Read a workload, its Scale where it needs one, and its autoscaler, all at the same time."""
        namespace, workload = effect.target.scope, effect.target.name
        calls = [resource.call("get", namespace, workload)]
        if not resource.plain:
            calls.append(resource.call("get", namespace, workload, "scale"))
        jobs = [partial(self._reader.get, call, budget) for call in calls]
        documents, autoscalers = self._autoscalers.beside(jobs, namespace, resource.kind, (workload,), budget)
        item, scale = documents[0], documents[1] if len(documents) > 1 else None
        check_usable(resource, item)
        value = number(item, "spec", "replicas", default=1) if scale is None else number(scale, "spec", "replicas")
        return _State(item, value, scale, autoscalers.get(workload))

    def _autoscaler(self, resource: Resource, effect: Effect, budget: Budget) -> _State:
        item = self._reader.get(resource.call("get", effect.target.scope, effect.target.name), budget)
        return _State(item, minimum_of(resource, item))

    def _write(self, resource: Resource, effect: Effect, value: int, state: _State, budget: Budget) -> _State:
        """Write what differs, in one patch where the API lets us, and return what there is then."""
        namespace, workload = effect.target.scope, effect.target.name
        wanted = notes(state.item, effect)
        ours = {"annotations": missing(state.item, wanted)}
        if state.scale is None:
            patch: dict[str, Any] = {"metadata": {"resourceVersion": state.version, **ours}}
            if state.value != value:
                patch["spec"] = {effect.field: value}
            item = self._reader.patch(resource.call("patch", namespace, workload), patch, budget, MANAGER)
            return replace(state, item=item, value=value)
        item = state.item
        if not carries(item, wanted):
            # The mark goes first: once it is there, no older decision gets past it.
            patch = {"metadata": {"resourceVersion": state.version, **ours}}
            item = self._reader.patch(resource.call("patch", namespace, workload), patch, budget, MANAGER)
        if state.value == value:
            return replace(state, item=item)
        version = text(item, "metadata", "resourceVersion")
        patch = {"metadata": {"resourceVersion": version}, "spec": {"replicas": value}}
        call = resource.call("patch", namespace, workload, "scale")
        scale = self._reader.patch(call, patch, budget, MANAGER)
        return replace(state, item=item, value=value, scale=scale)

    def _fact(self, resource: Resource, effect: Effect, state: _State, budget: Budget) -> WorkloadFact:
        server = effect.target.server
        if effect.field == "replicas":
            return workload_fact(server, resource, state.item, _progress(resource, state), state.found)
        kind, workload = target_of(state.item)
        below = self._observer.resource(kind, budget)
        item = self._reader.get(below.call("get", effect.target.scope, workload), budget)
        scale = None
        if not below.plain:
            scale = self._reader.get(below.call("get", effect.target.scope, workload, "scale"), budget)
        seen = _State(item, 0, scale)
        return workload_fact(server, below, item, _progress(below, seen), Found(resource, state.item))


def _nothing() -> None:
    """Read nothing beside."""


def _progress(resource: Resource, state: _State) -> Progress:
    if state.scale is None:
        return progress(resource, state.item)
    seen = scaled_progress(state.item, state.scale, None)
    if "readyReplicas" in (state.item.get("status") or {}):
        return seen
    # Its pods would have to be counted to know; whoever waits for the rollout observes, and then they are.
    return replace(seen, settled=False)


def _value(effect: Effect) -> int:
    if isinstance(effect.value, bool) or not isinstance(effect.value, int):
        raise BugError(f"{effect.field} cannot be {effect.value!r}")
    if effect.value < 0:
        raise TerminalError(f"{effect.field} cannot be {effect.value}", hint="check the playbook and the bounds")
    return effect.value


def _check(resource: Resource, state: _State, value: int) -> None:
    """Refuse a value that the target should not be given.

    Raises:
        TerminalError: with what to do about it.
    """
    label = f"{resource.kind} {name(state.item)}"
    if resource in (HPA, SCALED_OBJECT):
        if deleting(state.item):
            raise TerminalError(f"{label} is being deleted", hint="wait until it is gone")
        kind, owner = controller(state.item)
        if resource is HPA and kind == "ScaledObject":
            raise TerminalError(f"{label} belongs to ScaledObject {owner}", hint="the claim has to be on that object")
        maximum = maximum_of(resource, state.item)
        if value > maximum:
            raise TerminalError(
                f"{value} is more than the maximum {maximum} of {label}",
                hint="raise its maximum, or lower bounds.max in service.yaml",
            )
        return
    if state.found is not None:
        scaler = f"{state.found.resource.kind} {name(state.found.item)}"
        raise TerminalError(
            f"{scaler} sets the replicas of {label}", hint="its minimum is what can be raised; decide again"
        )
