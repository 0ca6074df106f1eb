"""Daemons as processes that share one stage by a Lease, each with a folder and a name of its own."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from reconciler.daemon.leases.record import stage_lease
from reconciler.embedded.cluster.answers import ApiError
from reconciler.model.names import ProjectName, StageName
from tests.daemon.site import Site, git
from tests.daemon.test_process import Running, running

LEASE = stage_lease(ProjectName("sockshop"), StageName("production"))
LEASES = (
    "leases: {namespace: reconciler, kubernetes: {kubeconfig: kubeconfig}, duration: 8s, renew: 1s, identity: NAME}\n"
)


def holder(site: Site) -> str:
    """Return who holds the stage, without what is random about it."""
    try:
        spec = site.cluster.get("Lease", "reconciler", LEASE)["spec"]
    except ApiError:
        return ""
    return str(spec["holderIdentity"]).partition("_")[0]


@contextmanager
def daemon(
    site: Site, name: str, *, leases: bool = True, more: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run a daemon of this name; one that is stopped is killed in the end. ``more`` are blocks of its own."""
    own = copy.copy(site)
    own.config = site.folder / f"{name}.yaml"
    text = site.config.read_text().replace("stateDir: state", f"stateDir: state-{name}")
    own.config.write_text((LEASES.replace("NAME", name) if leases else "") + more + text)
    with ExitStack() as stack:
        with mock.patch.dict("os.environ", environment or {}):
            started = stack.enter_context(running(own))
        yield started


def is_linear(site: Site) -> bool:
    return not git(site.remote, "rev-list", "--merges", "production")


def decided_by(daemon: Running) -> int:
    return len(daemon.logged(step="decided"))


def scaled(site: Site) -> list[int]:
    """Return the replicas that were written, by whichever daemon, refused ones too."""
    found = [each for each in site.cluster.journal.writes() if "/deployments" in each.path]
    return [each.body["spec"]["replicas"] for each in found if each.manager == "reconciler"]


def has_followed(site: Site, daemon: Running) -> bool:
    """Whether a daemon's mirror has the remote's tip."""
    tip = git(site.remote, "rev-parse", "production")
    mirrors = list((site.folder / f"state-{Path(daemon.process.args[-1]).stem}" / "mirrors").iterdir())  # type: ignore[index,arg-type]
    try:
        git(mirrors[0], "cat-file", "-e", tip)
    except AssertionError:
        return False
    return True
