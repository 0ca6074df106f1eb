"""Where rules and routes are applied, and what of ours is live there: a folder that a server reads, or a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from reconciler.cli.block_yaml import block_yaml
from reconciler.model.document import parse
from reconciler.model.errors import UserError
from reconciler.monitoring import objects
from reconciler.monitoring.changes import Change, heading
from reconciler.monitoring.names import name_of
from reconciler.monitoring.rules import groups

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.cli.monitored import Found
    from reconciler.cli.monitoring import Wish
    from reconciler.cli.monitoring_settings import Settings
    from reconciler.monitoring.alerts import ServiceAlerts
    from reconciler.monitoring.cluster import Cluster

_ROUTES: Final = "alertmanager.yml"


class Place(Protocol):
    """A place for rules and routes."""

    def live(self, service: ServiceAlerts) -> object:
        """Return the groups of rules that are live of a service, as plain data; whatever is there may be in it."""

    def apply(self, found: Found, made: Sequence[Mapping[str, Any]]) -> tuple[Change, ...]:
        """Make what is there be what was made, and return what was done."""


@contextmanager
def place_of(wish: Wish, settings: Settings) -> Iterator[Place]:
    """Give the place that the options name. Nothing is connected to before it is used."""
    if wish.folder is not None:
        yield _Folder(wish.folder, wish, settings)
        return
    from reconciler.monitoring.cluster import Cluster

    with closing(Cluster(settings.kubernetes, settings.namespace)) as cluster:
        yield _Objects(wish, settings, cluster)


def _staying(found: Found) -> Iterator[str]:
    """Yield the services of which nothing can be made now, though they are not to be without: what they have stays."""
    yield from (path.rpartition("/")[2] for path in found.unreadable)
    yield from (each.service.name for each in found.services if each.refused and not each.has_rules)


class _Folder:
    def __init__(self, folder: Path, wish: Wish, settings: Settings) -> None:
        self._folder = folder
        self._wish = wish
        self._settings = settings

    def live(self, service: ServiceAlerts) -> object:
        from reconciler.monitoring.folder import read_ours

        name = self._name(service.service.name)
        content = read_ours(self._folder, name, self._settings.whose)
        try:
            document = parse(content, name).plain() if content is not None else None
        except UserError:
            # What no server can read is not live.
            return None
        return document.get("groups") if isinstance(document, dict) else None

    def apply(self, found: Found, made: Sequence[Mapping[str, Any]]) -> tuple[Change, ...]:
        from reconciler.monitoring.folder import write_folder
        from reconciler.monitoring.reload import reload

        wish, settings = self._wish, self._settings
        taken = partial(reload, wish.reload) if wish.reload is not None else _nobody_asked
        if wish.alertmanager:
            content = {_ROUTES: _file(settings.project, block_yaml(made[0]))}
            return write_folder(self._folder, content, settings.project, keep=None, taken=taken)
        files = {
            self._name(each.service.name): _file(settings.whose, block_yaml({"groups": groups([each], settings.style)}))
            for each in found.services
            if each.has_rules
        }
        kept = None if wish.services else {self._name(name) for name in _staying(found)}
        return write_folder(self._folder, files, settings.whose, keep=kept, taken=taken)

    def _name(self, service: str) -> str:
        return f"{name_of(self._settings.project, self._settings.stage, service)}.yml"


class _Objects:
    def __init__(self, wish: Wish, settings: Settings, cluster: Cluster) -> None:
        self._wish = wish
        self._settings = settings
        self._cluster = cluster
        self._ours = objects.ours(settings.project, settings.stage)

    def live(self, service: ServiceAlerts) -> object:
        return self._cluster.live(objects.RULES, objects.rule_name(service), self._ours).get("groups")

    def apply(self, found: Found, made: Sequence[Mapping[str, Any]]) -> tuple[Change, ...]:
        if self._wish.alertmanager:
            return self._cluster.apply(objects.ROUTES, made, self._ours, keep=())
        project, stage = self._settings.project, self._settings.stage
        kept = None if self._wish.services else {name_of(project, stage, name) for name in _staying(found)}
        return self._cluster.apply(objects.RULES, made, self._ours, keep=kept)


def _nobody_asked() -> None:
    """Stand for a server that finds out by itself."""


def _file(whose: str, text: str) -> bytes:
    return f"{heading(whose)}\n{text}".encode()
