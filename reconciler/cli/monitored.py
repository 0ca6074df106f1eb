"""A stage's services as monitoring sees them: their alerts from the clone, and what stands in the way of some."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.cli.messages import complain, render
from reconciler.cli.workspace import OpenStage
from reconciler.decide.policy import timing
from reconciler.decide.snapshot import ServiceView
from reconciler.evidence.prometheus.promql import DEFAULTS, default, filled
from reconciler.model.errors import Place, ReconcilerError, TerminalError, UserError
from reconciler.model.measures import WantMeasures
from reconciler.monitoring.alerts import PROMETHEUS, LeftOut, ServiceAlerts, Watched, alerts_of
from reconciler.monitoring.rules import Style, group_name, keeping


@dataclass(frozen=True)
class Found:
    """What came of a stage. ``unreadable`` maps services whose files cannot be read to what is wrong with them."""

    services: tuple[ServiceAlerts, ...]
    unreadable: Mapping[str, tuple[UserError, ...]]

    @property
    def whole(self) -> bool:
        """Whether all files could be read and all queries be used."""
        return not self.unreadable and not any(each.refused for each in self.services)


def read_alerts(
    stage: OpenStage, services: Collection[str], *, window: int | None, providers: Sequence[str] = (PROMETHEUS,)
) -> Found:
    """Return the alerts of a stage, or of ``services`` (names or paths). ``window`` in seconds goes before theirs.

    Raises:
        ConfigError: there is no such service.
        UserError: stage.yaml cannot be read.
    """
    if isinstance(stage.snapshot.stage.config, UserError):
        raise stage.snapshot.stage.config
    every = [stage.snapshot.services[path] for path in sorted(stage.snapshot.services)]
    views = [stage.service(name) for name in dict.fromkeys(services)] or [view for view in every if view.exists]
    found: list[ServiceAlerts] = []
    unreadable: dict[str, tuple[UserError, ...]] = {}
    for view in views:
        watched, errors = _watched(stage, view, window)
        if errors:
            unreadable[view.path] = errors
        elif watched is not None:
            found.append(alerts_of(watched, _fill, providers))
    return Found(tuple(found), unreadable)


def without(found: Found, refused: Mapping[tuple[str, str], str]) -> Found:
    """Return the same without the alerts that promtool refused, by (group, alert)."""
    return replace(found, services=tuple(_without(each, refused) for each in found.services))


def with_live(found: Found, live: Callable[[ServiceAlerts], object]) -> Found:
    """Return the same with what is live of its refused alerts; ``live`` returns a service's groups."""
    kept = (keeping(each, live(each)) if each.refused else each for each in found.services)
    return replace(found, services=tuple(kept))


def tell(found: Found, *, checked: bool) -> None:
    """Tell on stderr what has no alert, and what of playbooks and alerts does not meet."""
    for errors in found.unreadable.values():
        for error in errors:
            complain(render(error))
    for each in found.services:
        for one in each.refused:
            complain(render(_refusal(each, one)))
    for error in _doubts(found):
        complain(render(error, "warning"))
    if not checked and any(each.alerts for each in found.services):
        hint = "install Prometheus' promtool here, or run `promtool check rules` where it is"
        complain(render(ReconcilerError("the queries are not checked: there is no promtool", hint=hint), "note"))


def plain(found: Found, style: Style) -> dict[str, Any]:
    """Return all of it as data; of what is left out, ``kept`` says that what is live of it stays."""
    alerts = [(each.service, alert) for each in found.services for alert in each.alerts]
    return {
        "alerts": [
            {
                "service": service.path,
                "alert": alert.name,
                "sli": alert.sli,
                "problem": alert.problem,
                "entry": alert.entry.name if alert.entry is not None else None,
                "expr": alert.expression,
                "for": style.lasting,
                "asks": alert.asked,
                "notWatched": list(alert.unwatched),
            }
            for service, alert in alerts
        ],
        "leftOut": [
            {
                "service": each.service.path,
                "objective": one.objective,
                "sli": one.sli,
                "reason": one.reason,
                "refused": bool(one.alert),
                "kept": one.objective in each.kept,
            }
            for each in found.services
            for one in each.left_out
        ],
        "unmatchedAlerts": [
            {"service": service.path, "alert": alert.name, "problem": alert.problem}
            for service, alert in alerts
            if alert.entry is None
        ],
        "unreachableEntries": [
            {"service": each.service.path, "entry": entry.name} for each in found.services for entry in each.unreachable
        ],
        "unreadable": [
            {"service": path, "errors": [str(e) for e in errors]} for path, errors in found.unreadable.items()
        ],
    }


def _watched(stage: OpenStage, view: ServiceView, window: int | None) -> tuple[Watched | None, tuple[UserError, ...]]:
    """Return a service, None where there is nothing to watch, and what cannot be read of it."""
    pinned = stage.snapshot.pins(tuple(str(file) for file in view.pinned))
    if view.clash:
        error = UserError(f"two services are called {view.name}: the other is {view.clash}", place=Place(view.path))
        return None, (error,)
    broken = [each for each in (view.config, view.playbook, pinned.objectives) if isinstance(each, UserError)]
    if broken or pinned.unreadable:
        return None, (*broken, *pinned.unreadable)
    objectives = None if isinstance(pinned.objectives, UserError) else pinned.objectives
    playbook = None if isinstance(view.playbook, UserError) else view.playbook
    if objectives is None and playbook is None:
        return None, ()
    place = stage.snapshot.stage
    length = window or timing(place, view, {}).window
    return Watched(
        place.project, place.name, view.path, objectives, pinned.indicators, pinned.filters, length, playbook
    ), ()


def _fill(sli: str, query: str | None, want: WantMeasures) -> str:
    """Return the query that an evaluation would send: what evaluates and what alerts is one and the same."""
    if query is not None:
        return filled(query, want)
    if sli in DEFAULTS:
        return default(sli, want)
    raise TerminalError("nothing says how to measure it", hint="add it to prometheus/sli.yaml")


def _without(found: ServiceAlerts, refused: Mapping[tuple[str, str], str]) -> ServiceAlerts:
    group = group_name(found.service)
    words = {alert.name: refused[group, alert.name] for alert in found.alerts if (group, alert.name) in refused}
    out = [
        LeftOut(
            alert.objective, alert.sli, f"Prometheus refuses it: {words[alert.name]}", "correct its query", alert.name
        )
        for alert in found.alerts
        if alert.name in words
    ]
    kept = tuple(alert for alert in found.alerts if alert.name not in words)
    return ServiceAlerts(found.service, kept, tuple(sorted([*found.left_out, *out], key=lambda one: one.objective)))


def _refusal(found: ServiceAlerts, one: LeftOut) -> UserError:
    """Return what is said of an alert whose query is refused: at the query, where a file has it."""
    own = found.service.indicators.get(PROMETHEUS, {}).get(one.sli)
    place = own.place if own is not None else Place(f"{found.service.path}/slo.yaml")
    kept = one.objective in found.kept
    message = f"objective {one.objective}, `{one.sli}`, has no {'new ' if kept else ''}alert: {one.reason}"
    stays = f"; what is live, {one.alert}, stays as it is" if kept else ""
    return UserError(message, place=place, hint=f"{one.hint}{stays}")


def _doubts(found: Found) -> Iterator[UserError]:
    for each in found.services:
        path = each.service.path
        slo, playbook = Place(f"{path}/slo.yaml"), Place(f"{path}/remediation.yaml")
        for one in each.left_out:
            if one.alert:
                continue
            message = f"objective {one.objective}, `{one.sli}`, has no alert: {one.reason}"
            yield UserError(message, place=slo, hint=one.hint)
        for alert in each.alerts:
            if alert.unwatched:
                texts = " and ".join(f"`{text}`" for text in alert.unwatched)
                message = f"{alert.name} does not watch {texts}: it compares with earlier evaluations"
                yield UserError(message, place=slo)
        for alert in each.unmatched:
            message = f"no entry is for {alert.name}, whose problem is `{alert.problem}`"
            hint = f"add an entry `{alert.problem}` or `default`; without one nothing is done when it fires"
            yield UserError(message, place=playbook, hint=hint)
        for entry in each.unreachable:
            message = f"no alert is for the entry `{entry.name}`"
            hint = "give an objective this `displayName`, or leave the entry to other tools and to people"
            yield UserError(message, place=entry.place, hint=hint)
