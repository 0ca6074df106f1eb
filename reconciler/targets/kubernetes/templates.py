"""Pod templates: how they stand, restarting by `kubectl rollout restart`'s annotation, rolling back to one on record.

Both are done once and by the template alone, as kubectl does them; the workload's controller does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from reconciler.model.errors import BugError, TerminalError
from reconciler.model.targets import Effect, NoFact, Target, TemplateFact, WantTemplate
from reconciler.targets.kubernetes.documents import deleting, difference, dig, items, mark, name, selector, text
from reconciler.targets.kubernetes.marks import carries, may_write, missing, notes
from reconciler.targets.kubernetes.observing import Observer
from reconciler.targets.kubernetes.observing import missing as none_of
from reconciler.targets.kubernetes.ownership import template_owner
from reconciler.targets.kubernetes.patience import Budget
from reconciler.targets.kubernetes.reading import Reader
from reconciler.targets.kubernetes.refusals import Unusable
from reconciler.targets.kubernetes.resources import DEPLOYMENT, Resource, check_names, templated
from reconciler.targets.kubernetes.revisions import (
    POD_HASH,
    RESTARTED,
    Revision,
    before,
    current,
    on_record,
    records_of,
)
from reconciler.targets.kubernetes.rollouts import pods_trouble, progress
from reconciler.targets.kubernetes.writing import MANAGER, until_written

ASKED: Final = "reconciler.dev/restarted-at"
"""The workload's annotation that keeps which restart we asked for, whoever restarts it after us."""


@dataclass(frozen=True)
class _State:
    """A workload and its revisions, as one look saw them."""

    item: dict[str, Any]
    known: list[Revision]


class Templates:
    """Makes facts and changes of templates. Safe to use from several threads."""

    def __init__(self, reader: Reader, observer: Observer) -> None:
        self._reader = reader
        self._observer = observer

    def observe(self, want: WantTemplate, budget: Budget) -> TemplateFact:
        """Return the fact of the first of the names that exists.

        Raises:
            Unusable: there is none, or its pods do not follow its template.
            Refusal, Unreachable: it could not be looked at.
        """
        check_names(want.namespace, *want.names)
        resource = templated(want.kind)
        calls = [resource.call("get", want.namespace, one) for one in want.names]
        found = self._reader.together([partial(self._reader.find, call, budget) for call in calls])
        item = next((one for one in found if one is not None), None)
        if item is None:
            hint = f"name an existing {resource.kind} in service.yaml, under workload.name"
            raise Unusable(none_of(self._reader, resource, want.namespace, want.names, hint, budget))
        state = self._with_records(resource, item, budget)
        fact = self._fact(want.server, resource, state)
        if fact.settled or fact.trouble:
            return fact
        return replace(fact, trouble=self._trouble(resource, item, fact.revision, budget))

    def apply(self, effect: Effect, budget: Budget) -> TemplateFact:
        """Restart, or roll back, unless that was done; return the fact afterwards, without looking at pods.

        Raises:
            Unusable: the target cannot be used.
            Refusal, Unreachable: it was refused, or could not be done in the tries and the time there were.
            TerminalError: the template is another's, or the revision is not on record any more.
        """
        target, value = effect.target, effect.value
        if not isinstance(value, str) or not value:
            raise BugError(f"{effect.field} cannot be {value!r}")
        check_names(target.scope, target.name)
        resource = templated(target.kind)
        call = resource.call("get", target.scope, target.name)

        def look() -> _State:
            return self._with_records(resource, self._reader.get(call, budget), budget)

        def due(state: _State) -> Callable[[], _State] | None:
            if not may_write(state.item, effect):
                return None
            change = _restart(state, value) if effect.field == "restartedAt" else _rollback(resource, state, value)
            wanted = notes(state.item, effect)
            if not change and carries(state.item, wanted):
                return None
            return partial(self._write, resource, state, missing(state.item, wanted), change, budget)

        return self._fact(target.server, resource, until_written(budget, look, due))

    def _write(
        self,
        resource: Resource,
        state: _State,
        annotations: dict[str, Any],
        change: dict[str, Any],
        budget: Budget,
    ) -> _State:
        metadata = {"resourceVersion": text(state.item, "metadata", "resourceVersion")}
        more = change.get("metadata", {}).get("annotations", {})
        patch = {**change, "metadata": {**metadata, "annotations": {**annotations, **more}}}
        call = resource.call("patch", text(state.item, "metadata", "namespace"), name(state.item))
        return replace(state, item=self._reader.patch(call, patch, budget, MANAGER))

    def _with_records(self, resource: Resource, item: dict[str, Any], budget: Budget) -> _State:
        """Check that the pods follow the template, and find the revisions."""
        _check_follows(resource, item)
        call = records_of(resource).call("list", text(item, "metadata", "namespace"))
        found = self._reader.get(call, budget, query=(("labelSelector", selector(item)),))
        return _State(item, on_record(resource, item, items(found, "items")))

    def _fact(self, server: str, resource: Resource, state: _State) -> TemplateFact:
        item = state.item
        now, seen = current(resource, item, state.known), progress(resource, item)
        earlier = before(now, state.known)
        return TemplateFact(
            target=Target(server, text(item, "metadata", "namespace"), resource.kind, name(item)),
            restarted_at=_restarted(item),
            revision=now.name if now else "",
            previous=earlier.name if earlier else "",
            settled=seen.settled,
            trouble=seen.trouble,
            mark=mark(item),
            manager=template_owner(item),
        )

    def _trouble(self, resource: Resource, item: dict[str, Any], revision: str, budget: Budget) -> str:
        pods = self._observer.pods(text(item, "metadata", "namespace"), selector(item), budget)
        if resource is DEPLOYMENT and revision:
            # Pods of earlier templates are on their way out; of the other kinds they stand in the way of the new ones.
            pods = [pod for pod in pods if text(pod, "metadata", "labels", POD_HASH) == revision]
        return pods_trouble(pods)


def _check_follows(resource: Resource, item: dict[str, Any]) -> None:
    """Refuse a workload whose pods would not follow a change of its template.

    Raises:
        Unusable: with what to do about it.
    """
    label = f"{resource.kind} {name(item)}"
    if deleting(item):
        hint = "wait until it is gone, or name another workload"
        raise Unusable(NoFact("invalid", f"{label} is being deleted", hint=hint))
    if dig(item, "spec", "paused") is True:
        hint = f"`kubectl rollout resume {resource.kind.lower()}/{name(item)}`, then `reconciler retry`"
        raise Unusable(NoFact("invalid", f"{label} is paused, so no change of its template is rolled out", hint=hint))
    if text(item, "spec", "updateStrategy", "type") == "OnDelete":
        message = f"{label} replaces a pod only when somebody deletes it (updateStrategy OnDelete)"
        raise Unusable(NoFact("invalid", message, hint="set its updateStrategy to RollingUpdate"))


def _restart(state: _State, value: str) -> dict[str, Any]:
    """Return the change that a restart still needs: none of the template where somebody restarted it since."""
    if _restarted(state.item) == value:
        return {}
    asked = {"metadata": {"annotations": {ASKED: value}}}
    since, wanted = _moment(_live(state.item)), _moment(value)
    if wanted is None:
        raise BugError(f"{value!r} is no moment")
    if since is not None and since >= wanted:
        return asked
    return {**asked, "spec": {"template": {"metadata": {"annotations": {RESTARTED: value}}}}}


def _rollback(resource: Resource, state: _State, value: str) -> dict[str, Any]:
    """Return the change of the template that going back to a revision still needs.

    Raises:
        TerminalError: it is not on record, or the template is another's.
    """
    now = current(resource, state.item, state.known)
    if now is not None and now.name == value:
        return {}
    label = f"{resource.kind} {name(state.item)}"
    wanted = next((one for one in state.known if one.name == value), None)
    if wanted is None:
        hint = "raise its revisionHistoryLimit, and deploy the version that is wanted"
        raise TerminalError(f"{label} has no revision {value} on record", hint=hint)
    owner = template_owner(state.item)
    if owner:
        raise TerminalError(f"{owner} owns the template of {label}", hint=f"roll back where {owner} takes it from")
    template = dig(state.item, "spec", "template") or {}
    return {"spec": {"template": difference(template, wanted.template)}}


def _live(item: dict[str, Any]) -> str:
    return text(item, "spec", "template", "metadata", "annotations", RESTARTED)


def _restarted(item: dict[str, Any]) -> str:
    """Return which restart the template is at: the one that we asked for, also where a later one has come since."""
    asked, live = text(item, "metadata", "annotations", ASKED), _live(item)
    wanted, since = _moment(asked), _moment(live)
    return asked if wanted is not None and since is not None and since >= wanted else live


def _moment(written: str) -> float | None:
    """Return a moment in RFC 3339 as Unix seconds (kubectl writes its local time), None where it is none."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
