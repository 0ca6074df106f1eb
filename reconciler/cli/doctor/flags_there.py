"""Whether the flags that playbooks switch are there: Keptn's own tutorial had one whose name was spelt differently."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding, failed, ok, problem, unknown
from reconciler.daemon.connections import flag_server
from reconciler.daemon.dispatch import Allowed
from reconciler.model.daemon_config import Reach
from reconciler.model.errors import ReconcilerError
from reconciler.model.targets import NoFact

_CHECK: Final = "flags-there"
MOST: Final = 200
"""Flags of a stage that are asked about; `validate --online` asks about all of them."""


def flags_there(about: str, content: Content, reach: Reach) -> Iterator[Finding]:
    """Ask the stage's flag server about each flag; what is not allowed is told by another check."""
    allowed = Allowed(reach.namespaces, reach.kinds, reach.flag_projects, reach.flag_environments)
    wants = [want for want in content.flags[:MOST] if allowed.verdict(want) is None]
    if reach.flags is None or not wants:
        return
    try:
        server = flag_server(reach.flags)
    except ReconcilerError as error:
        yield failed(_CHECK, about, error)
        return
    missing = 0
    with closing(server):
        for want in wants:
            try:
                fact = server.observe(want)
            except ReconcilerError as error:
                yield unknown(_CHECK, about, error.message, error.hint or "see that the server is up")
                return
            if not isinstance(fact, NoFact):
                continue
            missing += 1
            near = f"did you mean {' or '.join(f'`{each}`' for each in fact.near)}? " if fact.near else ""
            told = f"the flag `{want.flag}` in {want.project}/{want.environment}: {fact.message}"
            do = (near + fact.hint).strip() or "create it on the server, or correct remediation.yaml"
            if fact.trouble in ("blind", "forbidden"):  # the server or our rights, not this flag
                yield unknown(_CHECK, about, told, do)
                return
            yield problem(_CHECK, about, told, do)
    if not missing:
        yield ok(_CHECK, about, f"{len(wants)} that playbooks switch are there")
